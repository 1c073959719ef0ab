"""GPUs of one machine: no two jobs on one, whoever starts them, and none kept by the dead."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xmod.take_gpus import lock_folder, take, visible_gpus

ROOT = Path(__file__).parents[2]


def job(folder: Path, number: int, code: str) -> subprocess.Popen[str]:
    """A job on so many of three GPUs."""
    environment = {**os.environ, "TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": "0,2,5"}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "xmod.take_gpus",
            "--number",
            str(number),
            sys.executable,
            "-c",
            code,
        ],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def test_no_two_jobs_are_on_one_gpu_at_once(tmp_path: Path) -> None:
    """Eight jobs of one or two GPUs each note when they held which."""
    code = (
        "import os, time; began = time.time(); time.sleep(0.2);"
        "print(os.environ['CUDA_VISIBLE_DEVICES'], began, time.time())"
    )
    jobs = [job(tmp_path, 1 + number % 2, code) for number in range(8)]
    spans: dict[str, list[tuple[float, float]]] = {}
    for one in jobs:
        gpus, began, ended = one.communicate(timeout=120)[0].split()
        for gpu in gpus.split(","):
            spans.setdefault(gpu, []).append((float(began), float(ended)))
    assert set(spans) <= {"0", "2", "5"}
    assert sum(map(len, spans.values())) == 4 * 1 + 4 * 2
    for held in spans.values():
        held.sort()
        assert all(held[i][1] <= held[i + 1][0] for i in range(len(held) - 1))


def test_a_killed_job_frees_its_gpus(tmp_path: Path) -> None:
    hog = job(tmp_path, 3, "print('has', flush=True); import time; time.sleep(60)")
    assert hog.stdout is not None
    assert hog.stdout.readline() == "has\n"
    hog.kill()
    hog.wait()
    began = time.monotonic()
    assert job(tmp_path, 3, "print('has')").communicate(timeout=60)[0] == "has\n"
    assert time.monotonic() - began < 60


def test_more_than_there_are_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gpu: 2 are asked for, and this machine has 1 \(0\)"):
        take(2, ["0"], folder=tmp_path)


def test_the_gpus_are_those_of_the_machine_unless_fewer_are_visible(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_gpus({}, devices=tmp_path) == ["0", "1"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "1, 3"}, devices=tmp_path) == ["1", "3"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}, devices=tmp_path) == []


def test_jobs_of_two_slurm_allocations_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm counts each one's GPUs from 0."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = (lock_folder({"SLURM_JOB_ID": job}) for job in ("412", "413"))
    assert len({first, second, lock_folder({})}) == 3
    assert take(1, ["0"], folder=first) == take(1, ["0"], folder=second) == ["0"]
