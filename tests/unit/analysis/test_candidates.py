"""Choosing a setting: the paper's rules, by numbers that can be checked by hand."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmod.analysis.candidates import (
    RunScores,
    by_cell,
    candidates,
    choose,
    write_candidates,
)
from xmod.analysis.records import DataError, Group, Record
from xmod.task_jobs import Run

CELL = "xmod.base.13.125k"
LOW, HIGH = 1e-4, 3e-4


def run_scores(
    rate: float,
    seed: int,
    scores: Mapping[str, float],
    *,
    epochs: int = 5,
    cell: str = CELL,
    metric: str = "f1",
) -> RunScores:
    """A run with development scores by language; the test scores are the opposite of them.

    German was added, English is the source.
    """
    return RunScores(
        cell=cell,
        metric=metric,
        run=Run(learning_rate=rate, epochs=epochs, seed=seed),
        records=tuple(
            Record(
                stage=stage,
                task="ner",
                metric=metric,
                language=language,
                group=group,
                seed=seed,
                value=value if stage == "development" else 100 - value,
            )
            for stage in ("development", "evaluate")
            for language, value in scores.items()
            for group in groups(language)
        ),
    )


def groups(language: str) -> tuple[Group, ...]:
    if language == "en":
        return ("source", "pretrained")
    return ("added",) if language == "de" else ("pretrained",)


def test_the_average_over_pretrained_languages_decides() -> None:
    """Low: (80 + 60) / 2 and (82 + 62) / 2, so 71. High: 70 + 76 and 70 + 74, so 72.5."""
    runs = [
        run_scores(LOW, 1, {"en": 80, "sw": 60, "de": 99}),
        run_scores(HIGH, 1, {"en": 70, "sw": 76, "de": 0}),
        run_scores(LOW, 2, {"en": 82, "sw": 62, "de": 99}),
        run_scores(HIGH, 2, {"en": 70, "sw": 74, "de": 0}),
    ]
    low, high = candidates(runs, by="pretrained")
    assert (low.setting, low.scores, low.mean) == ((LOW, 5), (70, 72), 71)
    assert (high.setting, high.scores, high.mean) == ((HIGH, 5), (73, 72), 72.5)
    chosen = choose([low, high])
    assert chosen is high
    assert [member.run.seed for member in chosen.runs] == [1, 2]


def test_the_source_alone_decides_where_it_is_asked_to() -> None:
    """As for QA: English is better with the low rate."""
    runs = [
        run_scores(LOW, 1, {"en": 80, "sw": 60}),
        run_scores(HIGH, 1, {"en": 70, "sw": 99}),
    ]
    low, high = candidates(runs, by="source")
    assert (low.scores, high.scores) == ((80,), (70,))
    assert choose([low, high]) is low


def test_the_number_of_epochs_is_part_of_a_setting() -> None:
    runs = [
        run_scores(LOW, 1, {"en": 70}, epochs=5),
        run_scores(LOW, 1, {"en": 71}, epochs=10),
    ]
    assert choose(candidates(runs, by="source")).setting == (LOW, 10)


def test_the_best_mean_wins_over_the_best_run() -> None:
    runs = [
        *(run_scores(LOW, seed, {"en": value}) for seed, value in enumerate((90, 50), 1)),
        *(run_scores(HIGH, seed, {"en": value}) for seed, value in enumerate((71, 71), 1)),
    ]
    assert choose(candidates(runs, by="source")).setting == (HIGH, 5)


@pytest.mark.parametrize("rates", [(LOW, HIGH), (HIGH, LOW)])
def test_at_a_tie_the_first_of_the_configuration_wins(rates: tuple[float, float]) -> None:
    """(80 + 70) / 2 is (74 + 76) / 2."""
    runs = [
        run_scores(rate, seed, {"en": value})
        for seed, values in ((1, (80, 74)), (2, (70, 76)))
        for rate, value in zip(rates, values, strict=True)
    ]
    found = candidates(runs, by="source")
    assert found[0].mean == found[1].mean
    assert choose(found).setting == (rates[0], 5)


@given(
    st.lists(st.lists(st.integers(0, 10), min_size=2, max_size=2), min_size=1, max_size=6),
)
def test_no_setting_is_better_than_the_chosen_one(values: list[list[int]]) -> None:
    runs = [
        run_scores(float(rate), seed, {"en": value})
        for seed in (1, 2)
        for rate, pair in enumerate(values, start=1)
        for value in [pair[seed - 1]]
    ]
    found = candidates(runs, by="source")
    chosen = choose(found)
    assert chosen.mean == max(one.mean for one in found)
    assert found.index(chosen) == min(
        place for place, one in enumerate(found) if one.mean == chosen.mean
    )


def test_a_missing_seed_is_no_mean_over_fewer() -> None:
    runs = [
        run_scores(LOW, 1, {"en": 70}),
        run_scores(LOW, 2, {"en": 70}),
        run_scores(HIGH, 2, {"en": 99}),
    ]
    message = (
        rf"cell {CELL}: learning rate 0.0003 with 5 epochs was run with seeds \[2\], where \[1"
    )
    with pytest.raises(DataError, match=message):
        candidates(runs, by="source")


def test_a_run_that_is_there_twice_is_refused() -> None:
    runs = [run_scores(LOW, 1, {"en": 70}), run_scores(LOW, 1, {"en": 90})]
    with pytest.raises(DataError, match=r"seeds \[1, 1\], where \[1\] are due, each once"):
        candidates(runs, by="source")


@pytest.mark.parametrize(("by", "scores"), [("pretrained", {"de": 70}), ("source", {"sw": 70})])
def test_a_missing_development_score_is_told(by: str, scores: dict[str, float]) -> None:
    name = r"learning_rate=0\.0001\+epochs=5\+seed=3"
    with pytest.raises(DataError, match=rf"cell {CELL}, run {name}: no f1 on .* any {by} langua"):
        candidates([run_scores(LOW, 3, scores)], by=by)  # type: ignore[arg-type]


def test_scores_of_another_metric_are_no_development_scores() -> None:
    """Nor a control's, such as f1_source_module."""
    run = run_scores(LOW, 1, {"en": 70}, metric="f1_source_module")
    with pytest.raises(DataError, match="no f1 on the development set"):
        candidates([run.model_copy(update={"metric": "f1"})], by="source")


def test_runs_of_other_languages_are_not_compared() -> None:
    runs = [run_scores(LOW, 1, {"en": 70, "sw": 60}), run_scores(HIGH, 1, {"en": 70})]
    with pytest.raises(DataError, match=r"epochs=5\+seed=1 has languages en, that of .* en, sw"):
        candidates(runs, by="pretrained")


def test_runs_go_by_cell_and_seed() -> None:
    """Whatever their order, but for that of the settings."""
    other = "shared.base.13.125k"
    runs = [
        run_scores(HIGH, 2, {"en": 1}),
        run_scores(LOW, 1, {"en": 2}, cell=other),
        run_scores(HIGH, 1, {"en": 3}),
        run_scores(LOW, 2, {"en": 4}),
        run_scores(LOW, 1, {"en": 5}),
    ]
    found = by_cell(runs)
    assert list(found) == [CELL, other]
    order = [(run.run.learning_rate, run.run.seed) for run in found[CELL]]
    assert order == [(HIGH, 1), (LOW, 1), (HIGH, 2), (LOW, 2)]


def test_all_candidates_are_written(tmp_path: Path) -> None:
    """The deviation is that of a sample; of one run there is none."""
    runs = [
        run_scores(rate, seed, {"en": value})
        for seed, values in ((1, (70.0, 60.0)), (2, (74.0, 60.5)))
        for rate, value in zip((LOW, HIGH), values, strict=True)
    ]
    found = candidates(runs, by="source")
    write_candidates(tmp_path / "candidates.csv", found, choose(found))
    with (tmp_path / "candidates.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["learning_rate"] for row in rows] == ["0.0001", "0.0003"]
    assert [row["num_seeds"] for row in rows] == ["2", "2"]
    assert [float(row["development_mean"]) for row in rows] == [72.0, 60.25]
    assert float(rows[0]["development_std"]) == pytest.approx(8**0.5)
    assert [row["chosen"] for row in rows] == ["True", "False"]
    alone = candidates(runs[:1], by="source")
    write_candidates(tmp_path / "alone.csv", alone, choose(alone))
    assert (tmp_path / "alone.csv").read_text(encoding="utf-8").endswith("0.0001,5,1,70.0,,True\n")
