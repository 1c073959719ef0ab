"""What is told first of many jobs."""

from __future__ import annotations

from xmod.analysis.report.overview import MOST_LISTED, Square, overview
from xmod.analysis.report.state import STATES, Job, Judged, State


def judged(state: State, number: int = 0, *, stage: str = "pretrain", **more: bool) -> Judged:
    job = Job(
        stage=stage,
        scope=f"cell {number}",
        task="nli" if stage == "finetune" else "",
        cells=(f"cell {number}",) if stage != "corpora" else (),
        outputs=("a",),
        log="",
    )
    return Judged(job=job, state=state, reasons=("why",), **more)


def square(**counts: int) -> Square:
    return Square(counts={state: counts.get(state, 0) for state in STATES})


def test_what_asks_for_most_attention_names_the_rest() -> None:
    assert square(done=3).words == "done"
    assert square(done=3, missing=2).state == "missing"
    assert square(done=3, missing=2, failed=1).state == "failed"
    assert square(done=3, missing=2, failed=1).words == "3 of 6 done, 1 failed, 2 missing"
    assert square(missing=2).words == "missing"


def test_cells_and_stages() -> None:
    found = overview(
        [
            judged("done", 1, stage="corpora"),
            judged("done", 1),
            judged("done", 2),
            judged("failed", 2, stage="finetune"),
        ],
        ["cell 1", "cell 2", "cell 3"],
    )
    assert found.columns == ("pretrain", "finetune nli")
    assert [stage for stage, _ in found.stages] == ["corpora", "pretrain", "finetune nli"]
    states = [[one and one.state for one in squares] for _, squares in found.cells]
    assert states == [["done", None], ["done", "failed"], [None, None]]
    assert found.num_whole_cells == 1


def test_followers_are_counted_and_long_lists_cut() -> None:
    many = [judged("stale", number) for number in range(MOST_LISTED + 5)]
    running, failed, stale = overview([*many, judged("stale", only_follows=True)], []).listed
    assert (running.jobs, failed.jobs) == ((), ())
    assert (len(stale.jobs), stale.num_further, stale.num_followers) == (MOST_LISTED, 5, 1)
