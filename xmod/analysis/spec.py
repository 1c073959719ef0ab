"""What a figure and a table declare alike: which rows of metrics.csv, and how they are averaged.

No pandas here: whoever checks declarations, such as the Snakefile, starts without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from xmod.analysis.names import NAMES, listed
from xmod.analysis.records import Group
from xmod.config_section import AxisValue, Section
from xmod.evaluated import EvaluatedSet
from xmod.languages import LanguageTable

Shown = TypeVar("Shown", bound="Selection")
Mean = Literal["arithmetic", "geometric"]
Spread = Literal["std", "range", "none"]
Stage = Literal["pretrain", "perplexity", "evaluate", "development"]
"""Those of metrics.csv and, of curves, `pretrain`."""


def _as_tuple(value: object) -> object:
    """One value stands for a list of one."""
    return (value,) if isinstance(value, str | int | float | bool) or value is None else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Groups = Annotated[tuple[Group, ...], BeforeValidator(_as_tuple)]
AxisValues = Annotated[tuple[AxisValue, ...], BeforeValidator(_as_tuple)]


class LanguageFilter(Section):
    """Languages by the name of a built-in set, or one by one."""

    set: str | None = None
    with_added: bool = False
    """With the languages that are added to models of the set."""
    only: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> LanguageFilter:
        if (self.set is None) == (self.only is None):
            raise ValueError("languages: give exactly one of set and only")
        if self.with_added and self.set is None:
            raise ValueError("languages: with_added is for a set")
        return self

    def isos(self, table: LanguageTable) -> tuple[str, ...]:
        """The languages meant; raises ValueError for one, or a set, that is not there."""
        if self.set is not None:
            added = table.added(self.set) if self.with_added else ()
            return (*table.language_set(self.set), *added)
        return tuple(table[iso].iso for iso in self.only or ())


class Baseline(Section):
    """What scores are read against: other numbers of the same sets and languages."""

    metric: str
    """`{metric}` in it stands for each metric that is shown: `{metric}_chance`."""
    label: str
    experiment: str | None = None
    """Of all cells of another experiment, such as models from random weights."""

    def of(self, selection: Shown) -> Shown:
        """The same selection, of the baseline."""
        changes: dict[str, object] = {"metric": self.metrics(selection.metric)}
        if self.experiment is not None:
            changes |= {"experiment": self.experiment, "where": {}}
        return selection.model_copy(update=changes)

    def metrics(self, shown: Iterable[str]) -> tuple[str, ...]:
        """The baseline's metrics, beside those that are shown."""
        return tuple(dict.fromkeys(self.metric.replace("{metric}", metric) for metric in shown))


class Selection(Section):
    """Which rows of metrics.csv are shown, and under what words."""

    title: str
    caption: str
    experiment: str
    stage: Stage
    task: Names
    metric: Names
    group: Groups = ()
    """Language groups; none given means all."""
    languages: LanguageFilter | None = None
    where: dict[str, AxisValues] = Field(default_factory=dict)
    """Axis -> the values on it that are shown; axes not named are shown whole."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """What is shown: the sets that tasks are evaluated on, or `mlm`."""
        return self.task


def with_synthetic_note(spec: Shown, sets: Iterable[EvaluatedSet]) -> Shown:
    """`spec` saying in title and caption which of its sets are synthetic; as it is without any."""
    made = {
        one.task
        for one in sets
        if one.synthetic and (one.experiment, one.stage) == (spec.experiment, spec.stage)
    }
    shown = [NAMES["task"].get(task, task) for task in spec.tasks if task in made]
    if not shown:
        return spec
    which = f"{listed(shown)} " if len(shown) < len(spec.tasks) else ""
    said = "is a synthetic set" if len(shown) == 1 else "are synthetic sets"
    return spec.model_copy(
        update={
            "title": f"{spec.title} ({which}synthetic)",
            "caption": (
                f"{spec.caption.rstrip()} {listed(shown)} {said} here, made by a program: these "
                "scores do not compare with published ones."
            ),
        }
    )
