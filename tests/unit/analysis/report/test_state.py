"""States of jobs, from files that were put there by hand."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.analysis.report import made_up
from tests.unit.analysis.report.made_up import BEGIN, LATER, finish, finish_job, write
from xmod.analysis.report.notes import Notes
from xmod.analysis.report.plan import Plan
from xmod.analysis.report.state import Job, Judge, Judged, count, differences, tail

JOB = Job(
    stage="pretrain",
    scope="cell",
    outputs=("made/model", "made/history"),
    inputs=("read/text",),
    log="logs/cell.log",
    benchmark="benchmarks/cell.tsv",
    told='{"rate": 0.1, "model": {"width": 8}}',
    told_in="made/job.json",
)
NEXT = Job(
    stage="perplexity",
    scope="cell",
    outputs=("next/scores",),
    inputs=("made/model",),
    log="logs/next.log",
    benchmark="benchmarks/next.tsv",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all files are, with the notes of a Snakemake that does not run."""
    monkeypatch.chdir(tmp_path)
    Path(".snakemake/incomplete").mkdir(parents=True)
    return tmp_path


def judge(*, now: float = LATER) -> list[Judged]:
    return list(Judge((JOB, NEXT), Notes(Path(".snakemake")), now=now).judge_all())


def state(*, now: float = LATER) -> Judged:
    return judge(now=now)[0]


def finished() -> None:
    """Both jobs ended well."""
    write(Path("read/text"), "text", at=BEGIN)
    write(Path("made/job.json"), JOB.told + "\n", at=BEGIN + 1)
    for second, (job, content) in enumerate(((JOB, "model"), (NEXT, "scores"))):
        at = BEGIN + 10 + second
        for output in job.outputs:
            write(Path(output), content, at=at)
        write(Path(job.log), "begins\nends\n", at=at)
        write(Path(job.benchmark), "s\n1\n", at=at)


def mark(path: str, *, is_locked: bool) -> None:
    """As Snakemake does when a job begins."""
    name = base64.urlsafe_b64encode(path.encode()).decode()
    (Path(".snakemake/incomplete") / name).write_text("{}")
    if is_locked:
        Path(".snakemake/locks").mkdir()
        Path(".snakemake/locks/0.output.lock").write_text(path)


def test_nothing_is_there() -> None:
    assert [one.state for one in judge()] == ["missing", "missing"]
    assert state().reasons == ()


def test_all_is_there() -> None:
    finished()
    assert [one.state for one in judge()] == ["done", "done"]


def test_another_text_is_stale_and_says_the_key() -> None:
    finished()
    write(Path("made/job.json"), '{"rate": 0.2, "model": {"width": 8, "depth": 2}}', at=BEGIN)
    first, second = judge()
    assert first.state == second.state == "stale"
    assert first.reasons == ("rate was 0.2, is 0.1", "model.depth was 2, is its default")
    assert second.reasons == ("it follows pretrain cell, which is stale",)
    assert (first.only_follows, second.only_follows) == (False, True)


def test_a_job_that_cannot_be_compared_is_not_called_done() -> None:
    finished()
    Path("made/job.json").unlink()
    assert state().reasons == ("made/job.json, which says what it was told, is not there",)


def test_a_newer_input_is_stale() -> None:
    finished()
    write(Path("read/text"), "other", at=BEGIN + 60)
    assert state().state == "stale"
    assert state().reasons == ("read/text changed after it was made",)


def test_a_newer_input_with_the_same_content_is_not() -> None:
    """As long as it is small: what Snakemake does."""
    finished()
    sha256 = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"  # of "text"
    record = {"input_checksums": {"read/text": f"sha256:{sha256}"}}
    name = base64.urlsafe_b64encode(b"made/model").decode()
    write(Path(".snakemake/metadata") / name, json.dumps(record), at=BEGIN)
    os.utime("read/text", (LATER, LATER))
    assert state().state == "done"
    write(Path("read/text"), "another", at=LATER)
    assert state().state == "stale"


def test_a_mark_and_a_lock_are_a_running_job() -> None:
    write(Path("logs/cell.log"), "begins\n  549/1500  37%\n", at=BEGIN)
    mark("made/model", is_locked=True)
    running = state()
    assert running.state == "running"
    assert "2096-10-02 07:06:40 UTC" in running.reasons[0], "when the log was last written"
    assert running.tail == ("  549/1500  37%",)


def test_what_follows_a_job_that_runs_again_is_stale() -> None:
    finished()
    mark("made/model", is_locked=True)
    assert [one.state for one in judge()] == ["running", "stale"]


def test_a_mark_without_a_lock_is_a_job_that_was_killed() -> None:
    write(Path("logs/cell.log"), "begins\n", at=BEGIN)
    mark("made/model", is_locked=False)
    assert state().state == "failed"
    assert "killed" in state().reasons[0]
    assert state(now=BEGIN + 30).state == "running", "as with --nolock"


def test_a_log_without_results_is_a_job_that_failed() -> None:
    write(Path("logs/cell.log"), "begins\nerror: no room\n", at=BEGIN)
    failed = state(now=BEGIN + 5)
    assert failed.state == "failed"
    assert failed.tail == ("begins", "error: no room")
    assert "2 of 2 files are not there, such as made/model" in failed.reasons[0]


def test_a_job_that_failed_after_it_had_ended_well_once() -> None:
    finished()
    Path("made/model").unlink()
    write(Path("logs/cell.log"), "error\n", at=BEGIN + 60)
    assert [one.state for one in judge()] == ["failed", "stale"]


def test_removed_results_are_missing_and_what_was_made_of_them_is_not() -> None:
    finished()
    Path("made/model").unlink()
    first, second = judge()
    assert (first.state, second.state) == ("missing", "done")
    assert "they were removed" in first.reasons[0]


def test_a_job_of_which_more_is_asked_than_it_made_is_stale() -> None:
    """Such as a checkpoint of a model that is there already: all that follows is made again."""
    finished()
    Path("made/history").unlink()
    write(Path("made/job.json"), '{"rate": 0.1}', at=BEGIN)
    first, second = judge()
    assert (first.state, second.state) == ("stale", "stale")
    assert first.reasons[1] == "1 of 2 files are not there, such as made/history"


def test_without_notes_only_a_fresh_log_is_a_sign_of_life() -> None:
    Path(".snakemake/incomplete").rmdir()
    write(Path("logs/cell.log"), "begins\n", at=BEGIN)
    assert state(now=BEGIN + 60).state == "running"
    assert "lock is not there" in state(now=BEGIN + 60).reasons[0]
    assert state(now=BEGIN + 600).state == "failed"


def test_a_whole_run(plan: Plan) -> None:
    def counts() -> dict[str, int]:
        return dict(count(Judge(plan.jobs, Notes(Path("none")), now=LATER).judge_all()))

    assert counts()["missing"] == len(plan.jobs)
    finish(plan, stages=["corpora", "vocabulary", "tokens"])
    assert counts() == {
        **{"done": 4, "running": 0, "stale": 0, "failed": 0},
        "missing": len(plan.jobs) - 4,
    }
    finish(plan)
    assert counts()["done"] == len(plan.jobs)


def test_a_changed_configuration_leaves_what_it_does_not_touch(plan: Plan, folder: Path) -> None:
    finish(plan)
    tasks = made_up.config()["tasks"]
    tasks["nli"]["finetune"] = {**tasks["nli"]["finetune"], "warmup_fraction": 0.2}
    after = made_up.plan_in(folder, tasks=tasks)
    judged = Judge(after.jobs, Notes(Path("none")), now=LATER).judge_all()
    stale = Counter(one.job.stage for one in judged if one.state == "stale")
    assert stale == {
        **{"finetune": 4, "evaluate": 4, "select": 1, "summary": 1},
        **{"claims": 1, "figures": 2, "tables": 2},
    }
    assert {one.job.task for one in judged if one.state == "stale"} == {"nli", ""}


def test_a_changed_figure_is_stale(plan: Plan) -> None:
    finish(plan)
    job = next(one for one in plan.jobs if one.stage == "figures")
    manifest = json.loads(Path(job.told_in).read_text())
    manifest["config"]["title"] = "Another title"
    at = Path(job.outputs[0]).stat().st_mtime
    write(Path(job.told_in), json.dumps(manifest), at=at)
    judged = Judge(plan.jobs, Notes(Path("none")), now=LATER).judge(job)
    assert judged.state == "stale"
    assert judged.reasons[0].startswith("title was Another title, is Mean perplexity")


def test_a_job_that_is_made_again_later_makes_its_followers_stale(plan: Plan) -> None:
    finish(plan)
    job = next(one for one in plan.jobs if one.stage == "pretrain")
    finish_job(plan, job, at=LATER)
    judged = Judge(plan.jobs, Notes(Path("none")), now=LATER).judge_all()
    stale = {one.job.stage for one in judged if one.state == "stale" and not one.only_follows}
    assert stale == {"summary", "extend", "perplexity", "finetune", "evaluate"}


def test_differences_are_told_by_key() -> None:
    before = {"a": 1, "b": {"c": [1], "d": True}}
    now = {"a": 1, "b": {"c": [1, 2], "d": True}, "e": None}
    assert list(differences(before, now)) == [
        "b.c was [1], is [1, 2]",
        "e was its default, is null",
    ]


def test_a_long_value_is_cut() -> None:
    (told,) = differences({"a": "x" * 100}, {"a": list(range(50))})
    assert told == f"a was {'x' * 60}..., is a list of 50"


def test_a_log_is_shown_without_a_terminals_commands(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(20)]
    log = tmp_path / "a.log"
    log.write_bytes("\n".join([*lines, "\x1b[31mred\x1b[0m\x07", ""]).encode() + b"\xff\n")
    assert tail(str(log))[-3:] == ("line 19", "red", "\ufffd")
    assert len(tail(str(log))) == 8
    assert tail(str(tmp_path / "none")) == ()
