"""Tables of averages from metrics.csv."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from xmod.analysis.averages import RECORD_COLUMNS, average
from xmod.analysis.names import seeds_of
from xmod.analysis.records import DataError, GridPoints
from xmod.analysis.selection import SEEDS, select, varying
from xmod.analysis.tables.labels import COUNTS, Key, align, heading, in_order, value_name
from xmod.analysis.tables.render import Cell, Column, Span, Table, plain
from xmod.analysis.tables.spec import MetricColumn, MetricTableSpec
from xmod.config_errors import suggest
from xmod.languages import LanguageTable

ABSENT = "-"
NUMBERS = ("value", "low", "high", "num_averaged", "num_seeds", "num_seeds_due", "seeds_of")


def metric_table(
    frame: pd.DataFrame, grid: GridPoints, table: LanguageTable, spec: MetricTableSpec
) -> Table:
    """Average and lay out; a cell that is not complete is absent, and counted in a note.

    Raises DataError where the declaration names what the data do not have.
    """
    _refuse_unknown_columns(grid, spec)
    wanted = spec.model_copy(update={"metric": tuple(column.metric for column in spec.columns)})
    selected = select(frame, grid, table, wanted, over=spec.average_over)
    rows = selected.complete
    axes = [axis for axis in grid.axis_columns if axis not in SEEDS]
    given = dict.fromkeys([*spec.rows, *spec.average_over, *RECORD_COLUMNS])
    keys = [*spec.rows, *varying(rows, axes, given=given)]
    data = average(rows, by=[*keys, "metric"], over=spec.average_over, mean=spec.mean)
    numbers = {
        (*(str(row[key]) for key in keys), str(row["metric"])): row
        for row in data.to_dict("records")
    }
    order = in_order((key[:-1] for key in numbers), keys, table)
    return Table(
        columns=(
            *(Column(label=heading(key), align=align(key)) for key in keys),
            *(Column(label=column.label, align="right") for column in spec.columns),
        ),
        rows=tuple(_row(key, keys, numbers, order, spec, table) for key in order),
        record_columns=(*keys, "metric", *NUMBERS),
        records=tuple(
            (*key, column.metric, *_numbers(numbers[*key, column.metric]))
            for key in order
            for column in spec.columns
            if (*key, column.metric) in numbers
        ),
        rules=tuple(i for i, key in enumerate(order) if i and key[0] != order[i - 1][0]),
        notes=_notes(selected.num_complete, selected.num_cells, data),
    )


def _refuse_unknown_columns(grid: GridPoints, spec: MetricTableSpec) -> None:
    legal = [*grid.axis_columns, *COUNTS, *RECORD_COLUMNS, "seed"]
    named = [("rows", column) for column in spec.rows]
    named += [("average_over", column) for column in spec.average_over]
    named += [("compare", spec.compare)] if spec.compare else []
    for key, column in named:
        if column not in legal:
            raise DataError(f"{key}: {column!r} is no column; {suggest(column, legal)}")
    if spec.compare and spec.compare not in spec.rows:
        raise DataError(f"compare: {spec.compare!r}; {suggest(spec.compare, list(spec.rows))}")


def _row(
    key: Key,
    keys: Sequence[str],
    numbers: dict[Key, dict[Hashable, Any]],
    order: Sequence[Key],
    spec: MetricTableSpec,
    table: LanguageTable,
) -> tuple[Cell, ...]:
    place = list(keys).index(spec.compare) if spec.compare else None
    rivals = [
        other
        for other in order
        if place is not None
        and all(i == place or a == b for i, (a, b) in enumerate(zip(key, other, strict=True)))
    ]
    named = [
        plain(value_name(column, value, table)) for column, value in zip(keys, key, strict=True)
    ]
    return (*named, *(_number_cell(key, column, numbers, rivals) for column in spec.columns))


def _number_cell(
    key: Key,
    column: MetricColumn,
    numbers: dict[Key, dict[Hashable, Any]],
    rivals: Sequence[Key],
) -> Cell:
    """The number, in bold where it is the best of at least two as they are printed."""
    if (*key, column.metric) not in numbers:
        return plain(ABSENT)

    def printed(at: Key) -> str:
        return f"{numbers[*at, column.metric]['value']:,.{column.decimals}f}"

    here = printed(key)
    present = [at for at in rivals if (*at, column.metric) in numbers]
    others = [float(printed(at).replace(",", "")) for at in present]
    best = None
    if column.best and len(others) > 1:
        best = min(others) if column.best == "lowest" else max(others)
    return (Span(text=here, bold=best is not None and float(here.replace(",", "")) == best),)


def _numbers(row: dict[Hashable, Any]) -> tuple[str, ...]:
    values = (repr(float(str(row[name]))) for name in NUMBERS[:3])
    return (*values, *(str(row[name]) for name in NUMBERS[3:]))


def _notes(num_complete: int, num_cells: int, data: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    if num_complete < num_cells:
        notes.append(f"Draft: {num_complete} of {num_cells} cells.")
    seeds = [int(count) for count in data["num_seeds"]]
    due = max((int(count) for count in data["num_seeds_due"]), default=0)
    if due > 1:
        stages = str(data["seeds_of"].iloc[0])
        notes.append(f"Means over {seeds_of(min(seeds), max(seeds), due, stages)}.")
    return tuple(notes)
