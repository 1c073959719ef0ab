"""The numbers of a table with a column a language: of each model, of baselines, of the paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from xmod.analysis.averages import RECORD_COLUMNS, average
from xmod.analysis.published import AVERAGE, Published, published
from xmod.analysis.records import GridPoint, GridPoints
from xmod.analysis.selection import SEEDS, only_measured, select, varying
from xmod.analysis.tables.labels import Key, in_order
from xmod.analysis.tables.spec import Block, ByLanguageSpec
from xmod.languages import LanguageTable


@dataclass(frozen=True, kw_only=True)
class Number:
    """One score: a mean over seeds, or what the paper prints."""

    value: float
    std: float | None = None
    """Over seeds; None where there is one seed, or none is said."""
    num_averaged: int | None = None
    num_seeds: int | None = None
    num_seeds_due: int | None = None
    seeds_of: str = ""
    """The stages whose seeds these are."""
    note: str = ""
    """What a reader must be told about it."""

    @property
    def lacks_seeds(self) -> bool:
        return (self.num_seeds or 0) < (self.num_seeds_due or 0)


Numbers = Mapping[tuple[str, str], Number]
"""(metric, language) -> the number; the language `avg` for the mean over those shown."""


@dataclass(frozen=True, kw_only=True)
class BlockScores:
    """All numbers of a block."""

    block: Block
    models: Mapping[Key, Numbers]
    """In display order; a model that was not measured has no numbers."""
    cells: Mapping[Key, tuple[str, ...]]
    """The cells of each model: several where seeds of pre-training vary."""
    baselines: Mapping[str, Numbers]
    """By label."""
    paper: Mapping[str, Numbers]
    """By cell."""
    is_synthetic: bool
    num_cells: int
    num_complete: int

    @property
    def comparable(self) -> dict[Key, str]:
        """Models of the cells that the paper measured, on the same data -> that cell."""
        if self.is_synthetic:
            return {}
        return {key: ids[0] for key, ids in self.cells.items() if ids[0] in self.paper}


def key_columns(grid: GridPoints, points: Sequence[GridPoint], spec: ByLanguageSpec) -> list[str]:
    """The columns that tell models apart: those of `rows`, then other axes that vary."""
    frame = pd.DataFrame([_values(point, grid) for point in points])
    axes = [axis for axis in grid.axis_columns if axis not in SEEDS]
    return [*spec.rows, *varying(frame, axes, given=spec.rows)]


def block_scores(
    frame: pd.DataFrame, grid: GridPoints, table: LanguageTable, spec: ByLanguageSpec, block: Block
) -> BlockScores:
    """Every number of `block`; raises DataError where it names what the data do not have."""
    asked = of_block(spec, block)
    selected = select(frame, grid, table, asked)
    columns = key_columns(grid, selected.points, spec)
    cells: dict[Key, tuple[str, ...]] = {}
    for point in selected.points:
        values = _values(point, grid)
        key = tuple(values[column] for column in columns)
        cells[key] = tuple(dict.fromkeys((*cells.get(key, ()), point.cell)))
    found = _averages(frame, grid, table, asked, by=columns, over=())
    return BlockScores(
        block=block,
        models={key: found.get(key, {}) for key in in_order(cells, columns, table)},
        cells=cells,
        baselines=_baselines(frame, grid, table, asked),
        paper=_paper(spec, block),
        is_synthetic=any(
            one.synthetic
            for one in grid.sets
            if (one.experiment, one.stage, one.task) == (spec.experiment, spec.stage, block.task)
        ),
        num_cells=selected.num_cells,
        num_complete=selected.num_complete,
    )


def of_block(spec: ByLanguageSpec, block: Block) -> ByLanguageSpec:
    """What one block shows."""
    return spec.model_copy(update={"task": (block.task,), "metric": block.metric})


def _values(point: GridPoint, grid: GridPoints) -> dict[str, str]:
    """What the columns of metrics.csv that may name a row say of `point`."""
    axes = dict(zip(grid.axis_columns, point.position(), strict=True))
    counts = (("num_languages", point.num_languages), ("budget_updates", point.budget_updates))
    return axes | {name: str(value) for name, value in counts}


def _averages(
    frame: pd.DataFrame,
    grid: GridPoints,
    table: LanguageTable,
    asked: ByLanguageSpec,
    *,
    by: Sequence[str],
    over: Sequence[str],
) -> dict[Key, dict[tuple[str, str], Number]]:
    """Each language's number, and the mean over languages, of each combination of `by`."""
    found: dict[Key, dict[tuple[str, str], Number]] = {}
    each = select(frame, grid, table, asked).complete
    whole = select(frame, grid, table, asked, over=["language"]).complete
    single = average(each, by=[*by, "metric", "language"], over=over)
    means = average(whole, by=[*by, "metric"], over=["language", *over])
    for row in (*single.to_dict("records"), *means.assign(language=AVERAGE).to_dict("records")):
        key = tuple(str(row[column]) for column in by)
        std = float(row["std"])
        found.setdefault(key, {})[str(row["metric"]), str(row["language"])] = Number(
            value=float(row["value"]),
            std=None if math.isnan(std) else std,
            num_averaged=int(row["num_averaged"]),
            num_seeds=int(row["num_seeds"]),
            num_seeds_due=int(row["num_seeds_due"]),
            seeds_of=str(row["seeds_of"]),
        )
    return found


def _baselines(
    frame: pd.DataFrame, grid: GridPoints, table: LanguageTable, asked: ByLanguageSpec
) -> dict[str, Numbers]:
    """The means of each baseline that was measured, over all cells."""
    over = [*grid.axis_columns, *(name for name in RECORD_COLUMNS if name != "metric")]
    found: dict[str, Numbers] = {}
    for baseline in asked.baselines:
        wanted = only_measured(frame, baseline.of(asked))
        if wanted.metric:
            averages = _averages(frame, grid, table, wanted, by=(), over=over)
            found[baseline.label] = averages.get((), {})
    return found


def _paper(spec: ByLanguageSpec, block: Block) -> dict[str, Numbers]:
    """Cell -> what the paper's table prints for it."""
    found: dict[str, dict[tuple[str, str], Number]] = {}
    for one in published():
        if (one.table, one.task) == (spec.published, block.task) and one.metric in block.metric:
            found.setdefault(one.cell, {})[one.metric, one.language] = _printed(one)
    return dict(found)


def _printed(one: Published) -> Number:
    return Number(value=one.value, note=one.slip or "")
