"""Which rows of metrics.csv a figure or a table shows, and how complete they are.

A cell is complete for a selection when it has every task and language that some cell of the
grid already has and that it should have too, in every metric that it has at all. So half-way
through a run nothing is averaged over fewer languages than it says. (A metric may be missing:
the SHARED variant has no wrong module.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from xmod.analysis.records import DataError, GridPoint, GridPoints, Group, axis_text
from xmod.analysis.spec import Selection
from xmod.config_errors import suggest
from xmod.languages import LanguageTable

SEEDS = ("seed", "cell.seed")
"""The columns over which runs differ by chance alone: fine-tuning's, pre-training's."""


@dataclass(frozen=True, kw_only=True)
class Selected:
    """The rows of a selection, and how much of the grid they cover."""

    frame: pd.DataFrame
    complete: pd.DataFrame
    """The rows of complete points only: what may be averaged over languages."""
    points: tuple[GridPoint, ...]
    num_cells: int
    num_complete: int


def select(
    frame: pd.DataFrame, grid: GridPoints, table: LanguageTable, selection: Selection
) -> Selected:
    """Filter `frame`; raises DataError naming the key, the value and the legal choices."""
    points = _points(grid, selection)
    rows = _rows(frame, grid, table, selection)
    at_point = {position: set(_identity(found)) for position, found in _by_position(rows, grid)}
    whole = [point for point in points if _is_whole(point, at_point, _identity(rows))]
    keep = {point.position() for point in whole}
    positions = pd.Series(
        [position in keep for position in _positions(rows, grid)], index=rows.index, dtype=bool
    )
    return Selected(
        frame=rows,
        complete=rows[positions],
        points=points,
        num_cells=len({point.cell for point in points}),
        num_complete=len({point.cell for point in whole}),
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


def _points(grid: GridPoints, selection: Selection) -> tuple[GridPoint, ...]:
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
    _refuse_unknown(frame, allowed)
    rows = frame
    for column, values in allowed.items():
        rows = rows[rows[column].isin(values)]
    return rows.reset_index(drop=True)


def _refuse_unknown(frame: pd.DataFrame, allowed: dict[str, tuple[str, ...]]) -> None:
    """Raise DataError for a task or metric that no row of the stage has.

    Where the stage has no rows yet, or the task none, nothing can be said about it.
    """
    stages = list(frame["stage"].drop_duplicates())
    rows = frame[frame["stage"].isin(allowed["stage"])]
    for column in ("task", "metric"):
        legal = sorted(rows[column].drop_duplicates())
        for value in allowed[column]:
            if legal and value not in legal:
                raise DataError(
                    f"{column}: {value!r} is not in the data of stage {allowed['stage'][0]!r} "
                    f"(of {', '.join(stages)}); {suggest(value, legal)}"
                )
        rows = rows[rows[column].isin(allowed[column])]


def _positions(rows: pd.DataFrame, grid: GridPoints) -> list[tuple[str, ...]]:
    return list(zip(*(rows[column] for column in grid.axis_columns), strict=True))


def _by_position(
    rows: pd.DataFrame, grid: GridPoints
) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    if rows.empty:
        return []
    return [
        (tuple(map(str, position)), found)
        for position, found in rows.groupby(list(grid.axis_columns), sort=False)
    ]


def _identity(rows: pd.DataFrame) -> list[tuple[str, str, Group, str]]:
    columns = (rows[name] for name in ("task", "metric", "group", "language"))
    return list(dict.fromkeys(zip(*columns, strict=True)))


def _is_whole(
    point: GridPoint,
    at_point: dict[tuple[str, ...], set[tuple[str, str, Group, str]]],
    seen: Iterable[tuple[str, str, Group, str]],
) -> bool:
    """Whether `point` has every record that is seen anywhere and that it should have."""
    here = at_point.get(point.position(), set())
    tasks = {task for task, _, _, _ in here}
    metrics = {(task, metric) for task, metric, _, _ in here}
    due = {
        (task, metric, group, language)
        for task, metric, group, language in seen
        if language in point.languages_of(group)
        and (task not in tasks or (task, metric) in metrics)
    }
    return bool(here) and due <= here
