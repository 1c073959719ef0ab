"""What analysis reads: the grid's points (grid.json) and the scores of its cells.

Both are written by code and checked here on the way in: a wrong key, a value that is not a
finite number or a broken file is a `DataError` that names the file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import ConfigDict, FiniteFloat, ValidationError, model_validator

from xmod.config_errors import explain, suggest
from xmod.config_section import AxisValue, Section
from xmod.evaluated import EvaluatedSet

Group = Literal["source", "pretrained", "added"]
GROUPS: tuple[Group, ...] = get_args(Group)
COLUMNS_BEFORE_AXES = ("experiment", "cell")
COLUMNS_AFTER_AXES = (
    *("num_languages", "budget_updates", "stage", "task", "metric"),
    *("language", "group", "seed", "value"),
)
UPDATE = "update"
CURVE_COLUMNS = (*COLUMNS_AFTER_AXES[:-1], UPDATE, "value")
"""Of curves.csv, which is metrics.csv's sibling for what is measured along training."""

AnySection = TypeVar("AnySection", bound=Section)


class DataError(ValueError):
    """A result file, or a question asked of the results, that does not fit the grid."""


class Record(Section):
    """One number: a metric of one cell in one language."""

    stage: str
    task: str
    metric: str
    language: str
    group: Group
    seed: int
    value: FiniteFloat


class Scores(Section):
    """A scores file: the records that one job measured on one cell."""

    cell: str
    task: str = ""
    """The task's name under `tasks`, which decides how the stage sees cells; empty for none."""
    records: tuple[Record, ...]


class GridPoint(Section):
    """One point of an experiment: where it lies on the axes, and the cell that answers it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    experiment: str
    cell: str
    axes: dict[str, AxisValue]
    budget_updates: int
    num_languages: int
    languages: tuple[str, ...]
    """The pre-trained languages."""
    added: tuple[str, ...]

    def position(self) -> tuple[str, ...]:
        """The point's value on every axis, as `metrics.csv` spells it."""
        return tuple(axis_text(value) for value in self.axes.values())

    def languages_of(self, group: Group) -> tuple[str, ...]:
        """The languages that records of `group` can have at this point."""
        if group == "pretrained":
            return self.languages
        return self.added if group == "added" else (*self.languages, *self.added)


class GridPoints(Section):
    """grid.json: every point of every experiment, and what these are evaluated on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    axes: tuple[str, ...]
    points: tuple[GridPoint, ...]
    sets: tuple[EvaluatedSet, ...] = ()
    """What the experiments' cells are evaluated on; none where there are no tasks."""

    @model_validator(mode="after")
    def _points_lie_on_every_axis(self) -> GridPoints:
        for point in self.points:
            if tuple(point.axes) != self.axes:
                raise ValueError(
                    f"point {point.cell} of {point.experiment} has axes {', '.join(point.axes)}; "
                    f"legal: {', '.join(self.axes)}, in this order"
                )
        return self

    @property
    def cells(self) -> tuple[str, ...]:
        """The distinct cells, in the order of the points."""
        return tuple(dict.fromkeys(point.cell for point in self.points))

    @property
    def axis_columns(self) -> tuple[str, ...]:
        """The axes as columns of metrics.csv, in order."""
        return tuple(axis_column(axis) for axis in self.axes)

    def of_experiment(self, experiment: str) -> tuple[GridPoint, ...]:
        """The points of one experiment; raises DataError with the legal names."""
        points = tuple(point for point in self.points if point.experiment == experiment)
        if not points:
            choices = list(dict.fromkeys(point.experiment for point in self.points))
            raise DataError(
                f"experiment: {experiment!r} is not in the grid; {suggest(experiment, choices)}"
            )
        return points

    def seeds(self, *, experiment: str, stage: str) -> dict[str, int]:
        """Set -> the seeds that there should be; sets of tasks only."""
        return {
            one.task: one.seeds
            for one in self.sets
            if (one.experiment, one.stage) == (experiment, stage)
        }


def axis_column(axis: str) -> str:
    """The column of an axis: its name, or `cell.<name>` where a fixed column has that name.

    So the axis `seed` (of pre-training) is `cell.seed`, beside `seed`, which is the record's.
    """
    fixed = axis in (*COLUMNS_BEFORE_AXES, *COLUMNS_AFTER_AXES)
    return f"cell.{axis}" if fixed else axis


def axis_text(value: AxisValue) -> str:
    """An axis value as metrics.csv spells it: words as they are, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def read_grid(path: Path) -> GridPoints:
    """Read grid.json; raises DataError where it does not fit."""
    return read_json(path, GridPoints)


def read_scores(paths: Sequence[Path]) -> dict[Path, Scores]:
    """Read score files; raises DataError at the first that does not fit."""
    return {path: read_json(path, Scores) for path in paths}


def read_json(path: Path, kind: type[AnySection]) -> AnySection:
    """Read a JSON file; raises DataError, naming it, where it does not fit."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is no JSON: {error}") from error
    if not isinstance(raw, dict):
        raise DataError(f"{path}: holds {type(raw).__name__}; legal: an object")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise DataError(explain(error, kind, str(path))) from error
