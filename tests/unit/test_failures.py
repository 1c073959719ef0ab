"""What failed: the tries that shells note, the likely cause, and what a person is told."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from xmod.causes import likely_cause
from xmod.failures import failure_summary, failures
from xmod.locks import Owner
from xmod.tries import read_tries

TORCHRUN = Path(__file__).parent / "torchrun"
OWNER = replace(Owner.here(), ticks=1, since="2026-11-22T10:00:00Z")
"""A process that is no more."""


def note(log: Path, *codes: int | None, owner: Owner = OWNER) -> None:
    """Tries that ended with these codes, or that said nothing of their end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for code in codes:
        lines.append(f"began {json.dumps(asdict(owner))}")
        if code is not None:
            lines.append(f'ended {{"code": {code}, "at": "2026-11-22T11:00:00Z"}}')
    log.with_suffix(".tries").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "words", "name"),
    [
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "out of memory"),
        (
            1,
            "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory",
            "out of mem",
        ),
        (137, "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.0", "out of memory"),
        (137, "xmod.base.13.125k  10/100", "out of memory"),
        (138, "stopped by SIGUSR1 after update 7; run again", "time limit"),
        (
            None,
            "slurmstepd: error: *** STEP 1.0 ON n CANCELLED DUE TO TIME LIMIT ***",
            "time limit",
        ),
        (143, "stopped by SIGTERM after update 7; run again", "stopped from outside"),
        (143, "", "stopped from outside"),
        (130, "", "stopped from outside"),
        (None, "slurmstepd: error: *** JOB 2 ON n CANCELLED DUE TO NODE FAILURE ***", "node lost"),
        (None, "", "node lost"),
        (1, "error: a: update 2 has loss nan and gradient norm nan; there is", "the loss is not"),
        (1, "error: x/train.tokens: 5 bytes are missing", "data or configuration"),
        (
            1,
            "error: x: http://h/a: ConnectTimeout (timed out); given up after 6 tries that brought "
            "nothing",
            "the network",
        ),
        (1, "error: x: http://h/a: the server answered 404 Not Found", "the server does"),
        (1, "OSError: [Errno 28] No space left on device", "disk full"),
        (1, "error: a.lock: me on n7 (process 3) since 2 is at work on it; wait", "another run"),
        (1, "torch.distributed.DistBackendError: NCCL error in: ../NCCLUtils.hpp", "the GPU"),
        (1, "ModuleNotFoundError: No module named 'torch'", "the installation"),
        (1, "Traceback (most recent call last):\n  File x\nKeyError: 'en'", "an error that nobody"),
        (3, "", "unknown"),
    ],
)
def test_a_cause_is_known_by_its_words_or_its_code(code: int, words: str, name: str) -> None:
    assert likely_cause(code, words).name.startswith(name)


@pytest.mark.parametrize(
    ("text", "name", "last"),
    [
        ("memory", "out of memory", "torch.OutOfMemoryError: CUDA out of memory."),
        ("killed", "out of memory", "Signal 9 (SIGKILL) received by PID 347"),
        ("time_limit", "time limit", "error: xmod.base.13.125k: stopped by SIGUSR1"),
    ],
)
def test_what_torchrun_says_itself_hides_no_cause(
    tmp_path: Path, text: str, name: str, last: str
) -> None:
    """Its own words, as PyTorch 2.13 ends with them when one of two processes has failed."""
    log = tmp_path / "logs/pretrain/a.log"
    note(log, 1)
    log.write_text((TORCHRUN / f"{text}.txt").read_text(encoding="utf-8"), encoding="utf-8")
    (one,) = failures(tmp_path / "logs")
    assert one.cause.name == name
    assert one.lines[-1].startswith(last)


def test_tries_are_counted_since_the_last_success(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert read_tries(log) is None
    note(log, 1, None, 0, 143, 1)
    tries = read_tries(log)
    assert tries is not None
    assert (tries.number, tries.code, tries.has_failed()) == (2, 1, True)
    note(log, 1, 0)
    tries = read_tries(log)
    assert tries is not None
    assert not tries.has_failed()


def test_a_job_runs_while_its_lock_has_a_living_owner(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    note(log, 1, None, owner=Owner.here())
    tries = read_tries(log)
    assert tries is not None
    assert tries.has_failed(), "its lock is gone"
    tries.lock.touch()
    assert tries.is_running()
    note(log, 1, None)
    tries = read_tries(log)
    assert tries is not None
    assert tries.has_failed(), "its process is gone"


def test_a_line_that_a_full_disk_cut_short_is_no_end(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    note(log, 1)
    path = log.with_suffix(".tries")
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    tries = read_tries(log)
    assert tries is not None
    assert tries.code is None


def test_the_summary_says_what_a_person_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    logs = tmp_path / "results/logs"
    slurm = tmp_path / "slurm/rule_pretrain/xmod.base.13.125k/412.log"
    slurm.parent.mkdir(parents=True)
    slurm.write_text("Elapsed\nslurmstepd: error: Detected 1 oom-kill event in StepId=412.0\n")
    owner = replace(OWNER, host="node7", slurm_job="412")
    log = logs / "pretrain/xmod.base.13.125k.log"
    note(log, 1, 137, owner=owner)
    log.write_text("began\n" + "a word " * 40 + "\nKilled\n", encoding="utf-8")
    note(logs / "extend/done/de.log", 1, 0)
    (one,) = failures(logs, slurm_logs=tmp_path / "slurm")
    assert (one.stage, one.name, one.cause.name) == (
        "pretrain",
        "xmod.base.13.125k",
        "out of memory",
    )
    told = failure_summary(tmp_path / "results", since="", again="snakemake --profile slurm")
    for words in (
        "1 job failed:",
        "pretrain  xmod.base.13.125k",
        "try 2, Slurm job 412 on node7, exit code 137",
        "likely cause: out of memory",
        "    | Killed",
        "goes on from its last checkpoint:\n    snakemake --profile slurm",
    ):
        assert words in told
    assert max(len(line) for line in told.splitlines() if str(log) not in line) <= 80
    later = failure_summary(tmp_path / "results", since="2026-11-22T12:00:00Z", again="")
    assert later == "", "of an earlier run"


def test_a_thousand_failures_are_counted(tmp_path: Path) -> None:
    for number in range(40):
        note(tmp_path / f"logs/finetune/nli/cell-{number}/seed.log", 1)
    told = failure_summary(tmp_path, since="", again="")
    assert "40 jobs failed" in told
    assert "and 30 more: 30 finetune (unknown)" in told
    assert len(told.splitlines()) < 80
