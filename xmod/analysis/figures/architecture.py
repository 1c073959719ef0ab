"""Figures 1 and 3: a layer in the stages of one cell, or of several side by side.

Pure: a job in, a Figure out. Coordinates are inches.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xmod.analysis.figures import style
from xmod.analysis.figures.boxes import Box, put_badge, put_line, put_part
from xmod.analysis.figures.layer import SMALL, Panel, draw_layer, levels_of
from xmod.analysis.figures.save import save_with_numbers
from xmod.analysis.figures.stages import PartState, Sharing, Stage, Training, rows, stages_of
from xmod.analysis.figures.words import (
    BETWEEN,
    EDGE,
    NOTE_SIZE,
    TITLE_SIZE,
    Words,
    inches,
    put_head,
)
from xmod.analysis.names import NAMES
from xmod.architecture import ArchitectureJob, CellArchitecture, StageName
from xmod.languages import LanguageTable

RC = {**style.RC, "hatch.linewidth": 0.5}

PAGE = 6.3
"""Inches: the width of a page's text in ACL's style, which the panels fill."""
RIGHT, BOTTOM = 0.12, 0.08
DETAILED, NARROWEST, WIDEST = 2.02, 1.06, 1.25
"""Widths of panels: of a cell that is alone the first with modules, and others."""
GAP, CELL_GAP = 0.12, 0.24
"""Between panels, and between those of two cells."""
LEGEND_LINE, CELL_LINE, STAGE_LINES = 0.24, 0.24, 0.44
"""Heights of what is above the panels."""
CELL_SIZE, NAME_SIZE, LEGEND_SIZE = 9.0, 8.0, 7.5
"""Points: of the names of cells and of stages, and of the legend."""
SWATCH, SWATCH_HIGH = 0.2, 0.12
BETWEEN_WORDS, BETWEEN_ENTRIES = 0.07, 0.12
"""In the legend: between a swatch and its words, and between entries."""

WHOSE: dict[Sharing, str] = {"shared": "shared by all languages:", "modular": "a language's own:"}
SWATCHES: tuple[Training, ...] = ("trained", "frozen")
STAGE_NAMES: dict[StageName, str] = {
    "pretrain": "Pre-training",
    "adapt": "Adding adapters",
    "extend": "Adding a language",
    "finetune": "Fine-tuning",
    "transfer": "Zero-shot transfer",
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A cell, the stages that a figure shows of it, and a panel for each."""

    cell: CellArchitecture
    stages: list[Stage]
    panels: list[Panel]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Words of the legend, alone or after a swatch or the mark of new weights."""

    left: float
    words: str
    state: PartState | None = None
    is_badge: bool = False

    @property
    def words_left(self) -> float:
        is_alone = self.state is None and not self.is_badge
        return self.left if is_alone else self.left + SWATCH + BETWEEN_WORDS

    @property
    def right(self) -> float:
        return self.words_left + inches(self.words, LEGEND_SIZE)


def draw(job: ArchitectureJob, table: LanguageTable, *, title_note: str = "") -> Figure:
    """Draw the job's cells: one with its numbers, several side by side.

    Raises ValueError where a cell has none of the job's stages.
    """
    shown = _arrange(job)
    stages = [stage for one in shown for stage in one.stages]
    legend = _legend(stages)
    panels_right = shown[-1].panels[-1].left + shown[-1].panels[-1].width
    head = _head(job, title_note, least_width=max(panels_right, EDGE + legend[-1].right) + RIGHT)
    levels = levels_of(stages, bottom=BOTTOM)
    top = max(high for _, high in levels.values()) + STAGE_LINES
    cell_line = CELL_LINE if len(shown) > 1 else 0.0
    height = top + cell_line + LEGEND_LINE + head.head_inches
    with mpl.rc_context(RC):
        figure = Figure(figsize=(head.width, height))
        ax = figure.add_axes((0, 0, 1, 1), xlim=(0, head.width), ylim=(0, height))
        ax.set_axis_off()
        put_head(figure, head)
        _put_legend(ax, legend, middle=height - head.head_inches - 0.06)
        for letter, one in zip(string.ascii_lowercase, shown, strict=False):
            if len(shown) > 1:
                _put_cell_name(ax, one, letter, bottom=top + 0.06)
            for panel, stage in zip(one.panels, one.stages, strict=True):
                _put_stage_name(ax, panel, one, stage, top=top)
                draw_layer(ax, panel, one.cell, stage, levels, table)
    return figure


def table_of(job: ArchitectureJob) -> pd.DataFrame:
    """What `draw` shows, a row a cell, stage and part."""
    return pd.DataFrame(
        [row for cell in job.cells for row in rows(cell, stages_of(cell, job.stages))]
    )


def save(figure: Figure, job: ArchitectureJob, prefix: Path) -> None:
    """Write `prefix`.pdf, .png and .csv, whose bytes depend on the job alone."""
    save_with_numbers(figure, table_of(job), prefix, title=job.title, caption=job.caption, rc=RC)


def _arrange(job: ArchitectureJob) -> list[Shown]:
    """Panels from left to right; those that are not detailed share what is left of the page."""
    found = [(cell, stages_of(cell, job.stages)) for cell in job.cells]
    for cell, stages in found:
        if not stages:
            raise ValueError(f"stages: {cell.cell} has none of {', '.join(job.stages)}")
    num_panels = sum(len(stages) for _, stages in found)
    is_alone = len(found) == 1
    gaps = GAP * (num_panels - len(found)) + CELL_GAP * (len(found) - 1)
    room = PAGE - EDGE - RIGHT - gaps - (DETAILED if is_alone else 0.0)
    narrow = min(max(room / max(num_panels - is_alone, 1), NARROWEST), WIDEST)
    shown, left = [], EDGE
    for cell, stages in found:
        with_modules = (n for n, stage in enumerate(stages) if stage.parts["module"].training)
        detailed = next(with_modules, 0) if is_alone else None
        panels = []
        for number in range(len(stages)):
            width = DETAILED if number == detailed else narrow
            panels.append(Panel(left=left, width=width, is_detailed=number == detailed))
            left += width + GAP
        shown.append(Shown(cell=cell, stages=stages, panels=panels))
        left += CELL_GAP - GAP
    return shown


def _head(job: ArchitectureJob, note: str, *, least_width: float) -> Words:
    """Title and note, and the width of the figure, which the title may need more of."""
    title = inches(job.title, TITLE_SIZE, bold=True)
    width = max(least_width, title + 2 * EDGE)
    used = title + BETWEEN + inches(note, NOTE_SIZE) + 2 * EDGE
    return Words(
        title=(job.title,),
        note=note,
        is_draft=False,
        note_below=bool(note) and used > width,
        legend=(),
        legend_columns=1,
        ends={},
        width=width,
        foot=(),
    )


def _put_cell_name(ax: Axes, one: Shown, letter: str, *, bottom: float) -> None:
    """`(a) X-MOD: ...` over a line along the cell's panels."""
    cell, left, right = one.cell, one.panels[0].left, one.panels[-1].frame_right
    name = f"({letter}) {NAMES['variant'].get(cell.variant, cell.variant)}"
    whole = f"{name}: {_when(cell)}"
    fits = inches(whole, CELL_SIZE, bold=True) <= right - left
    ax.text(left, bottom + 0.05, whole if fits else name, ha="left", va="bottom",
            fontsize=CELL_SIZE, weight="bold")  # fmt: skip
    put_line(ax, [(left, bottom), (right, bottom)], faint=True)


def _when(cell: CellArchitecture) -> str:
    """Since when it has modules, if it has any of a language's own."""
    if cell.modules != "language":
        return "one module for all" if cell.modules == "shared" else "no modules"
    is_adapted = cell.adapter_updates is not None
    return "modules after pre-training" if is_adapted else "modules from the start"


def _put_stage_name(ax: Axes, panel: Panel, one: Shown, stage: Stage, *, top: float) -> None:
    number = one.stages.index(stage) + 1
    ax.text(panel.left, top, f"{number}. {STAGE_NAMES[stage.name]}", ha="left", va="top",
            fontsize=NAME_SIZE, weight="bold")  # fmt: skip
    ax.text(panel.left, top - 0.15, _about(one.cell, stage), ha="left", va="top",
            fontsize=SMALL, color=style.FAINT, linespacing=1.1)  # fmt: skip


def _about(cell: CellArchitecture, stage: Stage) -> str:
    """What is trained on, and how long, in two lines."""
    tasks = f" ({', '.join(stage.tasks)})" if len(cell.finetunings) > 1 else ""
    match stage.name:
        case "pretrain":
            plural = "s" if len(cell.languages) > 1 else ""
            return f"{len(cell.languages)} language{plural},\n{cell.budget_updates:,} updates"
        case "adapt":
            return f"one language at a time,\n{cell.adapter_updates:,} updates"
        case "extend":
            return f"one at a time,\n{cell.extension_updates[stage.language]:,} updates"
        case "finetune":
            return f"source language,\nlabelled data{tasks}"
        case "transfer":
            return f"target language,\nno training{tasks}"


def _legend(stages: list[Stage]) -> list[Entry]:
    """What hues, fillings and the mark mean, of those that the stages have; laid out from 0 on."""
    states = [state for stage in stages for state in stage.parts.values()]
    entries: list[Entry] = []
    x = 0.0
    for sharing, words in WHOSE.items():
        found = {state.training for state in states if state.sharing == sharing}
        shown = [one for one in SWATCHES if one in found or (one == "trained" and "new" in found)]
        if shown:
            entries.append(Entry(left=x, words=words))
            x = entries[-1].right + BETWEEN_WORDS
        for training in shown:
            state = PartState(sharing=sharing, training=training)
            entries.append(Entry(left=x, words=training, state=state))
            x = entries[-1].right + BETWEEN_ENTRIES
        x += BETWEEN_ENTRIES
    if any(state.training == "new" for state in states):
        entries.append(Entry(left=x, words="new weights", is_badge=True))
    return entries


def _put_legend(ax: Axes, entries: list[Entry], *, middle: float) -> None:
    for entry in entries:
        left = EDGE + entry.left
        box = Box(left=left, bottom=middle - SWATCH_HIGH / 2, width=SWATCH, height=SWATCH_HIGH)
        if entry.state is not None:
            put_part(ax, box, "", entry.state, size=LEGEND_SIZE)
        elif entry.is_badge:
            put_badge(ax, (box.center, middle), style.INK)
        ax.text(EDGE + entry.words_left, middle, entry.words, ha="left", va="center_baseline",
                fontsize=LEGEND_SIZE)  # fmt: skip
