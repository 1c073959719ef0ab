"""Training curves, curves.csv: the columns of metrics.csv and one more, the update.

A row for each row of a pre-training's history.csv, metric and point of the grid. A cell that is
trained on top of another one has no history of its own, and no rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from xmod.analysis.aggregate import stage_cell, write_rows
from xmod.analysis.records import COLUMNS_BEFORE_AXES, CURVE_COLUMNS, DataError, GridPoints
from xmod.measured import CORPUS_TASK, CURVES

STAGE = "pretrain"

Row = tuple[str, ...]
History = tuple[Mapping[str, str], ...]


def write_curves(path: Path, grid: GridPoints, histories: Mapping[str, History]) -> None:
    """Write the curves of pre-trained cells."""
    columns = (*COLUMNS_BEFORE_AXES, *grid.axis_columns, *CURVE_COLUMNS)
    write_rows(path, columns, _rows(grid, histories))


def _rows(grid: GridPoints, histories: Mapping[str, History]) -> Iterator[Row]:
    for point in grid.points:
        place = (
            *(point.experiment, point.cell, *point.position()),
            *(str(point.num_languages), str(point.budget_updates)),
        )
        history = histories.get(stage_cell(point.cell, STAGE, ""), ())
        for metric in CURVES:
            for row in history:
                # Of no language and no group; `seed` is fine-tuning's, as elsewhere.
                told = (STAGE, CORPUS_TASK, metric, "", "", "1", row["update"], row[metric])
                yield (*place, *told)


def read_history(path: Path) -> History:
    """A history as it is; raises DataError where it is none."""
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in ("update", *CURVES) if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path}: is no history of training: no {', '.join(missing)}")
        return tuple(reader)
