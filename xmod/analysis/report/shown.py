"""The figures and tables of a report: the finished ones, or drafts of the scores so far.

Drafts are drawn in memory: what lies in the results is never touched.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from xmod.analysis.figures import style
from xmod.analysis.figures.draw import draw
from xmod.analysis.figures.prepare import prepare
from xmod.analysis.figures.spec import ArchitectureSpec, FigureSpec
from xmod.analysis.names import NAMES, listed
from xmod.analysis.records import DataError
from xmod.analysis.report.plan import Plan
from xmod.analysis.report.scores import Gathered, LongTable
from xmod.analysis.report.state import Judged
from xmod.analysis.selection import only_measured
from xmod.analysis.spec import Selection, with_synthetic_note
from xmod.analysis.tables import languages
from xmod.analysis.tables.by_language import by_language_table
from xmod.analysis.tables.metrics import metric_table
from xmod.analysis.tables.render import Table
from xmod.analysis.tables.spec import LanguageTableSpec, MetricTableSpec, TableSpec

PROVISIONAL = "draft: settings chosen among the runs so far"
NOT_THE_RUNS = "draft: made for this page; the run has not made it of these scores yet"
STALE = "stale: of the last metrics.csv, which is not of what is asked now"
OLD_DRAWING = "stale: not of the configuration as it is now"
NOT_YET = "None of its cells has been measured yet."
NOT_DRAWN = "It has not been drawn yet."


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What a reader must know before looking."""

    kind: Literal["draft", "stale"]
    text: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, or why there is none."""

    name: str
    title: str
    caption: str
    png: bytes | None = None
    marks: tuple[Mark, ...] = ()
    absence: str = ""


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    """A table, or why there is none."""

    name: str
    title: str
    caption: str
    table: Table | None = None
    marks: tuple[Mark, ...] = ()
    absence: str = ""


def pictures(plan: Plan, gathered: Gathered, judged: Sequence[Judged]) -> tuple[Picture, ...]:
    """The figures of the configuration, in its order."""
    done = {one.job.scope for one in judged if one.job.stage == "figures" and one.state == "done"}
    return tuple(
        _architecture(plan, name, spec, is_done=name in done)
        if isinstance(spec, ArchitectureSpec)
        else _picture(plan, gathered, name, spec, is_done=name in done)
        for name, spec in plan.figures.items()
    )


def _architecture(plan: Plan, name: str, spec: ArchitectureSpec, *, is_done: bool) -> Picture:
    """A figure that no score goes into, as the run drew it."""
    shown = Picture(name=name, title=spec.title, caption=spec.caption)
    path = _path(plan, name)
    if not path.is_file():
        return replace(shown, absence=NOT_DRAWN)
    stale = Mark(kind="stale", text=OLD_DRAWING)
    return replace(shown, png=path.read_bytes(), marks=() if is_done else (stale,))


def _path(plan: Plan, name: str) -> Path:
    return plan.root / "figures" / f"{name}.png"


def _picture(
    plan: Plan, gathered: Gathered, name: str, spec: FigureSpec, *, is_done: bool
) -> Picture:
    noted = with_synthetic_note(spec, plan.grid.sets)
    shown = Picture(name=name, title=noted.title, caption=noted.caption)
    source = gathered.of(noted)
    if is_done and source.is_final:
        marks = tuple(_coverage(plan, source.frame, noted))
        return replace(shown, png=_path(plan, name).read_bytes(), marks=marks)
    failure = ""
    for frame, marks in _frames(gathered, noted):
        if lacking := _lacking(frame, noted):
            failure = failure or f"One number stands for several sets; without scores: {lacking}."
            continue
        try:
            plotted = prepare(frame, plan.grid, plan.languages, noted)
        except DataError as error:
            failure = failure or str(error)
            continue
        if plotted.frame.empty or not (~plotted.frame["reference"].astype(bool)).any():
            continue
        figure = draw(plotted, noted, plan.languages, title_note=f"config: {plan.name}")
        told = (*_draft(plotted.num_complete, plotted.num_cells), *marks)
        return replace(shown, png=_png(figure), marks=_marked(told, source))
    return replace(shown, absence=failure or NOT_YET)


def _lacking(frame: pd.DataFrame, spec: FigureSpec) -> str:
    """The sets without any score where one number stands for several: its mean would be another."""
    if "task" not in spec.average_over:
        return ""
    there = only_measured(frame, spec).task
    return listed([NAMES["task"].get(task, task) for task in spec.task if task not in there])


def _png(figure: Figure) -> bytes:
    """The picture in memory: a draft is no file, so that none can be taken for a result."""
    stream = io.BytesIO()
    with mpl.rc_context(style.RC):
        figure.savefig(stream, format="png")
    return stream.getvalue()


def _coverage(plan: Plan, frame: pd.DataFrame, spec: FigureSpec) -> Iterator[Mark]:
    plotted = prepare(frame, plan.grid, plan.languages, spec)
    return _draft(plotted.num_complete, plotted.num_cells)


def _draft(num_complete: int, num_cells: int) -> Iterator[Mark]:
    if num_complete < num_cells:
        yield Mark(kind="draft", text=f"draft: {num_complete} of {num_cells} cells")


def _marked(marks: tuple[Mark, ...], source: LongTable) -> tuple[Mark, ...]:
    """`marks`, or that the run itself has not come to make this yet."""
    return marks or (() if source.is_final else (Mark(kind="draft", text=NOT_THE_RUNS),))


def _frames(gathered: Gathered, spec: Selection) -> Iterator[tuple[pd.DataFrame, tuple[Mark, ...]]]:
    """What may be drawn from, the best first, and what is to be said of it."""
    is_provisional = not gathered.provisional.isdisjoint(spec.tasks)
    marks = (Mark(kind="draft", text=PROVISIONAL),) if is_provisional else ()
    source = gathered.of(spec)
    yield source.frame, marks
    if source.final is not None and not source.is_final:
        yield source.final, (Mark(kind="stale", text=STALE),)


def tables(plan: Plan, gathered: Gathered) -> tuple[ShownTable, ...]:
    """The tables of the configuration, each made of the scores so far."""
    return tuple(_table(plan, gathered, name, spec) for name, spec in plan.tables.items())


def _table(plan: Plan, gathered: Gathered, name: str, spec: TableSpec) -> ShownTable:
    if isinstance(spec, LanguageTableSpec):
        table = languages.BY_KIND[spec.kind](plan.languages)
        return ShownTable(name=name, title=spec.title, caption=spec.caption, table=table)
    noted = with_synthetic_note(spec, plan.grid.sets)
    shown = ShownTable(name=name, title=noted.title, caption=noted.caption, absence=NOT_YET)
    for frame, marks in _frames(gathered, noted):
        try:
            if isinstance(noted, MetricTableSpec):
                table = metric_table(frame, plan.grid, plan.languages, noted)
                is_empty = not table.records
            else:
                table = by_language_table(frame, plan.grid, plan.languages, noted)
                is_empty = not any(source == "run" for source, *_ in table.records)
        except DataError as error:
            shown = replace(shown, absence=str(error)) if shown.absence == NOT_YET else shown
            continue
        drafts = [note for note in table.notes if note.startswith("Draft: ")]
        told = (Mark(kind="draft", text=f"d{note.rstrip('.')[1:]}") for note in drafts)
        found = replace(
            shown,
            table=replace(table, notes=tuple(note for note in table.notes if note not in drafts)),
            marks=_marked((*told, *marks), gathered.scores),
            absence="",
        )
        if not is_empty:
            return found
        if shown.table is None and table.records:  # the paper's numbers stand there alone
            shown = found
    return shown
