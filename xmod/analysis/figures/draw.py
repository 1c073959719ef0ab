"""One generic function that draws any declared figure. Pure: numbers in, a Figure out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xmod.analysis.figures import scales, style
from xmod.analysis.figures.prepare import Plotted, is_number_axis
from xmod.analysis.figures.spec import FigureSpec
from xmod.languages import LanguageTable

LEFT, RIGHT, BOTTOM, GAP_X, GAP_Y = 0.62, 0.12, 0.40, 0.16, 0.36
"""Margins and gaps in inches."""
NOTES = 0.18
"""Further room in inches for the notes at the foot, where there are any."""
LABEL = 0.16
"""Inches from the left edge to the vertical axis' label, the same for every row."""
ROW_NAME = 0.2
TICK_ROOM = 0.34
"""Further room in inches for tick labels where panels have their own scale."""
LEGEND_ENTRY, LEGEND_LETTER, LEGEND_LINE = 0.62, 0.065, 0.17
"""Inches: across for an entry without words, across for a letter, down for a further line."""

Panel = tuple[str, str]


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
        labels = [str(label) for label in plotted.frame["series"].unique()]
        limits = scales.limits(plotted.frame, spec)
        hidden = scales.hidden_references(plotted.frame, limits, spec)
        notes = [f"{name}: {where}" for name, where in hidden.items()] + _seed_note(plotted, spec)
        bottom = BOTTOM + (NOTES if notes else 0.0)
        figure, axes = _lay_out(len(rows), num_columns, spec, labels, bottom=bottom)
        for place, ax in axes.items():
            if place not in panels:
                ax.remove()
                continue
            row, column = panels[place]
            _draw_panel(ax, _panel_rows(plotted.frame, spec, panels[place]), plotted, spec, table)
            _clear_furniture(ax)
            scales.set_y(ax, limits.get(panels[place]), spec)
            below = (place[0] + 1, place[1]) in panels
            _label_panel(ax, spec, table, row=row, column=column, place=place, below=below,
                         last_column=place[1] == num_columns - 1)  # fmt: skip
        _head(figure, plotted, spec, title_note=title_note, hidden=hidden)
        _foot(figure, notes)
    return figure


def _wrap(columns: Sequence[str], wrap: int) -> tuple[list[str], dict[tuple[int, int], Panel]]:
    panels = {divmod(index, wrap): ("", column) for index, column in enumerate(columns)}
    return [""] * (1 + max((row for row, _ in panels), default=0)), panels


def _lay_out(
    num_rows: int, num_columns: int, spec: FigureSpec, labels: Sequence[str], *, bottom: float
) -> tuple[Figure, dict[tuple[int, int], Axes]]:
    """A figure whose panels have the declared size in inches, with room for its head and foot."""
    wide, high = spec.panel_inches
    gap = GAP_X + (TICK_ROOM if spec.y.share == "span" else 0.0)
    width = LEFT + num_columns * wide + (num_columns - 1) * gap + _right(spec)
    head = 0.58 if spec.column is None else 0.72
    head += LEGEND_LINE * (max(len(labels) - 1, 0) // _legend_columns(width, labels))
    height = bottom + num_rows * high + (num_rows - 1) * GAP_Y + head
    figure = Figure(figsize=(width, height))
    axes = {}
    for row, column in itertools.product(range(num_rows), range(num_columns)):
        left = LEFT + column * (wide + gap)
        below = bottom + (num_rows - 1 - row) * (high + GAP_Y)
        box = (left / width, below / height, wide / width, high / height)
        axes[row, column] = figure.add_axes(box)
    return figure, axes


def _right(spec: FigureSpec) -> float:
    """The margin on the right, in inches: rows of panels are named there."""
    return RIGHT + (ROW_NAME if spec.row else 0.0)


def _panel_rows(frame: pd.DataFrame, spec: FigureSpec, panel: Panel) -> pd.DataFrame:
    for column, value in zip((spec.row, spec.column), panel, strict=True):
        if column is not None:
            frame = frame[frame[column] == value]
    return frame


def _draw_panel(
    ax: Axes, rows: pd.DataFrame, plotted: Plotted, spec: FigureSpec, table: LanguageTable
) -> None:
    ticks = plotted.values[spec.x]
    numeric = is_number_axis(plotted, spec.x)
    position = {value: float(value) if numeric else float(i) for i, value in enumerate(ticks)}
    for series, line in rows.groupby("series", sort=False):
        x = [position[value] for value in line[spec.x]]
        if bool(line["reference"].iloc[0]):
            look = style.REFERENCE if numeric else style.REFERENCE_AT_CATEGORY
            ax.plot(x, line["value"], gid="reference", label=str(series), zorder=1.5, **look)
            continue
        _draw_series(ax, x, line, _look(line, plotted, spec), spec, numeric=numeric)
    labels = ticks if numeric else [style.display(spec.x, value, table) for value in ticks]
    ax.set_xticks(list(position.values()), labels)
    if position:
        low, high = min(position.values()), max(position.values())
        margin = 0.06 * (high - low) or 0.5
        ax.set_xlim(low - margin, high + margin)
    if rows.empty:
        ax.text(0.5, 0.5, "not run yet", transform=ax.transAxes, ha="center", va="center",
                color=style.FAINT, style="italic")  # fmt: skip


def _draw_series(
    ax: Axes,
    x: Sequence[float],
    line: pd.DataFrame,
    look: dict[str, Any],
    spec: FigureSpec,
    *,
    numeric: bool,
) -> None:
    """A line with a band on a number axis; markers with bars where x holds categories."""
    label, color = str(line["series"].iloc[0]), look["color"]
    spread = bool((line["num_seeds"] > 1).any()) and spec.spread != "none"
    if not numeric:  # a line would suggest a way from one category to the next
        hollow = {"markerfacecolor": "white", "markeredgecolor": color}
        look = look | (hollow if look["linestyle"] != "-" else {}) | {"linestyle": "none"}
    ax.plot(x, line["value"], label=label, gid="data", zorder=3, **look)
    if spread and numeric:
        ax.fill_between(x, line["low"], line["high"], color=color, alpha=0.16, linewidth=0,
                        zorder=2)  # fmt: skip
    elif spread:
        ax.vlines(x, line["low"], line["high"], color=color, linewidth=1.0, zorder=2)


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
        ax.set_title(style.display(spec.column, column, table), pad=4)
    if first_column:
        ax.set_ylabel(spec.y.label, va="top")
        ax.yaxis.set_label_coords((LABEL - LEFT) / spec.panel_inches[0], 0.5)
    elif spec.y.share != "span":
        ax.tick_params(labelleft=False, left=False)
    if spec.row is not None and last_column:
        ax.annotate(style.display(spec.row, row, table), (1, 0.5), (7, 0), rotation=270,
                    xycoords="axes fraction", textcoords="offset points", va="center",
                    fontsize=9.5)  # fmt: skip
    if below:
        ax.tick_params(labelbottom=False)
    else:
        ax.set_xlabel(spec.x_label)


def _head(
    figure: Figure,
    plotted: Plotted,
    spec: FigureSpec,
    *,
    title_note: str,
    hidden: Iterable[str],
) -> None:
    """Title, note, draft mark and legend, at fixed distances from the top."""
    width, height = figure.get_size_inches()
    left, right, top = (LEFT - 0.42) / width, 1 - _right(spec) / width, 1 - 0.10 / height
    figure.text(left, top, spec.title, ha="left", va="top", fontsize=11, weight="bold")
    draft = f"draft: {plotted.num_complete} of {plotted.num_cells} cells"
    words = [word for word in (title_note, draft if plotted.is_draft else "") if word]
    if words:
        color = style.ALERT if plotted.is_draft else style.FAINT
        figure.text(right, top, " · ".join(words), ha="right", va="top", color=color,
                    style="italic")  # fmt: skip
    handles = {name: line for name, line in _handles(figure.axes).items() if name not in hidden}
    if handles:
        figure.legend(handles=list(handles.values()), labels=list(handles), frameon=False,
                      loc="upper left", bbox_to_anchor=(left, top - 0.20 / height),
                      ncols=_legend_columns(width, handles), borderpad=0, borderaxespad=0,
                      handlelength=2.0, handletextpad=0.5, columnspacing=1.6)  # fmt: skip


def _foot(figure: Figure, notes: Sequence[str]) -> None:
    """Where baselines are that lie outside the scale, and what bands mean."""
    width, height = figure.get_size_inches()
    if notes:
        figure.text((LEFT - 0.42) / width, 0.06 / height, "; ".join(notes), ha="left", va="bottom",
                    fontsize=8, color=style.FAINT)  # fmt: skip


def _legend_columns(width: float, labels: Iterable[str]) -> int:
    """How many entries fit beside each other, by the longest label."""
    longest = max((len(label) for label in labels), default=0)
    return max(1, int((width - RIGHT) / (LEGEND_ENTRY + LEGEND_LETTER * longest)))


def _seed_note(plotted: Plotted, spec: FigureSpec) -> list[str]:
    """What the bands are, where there are any."""
    counts = plotted.frame["num_seeds"].astype(int)
    if spec.spread == "none" or plotted.frame.empty or counts.max() < 2:
        return []
    words = {"std": "mean and standard deviation", "range": "mean and range"}[spec.spread]
    least = counts[~plotted.frame["reference"].astype(bool)].min()
    number = str(counts.max()) if least == counts.max() else f"{least} to {counts.max()}"
    return [f"{words} over {number} seeds"]


def _handles(axes: Sequence[Axes]) -> Mapping[str, Line2D]:
    """One handle a legend entry, data before references; unnamed series have none."""
    lines = [line for ax in axes for line in ax.get_lines()]
    lines.sort(key=lambda line: line.get_gid() == "reference")
    handles: dict[str, Line2D] = {}
    for line in lines:
        label = str(line.get_label())
        if label and not label.startswith("_"):
            handles.setdefault(label, line)
    return handles
