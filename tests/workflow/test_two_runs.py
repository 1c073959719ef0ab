"""Two runs of one results folder, from two checkouts: the second does not begin."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.workflow.project import Project, environment, kill_group, make_project, wait_until

MODEL = "pretrain/xmod.tiny.two.40/model.safetensors"


def shared_project(folder: Path, results: Path) -> Project:
    """A project whose results are where another one's are."""
    project = make_project(folder)
    project.config["results"] = str(results)
    project.config["figures"] = project.config["tables"] = []
    project.config["experiments"] = {
        "one": {"axes": {"variant": ["xmod"], "language_set": ["two"], "budget": [40]}}
    }
    return project


def test_the_second_run_is_told_who_runs(tmp_path: Path) -> None:
    results = tmp_path / "shared/results"
    mine, theirs = (shared_project(tmp_path / name, results) for name in ("mine", "theirs"))
    first = subprocess.Popen(
        mine.command(str(results / "tiny" / MODEL)),
        cwd=mine.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        lock = results / "tiny/run.lock"
        wait_until(lambda: lock.exists() and lock.read_text() != "")
        os.killpg(first.pid, signal.SIGSTOP)  # so that it is at work for as long as is looked
        second = theirs.snakemake(check=False)
        assert second.returncode == 1
        told = second.stdout + second.stderr
        assert f"{results}/tiny/run.lock: " in told
        assert f"(process {first.pid}" in told
        assert "is at work on it; wait for that, or end it" in told
        assert "Traceback" not in told
        assert theirs.snakemake("--dry-run").returncode == 0, "a plan disturbs no one"
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(timeout=300) == 0
    finally:
        if first.poll() is None:
            kill_group(first)
    assert (results / "tiny" / MODEL).is_file()
    assert not list(results.rglob("*.lock"))


def test_a_killed_run_and_its_jobs_leave_no_lock_that_holds(tmp_path: Path) -> None:
    results = tmp_path / "results"
    project = shared_project(tmp_path / "mine", results)
    first = subprocess.Popen(
        project.command(),
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: any(results.rglob("logs/*/*/*.lock")))
    kill_group(first)
    assert (results / "tiny/run.lock").exists()
    assert list(results.rglob("logs/*/*/*.lock"))
    project.snakemake("--unlock")
    project.snakemake(str(results / "tiny" / MODEL))
    assert not list(results.rglob("*.lock"))
