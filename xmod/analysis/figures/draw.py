"""One generic function that draws any declared figure. Pure: numbers in, a Figure out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from xmod.analysis.figures import scales, style
from xmod.analysis.figures.prepare import Plotted, is_number_axis
from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.figures.words import (
    BELOW_TITLE,
    Words,
    arrange,
    panel_rows,
    put_ends,
    put_foot,
    put_head,
)
from xmod.analysis.names import display
from xmod.languages import LanguageTable

LEFT, RIGHT, BOTTOM, GAP_X, GAP_Y = 0.62, 0.12, 0.40, 0.16, 0.36
"""Margins and gaps in inches."""
LABEL = 0.16
"""Inches from the left edge to the vertical axis' label, the same for every row."""
ROW_NAME = 0.2
TICK_ROOM = 0.34
"""Further room in inches for tick labels where panels have their own scale."""

BESIDE, MOST_BESIDE = 0.08, 0.6
"""Inches between markers of one category, and the share of its room that they take at most."""

Panel = scales.Panel
Place = tuple[int, int]


def draw(
    plotted: Plotted, spec: FigureSpec, table: LanguageTable, *, title_note: str = ""
) -> Figure:
    """Draw the numbers of `prepare` as `spec` says: a panel for each row and column value."""
    rows = (plotted.values[spec.row] if spec.row else None) or [""]
    columns = (plotted.values[spec.column] if spec.column else None) or [""]
    if spec.column_wrap:
        rows, panels = _wrap(columns, spec.column_wrap)
    else:
        panels = {
            (r, c): (row, column)
            for (r, row), (c, column) in itertools.product(enumerate(rows), enumerate(columns))
        }
    num_columns = min(len(columns), spec.column_wrap or len(columns))
    with mpl.rc_context(style.RC):
        limits = scales.limits(plotted.frame, spec)
        words = arrange(
            plotted,
            spec,
            table,
            limits,
            last_panels=[panel for place, panel in panels.items() if place[1] == num_columns - 1],
            bare_width=_width(num_columns, spec),
            title_note=title_note,
        )
        figure, axes = _lay_out(len(rows), num_columns, spec, words)
        for place, ax in axes.items():
            if place not in panels:
                ax.remove()
                continue
            row, column = panels[place]
            _draw_panel(ax, panel_rows(plotted.frame, spec, panels[place]), plotted, spec, table)
            _clear_furniture(ax)
            scales.set_y(ax, limits.get(panels[place]), spec)
            put_ends(ax, words.ends.get(panels[place], ()), high=spec.panel_inches[1])
            below = (place[0] + 1, place[1]) in panels
            _label_panel(ax, spec, table, row=row, column=column, place=place, below=below,
                         last_column=place[1] == num_columns - 1)  # fmt: skip
        put_head(figure, words)
        put_foot(figure, words)
    return figure


def _wrap(columns: Sequence[str], wrap: int) -> tuple[list[str], dict[tuple[int, int], Panel]]:
    panels = {divmod(index, wrap): ("", column) for index, column in enumerate(columns)}
    return [""] * (1 + max((row for row, _ in panels), default=0)), panels


def _lay_out(
    num_rows: int, num_columns: int, spec: FigureSpec, words: Words
) -> tuple[Figure, dict[Place, Axes]]:
    """A figure whose panels have the declared size in inches, with room for its head and foot."""
    wide, high = spec.panel_inches
    head = words.head_inches + (BELOW_TITLE if spec.column else 0.0)
    bottom = BOTTOM + words.foot_inches
    height = bottom + num_rows * high + (num_rows - 1) * GAP_Y + head
    figure = Figure(figsize=(words.width, height))
    axes = {}
    for row, column in itertools.product(range(num_rows), range(num_columns)):
        left = LEFT + column * (wide + _gap(spec))
        below = bottom + (num_rows - 1 - row) * (high + GAP_Y)
        box = (left / words.width, below / height, wide / words.width, high / height)
        axes[row, column] = figure.add_axes(box)
    return figure, axes


def _width(num_columns: int, spec: FigureSpec) -> float:
    """Inches of the panels, the gaps between them and the margins; rows are named on the right."""
    names = ROW_NAME if _names_rows(spec) else 0.0
    panels = num_columns * spec.panel_inches[0] + (num_columns - 1) * _gap(spec)
    return LEFT + panels + RIGHT + names


def _gap(spec: FigureSpec) -> float:
    return GAP_X + (TICK_ROOM if spec.y.share == "span" else 0.0)


def _names_rows(spec: FigureSpec) -> bool:
    """Whether rows need names: not where each has its own label of the vertical axis."""
    return spec.row is not None and isinstance(spec.y.label, str)


def _draw_panel(
    ax: Axes, rows: pd.DataFrame, plotted: Plotted, spec: FigureSpec, table: LanguageTable
) -> None:
    values = plotted.values[spec.x]
    numeric = is_number_axis(plotted, spec.x)
    beside = {} if numeric else _beside(plotted, spec)
    position = {value: float(value) if numeric else float(i) for i, value in enumerate(values)}
    for series, line in rows.groupby("series", sort=False):
        x = [position[value] for value in line[spec.x]]
        if bool(line["reference"].iloc[0]):
            look: dict[str, Any] = {"gid": "reference", "label": str(series), "zorder": 1.5}
            look |= _reference_look(str(series), spec) if numeric else style.REFERENCE_AT_CATEGORY
            if numeric and len(values) == 1:  # a line from a place to itself would not be seen
                ax.axhline(line["value"].iloc[0], **look)
            else:
                ax.plot(x, line["value"], **look)
            continue
        look = _look(line, plotted, spec)
        look |= {"marker": ""} if numeric and len(values) > scales.MOST_X_TICKS else {}
        _draw_series(ax, x, line, look, spec, beside=beside.get(str(series)))
    names = None if numeric else [display(spec.x, value, table) for value in values]
    scales.set_x(ax, list(position.values()), names, spec)
    if rows.empty:
        words = "not run yet" if plotted.is_draft else "not measured"
        ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center",
                color=style.FAINT, style="italic")  # fmt: skip


def _draw_series(
    ax: Axes,
    x: Sequence[float],
    line: pd.DataFrame,
    look: dict[str, Any],
    spec: FigureSpec,
    *,
    beside: float | None,
) -> None:
    """A line with a band on a number axis; markers with bars, `beside` inches from the middle of
    their category, where x holds categories."""
    label, color = str(line["series"].iloc[0]), look["color"]
    spread = bool((line["num_seeds"] > 1).any()) and spec.spread != "none"
    transform = ax.transData
    if beside is not None:  # a line would suggest a way from one category to the next
        transform += ScaledTranslation(beside, 0.0, ax.figure.dpi_scale_trans)
        hollow = {"markerfacecolor": "white", "markeredgecolor": color}
        look = look | (hollow if look["linestyle"] != "-" else {}) | {"linestyle": "none"}
    # Nothing lies outside the panel, but half of a marker at its edge, such as at 0.
    ax.plot(x, line["value"], label=label, gid="data", zorder=3, clip_on=False,
            transform=transform, **look)  # fmt: skip
    low, high = (line[end].clip(*(spec.y.within or (None, None))) for end in ("low", "high"))
    if spread and beside is None:
        ax.fill_between(x, low, high, color=color, alpha=0.16, linewidth=0, zorder=2)
    elif spread:
        ax.vlines(x, low, high, color=color, linewidth=1.0, zorder=2, transform=transform)


def _beside(plotted: Plotted, spec: FigureSpec) -> dict[str, float]:
    """Series -> inches from the middle of a category, lest one marker hides another."""
    data = plotted.frame[~plotted.frame["reference"].astype(bool)]
    names = [str(name) for name in data["series"].drop_duplicates()]
    room = MOST_BESIDE * spec.panel_inches[0] / max(len(plotted.values[spec.x]), 1)
    step = min(BESIDE, room / max(len(names), 1))
    return {name: (place - (len(names) - 1) / 2) * step for place, name in enumerate(names)}


def _clear_furniture(ax: Axes) -> None:
    """Two spines, short ticks and a faint grid behind the data."""
    ax.grid(axis="y", color=style.GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=2.5, width=0.6, color="#8a8a8a", pad=2.5)


def _look(line: pd.DataFrame, plotted: Plotted, spec: FigureSpec) -> dict[str, Any]:
    """Colour by hue; dashes by style and details; a marker by hue, so grey prints read too."""
    first = line.iloc[0]
    color: Any = style.PALETTE[0]
    marker = style.MARKERS[0]
    if spec.hue is not None:
        values = plotted.values[spec.hue]
        color = style.colours(spec.hue, values)[str(first[spec.hue])]
        marker = style.markers(spec.hue, values)[str(first[spec.hue])]
    others = [c for c in (spec.style, *plotted.details) if c is not None]
    combinations = list(itertools.product(*(plotted.values[column] for column in others)))
    index = combinations.index(tuple(str(first[column]) for column in others))
    return {
        "color": color,
        "marker": marker,
        "linestyle": style.DASHES[index % len(style.DASHES)],
        "linewidth": 1.5,
        "markersize": 4.6,
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
    }


def _reference_look(series: str, spec: FigureSpec) -> dict[str, Any]:
    index = [reference.label for reference in spec.references].index(series)
    dashes = style.REFERENCE_DASHES[index % len(style.REFERENCE_DASHES)]
    return {**style.REFERENCE, "linestyle": dashes}


def _label_panel(
    ax: Axes,
    spec: FigureSpec,
    table: LanguageTable,
    *,
    row: str,
    column: str,
    place: tuple[int, int],
    last_column: bool,
    below: bool,
) -> None:
    first_column, first_row = place[1] == 0, place[0] == 0
    if spec.column is not None and (first_row or spec.column_wrap):
        ax.set_title(display(spec.column, column, table), pad=4)
    if first_column:
        ax.set_ylabel(_y_label(spec, row, table), va="top")
        ax.yaxis.set_label_coords((LABEL - LEFT) / spec.panel_inches[0], 0.5)
    elif spec.y.share != "span":
        ax.tick_params(labelleft=False, left=False)
    if last_column and _names_rows(spec):
        ax.annotate(display(str(spec.row), row, table), (1, 0.5), (7, 0), rotation=270,
                    xycoords="axes fraction", textcoords="offset points", va="center",
                    fontsize=9.5)  # fmt: skip
    if below:
        ax.tick_params(labelbottom=False)
    else:
        ax.set_xlabel(spec.x_label)


def _y_label(spec: FigureSpec, row: str, table: LanguageTable) -> str:
    if isinstance(spec.y.label, str):
        return spec.y.label
    return spec.y.label.get(row, display(str(spec.row), row, table))
