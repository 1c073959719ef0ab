"""Locks: one holder, also of many who come at once; what the dead left goes, and nothing else."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from xmod.locks import Busy, Owner, begin_run, give_back, release_ended, slurm_lives, take
from xmod.processes import commands_of, look_up

ROOT = Path(__file__).parents[2]


def ended_owner() -> Owner:
    """A process of this machine that is no more."""
    child = subprocess.Popen(["true"])
    child.wait()
    return replace(Owner.here(), process=child.pid, ticks=1)


def write(path: Path, owner: Owner) -> None:
    path.write_text(json.dumps(asdict(owner)) + "\n", encoding="utf-8")


def squeue(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `squeue` be a script of one's own."""
    program = folder / "bin/squeue"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_a_held_lock_is_not_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "results/run.lock"
    owner = take(path)
    words = rf"run\.lock: .* \(process {os.getpid()}.*\) since 2.* is at work on it; wait .*kill"
    with pytest.raises(Busy, match=words):
        take(path)
    give_back(path, owner)
    assert not path.exists()
    take(path)


def test_another_owners_lock_is_not_given_back(tmp_path: Path) -> None:
    owner = take(tmp_path / "run.lock")
    write(tmp_path / "run.lock", replace(owner, process=1))
    give_back(tmp_path / "run.lock", owner)
    assert (tmp_path / "run.lock").exists()


def test_the_lock_of_a_dead_process_goes(tmp_path: Path) -> None:
    """Also where another process has its number by now."""
    for owner in (ended_owner(), replace(Owner.here(), ticks=1)):
        write(tmp_path / "run.lock", owner)
        taken = take(tmp_path / "run.lock")
        assert (taken.process, taken.ticks) == (Owner.here().process, Owner.here().ticks)
        (tmp_path / "run.lock").unlink()
    assert not list(tmp_path.iterdir()), "no claim is left"


def test_a_person_is_asked_of_a_process_on_another_machine(tmp_path: Path) -> None:
    write(tmp_path / "run.lock", replace(Owner.here(), host="elsewhere"))
    with pytest.raises(Busy, match=r"cannot be seen from .*; if it has ended, remove that file"):
        take(tmp_path / "run.lock")


@pytest.mark.parametrize(
    ("script", "life"),
    [
        ("echo '7|RUNNING'", "alive"),
        ("echo '7|PENDING'", "ended"),
        ("echo '7|NODE_FAIL'", "ended"),
        ("exit 0", "ended"),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", "ended"),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", "unknown"),
    ],
)
def test_slurm_is_asked_of_a_job_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, life: str
) -> None:
    squeue(tmp_path, script, monkeypatch)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    owner = replace(Owner.here(), host="node7", slurm_job="7")
    assert owner.life() == life
    assert slurm_lives(["7"]) == {"7": life}


def test_a_task_of_an_array_is_known_by_its_own_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in SLURM_JOB_ID; squeue's %i would be 412_3."""
    squeue(tmp_path, "case \"$*\" in *%A*) echo '415|RUNNING';; *) echo '412_3|RUNNING';; esac",
           monkeypatch)  # fmt: skip
    assert slurm_lives(["415"]) == {"415": "alive"}


def test_a_requeued_job_is_not_stopped_by_its_own_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert replace(Owner.here(), host="lost", slurm_job="7").life() == "ended"


def test_a_lock_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    path.touch()
    release_ended(path)
    assert path.exists()
    os.utime(path, (time.time() - 100, time.time() - 100))
    release_ended(path)
    assert not path.exists(), "whoever began to write it is gone"


def test_a_lock_that_cannot_be_written_is_an_error_and_not_left(tmp_path: Path) -> None:
    """A limit of 0 bytes stands for a full disk."""
    code = (
        "import resource, sys; from pathlib import Path; from xmod.locks import take;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); take(Path(sys.argv[1]))"
    )
    path = tmp_path / "run.lock"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "OSError: [Errno 27] File too large" in done.stderr
    assert not path.exists()


def test_many_at_once_hold_it_one_after_another(tmp_path: Path) -> None:
    """Sixteen processes find a dead one's lock, and each counts up while it holds it."""
    code = """
import sys, time
from pathlib import Path
from xmod.locks import Busy, give_back, take
lock, counter = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(5):
    while True:
        try:
            owner = take(lock)
            break
        except Busy:
            time.sleep(0.001)
    value = int(counter.read_text())
    time.sleep(0.001)
    counter.write_text(str(value + 1))
    give_back(lock, owner)
"""
    lock, counter = tmp_path / "run.lock", tmp_path / "counter"
    write(lock, ended_owner())
    counter.write_text("0")
    call = [sys.executable, "-c", code, str(lock), str(counter)]
    several = [subprocess.Popen(call, cwd=ROOT) for _ in range(16)]
    assert [one.wait(timeout=120) for one in several] == [0] * 16
    assert counter.read_text() == str(16 * 5)
    assert {path.name for path in tmp_path.iterdir()} == {"counter"}


def test_a_run_does_not_begin_beside_jobs_of_one_that_was_killed(tmp_path: Path) -> None:
    lock = tmp_path / "logs/pretrain/cell.lock"
    lock.parent.mkdir(parents=True)
    write(lock, Owner.here())
    words = rf"jobs of a run that was killed are still at work; .* \(kill {os.getpid()}\)"
    with pytest.raises(Busy, match=words):
        begin_run(tmp_path)
    (tmp_path / "run.lock").unlink()
    write(lock, replace(Owner.here(), host="elsewhere"))
    with pytest.raises(Busy, match=r"cell\.lock: .* if it has ended, remove that file"):
        begin_run(tmp_path)
    (tmp_path / "run.lock").unlink()
    write(lock, ended_owner())
    assert begin_run(tmp_path) == ""


def test_a_run_is_told_of_jobs_that_still_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (f"12|{tmp_path}|rule_pretrain_wildcards_x", "13|/elsewhere|rule_x", f"14|{tmp_path}|")
    told = "\\n".join(lines)
    squeue(tmp_path, f"printf '{told}\\n'", monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert "1 jobs that Snakemake submitted" in (warning := begin_run(tmp_path / "results"))
    assert warning.endswith("scancel 12")


def shell_environment() -> dict[str, str]:
    """As the Snakefile sets it: `python` is the one that runs this."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


def job_shell(log: Path, command: str) -> subprocess.Popen[str]:
    """What a rule's shell is."""
    line = f"set -euo pipefail; source {ROOT}/workflow/begin.sh; begin {log}; {command}"
    return subprocess.Popen(
        ["bash", "-c", line], env=shell_environment(), text=True, stderr=subprocess.PIPE
    )


def wait_until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end, "it did not happen in a minute"
        time.sleep(0.01)


def test_a_jobs_shell_holds_its_lock_and_notes_its_end(tmp_path: Path) -> None:
    log = tmp_path / "logs/pretrain/a cell.log"
    first = job_shell(Path(str(log).replace(" ", "-")), "sleep 30")
    lock = tmp_path / "logs/pretrain/a-cell.lock"
    wait_until(lambda: lock.exists() and lock.read_text() != "")
    owner = Owner.parse(lock.read_text(encoding="utf-8"))
    assert owner is not None
    assert (owner.process, owner.host, owner.life()) == (first.pid, platform.node(), "alive")
    second = job_shell(Path(str(log).replace(" ", "-")), "true")
    _, told = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"(process {first.pid})" in told
    assert "Traceback" not in told
    subprocess.run(["pkill", "-KILL", "-P", str(first.pid)], check=True)
    first.kill()
    first.wait()
    third = job_shell(Path(str(log).replace(" ", "-")), "exit 7")
    assert third.wait(timeout=60) == 7
    assert not lock.exists()
    notes = lock.with_suffix(".tries").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in notes] == ["began", "began", "ended"]
    assert '"code": 7' in notes[-1]


def test_what_ends_a_job_is_told(tmp_path: Path) -> None:
    """Its shell alone heeds no signal: it waits for its command, which saves."""
    log = tmp_path / "logs/pretrain/cell.log"
    job = job_shell(log, f"with_gpus 0 sleep 30 2>&1 | keep_log {log}")
    wait_until(log.exists)
    with pytest.raises(Busy) as told:
        begin_run(tmp_path)
    command = re.search(r"or end them \((kill \d+)\)", str(told.value))
    assert command is not None, told.value
    assert str(job.pid) not in command[1]
    subprocess.run(command[1].split(), check=True)
    assert job.wait(timeout=60) == 128 + signal.SIGTERM
    (tmp_path / "run.lock").unlink()
    assert begin_run(tmp_path) == ""


def test_what_outlives_the_shell_of_a_job_ends_before_its_next_try(tmp_path: Path) -> None:
    """It would write the same files; another job's processes stay."""
    log, other = (tmp_path / f"logs/pretrain/{name}.log" for name in ("cell", "other"))
    beside = job_shell(other, "sleep 30")
    first = job_shell(log, f"sleep 30 2>&1 | keep_log {log}")
    wait_until(lambda: log.exists() and other.with_suffix(".tries").exists())
    [sleeping] = commands_of(first.pid)
    first.kill()
    first.wait()
    assert look_up(sleeping)
    again = job_shell(log, "true")
    _, told = again.communicate(timeout=60)
    assert again.returncode == 0
    assert f"{log}: ended what a try that was killed had left: " in told
    assert str(sleeping) in told
    assert not look_up(sleeping)
    [still] = commands_of(beside.pid)
    assert look_up(still)
    os.kill(still, signal.SIGTERM)
    assert beside.wait(timeout=60) == 128 + signal.SIGTERM


def test_a_job_whose_lock_cannot_be_created_ends_and_says_why(tmp_path: Path) -> None:
    """Here its folder is removed beneath it, which keeps also root from creating a file."""
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"source {ROOT}/workflow/begin.sh; begin ./a.log; echo begun"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail; cd {gone}; rmdir {gone}; {line}"],
        env=shell_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: a.lock: No such file or directory" in done.stderr
