"""The one tidy long table, metrics.csv: a row for every number, a column for every axis.

A cell's records appear once at each of its points, so that each experiment is complete in
itself. The rows' order is that of the grid, then of (stage, task, metric, group, language,
seed); it does not depend on the order of the score files. What was not measured is absent.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from xmod.analysis.records import (
    COLUMNS_AFTER_AXES,
    COLUMNS_BEFORE_AXES,
    CURVE_COLUMNS,
    UPDATE,
    DataError,
    GridPoint,
    GridPoints,
    Record,
    Scores,
)
from xmod.cells import UPSTREAM, Cell
from xmod.config_errors import suggest
from xmod.files import write_text_atomic

WHOLE_NUMBERS = ("num_languages", "budget_updates", "seed")

Row = tuple[str, ...]
Measured = tuple[str, str]
"""A task's name under `tasks`, or nothing, and the cell as the stage sees it."""


@dataclass(frozen=True, kw_only=True)
class Tidy:
    """The tidy table as text, and how much of the grid it covers."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    coverage: Mapping[str, tuple[str, ...]]
    """Stage -> the cells that have records of it, in the grid's order."""


def tabulate(grid: GridPoints, scores: Mapping[Path, Scores]) -> Tidy:
    """Join the scores with the grid.

    Raises DataError for a cell that the grid does not have, a language that the cell does not
    have, and a record that is there twice; each names its file.
    """
    records = _by_cell(scores)
    used: set[tuple[Measured, Record]] = set()
    rows: list[Row] = []
    coverage: dict[str, dict[str, None]] = defaultdict(dict)
    for point in grid.points:
        for measured, record in _records_at(point, records):
            used.add((measured, record))
            coverage[record.stage][point.cell] = None
            rows.append(_row(point, record))
    _refuse_unused(grid, scores, used)
    return Tidy(
        columns=(*COLUMNS_BEFORE_AXES, *grid.axis_columns, *COLUMNS_AFTER_AXES),
        rows=tuple(rows),
        coverage={stage: tuple(coverage[stage]) for stage in sorted(coverage)},
    )


def write_metrics(path: Path, tidy: Tidy) -> None:
    """Write the table as CSV, whole or not at all."""
    write_rows(path, tidy.columns, tidy.rows)


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows as CSV, whole or not at all."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text_atomic(path, stream.getvalue())


def read_metrics(path: Path, grid: GridPoints) -> pd.DataFrame:
    """Read metrics.csv: text columns as they are, whole numbers and values as numbers.

    Or curves.csv, which has one more. Raises DataError where its columns are not those of `grid`.
    """
    frame = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8")
    after = CURVE_COLUMNS if UPDATE in frame else COLUMNS_AFTER_AXES
    legal = (*COLUMNS_BEFORE_AXES, *grid.axis_columns, *after)
    if tuple(frame.columns) != legal:
        raise DataError(
            f"{path}: columns are {', '.join(map(str, frame.columns))}; "
            f"legal, as in the grid: {', '.join(legal)}"
        )
    whole = {name: "int64" for name in (*WHOLE_NUMBERS, UPDATE) if name in frame}
    values = [float(text) for text in frame["value"]]
    return frame.astype(whole).assign(value=pd.Series(values, index=frame.index, dtype="float64"))


def summarise(grid: GridPoints, tidy: Tidy) -> str:
    """How much of the grid is there, in words: one line a stage."""
    cells = grid.cells
    lines = [f"{len(tidy.rows)} rows at {len(grid.points)} points"]
    for stage, covered in tidy.coverage.items():
        missing = [cell for cell in cells if cell not in covered]
        tail = f"; missing: {', '.join(missing)}" if missing else ""
        lines.append(f"{stage}: {len(covered)} of {len(cells)} cells{tail}")
    if not tidy.coverage:
        lines.append(f"0 of {len(cells)} cells have scores")
    return "\n".join(lines)


def stage_cell(cell: str, stage: str, task: str) -> str:
    """The id under which `stage` measures `cell`: without overrides that cannot matter to it."""
    seen_by = "evaluate" if stage == "development" else stage
    return Cell.from_id(cell).at(seen_by, task).id if seen_by in UPSTREAM else cell


def _by_cell(scores: Mapping[Path, Scores]) -> dict[Measured, list[Record]]:
    """(task, cell) -> its records; raises DataError where a record is there twice."""
    found: dict[Measured, list[Record]] = defaultdict(list)
    seen: dict[tuple[object, ...], Path] = {}
    for path, file in scores.items():
        for record in file.records:
            key = (file.cell, *_identity(record))
            if key in seen:
                where = " ".join(str(part) for part in key)
                raise DataError(f"{path}: duplicated record: {where}; first in {seen[key]}")
            seen[key] = path
            found[file.task, file.cell].append(record)
    return found


def _identity(record: Record) -> tuple[str, str, str, str, str, int]:
    return (
        *(record.stage, record.task, record.metric),
        *(record.language, record.group, record.seed),
    )


def _records_at(
    point: GridPoint, records: Mapping[Measured, list[Record]]
) -> Iterator[tuple[Measured, Record]]:
    """The records that belong to `point`, in the table's order, each with its file's cell."""
    stages = {(r.stage, task) for (task, _), found in records.items() for r in found}
    order = {iso: index for index, iso in enumerate((*point.languages, *point.added))}
    for stage, task in sorted(stages):
        measured = (task, stage_cell(point.cell, stage, task))
        here = [
            record
            for record in records.get(measured, ())
            if record.stage == stage and record.language in point.languages_of(record.group)
        ]
        here.sort(key=lambda r: (r.task, r.metric, r.group, order[r.language], r.seed))
        yield from ((measured, record) for record in here)


def _row(point: GridPoint, record: Record) -> Row:
    return (
        *(point.experiment, point.cell, *point.position()),
        *(str(point.num_languages), str(point.budget_updates)),
        *(record.stage, record.task, record.metric, record.language, record.group),
        *(str(record.seed), repr(float(record.value))),
    )


def _refuse_unused(
    grid: GridPoints, scores: Mapping[Path, Scores], used: set[tuple[Measured, Record]]
) -> None:
    """Raise DataError for the first record that no point of the grid asks for."""
    for path, file in scores.items():
        known = {
            stage_cell(cell, record.stage, file.task)
            for record in file.records[:1]
            for cell in grid.cells
        } or set(grid.cells)
        if file.cell not in known:
            raise DataError(
                f"{path}: cell {file.cell!r} is not in the grid; "
                f"{suggest(file.cell, sorted(known))}"
            )
        for record in file.records:
            if ((file.task, file.cell), record) not in used:
                raise DataError(
                    f"{path}: {record.language!r} is no {record.group} language "
                    f"of cell {file.cell} at any point of the grid"
                )
