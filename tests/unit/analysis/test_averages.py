"""Averages against numbers computed by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from pydantic import ValidationError

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


def test_language_filter_is_a_set_or_a_list() -> None:
    for keys in ({}, {"set": "13", "only": ("en",)}):
        with pytest.raises(ValidationError, match="exactly one of set and only"):
            LanguageFilter.model_validate(keys)
