"""Training as a process: stopped, killed, damaged and diverging."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.project import ROOT, Project, environment, make_project, wait_until

CELL = "xmod.tiny.three.40"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one trained cell of 40 updates."""
    project = make_project(tmp_path_factory.mktemp("training") / "project")
    project.config["experiments"] = {
        "one": {"axes": {"variant": ["xmod"], "language_set": ["three"], "budget": [40]}}
    }
    project.config["figures"] = project.config["tables"] = []
    project.snakemake(f"results/tiny/pretrain/{CELL}/model.safetensors")
    return project


def command(project: Project, output: Path, *arguments: str, job: Path | None = None) -> list[str]:
    results = project.folder / "results/tiny"
    return [
        *(sys.executable, "-m", "xmod.pretrain"),
        *("--job", str(job or results / f"pretrain/{CELL}/job.json")),
        *("--vocabulary", str(results / "vocabulary/default/spm.model")),
        *("--tokens", str(results / "tokens/default")),
        *("--checkpoints", str(output / "checkpoints"), "--output", str(output)),
        *("--threads", "1", "--device", "cpu", "--checkpoint-seconds", "0"),
        *(arguments or ("--micro-batch-sequences", "64")),
    ]


def train(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def checkpoints(output: Path) -> list[Path]:
    return sorted(output.glob("checkpoints/*/update-*.json"))


def interrupt(command: list[str], output: Path, number: int, after: int) -> int:
    """Send a signal once `after` updates are saved; returns the exit code."""
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    wait_until(lambda: any(int(path.stem[7:]) >= after for path in checkpoints(output)))
    os.kill(process.pid, number)
    return process.wait(timeout=60)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGTERM)],
)
def test_interrupted_twice_is_bit_identical(
    project: Project, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    call = command(project, tmp_path)
    for after in (7, 23):
        assert interrupt(call, tmp_path, number, after) == code
        assert not (tmp_path / "model.safetensors").exists()
    finished = train(call)
    assert finished.returncode == 0, finished.stderr
    whole = project.result(f"pretrain/{CELL}/model.safetensors")
    assert (tmp_path / "model.safetensors").read_bytes() == whole.read_bytes()
    (tmp_path / "model.safetensors").unlink()  # as Snakemake does before it runs a job again
    again = train(call)
    assert again.returncode == 0
    assert "tokens/s" not in again.stderr  # nothing was trained
    assert (tmp_path / "model.safetensors").read_bytes() == whole.read_bytes()


def test_a_scheduler_that_signals_every_process_loses_nothing(
    project: Project, tmp_path: Path
) -> None:
    """The shell and its log, as the rules have them, wait until the job has saved."""
    shell = f"source {ROOT}/workflow/begin.sh"
    log = tmp_path / "log"
    train_command = shlex.join(command(project, tmp_path))
    line = f"set -euo pipefail; {shell}; {train_command} 2>&1 | keep_log {log}"
    process = subprocess.Popen(
        ["bash", "-c", line], env=environment(), stdout=subprocess.DEVNULL, start_new_session=True
    )
    wait_until(lambda: any(int(path.stem[7:]) >= 5 for path in checkpoints(tmp_path)))
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert "stopped by SIGTERM after update" in log.read_text(encoding="utf-8")


def test_a_damaged_checkpoint_is_passed_over(project: Project, tmp_path: Path) -> None:
    call = command(project, tmp_path)
    interrupt(call, tmp_path, signal.SIGKILL, 12)
    newest = checkpoints(tmp_path)[-1].with_suffix(".safetensors")
    newest.write_bytes(newest.read_bytes()[:-100])
    finished = train(call)
    assert finished.returncode == 0, finished.stderr
    assert f"{newest} is damaged" in finished.stderr
    whole = project.result(f"pretrain/{CELL}/model.safetensors")
    assert (tmp_path / "model.safetensors").read_bytes() == whole.read_bytes()


def test_a_loss_that_is_not_finite_stops_the_run(project: Project, tmp_path: Path) -> None:
    job = json.loads(project.result(f"pretrain/{CELL}/job.json").read_text(encoding="utf-8"))
    job["pretrain"].update(peak_learning_rate=1e30, warmup_fraction=0.0, clip_norm=0.0)
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    failed = train(command(project, tmp_path, job=path))
    assert failed.returncode == 1
    assert re.search(rf"{CELL}: update \d+ has loss (nan|inf)", failed.stderr)
    assert re.search(r"the last good checkpoint is \S+update-\d+.safetensors", failed.stderr)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_truncated_token_file_is_an_error(project: Project, tmp_path: Path) -> None:
    tokens = project.result("tokens/default/en/train.tokens")
    whole = tokens.read_bytes()
    tokens.write_bytes(whole[:-2])
    try:
        failed = train(command(project, tmp_path))
    finally:
        tokens.write_bytes(whole)
    assert failed.returncode == 1
    assert "train.tokens" in failed.stderr
    assert "Traceback" not in failed.stderr
