"""How a table is declared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xmod.analysis.spec import Baseline, Mean, Names, Selection
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
    metric: Names = ()
    """Left empty: the columns name the metrics."""
    rows: tuple[str, ...] = Field(min_length=1)
    columns: tuple[MetricColumn, ...] = Field(min_length=1)
    average_over: Names = ()
    mean: Mean = "arithmetic"
    compare: str | None = None
    """Rows that differ in this column only are compared for `best`."""


class Block(Section):
    """The rows of one set, in a table of languages."""

    task: str
    metric: Names = Field(min_length=1)
    """Several are set side by side: 80.1 / 66.9."""
    label: str
    optional: bool = False
    """Left out where nothing of these metrics was measured, instead of an error."""


class ByLanguageSpec(Selection):
    """A table with a column a language, as the paper prints its scores: the models of each block.

    A model is a combination of the `rows` columns; axes that vary and that `rows` does not name
    become further columns on the left. Below a model's means stand their standard deviations
    over seeds, and what the paper prints for the same cell; the paper's numbers for other cells
    come last, under those cells' ids.
    """

    kind: Literal["by_language"]
    task: Names = ()
    metric: Names = ()
    """Both left empty: the blocks name them."""
    blocks: tuple[Block, ...] = Field(min_length=1)
    rows: tuple[str, ...] = Field(default=("variant",), min_length=1)
    decimals: int = Field(default=1, ge=0, le=6)
    best: Literal["lowest", "highest"] = "highest"
    """The best model of each block and language is set in bold, and all that print alike."""
    baselines: tuple[Baseline, ...] = ()
    """Rows below a block's models, over all of which they are averaged; left out where nothing was
    measured."""
    published: Literal[2, 3, 5, 6, 7, 8] | None = None
    """The table of the paper whose numbers are shown."""

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(block.task for block in self.blocks))


TableSpec = Annotated[
    LanguageTableSpec | MetricTableSpec | ByLanguageSpec, Field(discriminator="kind")
]
