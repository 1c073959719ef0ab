"""Which rows of metrics.csv a figure or a table shows, and how complete they are.

A run (a cell and a seed) is complete for an average when it has every task and language that some
cell of the grid already has and that it should have too, in every metric that it has at all. So
half-way through nothing is averaged over fewer languages than it says. (A metric may be missing:
the SHARED variant has no wrong module.) A cell is complete when all its runs are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from xmod.analysis.records import DataError, GridPoint, GridPoints, Group, axis_text
from xmod.analysis.spec import Selection, Shown
from xmod.config_errors import suggest
from xmod.evaluated import TASK_STAGES
from xmod.languages import LanguageTable

SEEDS = {"seed": "fine-tuning", "cell.seed": "pre-training"}
"""The columns over which runs differ by chance alone, and the stages whose seeds they are."""
SEEDS_DUE = "seeds_due"
"""A column that `select` adds: how many seeds the cell should have there; 0 where that is open."""
IDENTITY = ("task", "metric", "group", "language")

Identity = tuple[str, str, Group, str]


@dataclass(frozen=True, kw_only=True)
class Selected:
    """The rows of a selection, and how much of the grid they cover."""

    frame: pd.DataFrame
    complete: pd.DataFrame
    """The rows of complete runs only: what may be averaged."""
    points: tuple[GridPoint, ...]
    num_cells: int
    num_complete: int


def select(
    frame: pd.DataFrame,
    grid: GridPoints,
    table: LanguageTable,
    selection: Selection,
    *,
    over: Sequence[str] = (),
) -> Selected:
    """Filter `frame`, to be averaged over the columns of `over`.

    Raises DataError naming the key, the value and the legal choices.
    """
    points = points_of(grid, selection)
    due = grid.seeds(experiment=selection.experiment, stage=selection.stage)
    _refuse_unknown(frame, selection, due)
    rows = _rows(frame, grid, table, selection)
    rows = rows.assign(**{SEEDS_DUE: rows["task"].map(due).fillna(0).astype(int)})
    whole = [point for point in points if _is_whole(point, rows, grid)]
    if any(task in due and task not in set(rows["task"]) for task in selection.task):
        whole = []
    return Selected(
        frame=rows,
        complete=_complete(rows, points, grid, over),
        points=points,
        num_cells=len({point.cell for point in points}),
        num_complete=len({point.cell for point in whole}),
    )


def only_measured(frame: pd.DataFrame, selection: Shown) -> Shown:
    """`selection` with those of its tasks and metrics alone that have any row."""
    rows = frame[frame["experiment"] == selection.experiment]
    rows = rows[(rows["stage"] == selection.stage) & rows["task"].isin(selection.task)]
    rows = rows[rows["metric"].isin(selection.metric)]
    tasks, metrics = set(rows["task"]), set(rows["metric"])
    return selection.model_copy(
        update={
            "task": tuple(task for task in selection.task if task in tasks),
            "metric": tuple(metric for metric in selection.metric if metric in metrics),
        }
    )


def varying(frame: pd.DataFrame, columns: Iterable[str], *, given: Iterable[str]) -> list[str]:
    """Those of `columns` that take several values where all of `given` are equal."""
    keys = [column for column in given if column in frame]
    candidates = [column for column in columns if column not in keys]
    if frame.empty:
        return []
    if not keys:
        return [column for column in candidates if frame[column].nunique() > 1]
    counts = frame.groupby(keys, sort=False)[candidates].nunique()
    return [column for column in candidates if int(counts[column].max()) > 1]


def points_of(grid: GridPoints, selection: Selection) -> tuple[GridPoint, ...]:
    points = grid.of_experiment(selection.experiment)
    for axis, values in selection.where.items():
        if axis not in grid.axes:
            raise DataError(f"where.{axis}: no such axis; {suggest(axis, list(grid.axes))}")
        legal = list(dict.fromkeys(axis_text(point.axes[axis]) for point in points))
        for value in map(axis_text, values):
            if value not in legal:
                raise DataError(
                    f"where.{axis}: {value!r} is no value in experiment "
                    f"{selection.experiment!r}; {suggest(value, legal)}"
                )
    return tuple(
        point
        for point in points
        if all(point.axes[axis] in values for axis, values in selection.where.items())
    )


def _rows(
    frame: pd.DataFrame, grid: GridPoints, table: LanguageTable, selection: Selection
) -> pd.DataFrame:
    allowed: dict[str, tuple[str, ...]] = {
        "experiment": (selection.experiment,),
        "stage": (selection.stage,),
        "task": selection.task,
        "metric": selection.metric,
    }
    if selection.group:
        allowed["group"] = selection.group
    if selection.languages:
        allowed["language"] = selection.languages.isos(table)
    columns = dict(zip(grid.axes, grid.axis_columns, strict=True))
    for axis, values in selection.where.items():
        allowed[columns[axis]] = tuple(map(axis_text, values))
    rows = frame
    for column, values in allowed.items():
        rows = rows[rows[column].isin(values)]
    return rows.reset_index(drop=True)


def _refuse_unknown(frame: pd.DataFrame, selection: Selection, due: Iterable[str]) -> None:
    """Raise DataError for a task or metric that no row of the stage has, nor will have.

    Where the stage of no task has rows yet, or a task none, nothing can be said about it.
    """
    stage = selection.stage
    rows = frame[(frame["stage"] == stage) & (frame["experiment"] == selection.experiment)]
    legal = list(dict.fromkeys([*due, *sorted(rows["task"].drop_duplicates())]))
    for task in selection.task:
        if task not in legal and (legal or stage in TASK_STAGES):
            raise DataError(
                f"task: {task!r} is not in the data of stage {stage!r}, experiment "
                f"{selection.experiment!r}; {_choices(task, legal)}"
            )
    rows = rows[rows["task"].isin(selection.task)]
    metrics = sorted(rows["metric"].drop_duplicates())
    if set(selection.task) <= set(rows["task"]):
        for metric in selection.metric:
            if metric not in metrics:
                raise DataError(
                    f"metric: {metric!r} is not in the data of stage {stage!r}, "
                    f"{', '.join(selection.task)}; {suggest(metric, metrics)}"
                )


def _choices(task: str, legal: Sequence[str]) -> str:
    return suggest(task, legal) if legal else "the configuration evaluates on no task"


def _complete(
    rows: pd.DataFrame, points: Sequence[GridPoint], grid: GridPoints, over: Sequence[str]
) -> pd.DataFrame:
    """The rows of runs that have all that is averaged over `over` in one number."""
    fixed = [column for column in IDENTITY if column not in over]
    seen: dict[tuple[str, ...], list[Identity]] = {}
    for one in _identity(rows):
        seen.setdefault(_at(one, fixed), []).append(one)
    at = {point.position(): point for point in points}
    kept: list[int] = []
    for key, found in rows.groupby([*grid.axis_columns, "seed", *fixed], sort=False):
        point = at[tuple(map(str, key[: len(grid.axes)]))]
        here = set(_identity(found))
        if _due(point, here, seen[tuple(map(str, key[len(grid.axes) + 1 :]))]) <= here:
            kept += [int(index) for index in found.index]
    return rows.loc[sorted(kept)]


def _at(one: Identity, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for column, value in zip(IDENTITY, one, strict=True) if column in columns)


def _identity(rows: pd.DataFrame) -> list[Identity]:
    return list(dict.fromkeys(zip(*(rows[name] for name in IDENTITY), strict=True)))


def _due(point: GridPoint, here: Iterable[Identity], seen: Iterable[Identity]) -> set[Identity]:
    """Every record that is seen anywhere and that `point` should have, which has those `here`."""
    tasks = {task for task, _, _, _ in here}
    metrics = {(task, metric) for task, metric, _, _ in here}
    return {
        (task, metric, group, language)
        for task, metric, group, language in seen
        if language in point.languages_of(group)
        and (task not in tasks or (task, metric) in metrics)
    }


def _is_whole(point: GridPoint, rows: pd.DataFrame, grid: GridPoints) -> bool:
    """Whether `point` has every record that it should have, from every seed."""
    here = rows
    for column, value in zip(grid.axis_columns, point.position(), strict=True):
        here = here[here[column] == value]
    if here.empty or not _due(point, _identity(here), _identity(rows)) <= set(_identity(here)):
        return False
    records = here.groupby(list(IDENTITY)).agg({"seed": "nunique", SEEDS_DUE: "max"})
    most = records.groupby("task")["seed"].transform("max")
    return bool((records["seed"] >= most).all() and (most >= records[SEEDS_DUE]).all())
