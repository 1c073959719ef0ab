"""What a figure and a table declare alike: which rows of metrics.csv, and how they are averaged.

No pandas here: whoever checks declarations, such as the Snakefile, starts without it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from xmod.analysis.records import Group
from xmod.config_section import AxisValue, Section
from xmod.languages import LanguageTable

Mean = Literal["arithmetic", "geometric"]
Spread = Literal["std", "range", "none"]


def _as_tuple(value: object) -> object:
    """One value stands for a list of one."""
    return (value,) if isinstance(value, str | int | float | bool) or value is None else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Groups = Annotated[tuple[Group, ...], BeforeValidator(_as_tuple)]
AxisValues = Annotated[tuple[AxisValue, ...], BeforeValidator(_as_tuple)]


class LanguageFilter(Section):
    """Languages by the name of a built-in set, or one by one."""

    set: str | None = None
    only: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> LanguageFilter:
        if (self.set is None) == (self.only is None):
            raise ValueError("languages: give exactly one of set and only")
        return self

    def isos(self, table: LanguageTable) -> tuple[str, ...]:
        """The languages meant; raises ValueError for one, or a set, that is not there."""
        if self.set is not None:
            return table.language_set(self.set)
        return tuple(table[iso].iso for iso in self.only or ())


class Selection(Section):
    """A filter of metrics.csv."""

    experiment: str
    stage: str
    task: Names
    metric: Names
    group: Groups = ()
    """Language groups; none given means all."""
    languages: LanguageFilter | None = None
    where: dict[str, AxisValues] = Field(default_factory=dict)
    """Axis -> the values on it that are shown; axes not named are shown whole."""
