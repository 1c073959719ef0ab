"""Vertical scales that do not mislead: shared where values compare, never a sliver blown up."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from xmod.analysis.figures.spec import FigureSpec

PADDING = 0.09
HEADROOM = 0.06
"""Above the most that a value can be, for a marker there not to touch the panel's title."""
X_MARGIN = 0.06
MOST_STRETCH = 1.7
WIDE_LOG_RATIO = 12.0
"""A logarithmic axis over more than this ratio gets ticks by decades, a narrower one even ticks."""
MOST_TICKS = 5
"""Of a logarithmic axis: more would run into each other on the smallest panels."""
FEWEST_TICKS = 3
"""Of a linear one, so that a reader sees how far apart they are."""
MOST_X_TICKS = 12
"""A value of the horizontal axis has a tick and a marker of its own where there are no more."""
TICK_INCHES = 0.45
"""Room for a tick's number on the horizontal axis."""
STEPS = (1, 2, 2.5, 5, 10)
"""Between even ticks, times a power of ten."""
DIGITS = ((1, 2, 5), (1, 3), (1,))
"""What ticks by decades begin with."""

Panel = tuple[str, str]
Span = tuple[float, float]


def limits(frame: pd.DataFrame, spec: FigureSpec) -> dict[Panel, Span]:
    """(row, column) -> the panel's lower and upper limit, in the units of the data.

    A reference that lies far outside does not stretch the scale: it is noted in words.
    """
    data = frame[~frame["reference"].astype(bool)]
    references = _by_panel(frame.drop(index=data.index), spec)
    spans = {
        panel: _with_near(_span(rows, spec), references.get(panel), spec)
        for panel, rows in _by_panel(data, spec).items()
    }
    if spec.y.share == "all":
        shared = _union(spans.values()) if spans else (0.0, 1.0)
        spans = dict.fromkeys(spans, shared)
    elif spec.y.share == "row":
        rows = {panel[0] for panel in spans}
        by_row = {row: _union(span for (r, _), span in spans.items() if r == row) for row in rows}
        spans = {panel: by_row[panel[0]] for panel in spans}
    else:
        extents: dict[str, float] = {}
        for (row, _), (low, high) in spans.items():
            extents[row] = max(extents.get(row, 0.0), high - low)
        spans = {panel: _around(span, extents[panel[0]]) for panel, span in spans.items()}
    return {panel: _in_data_units(span, spec) for panel, span in spans.items()}


def set_y(ax: Axes, span: Span | None, spec: FigureSpec) -> None:
    """Set scale, limits and ticks."""
    log = spec.y.scale == "log"
    if log:
        ax.set_yscale("log")
        ax.yaxis.set_minor_locator(NullLocator())
    if span is None:
        ax.yaxis.set_major_locator(NullLocator())
        return
    ax.set_ylim(*span)
    low, high = possible(span, spec)
    ax.yaxis.set_major_locator(
        FixedLocator(log_ticks(low, high) if log else linear_ticks(low, high))
    )
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def possible(span: Span, spec: FigureSpec) -> Span:
    """What of `span` values can reach."""
    least, most = spec.y.within or (-math.inf, math.inf)
    return max(span[0], least), min(span[1], most)


def set_x(
    ax: Axes, positions: Sequence[float], names: Sequence[str] | None, spec: FigureSpec
) -> None:
    """Set scale, limits and ticks of the horizontal axis; `names` where it has categories."""
    if not positions:
        ax.xaxis.set_major_locator(NullLocator())
        return
    low, high = min(positions), max(positions)
    log = spec.x_scale == "log" and names is None and low > 0
    if len(positions) <= MOST_X_TICKS or names is not None:
        ticks = positions
    elif log:
        most = max(FEWEST_TICKS, int(spec.panel_inches[0] / TICK_INCHES))
        ticks = log_ticks(low, high, most=most)
    else:
        ticks = linear_ticks(low, high)
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
        margin = (high / low) ** X_MARGIN if high > low else 2.0
        ax.set_xlim(low / margin, high * margin)
    else:
        reach = X_MARGIN * (high - low) or 0.5
        ax.set_xlim(low - reach, high + reach)
    ax.set_xticks(list(ticks), names if names is not None else [f"{tick:,.6g}" for tick in ticks])


def linear_ticks(low: float, high: float) -> list[float]:
    """At least FEWEST_TICKS round numbers between the limits, and no more than that needs."""
    for nbins in range(5, 12):
        even = MaxNLocator(nbins=nbins, steps=STEPS).tick_values(low, high)
        ticks = [float(tick) for tick in even if low <= tick <= high]
        if len(ticks) >= FEWEST_TICKS:
            break
    return ticks


def log_ticks(low: float, high: float, *, most: int = MOST_TICKS) -> list[float]:
    """As many round numbers between the limits of a logarithmic axis as there is room for.

    matplotlib's own locator gives none over several decades on a small panel, where it has no
    room for one in every decade.
    """
    wide = high / low > WIDE_LOG_RATIO
    candidates = _ticks_by_decades(low, high) if wide else _even_ticks(low, high)
    inside = ([tick for tick in ticks if low <= tick <= high] for ticks in candidates)
    return max((ticks for ticks in inside if len(ticks) <= most), key=len, default=[low, high])


def _ticks_by_decades(low: float, high: float) -> Iterator[list[float]]:
    """1, 2, 5, 10, 20 ...; then fewer, down to one in many decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in DIGITS:
        yield [digit * 10.0**decade for decade in decades for digit in digits]
    for stride in range(2, len(decades) + 1):
        yield [10.0**decade for decade in decades[::stride]]


def _even_ticks(low: float, high: float) -> Iterator[list[float]]:
    for nbins in range(3, 9):
        even = MaxNLocator(nbins=nbins, steps=STEPS).tick_values(low, high)
        yield [float(tick) for tick in even]


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """A baseline that a panel does not show, or no panel of a row, and where it is, in words."""

    series: str
    row: str
    column: str | None = None
    """None where no panel of the row shows it."""
    values: str
    """`403.4`, `900 to 1,200`"""
    side: Literal["above", "below"]
    """Of the scale."""


def hidden_references(
    frame: pd.DataFrame, limits: Mapping[Panel, Span], spec: FigureSpec
) -> list[Hidden]:
    """Drawn to scale they would squeeze the data. A panel without data has no limits, shows all."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for (row, column), rows in _by_panel(frame[frame["reference"].astype(bool)], spec).items():
        for name, points in rows.groupby("series", sort=False)["value"]:
            found.setdefault((str(name), row), {})[column] = [float(value) for value in points]
    hidden = []
    for (name, row), values in found.items():
        sides = {column: _side(v, limits.get((row, column))) for column, v in values.items()}
        if len({*sides.values()}) == 1:  # all panels of the row alike
            values = {"": list(itertools.chain.from_iterable(values.values()))}
            sides = {"": next(iter(sides.values()))}
        hidden += [
            Hidden(
                series=name,
                row=row,
                column=column if len(sides) > 1 else None,
                values=_range(values[column]),
                side=side,
            )
            for column, side in sides.items()
            if side is not None
        ]
    return hidden


def _side(values: Sequence[float], span: Span | None) -> Literal["above", "below"] | None:
    """Of `span`, where none of the values lies in it."""
    if span is None or any(span[0] <= value <= span[1] for value in values):
        return None
    return "above" if min(values) > span[1] else "below"


def _range(values: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(f"{value:,.4g}" for value in (min(values), max(values))))


def _by_panel(data: pd.DataFrame, spec: FigureSpec) -> dict[Panel, pd.DataFrame]:
    rows = data[spec.row] if spec.row else pd.Series("", index=data.index)
    columns = data[spec.column] if spec.column else pd.Series("", index=data.index)
    keys = list(zip(rows, columns, strict=True))
    return {panel: data[[key == panel for key in keys]] for panel in dict.fromkeys(keys)}


def _span(rows: pd.DataFrame, spec: FigureSpec) -> Span:
    """The panel's extent in the units of the scale (log10 for a logarithmic one)."""
    values = [*rows["low"], *rows["high"], *rows["value"], *spec.y.include]
    if spec.y.scale == "log":
        values = [value for value in values if value > 0.0]  # a wide band may reach below
    if not values:
        raise ValueError("y.scale: log cannot show values that are not positive; legal: linear")
    low, high = min(values), max(values)
    if spec.y.scale == "log":
        return _at_least((math.log10(low), math.log10(high)), math.log10(1.0 + spec.y.minimum_span))
    return _at_least((low, high), spec.y.minimum_span * abs(low + high) / 2 or 1.0)


def _with_near(span: Span, references: pd.DataFrame | None, spec: FigureSpec) -> Span:
    """`span`, stretched over the references where that squeezes the data little."""
    if references is None:
        return span
    wide = _union([span, _span(references, spec)])
    return wide if wide[1] - wide[0] <= MOST_STRETCH * (span[1] - span[0]) else span


def _at_least(span: Span, extent: float) -> Span:
    return span if span[1] - span[0] >= extent else _around(span, extent)


def _around(span: Span, extent: float) -> Span:
    middle = (span[0] + span[1]) / 2
    return middle - extent / 2, middle + extent / 2


def _union(spans: Iterable[Span]) -> Span:
    lows, highs = zip(*spans, strict=True)
    return min(lows), max(highs)


def _in_data_units(span: Span, spec: FigureSpec) -> Span:
    padding = PADDING * (span[1] - span[0])
    low, high = span[0] - padding, span[1] + padding
    if spec.y.scale == "log":
        return 10.0**low, 10.0**high
    floor = min(spec.y.include, default=math.inf)
    return _within((floor if span[0] == floor else low), high, spec)


def _within(low: float, high: float, spec: FigureSpec) -> Span:
    """Moved to where values can be, with the same extent if there is room for it."""
    if spec.y.within is None:
        return low, high
    least, most = spec.y.within
    most += HEADROOM * (high - low)
    moved = max(least - low, 0.0) - max(high - most, 0.0)
    return max(low + moved, least), min(high + moved, most)
