"""Figures and tables of a report: finished, drafts, stale, or why there is none."""

from __future__ import annotations

from pathlib import Path

from tests.unit.analysis.report import made_up
from tests.unit.analysis.report.made_up import LATER, PNG, finish
from tests.unit.analysis.report.test_scores import BEFORE_TASKS, TASKS
from xmod.analysis.report.notes import Notes
from xmod.analysis.report.plan import Plan
from xmod.analysis.report.scores import gather
from xmod.analysis.report.shown import (
    NOT_DRAWN,
    NOT_YET,
    OLD_DRAWING,
    PROVISIONAL,
    STALE,
    Picture,
    ShownTable,
)
from xmod.analysis.report.shown import pictures as make_pictures
from xmod.analysis.report.shown import tables as make_tables
from xmod.analysis.report.state import Judge


def pictures(plan: Plan) -> dict[str, Picture]:
    judged = Judge(plan.jobs, Notes(Path("none")), now=LATER).judge_all()
    return {one.name: one for one in make_pictures(plan, gather(plan, judged), judged)}


def tables(plan: Plan) -> dict[str, ShownTable]:
    judged = Judge(plan.jobs, Notes(Path("none")), now=LATER).judge_all()
    return {one.name: one for one in make_tables(plan, gather(plan, judged))}


def texts(one: Picture | ShownTable) -> list[str]:
    return [mark.text for mark in one.marks]


def test_nothing_yet(plan: Plan) -> None:
    for one in pictures(plan).values():
        assert (one.png, one.marks, one.absence) == (None, (), NOT_YET)
    shown = tables(plan)
    assert shown["table_perplexity"].absence == NOT_YET
    assert shown["table_1"].table is not None, "which no score goes into"


def test_the_end_shows_the_runs_own_figures(plan: Plan) -> None:
    finish(plan)
    for one in pictures(plan).values():
        assert (one.png, one.marks) == (PNG, ())
    assert texts(tables(plan)["table_perplexity"]) == []


def test_half_way_drafts_say_what_is_missing(plan: Plan) -> None:
    finish(plan, stages=BEFORE_TASKS)
    next(plan.root.glob("perplexity/xmod.toy.30*/perplexity.json")).unlink()
    before = sorted(plan.root.rglob("*"))
    figure, table = pictures(plan)["figure_2a"], tables(plan)["table_perplexity"]
    assert figure.png != PNG
    assert texts(figure) == ["draft: 3 of 4 cells"]
    assert texts(table) == ["draft: 3 of 4 cells"]
    assert table.table is not None
    assert len(table.table.rows) == 3
    assert not any(note.startswith("Draft") for note in table.table.notes), "said already"
    assert pictures(plan)["figure_4a"].absence == NOT_YET
    assert sorted(plan.root.rglob("*")) == before, "a draft is no file"


def test_a_complete_draft_is_still_not_the_runs(plan: Plan) -> None:
    finish(plan, stages=BEFORE_TASKS)
    (mark,) = pictures(plan)["figure_2a"].marks
    assert mark.kind == "draft"
    assert "the run has not made it" in mark.text


def test_settings_that_are_not_chosen_for_good_are_told(plan: Plan) -> None:
    finish(plan, stages=[*BEFORE_TASKS, *TASKS])
    assert PROVISIONAL in texts(pictures(plan)["figure_4a"])
    assert PROVISIONAL not in texts(pictures(plan)["figure_2a"])


def test_a_mean_over_sets_is_not_drawn_of_one_of_them(plan: Plan, tmp_path: Path) -> None:
    budget = ["equal_examples"]
    axes = {**made_up.config()["experiments"]["main"]["axes"], "budget": budget}
    plan = made_up.plan_in(
        tmp_path, experiments={"main": {"axes": axes}}, figures=["figure_2b"], tables=[]
    )
    finish(plan, stages=[*BEFORE_TASKS, *TASKS])
    for scores in plan.root.glob("evaluate/nli/*/*/scores.json"):
        scores.unlink()
    shown = pictures(plan)["figure_2b"]
    assert shown.png is None
    assert shown.absence == "One number stands for several sets; without scores: XNLI."


def test_what_only_older_scores_show_is_stale(plan: Plan, tmp_path: Path) -> None:
    finish(plan)
    after = made_up.plan_in(tmp_path, perplexity={"language_set": "13", "max_sequences": 64})
    assert texts(pictures(after)["figure_2a"]) == [STALE]
    assert texts(tables(after)["table_perplexity"]) == [STALE]


def test_a_changed_figure_is_drawn_anew(plan: Plan) -> None:
    finish(plan)
    (plan.root / "figures/figure_2a.manifest.json").unlink()
    shown = pictures(plan)["figure_2a"]
    assert shown.png not in (PNG, None)


def test_a_figure_of_the_architecture_is_the_runs_own(tmp_path: Path, plan: Plan) -> None:
    plan = made_up.plan_in(tmp_path, figures=["figure_1"])
    assert pictures(plan)["figure_1"].absence == NOT_DRAWN
    finish(plan)
    shown = pictures(plan)["figure_1"]
    assert (shown.png, shown.marks) == (PNG, ())
    (plan.root / "figures/figure_1.job.json").unlink()
    assert texts(pictures(plan)["figure_1"]) == [OLD_DRAWING]
