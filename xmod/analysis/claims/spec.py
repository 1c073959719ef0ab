"""How a claim is declared in config/claims.yaml: words of the paper, and the test that judges them.

A test is of one of four kinds, and compares scores of two sides, each a part of one experiment:

- `difference`: the mean of one side minus that of the other;
- `trend`: the fitted change along an axis, of one side or of one minus the other;
- `spread`: how far runs are from their mean, in one side more than in the other;
- `correlation`: whether one side follows the other along an axis.

No pandas or numpy here: whoever checks declarations starts without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from xmod.analysis.records import GROUPS, Group
from xmod.analysis.spec import AxisValues, LanguageFilter, Names
from xmod.config_errors import ConfigError, explain, suggest
from xmod.config_section import Section
from xmod.languages import LanguageTable
from xmod.strict_yaml import read_yaml

Family = Literal["related", "alone"]
Expectation = Literal["better", "worse", "not_worse", "equal"]
LongText = Annotated[str, Field(min_length=1)]


class Method(Section):
    """How intervals are made; the same for every claim."""

    confidence: float = Field(gt=0.5, lt=1.0)
    """Of an interval. Equality is tested by two one-sided tests of the same level, so by an
    interval of twice the error: 0.90 for 0.95 (Schuirmann 1987)."""
    resamples: int = Field(ge=100)
    seed: int = Field(ge=0)


class Unit(Section):
    """What scores are counted in."""

    margin: float = Field(gt=0.0)
    """Differences up to it make no difference: the margin of `equal` and `not_worse`."""
    decimals: int = Field(ge=0, le=6)


class Requirement(Section):
    """What every compared model must show, lest its scores say nothing about a claim.

    The mean of `metric` less that of `above`, over the claim's languages, must exceed `by` with
    each of the model's seeds: a mean over one that learned and one that did not is of neither.
    `{metric}` stands for the measure's own.
    """

    metric: str
    above: str
    by: float
    meaning: LongText
    """What a model does that shows it, such as "uses the order of words"."""
    otherwise: LongText
    """Of a model that does not, beside the verdict: "a model is at chance"."""

    def compared(self, metric: str) -> tuple[str, str]:
        """`metric` and `above` of a measure of `metric`."""
        return self.metric.replace("{metric}", metric), self.above.replace("{metric}", metric)


class Measure(Section):
    """A score that claims are tested on."""

    label: LongText
    stage: Literal["perplexity", "evaluate"]
    task: str
    metric: str
    better: Literal["lower", "higher"]
    unit: str
    """One of `units`."""
    requires: str
    """One of `requirements`."""


class Side(Section):
    """Which scores a side of a test has: what is left open, `among` says."""

    group: Group | None = None
    languages: LanguageFilter | None = None
    """Left open: every language of the group."""
    family: Family | None = None
    """Only languages that have (`related`) or lack (`alone`) another language of their family
    among those that the model is pre-trained on."""
    where: dict[str, AxisValues] = Field(default_factory=dict)
    """Axis -> value; the mean is taken over the cells of several values."""
    minus: Side | None = None
    """Its own scores less these, language by language; what it leaves open is as in this side."""

    def within(self, outer: Side) -> Side:
        """This side with what it leaves open as in `outer`, and without its `minus`."""
        return Side(
            group=self.group or outer.group,
            languages=self.languages or outer.languages,
            family=self.family or outer.family,
            where={**outer.where, **self.where},
        )

    def parts(self, among: Side) -> tuple[Side, ...]:
        """The side itself, and what is taken from it if something is; both complete."""
        own = self.within(among)
        return (own,) if self.minus is None else (own, self.minus.within(own))


class TestBase(Section):
    """What tests of all kinds have."""

    among: Side = Side()
    """What both sides have in common."""
    of: Side
    against: Side | None = None

    @property
    def sides(self) -> dict[str, Side]:
        """Key -> side, as declared."""
        return {"of": self.of} | ({"against": self.against} if self.against else {})

    @property
    def open_axes(self) -> tuple[str, ...]:
        """Axes that a side may leave open, since the test goes along them."""
        return ()

    @model_validator(mode="after")
    def _sides_are_complete(self) -> TestBase:
        if self.among.minus is not None:
            raise ValueError("among.minus: legal: minus within of and against")
        parts = {
            f"{name}{'.minus' if place else ''}": part
            for name, side in self.sides.items()
            for place, part in enumerate(side.parts(self.among))
        }
        for name, side in self.sides.items():
            if side.minus is not None and side.minus.minus is not None:
                raise ValueError(f"{name}.minus.minus: legal: one minus a side")
        named = {axis for part in parts.values() for axis in part.where} - set(self.open_axes)
        for name, part in parts.items():
            if part.group is None:
                raise ValueError(f"{name}: no group; legal: {', '.join(GROUPS)}, also in among")
            # Else it would be averaged over an axis that the other side is at one place of.
            for axis in sorted(named - set(part.where)):
                raise ValueError(f"{name}.where: nothing about {axis!r}, which another side names")
        return self


class Difference(TestBase):
    """The mean of `of` minus the mean of `against`."""

    kind: Literal["difference"]
    against: Side
    each: Names = ()
    """Axes: the difference is taken at each of their values, and the claim is that of all of them.
    A side that names one value of such an axis is the same each time; the places where both sides
    are the same cells are left out."""
    expect: Expectation

    @property
    def open_axes(self) -> tuple[str, ...]:
        return self.each


class Trend(TestBase):
    """The fitted change of `of` along an axis, minus that of `against` where it is given.

    A straight line over the logarithm, from the least value to the greatest.
    """

    kind: Literal["trend"]
    along: str
    """`language_set` counts as its number of languages, `budget` as its updates."""
    expect: Expectation

    @property
    def open_axes(self) -> tuple[str, ...]:
        return (self.along,)


class Spread(TestBase):
    """The mean absolute deviation of runs from their mean: that of `of` minus that of `against`."""

    kind: Literal["spread"]
    against: Side
    expect: Literal["more", "less"]


class Correlation(TestBase):
    """Pearson's correlation of both sides over the values of an axis, within languages."""

    kind: Literal["correlation"]
    along: str
    against: Side
    more_than: float = Field(ge=-1.0, lt=1.0)

    @property
    def open_axes(self) -> tuple[str, ...]:
        return (self.along,)


Test = Annotated[Difference | Trend | Spread | Correlation, Field(discriminator="kind")]


class Claim(Section):
    """A claim of the paper."""

    section: LongText
    quote: LongText
    """The paper's words; [...] for what is left out."""
    statement: LongText
    """The same as a plain sentence that the test can judge."""
    experiment: str
    measures: Names = Field(min_length=1)
    """Names under `measures`; each gets a verdict of its own."""
    test: Test


class Declared(Section):
    """config/claims.yaml."""

    method: Method
    units: dict[str, Unit]
    requirements: dict[str, Requirement]
    measures: dict[str, Measure]
    claims: dict[str, Claim]

    @model_validator(mode="after")
    def _names_are_declared(self) -> Declared:
        for name, measure in self.measures.items():
            _known(measure.unit, self.units, f"measures.{name}.unit")
            _known(measure.requires, self.requirements, f"measures.{name}.requires")
        for name, claim in self.claims.items():
            for measure_name in claim.measures:
                _known(measure_name, self.measures, f"claims.{name}.measures")
        return self

    def check(self, table: LanguageTable) -> None:
        """Raise ConfigError where a claim names a language, or a set, that is not there."""
        for name, claim in self.claims.items():
            for key, side in claim.test.sides.items():
                for part in side.parts(claim.test.among):
                    _check_languages(part, table, f"claims.{name}.test.{key}.languages")

    def unit(self, measure: Measure) -> Unit:
        return self.units[measure.unit]


def read_claims(path: Path, table: LanguageTable) -> Declared:
    """Read the declarations; raises ConfigError naming key, value and legal choices."""
    if not path.is_file():
        raise ConfigError(f"claims: no file {str(path)!r}")
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: legal: the keys {', '.join(Declared.model_fields)}")
    try:
        declared = Declared.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(explain(error, Declared, str(path))) from error
    try:
        declared.check(table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return declared


def _known(name: str, declared: Mapping[str, object], where: str) -> None:
    if name not in declared:
        choices: Sequence[str] = list(declared)
        raise ValueError(f"{where}: {name!r} is not declared; {suggest(name, choices)}")


def _check_languages(side: Side, table: LanguageTable, where: str) -> None:
    if side.languages is None:
        return
    try:
        side.languages.isos(table)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error
