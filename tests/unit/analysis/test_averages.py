"""Averages against numbers computed by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from pydantic import ValidationError

from tests.unit.analysis import synthetic
from xmod.analysis.averages import average
from xmod.analysis.records import DataError
from xmod.analysis.selection import varying
from xmod.analysis.spec import LanguageFilter


def frame() -> pd.DataFrame:
    """Two languages, two seeds: means over languages are 3 (seed 1) and 5 (seed 2)."""
    return pd.DataFrame(
        [
            ("xmod", "en", 1, 2.0),
            ("xmod", "ar", 1, 4.0),
            ("xmod", "en", 2, 1.0),
            ("xmod", "ar", 2, 9.0),
        ],
        columns=["variant", "language", "seed", "value"],
    )


def test_languages_first_then_seeds() -> None:
    (row,) = average(frame(), by=["variant"], over=["language"]).to_dict("records")
    deviation = math.sqrt(((3 - 4) ** 2 + (5 - 4) ** 2) / (2 - 1))
    assert row["value"] == 4.0
    assert (row["low"], row["high"]) == (4.0 - deviation, 4.0 + deviation)
    assert (row["num_averaged"], row["num_seeds"]) == (2, 2)


def test_the_standard_deviation_is_that_of_a_sample_and_of_one_seed_there_is_none() -> None:
    (row,) = average(frame(), by=["variant"], over=["language"], spread="none").to_dict("records")
    assert row["std"] == pytest.approx(math.sqrt(2))
    one = frame()[frame()["seed"] == 1]
    (row,) = average(one, by=["variant"], over=["language"]).to_dict("records")
    assert math.isnan(row["std"])


def test_one_column_after_another() -> None:
    """Each task counts alike: (mean of 80 and 60, and 20) / 2 = 45, not the mean of three, 53.3."""
    rows = pd.DataFrame(
        [("xnli", "en", 1, 80.0), ("xnli", "ar", 1, 60.0), ("ner", "en", 1, 20.0)],
        columns=["task", "language", "seed", "value"],
    ).assign(variant="xmod")
    (row,) = average(rows, by=["variant"], over=["language", "task"]).to_dict("records")
    assert (row["value"], row["num_averaged"]) == (45.0, 3)
    (row,) = average(rows, by=["variant"], over=["task", "language"]).to_dict("records")
    assert row["value"] == 55.0  # English's tasks average 50, Arabic's 60


def test_seeds_that_should_be_there_are_counted() -> None:
    """Five of fine-tuning for each seed of pre-training that has any."""
    due = frame().assign(seeds_due=5)
    (row,) = average(due, by=["variant"], over=["language"]).to_dict("records")
    assert (row["num_seeds"], row["num_seeds_due"], row["seeds_of"]) == (2, 5, "fine-tuning")
    twice = pd.concat([due.assign(**{"cell.seed": "1"}), due.assign(**{"cell.seed": "2"})])
    (row,) = average(twice, by=["variant"], over=["language"]).to_dict("records")
    assert (row["num_seeds"], row["num_seeds_due"]) == (4, 10)
    assert row["seeds_of"] == "pre-training and fine-tuning"
    (row,) = average(frame(), by=["variant"], over=["language"]).to_dict("records")
    assert row["num_seeds_due"] == 2, "nothing is known of how many there should be"


def test_the_seeds_of_perplexities_are_of_pre_training_alone() -> None:
    """Their rows have the model's seed in both columns, and no task's seeds are due."""
    both = frame().assign(seeds_due=0)
    both = both.assign(**{"cell.seed": both["seed"].astype(str)})
    (row,) = average(both, by=["variant"], over=["language"]).to_dict("records")
    assert (row["num_seeds"], row["seeds_of"]) == (2, "pre-training")


def test_range_none_and_geometric() -> None:
    (row,) = average(
        frame(), by=["variant"], over=["language"], spread="range", mean="geometric"
    ).to_dict("records")
    assert row["low"] == pytest.approx(math.sqrt(8))
    assert row["high"] == pytest.approx(3.0)
    (row,) = average(frame(), by=["variant"], over=["language"], spread="none").to_dict("records")
    assert row["low"] == row["high"] == 4.0


def test_nothing_is_averaged_silently() -> None:
    with pytest.raises(DataError, match=r"language varies .* put it in average_over"):
        average(frame(), by=["variant"], over=[])


def test_one_seed_has_no_spread_and_no_rows_no_average() -> None:
    one = frame()[frame()["seed"] == 1]
    (row,) = average(one, by=["variant"], over=["language"]).to_dict("records")
    assert row["low"] == row["value"] == row["high"] == 3.0
    assert average(frame()[:0], by=["variant"], over=["language"]).empty


def test_varying() -> None:
    assert varying(frame(), ["variant", "language", "seed"], given=[]) == ["language", "seed"]
    assert varying(frame(), ["language"], given=["value"]) == []


def test_a_set_with_the_languages_that_are_added_to_it() -> None:
    table = synthetic.languages()
    isos = LanguageFilter(set="13", with_added=True).isos(table)
    assert isos == (*table.language_set("13"), *table.added("13"))
    with pytest.raises(ValidationError, match="with_added is for a set"):
        LanguageFilter(only=("en",), with_added=True)


def test_language_filter_is_a_set_or_a_list() -> None:
    for keys in ({}, {"set": "13", "only": ("en",)}):
        with pytest.raises(ValidationError, match="exactly one of set and only"):
            LanguageFilter.model_validate(keys)
