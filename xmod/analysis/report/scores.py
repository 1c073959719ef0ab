"""The scores that there are at the moment, aggregated as `xmod.aggregate` does at the end.

Only those of jobs that are done: a stale score is of another configuration. Where not all runs of a
task are there, each cell's setting is chosen among the seeds that every setting has, and called
provisional.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from xmod.analysis.aggregate import read_metrics, tabulate, write_metrics
from xmod.analysis.candidates import RunScores, by_cell, candidates, choose
from xmod.analysis.curves import History, read_history, write_curves
from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.records import DataError, GridPoints, Scores, read_json
from xmod.analysis.report.plan import Plan, TaskPlan
from xmod.analysis.report.state import Job, Judged
from xmod.analysis.spec import Selection
from xmod.files import sha256_file


@dataclass(frozen=True, kw_only=True)
class LongTable:
    """metrics.csv or curves.csv, as it would be now and as it is."""

    frame: pd.DataFrame
    is_final: bool
    """Whether it is the file below `summary` to the letter."""
    final: pd.DataFrame | None
    """That file, where it fits the grid as it is now."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """All that is drawn from, and what is to be said about it."""

    scores: LongTable
    curves: LongTable
    provisional: frozenset[str]
    """The sets of tasks whose settings are not chosen for good."""
    problems: tuple[str, ...]
    """Files that could not be taken in."""

    def of(self, spec: Selection) -> LongTable:
        """What a figure or table shows."""
        return self.curves if isinstance(spec, FigureSpec) and spec.is_of_curves else self.scores


def gather(plan: Plan, judged: Sequence[Judged]) -> Gathered:
    """Read, choose and join; a file that does not fit is told of and left out."""
    scores: dict[Path, Scores] = {}
    problems: list[str] = []
    provisional: set[str] = set()
    done = [one.job for one in judged if one.state == "done"]
    for path in (Path(job.outputs[0]) for job in done if job.stage == "perplexity"):
        _take(read_one(path, problems), path, plan.grid, into=scores, problems=problems)
    chosen = {job.task: job.outputs for job in done if job.stage == "select"}
    for name, task in plan.tasks.items():
        if name in chosen:
            files = (Path(file) for file in chosen[name] if file.endswith(".json"))
            found = [(path, read_one(path, problems)) for path in files]
        else:
            provisional.update(task.sets)
            outputs = [
                file
                for job in done
                if (job.stage, job.task) == ("evaluate", name)
                for file in job.outputs
                if file.endswith("scores.json")
            ]
            found = _provisional(name, task, outputs, problems)
        for path, one in found:
            _take(one, path, plan.grid, into=scores, problems=problems)
    return Gathered(
        scores=_long_table(
            plan, "metrics.csv", lambda path: write_metrics(path, tabulate(plan.grid, scores))
        ),
        curves=_long_table(
            plan,
            "curves.csv",
            lambda path: write_curves(path, plan.grid, _histories(done, problems)),
        ),
        provisional=frozenset(provisional),
        problems=tuple(problems),
    )


def read_one(path: Path, problems: list[str]) -> Scores | None:
    """A scores file; None, and a problem more, where it cannot be read."""
    try:
        return read_json(path, Scores)
    except (OSError, DataError) as error:
        problems.append(str(error))
        return None


def _take(
    one: Scores | None,
    path: Path,
    grid: GridPoints,
    *,
    into: dict[Path, Scores],
    problems: list[str],
) -> None:
    """Put scores with the others, if the grid has a place for them."""
    if one is None:
        return
    try:
        tabulate(grid, {path: one})
    except DataError as error:
        problems.append(str(error))
    else:
        into[path] = one


def _provisional(
    name: str, task: TaskPlan, files: Iterable[str], problems: list[str]
) -> list[tuple[Path, Scores | None]]:
    """The chosen runs' scores of each cell, of the seeds that all settings were run with."""
    runs = []
    for file in files:
        try:
            runs.append(read_json(Path(file), RunScores))
        except (OSError, DataError) as error:
            problems.append(str(error))
    found: list[tuple[Path, Scores | None]] = []
    due = {(run.learning_rate, run.epochs) for run in task.runs}
    for cell, members in by_cell(runs).items():
        settings: dict[int, set[tuple[float, int]]] = {}
        for run in members:
            settings.setdefault(run.run.seed, set()).add(run.setting)
        whole = [run for run in members if settings[run.run.seed] == due]
        if whole:
            path = Path(f"{name}, cell {cell}")
            try:
                best = choose(candidates(whole, by=task.choice))
            except DataError as error:
                problems.append(str(error))
                continue
            records = itertools.chain(*(run.records for run in best.runs))
            found.append((path, Scores(cell=cell, task=name, records=tuple(records))))
    return found


def _histories(done: Iterable[Job], problems: list[str]) -> dict[str, History]:
    """Pre-trained cell -> its history; a file that is none is told of and left out."""
    found = {}
    for path in (Path(file) for job in done if job.stage == "pretrain" for file in job.outputs):
        if path.name == "history.csv":
            try:
                found[path.parent.name] = read_history(path)
            except (OSError, DataError) as error:
                problems.append(str(error))
    return found


def _long_table(plan: Plan, name: str, write: Callable[[Path], None]) -> LongTable:
    """Write the table aside, read it back and hold it against that of the run."""
    final = plan.root / "summary" / name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        is_final = final.is_file() and sha256_file(final) == sha256_file(path)
        frame = read_metrics(path, plan.grid)
    try:
        before = read_metrics(final, plan.grid) if final.is_file() else None
    except (ValueError, KeyError):
        before = None  # of another grid
    return LongTable(frame=frame, is_final=is_final, final=before)
