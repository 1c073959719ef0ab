"""From metrics.csv to the numbers that a figure shows, one row a drawn point. No plotting here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xmod.analysis.averages import RECORD_COLUMNS, average
from xmod.analysis.figures.spec import FigureSpec, Reference
from xmod.analysis.names import display, is_numeric, ordered
from xmod.analysis.records import UPDATE, DataError, GridPoints
from xmod.analysis.selection import SEEDS, Selected, only_measured, select, varying
from xmod.config_errors import suggest
from xmod.languages import LanguageTable

POINT_COLUMNS = ("num_languages", "budget_updates")


@dataclass(frozen=True, kw_only=True)
class Plotted:
    """All that `draw` draws.

    `frame` has the columns series (the legend's words), the channels' and details' columns, and
    value, low, high, num_averaged, num_seeds, num_seeds_due, seeds_of. A reference has `reference`
    true.
    """

    frame: pd.DataFrame
    values: dict[str, list[str]]
    """Column -> every value it will have once the grid is complete, in display order."""
    details: tuple[str, ...]
    """Axes that vary and that no channel names: shown as line styles."""
    num_cells: int
    num_complete: int

    @property
    def is_draft(self) -> bool:
        return self.num_complete < self.num_cells


def prepare(
    frame: pd.DataFrame, grid: GridPoints, table: LanguageTable, spec: FigureSpec
) -> Plotted:
    """Select, average and order the numbers of a figure.

    Raises DataError where the declaration names a column or a value that the data do not have,
    or leaves open over what is averaged.
    """
    _refuse_unknown_columns(frame, grid, spec)
    selected = select(frame, grid, table, spec, over=spec.average_over)
    rows = selected.complete
    channels = list(dict.fromkeys(spec.channels.values()))
    details = _details(rows, grid, spec)
    by = [*channels, *details]
    data = average(rows, by=by, over=spec.average_over, mean=spec.mean, spread=spec.spread)
    values = {column: _values(column, selected, grid, table, spec) for column in by}
    data = _as_text(data, by).drop(columns="std")
    data.insert(0, "series", _labels(data, spec, details, table))
    references = [
        _reference(reference, frame, grid, table, spec, by=by, positions=values[spec.x])
        for reference in spec.references
        if not (reference.optional and _is_absent(reference, frame, spec))
    ]
    parts = [data.assign(reference=False), *references]
    whole = pd.concat([part for part in parts if not part.empty] or parts[:1], ignore_index=True)
    return Plotted(
        frame=_sorted(whole, by, values),
        values=values,
        details=tuple(details),
        num_cells=selected.num_cells,
        num_complete=selected.num_complete,
    )


def _refuse_unknown_columns(frame: pd.DataFrame, grid: GridPoints, spec: FigureSpec) -> None:
    legal = [*grid.axis_columns, *POINT_COLUMNS, *RECORD_COLUMNS, "seed"]
    legal += [UPDATE] if UPDATE in frame else []
    named = {**spec.channels, **{f"average_over.{c}": c for c in spec.average_over}}
    named |= {f"order.{column}": column for column in spec.order}
    for key, column in named.items():
        if column not in legal:
            raise DataError(f"{key}: {column!r} is no column; {suggest(column, legal)}")


def _details(rows: pd.DataFrame, grid: GridPoints, spec: FigureSpec) -> list[str]:
    axes = [axis for axis in grid.axis_columns if axis not in SEEDS]
    given = dict.fromkeys([*spec.channels.values(), *spec.average_over, *RECORD_COLUMNS])
    return varying(rows, axes, given=given)


def _values(
    column: str, selected: Selected, grid: GridPoints, table: LanguageTable, spec: FigureSpec
) -> list[str]:
    if column in POINT_COLUMNS:
        found = [str(getattr(point, column)) for point in selected.points]
    elif column in grid.axis_columns:
        place = grid.axis_columns.index(column)
        found = [point.position()[place] for point in selected.points]
    elif column == "language" and spec.languages:
        here = {
            iso
            for point in selected.points
            for group in spec.group or ("source",)
            for iso in point.languages_of(group)
        }
        return [iso for iso in spec.languages.isos(table) if iso in here]
    else:
        declared = {"task": spec.task, "metric": spec.metric, "group": spec.group}.get(column, ())
        found = list(declared) or [str(value) for value in selected.frame[column]]
        if column in ("task", "metric"):
            return ordered(column, found, spec.order.get(column, found))
    wanted = table.isos if column == "language" else spec.order.get(column, ())
    return ordered(column, found, wanted)


def _as_text(data: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    return data.assign(**{column: data[column].astype(str) for column in columns})


def _labels(
    data: pd.DataFrame, spec: FigureSpec, details: Sequence[str], table: LanguageTable
) -> list[str]:
    """The legend's words for each row: its hue, its style, and what else tells it apart."""
    columns = list(dict.fromkeys(c for c in (spec.hue, spec.style, *details) if c is not None))
    return [
        ", ".join(display(column, str(row[column]), table) for column in columns)
        for row in data.to_dict("records")
    ]


def _is_absent(reference: Reference, frame: pd.DataFrame, spec: FigureSpec) -> bool:
    """Whether nothing of the baseline is there, or some task that goes into one number lacks it."""
    there = only_measured(frame, reference.of(spec)).task
    return not there or ("task" in spec.average_over and there != spec.task)


def _reference(
    reference: Reference,
    frame: pd.DataFrame,
    grid: GridPoints,
    table: LanguageTable,
    spec: FigureSpec,
    *,
    by: Sequence[str],
    positions: Sequence[str],
) -> pd.DataFrame:
    """The baseline's numbers: averaged like the data, and over everything within a panel.

    Those of another experiment, whose cells lie elsewhere, are one number at all `positions`.
    """
    wanted = reference.of(spec)
    wanted = only_measured(frame, wanted) if reference.optional else wanted
    rows = select(frame, grid, table, wanted, over=spec.average_over).complete
    if reference.exponentiate:
        rows = rows.assign(value=np.exp(rows["value"]))
    panel = [column for column in (spec.row, spec.column, spec.x) if column is not None]
    everywhere = reference.experiment is not None and spec.x not in RECORD_COLUMNS
    if everywhere:
        rows = rows.drop(columns=spec.x).merge(pd.DataFrame({spec.x: positions}), how="cross")
    over = [*spec.average_over, *grid.axis_columns, *RECORD_COLUMNS]
    data = average(rows, by=panel, over=over, mean=spec.mean, spread="none").drop(columns="std")
    data = _as_text(data, panel).assign(series=reference.label, reference=True)
    return data.assign(**{column: "" for column in by if column not in panel})


def _sorted(data: pd.DataFrame, by: Sequence[str], values: dict[str, list[str]]) -> pd.DataFrame:
    """Data before references; then panels, series and positions in display order."""
    places = {column: {value: index for index, value in enumerate(values[column])} for column in by}
    keys = pd.DataFrame(
        {"reference": data["reference"].astype(bool), "series": 0}
        | {column: data[column].map(places[column]).fillna(-1) for column in by[1:]}
        | {"x": data[by[0]].map(places[by[0]])},
        index=data.index,
    )
    front = ["series", *by]
    columns = [*front, *(column for column in data.columns if column not in front)]
    order = keys.sort_values(list(keys.columns), kind="stable").index
    return data.loc[order, columns].reset_index(drop=True)


def is_number_axis(plotted: Plotted, column: str) -> bool:
    """Whether the values of `column` are positions on a number line."""
    return is_numeric(plotted.values[column])
