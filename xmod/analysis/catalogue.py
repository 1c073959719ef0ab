"""config/figures.yaml: every figure and table that is declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from xmod.analysis.figures.spec import ArchitectureSpec, FigureSpec
from xmod.analysis.records import COLUMNS_AFTER_AXES, UPDATE, axis_column, axis_text
from xmod.analysis.shown_metrics import check_shown
from xmod.analysis.spec import Selection, with_synthetic_note
from xmod.analysis.tables.spec import LanguageTableSpec, MetricTableSpec, TableSpec
from xmod.config_errors import ConfigError, explain, suggest
from xmod.config_section import AxisValue, Section
from xmod.evaluated import EvaluatedSet
from xmod.languages import LanguageTable
from xmod.measured import Measured
from xmod.strict_yaml import read_yaml

Declared = TypeVar("Declared")
Points = Mapping[str, Sequence[Mapping[str, AxisValue]]]
"""Experiment -> its points' values on every axis."""
Sets = Sequence[EvaluatedSet]
"""What the experiments are evaluated on."""


class Catalogue(Section):
    """Name -> declaration."""

    figures: dict[str, FigureSpec] = Field(default_factory=dict)
    architectures: dict[str, ArchitectureSpec] = Field(default_factory=dict)
    """Figures too, with names of their own."""
    tables: dict[str, TableSpec] = Field(default_factory=dict)

    def figure(self, name: str) -> FigureSpec:
        """The figure called `name`; raises ConfigError with the legal names."""
        return _named(self.figures, "figure", name)

    def architecture(self, name: str) -> ArchitectureSpec:
        """The figure of the architecture called `name`; raises ConfigError with the legal names."""
        return _named(self.architectures, "figure", name)

    @property
    def figure_names(self) -> list[str]:
        """All that `figures` of a configuration may name."""
        return [*self.architectures, *self.figures]

    def table(self, name: str) -> TableSpec:
        """The table called `name`; raises ConfigError with the legal names."""
        return _named(self.tables, "table", name)

    def check_figure(
        self, name: str, points: Points, table: LanguageTable, measured: Sequence[Measured]
    ) -> None:
        """Raise ConfigError where a figure names what the grid will not have.

        `measured` is what the experiments will have scores of.
        """
        if name in self.architectures:
            _check_architecture(self.architectures[name], f"architectures.{name}", points)
            return
        spec, where = self.figure(name), f"figures.{name}"
        _check_selection(spec, where, points, table)
        named = [*spec.channels.items(), *(("average_over", one) for one in spec.average_over)]
        named += [("order", column) for column in spec.order]
        _check_curves(spec, where)
        _check_columns([one for one in named if one != ("x", UPDATE)], where, points)
        _check_baselines(spec, where, points)
        check_shown(spec, where, measured)

    def check_table(
        self, name: str, points: Points, table: LanguageTable, measured: Sequence[Measured]
    ) -> None:
        """The same for a table of metrics; those of languages name nothing of the grid."""
        spec, where = self.table(name), f"tables.{name}"
        if isinstance(spec, LanguageTableSpec):
            return
        if spec.stage == "pretrain":
            raise ConfigError(
                f"{where}.stage: 'pretrain' is of curves, which figures show; legal: perplexity, "
                "evaluate, development"
            )
        _check_selection(spec, where, points, table)
        named = [("rows", column) for column in spec.rows]
        if isinstance(spec, MetricTableSpec):
            named += [("average_over", column) for column in spec.average_over]
        _check_columns(named, where, points)
        compare = spec.compare if isinstance(spec, MetricTableSpec) else None
        if compare and compare not in spec.rows:
            choices = suggest(compare, spec.rows)
            raise ConfigError(f"{where}.compare: {compare!r} is not in rows; {choices}")
        check_shown(spec, where, measured)

    def captions(self, figures: Sequence[str], tables: Sequence[str], sets: Sets = ()) -> str:
        """A Markdown page of `figures` and `tables`, to lie in the figures' folder."""
        pictures = [
            self.architectures.get(name) or with_synthetic_note(self.figure(name), sets)
            for name in figures
        ]
        shown = [
            f"## {name}: {spec.title}\n\n![{name}]({name}.png)\n\n{spec.caption}\n\n"
            f"[PDF]({name}.pdf), [the numbers]({name}.csv)"
            for name, spec in zip(figures, pictures, strict=True)
        ]
        listed = [
            f"- [{name}](../tables/{name}.md): {_title(spec, sets)}"
            for name, spec in zip(tables, map(self.table, tables), strict=True)
        ]
        rest = ["## Tables\n\n" + "\n".join(listed)] if listed else []
        return "\n\n".join(["# Figures and tables", *shown, *rest])


def read_catalogue(path: Path) -> Catalogue:
    """Read the declarations; raises ConfigError naming key, value and legal choices."""
    if not path.is_file():
        raise ConfigError(f"catalogue: no file {str(path)!r}")
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: legal: the keys figures and tables")
    try:
        return Catalogue.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(explain(error, Catalogue, str(path))) from error


def _named(declared: dict[str, Declared], kind: str, name: str) -> Declared:
    if name not in declared:
        raise ConfigError(f"{kind}: {name!r} is not declared; {suggest(name, sorted(declared))}")
    return declared[name]


def _title(spec: TableSpec, sets: Sets) -> str:
    noted = spec if isinstance(spec, LanguageTableSpec) else with_synthetic_note(spec, sets)
    return noted.title


def _check_selection(spec: Selection, where: str, points: Points, table: LanguageTable) -> None:
    _check_experiment(spec.experiment, where, points)
    if spec.languages is not None:
        try:
            spec.languages.isos(table)
        except ValueError as error:
            raise ConfigError(f"{where}.languages: {error}") from error
    _check_where(spec, where, points[spec.experiment])


def _check_architecture(spec: ArchitectureSpec, where: str, points: Points) -> None:
    _check_experiment(spec.experiment, where, points)
    here = points[spec.experiment]
    _check_where(spec, where, here)
    for variant in spec.variants:
        if not any(spec.fits(axes, variant) for axes in here):
            raise ConfigError(
                f"{where}: no cell of variant {variant!r} in experiment {spec.experiment!r} has "
                f"all of {spec.where}"
            )


def _check_experiment(experiment: str, where: str, points: Points) -> None:
    if experiment not in points:
        choices = suggest(experiment, list(points))
        raise ConfigError(f"{where}.experiment: the configuration has no {experiment!r}; {choices}")


def _check_baselines(spec: FigureSpec, where: str, points: Points) -> None:
    """Raise ConfigError for a baseline of an experiment that is not there, unless optional."""
    for number, reference in enumerate(spec.references):
        if reference.experiment is not None and not reference.optional:
            _check_experiment(reference.experiment, f"{where}.references.{number}", points)


def _check_where(
    spec: Selection | ArchitectureSpec, where: str, here: Sequence[Mapping[str, AxisValue]]
) -> None:
    """Raise ConfigError for an axis, or a value on it, that no point of the experiment has."""
    for axis, values in spec.where.items():
        if axis not in here[0]:
            raise ConfigError(f"{where}.where: no axis {axis!r}; {suggest(axis, list(here[0]))}")
        legal = list(dict.fromkeys(axis_text(point[axis]) for point in here))
        for value in map(axis_text, values):
            if value not in legal:
                raise ConfigError(
                    f"{where}.where.{axis}: no cell of experiment {spec.experiment!r} has "
                    f"{value!r}; {suggest(value, legal)}"
                )


def _check_curves(spec: FigureSpec, where: str) -> None:
    """Raise ConfigError where the stage and the horizontal axis do not agree on what is shown."""
    if (spec.stage == "pretrain") != spec.is_of_curves:
        raise ConfigError(
            f"{where}: stage pretrain and x {UPDATE} go together, as curves along pre-training; "
            f"it has stage {spec.stage} and x {spec.x}"
        )


def _check_columns(named: Iterable[tuple[str, str]], where: str, points: Points) -> None:
    """Raise ConfigError for a column that rows of metrics.csv are not told apart by."""
    axes = next(iter(points.values()))[0]
    further = [column for column in COLUMNS_AFTER_AXES if column not in ("stage", "value")]
    columns = [*map(axis_column, axes), *further]
    for key, column in named:
        if column not in columns:
            raise ConfigError(f"{where}.{key}: {column!r} is no column; {suggest(column, columns)}")
