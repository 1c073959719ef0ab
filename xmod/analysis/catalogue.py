"""config/figures.yaml: every figure and table that is declared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import Field, ValidationError

from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.records import COLUMNS_AFTER_AXES, COLUMNS_BEFORE_AXES, axis_column
from xmod.analysis.tables.spec import TableSpec
from xmod.config import Section
from xmod.config_errors import ConfigError, explain, suggest

Declared = TypeVar("Declared")


class Catalogue(Section):
    """Name -> declaration."""

    figures: dict[str, FigureSpec] = Field(default_factory=dict)
    tables: dict[str, TableSpec] = Field(default_factory=dict)

    def figure(self, name: str) -> FigureSpec:
        """The figure called `name`; raises ConfigError with the legal names."""
        return _named(self.figures, "figure", name)

    def table(self, name: str) -> TableSpec:
        """The table called `name`; raises ConfigError with the legal names."""
        return _named(self.tables, "table", name)

    def check_channels(self, name: str, axes: Sequence[str]) -> None:
        """Raise ConfigError unless each channel of a figure is a column that the grid will have."""
        spec = self.figure(name)
        columns = [*COLUMNS_BEFORE_AXES, *map(axis_column, axes), *COLUMNS_AFTER_AXES]
        for channel in ("x", "hue", "style", "row", "column"):
            column = getattr(spec, channel)
            if column is not None and column not in columns:
                raise ConfigError(
                    f"figures.{name}.{channel}: {column!r} is no column; {suggest(column, columns)}"
                )


def read_catalogue(path: Path) -> Catalogue:
    """Read the declarations; raises ConfigError naming key, value and legal choices."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is no YAML: {error}") from error
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
