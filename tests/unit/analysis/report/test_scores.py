"""Which scores are taken in half-way, and how settings are chosen among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.analysis.report import made_up
from tests.unit.analysis.report.made_up import LATER, finish
from xmod.analysis.report.notes import Notes
from xmod.analysis.report.plan import Plan
from xmod.analysis.report.scores import Gathered, gather
from xmod.analysis.report.state import Judge

BEFORE_TASKS = (
    *("corpora", "vocabulary", "tokens", "added vocabulary", "added tokens"),
    *("pretrain", "extend", "perplexity"),
)
TASKS = ("tasks", "baselines", "features", "added features", "finetune", "evaluate")


def gathered(plan: Plan) -> Gathered:
    return gather(plan, Judge(plan.jobs, Notes(Path("none")), now=LATER).judge_all())


def test_nothing(plan: Plan) -> None:
    found = gathered(plan)
    assert found.scores.frame.empty
    assert found.scores.final is None
    assert not found.scores.is_final


def test_the_end(plan: Plan) -> None:
    finish(plan)
    found = gathered(plan)
    assert found.scores.is_final
    assert found.curves.is_final
    assert set(found.curves.frame["update"]) == {1, 2}
    assert found.provisional == frozenset()
    assert found.problems == ()
    assert set(found.scores.frame["task"]) == {"mlm", "xnli", "nli", "ner"}


def test_scores_come_before_the_summary(plan: Plan) -> None:
    finish(plan, stages=[*BEFORE_TASKS, *TASKS])
    found = gathered(plan)
    assert found.provisional == {"xnli", "nli", "ner"}
    values = found.scores.frame[found.scores.frame["task"] == "xnli"]["value"]
    assert set(values) == {41.0}, "of the better learning rate, 0.001"


def test_a_cell_waits_until_every_setting_was_run(plan: Plan) -> None:
    finish(plan, stages=[*BEFORE_TASKS, *TASKS])
    cell = "xmod.toy.13.1500"
    scores = plan.root / f"evaluate/nli/{cell}/learning_rate=0.001+epochs=3+seed=1/scores.json"
    scores.unlink()
    frame = gathered(plan).scores.frame
    assert cell not in set(frame[frame["task"] == "xnli"]["cell"])
    assert cell in set(frame[frame["task"] == "ner"]["cell"])


def test_of_several_seeds_those_are_taken_that_all_settings_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tasks = made_up.config()["tasks"]
    tasks["nli"]["seeds"] = 2
    plan = made_up.plan_in(tmp_path, tasks=tasks, jobs={"languages_per_job": 43, "runs_per_job": 1})
    finish(plan, stages=[*BEFORE_TASKS, *TASKS])
    for scores in plan.root.glob("evaluate/nli/*/learning_rate=0.0005+epochs=3+seed=2/scores.json"):
        scores.unlink()
    frame = gathered(plan).scores.frame
    assert set(frame[frame["task"] == "xnli"]["seed"]) == {1}


def test_stale_scores_are_left_out(plan: Plan, tmp_path: Path) -> None:
    finish(plan)
    after = made_up.plan_in(tmp_path, perplexity={"language_set": "13", "max_sequences": 64})
    found = gathered(after)
    assert "mlm" not in set(found.scores.frame["task"])
    assert found.scores.final is not None
    assert "mlm" in set(found.scores.final["task"])


def test_a_final_table_of_another_grid_is_none(plan: Plan, tmp_path: Path) -> None:
    finish(plan)
    axes = {**made_up.config()["experiments"]["main"]["axes"], "seed": [1, 2]}
    after = made_up.plan_in(tmp_path, experiments={"main": {"axes": axes}})
    assert gathered(after).scores.final is None


def test_curves_are_there_from_the_first_cell_on(plan: Plan) -> None:
    finish(plan, stages=BEFORE_TASKS)
    first, second = sorted(plan.root.glob("pretrain/*/history.csv"))[:2]
    made_up.write(first, "step\n1\n", at=first.stat().st_mtime)
    found = gathered(plan)
    assert not found.curves.is_final
    cells = set(found.curves.frame["cell"])
    assert first.parent.name not in cells
    assert second.parent.name in cells
    assert f"{first}: is no history of training" in found.problems[0]


def test_a_file_that_does_not_fit_is_told_of(plan: Plan) -> None:
    finish(plan, stages=BEFORE_TASKS)
    broken, strange = sorted(plan.root.glob("perplexity/*/perplexity.json"))[:2]
    at = broken.stat().st_mtime
    made_up.write(broken, "{", at=at)
    scores = json.loads(strange.read_text())
    scores["records"][0]["language"] = "xx"
    made_up.write(strange, json.dumps(scores), at=strange.stat().st_mtime)
    found = gathered(plan)
    assert len(found.scores.frame["cell"].unique()) == 2
    first, second = found.problems
    assert str(broken) in first
    assert str(strange) in second
