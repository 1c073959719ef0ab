"""The words around the panels of a figure: title, legend, names at the lines' ends, notes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath

from xmod.analysis.figures import scales, style
from xmod.analysis.figures.prepare import Plotted, is_number_axis
from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.names import display, listed, seeds_of
from xmod.languages import LanguageTable

EDGE, TOP, FOOT = 0.20, 0.10, 0.06
"""Inches from the left edge to the words, from the top to the title, from the foot to notes."""
TITLE_LINE, NOTE_LINE, LEGEND_LINE, FOOT_LINE = 0.20, 0.17, 0.17, 0.15
TITLE_SIZE, NOTE_SIZE, FOOT_SIZE = 11.0, 9.0, 8.0
"""In points."""
LEGEND_HANDLE, BETWEEN = 0.55, 0.25
"""Inches: a legend entry without its words; least room between title and note."""
LONGEST_END = 1.2
"""Inches: longer words are no names at a line's end."""
END_LINE = 0.135
"""Least inches between two of them."""
BELOW_HEAD, BELOW_TITLE = 0.08, 0.14
"""Inches between the head and the panels, and further where panels have titles."""

SEED_COLUMN = "cell.seed"
"""Of pre-training: a figure that has it on a channel tells seeds apart itself."""

Panel = scales.Panel


@dataclass(frozen=True, kw_only=True)
class Words:
    """What is said around the panels, and the room it takes."""

    title: tuple[str, ...]
    """Its lines."""
    note: str
    """On the right of the title, or below it; empty for none."""
    is_draft: bool
    note_below: bool
    legend: tuple[str, ...]
    legend_columns: int
    ends: Mapping[Panel, Sequence[str]]
    """Panel -> the lines that are named at their ends."""
    width: float
    """Of the whole figure, in inches."""
    foot: tuple[str, ...]
    """Its lines."""

    @property
    def head_inches(self) -> float:
        legend_rows = math.ceil(len(self.legend) / self.legend_columns)
        lines = TITLE_LINE * len(self.title) + NOTE_LINE * self.note_below
        return TOP + lines + LEGEND_LINE * legend_rows + BELOW_HEAD

    @property
    def foot_inches(self) -> float:
        return FOOT_LINE * len(self.foot) + (0.03 if self.foot else 0.0)


def arrange(
    plotted: Plotted,
    spec: FigureSpec,
    table: LanguageTable,
    limits: Mapping[Panel, scales.Span],
    *,
    last_panels: Sequence[Panel],
    bare_width: float,
    title_note: str,
) -> Words:
    """Lay the words out for a figure of `bare_width` inches and the names at lines' ends.

    `last_panels` are those with nothing on their right, where names have room.
    """
    hidden = scales.hidden_references(plotted.frame, limits, spec)
    ends = _ends(plotted, spec, limits, last_panels)
    named_at_ends = {name for names in ends.values() for name in names}
    margin = max((inches(name, NOTE_SIZE) + 0.08 for name in named_at_ends), default=0.0)
    rows = plotted.values[spec.row] if spec.row else [""]
    gone = {
        one.series
        for one in hidden
        if {h.row for h in hidden if h.series == one.series and h.column is None} >= set(rows)
    }
    series = plotted.frame.sort_values("reference", kind="stable")["series"].astype(str).unique()
    legend = [name for name in series if name and name not in gone | named_at_ends]
    draft = f"draft: {plotted.num_complete} of {plotted.num_cells} cells"
    note = " · ".join(w for w in (title_note, draft if plotted.is_draft else "") if w)
    room = bare_width + margin - 2 * EDGE
    title = _lines(spec.title, room, TITLE_SIZE, bold=True)
    used = inches(title[0], TITLE_SIZE, bold=True) + BETWEEN + inches(note, NOTE_SIZE)
    longest = max((inches(name, NOTE_SIZE) for name in legend), default=0.0)
    notes = [*_hidden_notes(hidden, spec, table), *_seed_note(plotted, spec)]
    return Words(
        title=tuple(title),
        note=note,
        is_draft=plotted.is_draft,
        note_below=bool(note) and (len(title) > 1 or used > room),
        legend=tuple(legend),
        legend_columns=max(1, int(room / (LEGEND_HANDLE + longest + 0.1))),
        ends=ends,
        width=bare_width + margin,
        foot=tuple(_lines("; ".join(notes), room, FOOT_SIZE)) if notes else (),
    )


def panel_rows(frame: pd.DataFrame, spec: FigureSpec, panel: Panel) -> pd.DataFrame:
    """The rows of `frame` that one panel shows."""
    for column, value in zip((spec.row, spec.column), panel, strict=True):
        if column is not None:
            frame = frame[frame[column] == value]
    return frame


def put_head(figure: Figure, words: Words) -> None:
    """Title, note and legend, at fixed distances from the top."""
    width, height = figure.get_size_inches()
    top, right = TOP, 1 - EDGE / width
    for line in words.title:
        figure.text(EDGE / width, 1 - top / height, line, ha="left", va="top", fontsize=TITLE_SIZE,
                    weight="bold")  # fmt: skip
        top += TITLE_LINE
    if words.note:
        color = style.ALERT if words.is_draft else style.FAINT
        place = (EDGE / width, top) if words.note_below else (right, TOP)
        figure.text(place[0], 1 - place[1] / height, words.note, va="top", color=color,
                    ha="left" if words.note_below else "right", style="italic")  # fmt: skip
        top += NOTE_LINE * words.note_below
    handles = _handles(figure.axes)
    if words.legend:
        figure.legend(handles=[handles[name] for name in words.legend], labels=list(words.legend),
                      loc="upper left", bbox_to_anchor=(EDGE / width, 1 - top / height),
                      ncols=words.legend_columns, frameon=False, borderpad=0, borderaxespad=0,
                      handlelength=2.0, handletextpad=0.5, columnspacing=1.6)  # fmt: skip


def put_foot(figure: Figure, words: Words) -> None:
    """Where baselines are that lie outside the scale, and what bands mean."""
    width, height = figure.get_size_inches()
    for number, line in enumerate(reversed(words.foot)):
        figure.text(EDGE / width, (FOOT + number * FOOT_LINE) / height, line, ha="left",
                    va="bottom", fontsize=FOOT_SIZE, color=style.FAINT)  # fmt: skip


def put_ends(ax: Axes, names: Sequence[str], *, high: float) -> None:
    """Name lines at their right ends, moved apart where they meet; `high`: the panel's inches."""
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    found = []
    for name in names:
        end = ax.transData.transform(lines[name].get_xydata()[-1])  # type: ignore[index]
        found.append((float(ax.transAxes.inverted().transform(end)[1]) * high, name))
    found.sort()
    for place, (_, name) in zip(spread_out([y for y, _ in found], high), found, strict=True):
        color = lines[name].get_color()
        ax.annotate(name, (1.0, place / high), (3, 0), xycoords="axes fraction", va="center",
                    textcoords="offset points", color=color, fontsize=NOTE_SIZE)  # fmt: skip


def spread_out(places: Sequence[float], high: float) -> list[float]:
    """Ascending `places` moved as little as need be to lie END_LINE apart, from 0 to `high`."""
    placed: list[float] = []
    for place in places:
        placed.append(max(place, placed[-1] + END_LINE) if placed else place)
    if len(placed) > 1:  # what was pushed up shares the way with what pushed it
        excess = sum(new - old for new, old in zip(placed, places, strict=True)) / len(placed)
        placed = [place - excess for place in placed]
    over = max(placed[-1] - high, 0.0) if placed else 0.0
    under = max(-placed[0], 0.0) if placed else 0.0
    return [place - over + under for place in placed]


def inches(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is set."""
    if not text:
        return 0.0
    font = FontProperties(family="STIXGeneral", weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().width) / 72


def _lines(text: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """`text` in lines that are at most `room` inches wide, but for words that are wider."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and inches(longer, size, bold=bold) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _ends(
    plotted: Plotted,
    spec: FigureSpec,
    limits: Mapping[Panel, scales.Span],
    last_panels: Iterable[Panel],
) -> dict[Panel, list[str]]:
    """Panel -> the series whose right ends lie within the scale of every one of `last_panels`.

    Lines of data are named so all together or not at all.
    """
    if not spec.direct_labels or not is_number_axis(plotted, spec.x):
        return {}
    last = plotted.values[spec.x][-1:]
    found: dict[Panel, list[str]] = {}
    for panel in last_panels:
        rows = panel_rows(plotted.frame, spec, panel)
        low, high = limits.get(panel, (0.0, 0.0))
        there = rows[rows[spec.x].isin(last) & rows["value"].between(low, high)]
        names = [str(name) for name in there["series"].drop_duplicates() if name]
        found[panel] = [name for name in names if inches(name, NOTE_SIZE) <= LONGEST_END]
    everywhere = set.intersection(*map(set, found.values())) if found else set()
    data = plotted.frame[~plotted.frame["reference"].astype(bool)]
    if not set(data["series"]) <= everywhere:  # lines of one kind are named in one way
        everywhere -= set(data["series"])
    return {panel: [n for n in names if n in everywhere] for panel, names in found.items()}


def _hidden_notes(
    hidden: Sequence[scales.Hidden], spec: FigureSpec, table: LanguageTable
) -> list[str]:
    """`chance: XNLI 33.3, NER (Source language) 1, below the scale`"""
    found: dict[tuple[str, str], list[str]] = {}
    for one in hidden:
        row = f"{display(spec.row, one.row, table)} " if spec.row else ""
        column = ""
        if spec.column and one.column is not None:
            column = display(spec.column, one.column, table)
            column = f"({column}) " if row else f"{column} "
        found.setdefault((one.series, one.side), []).append(f"{row}{column}{one.values}")
    return [
        f"{series}: {', '.join(values)}, {side} the scale"
        for (series, side), values in found.items()
    ]


def _seed_note(plotted: Plotted, spec: FigureSpec) -> list[str]:
    """Over how many seeds numbers are means, what the bands are, and whether seeds are missing."""
    data = plotted.frame[~plotted.frame["reference"].astype(bool)]
    if data.empty:
        return []
    counts = data["num_seeds"].astype(int)
    due = int(data["num_seeds_due"].astype(int).max())
    least, most = int(counts.min()), int(counts.max())
    stages = str(data["seeds_of"].iloc[0])
    is_single = most == due == 1
    once = ["fine-tuning"] if is_single and "fine-tuning" in stages else []
    if "pre-training" not in stages and SEED_COLUMN not in plotted.values:
        once.append("pre-training")
    words = {"std": "mean and standard deviation", "range": "mean and range", "none": "mean"}
    said = words[spec.spread if most > 1 else "none"]
    notes = [] if is_single else [f"{said} over {seeds_of(least, most, due, stages)}"]
    return [*notes, f"one seed of {listed(once)}"] if once else notes


def _handles(axes: Sequence[Axes]) -> Mapping[str, Line2D]:
    """Series -> a line of it."""
    handles: dict[str, Line2D] = {}
    for line in (line for ax in axes for line in ax.get_lines()):
        handles.setdefault(str(line.get_label()), line)
    return handles
