"""A run's status for a terminal of 80 columns or more, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from xmod.analysis.status.work import STATES, State, Status, Work

COLOURS: dict[State, str] = {
    "done": "green",
    "running": "cyan",
    "queued": "blue",
    "failed": "red",
    "stale": "yellow",
    "missing": "dim",
}
MAX_ROWS = 15
"""Of jobs at work and of failed ones; of cells twice as many."""
BAR = 12


def page(status: Status, *, is_watched: bool = False) -> Group:
    """All that is shown, the most general first.

    A screen that is watched cuts off the end: there what is done, and stages that have not begun,
    are only counted, and the cells come last.
    """
    parts: list[RenderableType] = [_headline(status), _stages(status, is_brief=is_watched)]
    cells = [_cells(status, is_brief=is_watched)] if status.cells else []
    if not is_watched:
        parts += cells
    if at_work := status.of_state("running"):
        parts.append(_at_work(at_work))
    if failed := [one for one in status.works if one.failure is not None]:
        parts.append(_failed(failed))
    if is_watched:
        parts += cells
    return Group(*parts)


def _headline(status: Status) -> Text:
    counts, total = status.count(), len(status.works)
    text = Text(f"{status.name}: {counts['done']:,} of {total:,} jobs done", style="bold")
    if total:
        text.append(f" ({counts['done'] / total:.0%})")
    for state in STATES[1:]:
        if counts[state]:
            text.append(f", {counts[state]:,} {state}", style=COLOURS[state])
    who = f"run by {status.runner.words}" if status.runner else "no Snakemake runs"
    return text.append(f"\n{who}", style="not bold")


def _stages(status: Status, *, is_brief: bool) -> Table:
    """`is_brief`: those that are done, or have not begun, are counted."""
    table = _table("Stages", "stage")
    for state in STATES:
        table.add_column(state, justify="right")
    table.add_column("")
    left_out: Counter[State] = Counter()
    for stage, works in status.stages.items():
        counts = status.count(works)
        whole: Sequence[State] = [s for s in ("done", "missing") if counts[s] == len(works)]
        if is_brief and whole:
            left_out.update(whole)
            continue
        cells = [_number(counts[state], state) for state in STATES]
        table.add_row(_stage(stage), *cells, _bar(counts["done"], len(works)))
    for state, number in left_out.items():
        table.add_row(f"{number} {state}")
    return table


def _cells(status: Status, *, is_brief: bool) -> Table:
    """Those on which something happens or is lacking first, each at its first unfinished stage.

    `is_brief`: those that are done are counted.
    """
    table = _table("Cells", "cell", "jobs", "now at", "update", "loss", "left")
    rows = [(cell, works) for cell, works in status.by_cell.items() if works]
    num_cells = len(rows)
    if is_brief:
        rows = [row for row in rows if status.count(row[1])["done"] < len(row[1])]
    order = {state: number for number, state in enumerate(("running", "failed", "queued"))}
    rows.sort(key=lambda row: min(order.get(one.state, len(order)) for one in row[1]))
    for cell, works in rows[: 2 * MAX_ROWS]:
        done = status.count(works)["done"]
        at = _first_unfinished(works)
        training = at.training if at else None
        table.add_row(
            cell,
            f"{done}/{len(works)}",
            _stage_of(at),
            _update(training.update, training.budget_updates) if training else "",
            f"{training.loss:.3f}" if training else "",
            training.left if training else "",
        )
    if len(rows) > 2 * MAX_ROWS:
        table.add_row(f"and {len(rows) - 2 * MAX_ROWS} more", "", "", "", "", "")
    if len(rows) < num_cells:
        table.add_row(f"{num_cells - len(rows)} done")
    return table


def _first_unfinished(works: Sequence[Work]) -> Work | None:
    """What a person asks for: what runs, else what failed, else what comes next."""
    for state in ("running", "failed", "queued"):
        for one in works:
            if one.state == state:
                return one
    return next((one for one in works if one.state != "done"), None)


def _stage_of(at: Work | None) -> Text:
    if at is None:
        return Text("done", style=COLOURS["done"])
    stage = _stage(at.job.stage)
    words = f"next: {stage}" if at.state == "missing" else f"{stage}: {at.state}"
    return Text(words, style=COLOURS[at.state])


def _at_work(works: Sequence[Work]) -> Table:
    table = _table("At work", "stage", "what", "update", "loss", "tok/s", "left", "job")
    for one in works[:MAX_ROWS]:
        training = one.training
        table.add_row(
            _stage(one.job.stage),
            training.label if training else one.job.name,
            f"{training.update}/{training.budget_updates}" if training else "",
            f"{training.loss:.3f}" if training else "",
            training.tokens_per_second if training else "",
            training.left if training else "",
            one.place,
        )
    if len(works) > MAX_ROWS:
        table.add_row("", f"and {len(works) - MAX_ROWS} more", "", "", "", "", "")
    return table


def _failed(works: Sequence[Work]) -> Group:
    """Two lines of each: what happened, and the log's last words, as far as they fit."""
    lines = [Text("\nFailed in the last try", style="bold")]
    for one in works[:MAX_ROWS]:
        assert one.failure is not None
        line = Text(f"{_stage(one.job.stage)}  {one.job.name}  try {one.num_tries}, now ")
        line.append(one.state, style=COLOURS[one.state])
        lines.append(line.append(f": {one.failure.cause.name}"))
        if one.failure.lines:
            lines.append(Text(f"    {one.failure.lines[-1]}", no_wrap=True, overflow="ellipsis"))
    if len(works) > MAX_ROWS:
        lines.append(Text(f"and {len(works) - MAX_ROWS} more"))
    return Group(*lines)


def _table(title: str, *columns: str) -> Table:
    """What is too wide wraps in its own column; all others stay whole."""
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None)
    table.pad_edge = False
    for column in columns:
        is_text = column in ("stage", "cell", "what", "now at", "job")
        is_name = column in ("cell", "what")
        table.add_column(
            column,
            justify="left" if is_text else "right",
            no_wrap=not is_name,
            overflow="fold" if is_name else "ellipsis",
        )
    return table


def _stage(name: str) -> str:
    """As a profile names it."""
    return name.replace(" ", "_")


def _number(number: int, state: State) -> Text:
    return Text(f"{number:,}" if number else "", style=COLOURS[state])


def _bar(done: int, total: int) -> Text:
    filled = BAR * done // max(total, 1)
    return Text("█" * filled, style="green").append("·" * (BAR - filled), style="dim")


def _update(update: int, budget: int) -> str:
    return f"{update}/{budget} {update / max(budget, 1):4.0%}"


def record(status: Status) -> dict[str, Any]:
    """The same, whole, for a program."""
    runner = status.runner
    return {
        "name": status.name,
        "run_by": vars(runner) if runner else None,
        "jobs": {state: status.count()[state] for state in STATES},
        "stages": {
            stage: {state: status.count(works)[state] for state in STATES}
            for stage, works in status.stages.items()
        },
        "cells": {
            cell: {state: status.count(works)[state] for state in STATES}
            for cell, works in status.by_cell.items()
        },
        "at_work": [
            {
                "stage": one.job.stage,
                "name": one.job.name,
                "host": one.owner.host if one.owner else None,
                "slurm_job": (one.owner.slurm_job or None) if one.owner else None,
                "training": vars(one.training) if one.training else None,
            }
            for one in status.of_state("running")
        ],
        "failed": [
            {
                "stage": one.job.stage,
                "name": one.job.name,
                "state": one.state,
                "tries": one.num_tries,
                "exit_code": one.failure.tries.code,
                "cause": one.failure.cause.name,
                "log": str(one.failure.tries.log),
                "last_lines": list(one.failure.lines),
            }
            for one in status.works
            if one.failure is not None
        ],
    }
