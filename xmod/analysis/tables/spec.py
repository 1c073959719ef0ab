"""How a table is declared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xmod.analysis.spec import Mean, Names, Selection
from xmod.config_section import Section


class LanguageTableSpec(Section):
    """A table that languages.tsv answers by itself.

    `language_sets`: X-MOD table 1; `swapped_models`: table 4; `all_languages`: table 9.
    """

    kind: Literal["language_sets", "swapped_models", "all_languages"]
    title: str
    caption: str


class MetricColumn(Section):
    """One column of numbers."""

    metric: str
    label: str
    decimals: int = Field(default=2, ge=0, le=6)
    best: Literal["lowest", "highest"] | None = None
    """Set the best of each group of rows in bold."""


class MetricTableSpec(Selection):
    """A table of averages from metrics.csv: a row for each combination of the `rows` columns.

    Axes that vary and that `rows` does not name become further columns on the left.
    """

    kind: Literal["metrics"]
    title: str
    caption: str
    metric: Names = ()
    """Left empty: the columns name the metrics."""
    rows: tuple[str, ...] = Field(min_length=1)
    columns: tuple[MetricColumn, ...] = Field(min_length=1)
    average_over: Names = ()
    mean: Mean = "arithmetic"
    compare: str | None = None
    """Rows that differ in this column only are compared for `best`."""


TableSpec = Annotated[LanguageTableSpec | MetricTableSpec, Field(discriminator="kind")]
