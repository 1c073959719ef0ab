"""Vertical scales: ticks that can be read, baselines that are told where they are not shown."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tests.unit.analysis import synthetic
from xmod.analysis.figures import scales
from xmod.analysis.figures.scales import (
    MOST_TICKS,
    Hidden,
    hidden_references,
    linear_ticks,
    log_ticks,
)


@given(low=st.floats(1e-6, 1e9), ratio=st.floats(1.05, 1e12))
def test_a_logarithmic_axis_has_ticks_enough_and_not_too_many(low: float, ratio: float) -> None:
    """matplotlib's own locator gives none over six decades on a panel of an inch."""
    high = low * ratio
    ticks = log_ticks(low, high)
    assert 3 <= len(ticks) <= MOST_TICKS
    assert ticks == sorted(set(ticks))
    assert low <= ticks[0]
    assert ticks[-1] <= high


def test_ticks_are_round_numbers() -> None:
    assert log_ticks(10.0, 150.0) == [10.0, 20.0, 50.0, 100.0]
    assert log_ticks(20.0, 20000.0) == [100.0, 1000.0, 10000.0]
    assert log_ticks(1.0, 1e6) == [1.0, 100.0, 1e4, 1e6]
    assert log_ticks(46.0, 97.0) == [50.0, 60.0, 70.0, 80.0, 90.0]


def frame(**references: list[float]) -> pd.DataFrame:
    """Two points of data from 10 to 20, and baselines."""
    rows = [("data", 10.0, False), ("data", 20.0, False)]
    rows += [(name, value, True) for name, values in references.items() for value in values]
    table = pd.DataFrame(rows, columns=["series", "value", "reference"])
    return table.assign(low=table["value"], high=table["value"])


def test_a_baseline_out_of_sight_is_told() -> None:
    spec = synthetic.figure(column=None)
    shown = frame(near=[22.0, 23.0], above=[900.0, 1200.0], below=[0.0, 0.0])
    limits = {("", ""): (5.0, 25.0)}
    assert hidden_references(shown, limits, spec) == [
        Hidden(series="above", row="", values="900 to 1,200", side="above"),
        Hidden(series="below", row="", values="0", side="below"),
    ]
    assert hidden_references(shown, {}, spec) == [], "a panel without data shows them all"
    assert set(scales.limits(shown, spec)) == {("", "")}


def test_a_baseline_that_some_panels_of_a_row_hide_is_told_of_these() -> None:
    """As chance is far below the scores of some languages and among those of others."""
    spec = synthetic.figure(column="language")
    parts = [frame(chance=[value]).assign(language=iso) for iso, value in
             (("en", 1.0), ("fr", 12.0), ("vi", 2.0), ("sw", 90.0))]  # fmt: skip
    shown, spans = pd.concat(parts), dict.fromkeys([("", iso) for iso in ("en", "fr", "vi", "sw")],
                                                   (5.0, 25.0))  # fmt: skip
    assert hidden_references(shown, spans, spec) == [
        Hidden(series="chance", row="", column="en", values="1", side="below"),
        Hidden(series="chance", row="", column="vi", values="2", side="below"),
        Hidden(series="chance", row="", column="sw", values="90", side="above"),
    ]
    everywhere = shown[shown["language"].isin(["en", "vi"])]
    assert hidden_references(everywhere, spans, spec) == [
        Hidden(series="chance", row="", values="1 to 2", side="below")
    ]


def test_a_linear_axis_has_three_ticks_at_least() -> None:
    assert linear_ticks(80.4, 85.6) == [81.0, 82.0, 83.0, 84.0, 85.0]
    assert linear_ticks(75.0, 88.0) == [75.0, 80.0, 85.0]


def test_panels_of_a_row_have_the_same_extent_and_stay_where_values_can_be() -> None:
    spec = synthetic.figure(
        row="task",
        column="group",
        y={"label": "F1", "share": "span", "within": [0, 100], "minimum_span": 0.01},
    )
    low = pd.DataFrame(
        [
            ("ner", "source", 40.0),
            ("ner", "source", 60.0),
            ("ner", "added", 2.0),
            ("ner", "added", 3.0),
            ("xnli", "source", 70.0),
            ("xnli", "source", 72.0),
        ],
        columns=["task", "group", "value"],
    )
    shown = low.assign(low=low["value"], high=low["value"], reference=False, series="X-MOD")
    limits = scales.limits(shown, spec)
    extents = {panel: high - low for panel, (low, high) in limits.items()}
    assert extents["ner", "source"] == pytest.approx(23.6)
    assert extents["ner", "added"] == pytest.approx(23.6)
    assert limits["ner", "added"][0] == 0.0, "moved up, not below what an F1 can be"
    assert extents["xnli", "source"] == pytest.approx(2.36)


def test_there_is_room_above_the_most_that_a_value_can_be_but_no_tick() -> None:
    spec = synthetic.figure(column=None, y={"label": "F1", "within": [0, 100]})
    shown = frame().assign(value=[96.0, 100.0], low=[90.0, 100.0], high=[104.0, 100.0])
    (span,) = scales.limits(shown, spec).values()
    assert 100.0 < span[1] <= 102.0
    ax = Figure().add_subplot()
    scales.set_y(ax, span, spec)
    assert ax.get_ylim() == span
    assert max(ax.get_yticks()) == 100.0
    assert scales.possible(span, spec)[1] == 100.0
