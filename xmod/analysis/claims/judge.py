"""From declared claims and results to verdicts.

A claim says in which range its estimate lies: above 0, below 0, within the margin of 0, and so on.
It *holds* if the whole interval is in that range, *does not hold* if none of it is, and is
*undecided at this scale* otherwise, or where a compared model lacks what the measure requires. It
is *not run* until every run that it compares is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from xmod.analysis.claims.plan import NotRun, Part, Place, Plan, plan
from xmod.analysis.claims.scores import Compared, Scores
from xmod.analysis.claims.spec import (
    Claim,
    Correlation,
    Declared,
    Difference,
    Measure,
    Method,
    Requirement,
    Spread,
    Trend,
)
from xmod.analysis.claims.statistics import Contrast, Correlated, Interval, Statistic, estimate
from xmod.analysis.records import GridPoints
from xmod.languages import LanguageTable

Verdict = Literal["holds", "does not hold", "undecided at this scale", "not run"]
UNDECIDED: Verdict = "undecided at this scale"
SPREAD_SEEDS = 3
"""Two seeds give one deviation, and no notion of how sure it is."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """The open range in which a claim says that its estimate lies."""

    low: float = -math.inf
    high: float = math.inf

    def verdict(self, interval: Interval) -> Verdict:
        """Where the interval lies."""
        if interval.low is None or interval.high is None:
            return UNDECIDED
        if interval.low > self.low and interval.high < self.high:
            return "holds"
        if interval.high <= self.low or interval.low >= self.high:
            return "does not hold"
        return UNDECIDED

    def room(self, value: float) -> float:
        """How far a value is inside; negative outside."""
        return min(value - self.low, self.high - value)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number and where it lies: of a whole finding, or of one of several places."""

    at: Place
    interval: Interval
    verdict: Verdict
    confidence: float
    languages: tuple[tuple[str, ...], ...]
    """One list where the sides are paired, else one a side."""
    num_better: int | None
    """In how many languages the estimate is on the better side; None where it is not of each."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim's verdict on one measure."""

    name: str
    claim: Claim
    measure_name: str
    measure: Measure
    setting: Place
    """Where it was tested, on axes that the claim says nothing about."""
    verdict: Verdict
    is_synthetic: bool
    """Whether a program made the set, or what models were fine-tuned on."""
    estimates: tuple[Estimate, ...] = ()
    """Of each place, where the claim is of several; none where it is not run."""
    expected: Range
    unit: str
    decimals: int
    num_seeds: int | None = None
    """Of fine-tuning; of a perplexity None."""
    num_pretraining_seeds: int | None = None
    reasons: tuple[str, ...] = ()
    """Why it is not run or undecided."""
    why: str = ""
    """The same in a few words, beside a verdict that its interval does not explain."""

    @property
    def headline(self) -> Estimate | None:
        """The only estimate, or the one that decides: least as claimed, of those that decide."""
        decisive = [one for one in self.estimates if one.verdict == self.verdict]
        return min(
            decisive or self.estimates,
            key=lambda one: self.expected.room(one.interval.estimate),
            default=None,
        )

    @property
    def languages(self) -> tuple[tuple[str, ...], ...]:
        """Those of the headline."""
        return self.headline.languages if self.headline else ()


def judge(
    declared: Declared, frame: pd.DataFrame, grid: GridPoints, table: LanguageTable
) -> tuple[Finding, ...]:
    """A finding for each claim, measure and setting, in the order of the declarations."""
    return tuple(
        finding
        for name, claim in declared.claims.items()
        for measure in claim.measures
        for finding in _findings(name, measure, declared, frame, grid, table)
    )


def _findings(
    name: str,
    measure_name: str,
    declared: Declared,
    frame: pd.DataFrame,
    grid: GridPoints,
    table: LanguageTable,
) -> tuple[Finding, ...]:
    claim, measure = declared.claims[name], declared.measures[measure_name]
    unit = "correlation" if isinstance(claim.test, Correlation) else measure.unit
    blank = Finding(
        name=name,
        claim=claim,
        measure_name=measure_name,
        measure=measure,
        setting=(),
        verdict="not run",
        is_synthetic=any(
            one.synthetic
            for one in grid.sets
            if (one.experiment, one.stage, one.task)
            == (claim.experiment, measure.stage, measure.task)
        ),
        expected=expected_range(claim, measure, margin=declared.unit(measure).margin),
        unit=unit,
        decimals=2 if unit == "correlation" else declared.unit(measure).decimals,
    )
    try:
        plans = plan(claim, grid)
    except NotRun as reason:
        return (replace(blank, reasons=(str(reason),)),)
    return tuple(
        _finding(replace(blank, setting=one.setting), one, declared, frame, grid, table)
        for one in plans
    )


def _finding(
    blank: Finding,
    planned: Plan,
    declared: Declared,
    frame: pd.DataFrame,
    grid: GridPoints,
    table: LanguageTable,
) -> Finding:
    """What one plan comes to."""
    claim, measure = blank.claim, blank.measure
    scores = Scores(
        frame=frame,
        grid=grid,
        table=table,
        experiment=claim.experiment,
        measure=measure,
        cells=planned.cells,
    )
    required = declared.requirements[measure.requires]
    try:
        scores.refuse_missing(planned.parts)
        compared = [
            scores.compare(
                part,
                as_deviations=isinstance(claim.test, Spread),
                must_pair=isinstance(claim.test, Correlation),
            )
            for part in planned.parts
        ]
        failing = {
            cell: excess
            for part, one in zip(planned.parts, compared, strict=True)
            for cell, excess in scores.failing(part, one, required).items()
        }
    except NotRun as reason:
        return replace(blank, reasons=(str(reason),))
    level = confidence_of(claim, declared.method, num_parts=len(planned.parts))
    estimates = tuple(
        _estimate(part, one, blank, method=declared.method, confidence=level)
        for part, one in zip(planned.parts, compared, strict=True)
    )
    num_seeds = compared[0].runs[1] if measure.stage == "evaluate" else compared[0].runs[0]
    too_few = isinstance(claim.test, Spread) and num_seeds < SPREAD_SEEDS
    reasons = _reasons(estimates, failing, required, measure)
    if too_few:
        reasons["too few seeds"] = f"{num_seeds} seeds say too little of how far seeds lie apart"
    verdict = combined(one.verdict for one in estimates)
    return replace(
        blank,
        verdict=UNDECIDED if failing or too_few else verdict,
        estimates=estimates,
        num_seeds=compared[0].runs[1] if measure.stage == "evaluate" else None,
        num_pretraining_seeds=compared[0].runs[0],
        reasons=tuple(reasons.values()),
        why=", ".join(reasons),
    )


def expected_range(claim: Claim, measure: Measure, *, margin: float) -> Range:
    """Where the claim says that its estimate lies, in the measure's unit."""
    test = claim.test
    if isinstance(test, Correlation):
        return Range(low=test.more_than)
    if isinstance(test, Spread):
        return Range(low=0.0) if test.expect == "more" else Range(high=0.0)
    if test.expect == "equal":
        return Range(low=-margin, high=margin)
    allowed = margin if test.expect == "not_worse" else 0.0
    upwards = (test.expect == "worse") != (measure.better == "higher")
    return Range(low=-allowed) if upwards else Range(high=allowed)


def confidence_of(claim: Claim, method: Method, *, num_parts: int) -> float:
    """Of each interval: 1 - 2 alpha for equality; Bonferroni's where several must hold together."""
    test, error = claim.test, 1 - method.confidence
    if isinstance(test, Difference | Trend) and test.expect == "equal":
        error = 2 * error
    return 1 - error / num_parts


def combined(verdicts: Iterable[Verdict]) -> Verdict:
    """Of a claim about several places: all hold, or one does not, or it is undecided."""
    found = set(verdicts)
    if "does not hold" in found:
        return "does not hold"
    return UNDECIDED if UNDECIDED in found else "holds"


def _estimate(
    part: Part, compared: Compared, finding: Finding, *, method: Method, confidence: float
) -> Estimate:
    statistic, num_better = _statistic(part, compared, finding)
    interval = estimate(
        statistic,
        num_languages=[len(isos) for isos in compared.languages],
        num_models=compared.num_models,
        runs=compared.runs,
        confidence=confidence,
        num_resamples=method.resamples,
        seed=method.seed,
        limits=(-1.0, 1.0) if finding.unit == "correlation" else (-math.inf, math.inf),
    )
    return Estimate(
        at=part.at,
        interval=interval,
        verdict=UNDECIDED
        if _is_lopsided(compared.languages)
        else finding.expected.verdict(interval),
        confidence=confidence,
        languages=compared.languages,
        num_better=num_better,
    )


def _statistic(part: Part, compared: Compared, finding: Finding) -> tuple[Statistic, int | None]:
    """What is estimated, and in how many languages it is better than 0 where that is to be said."""
    if isinstance(finding.claim.test, Correlation):
        stacked = np.stack(compared.terms[0])
        middle = len(part.of)
        return Correlated(of=stacked[:middle], against=stacked[middle:]), None
    samples = compared.combined()
    num_better = None
    if len(samples) == 1 and not isinstance(finding.claim.test, Spread):
        sign = 1.0 if finding.measure.better == "higher" else -1.0
        num_better = int((sign * samples[0].sum(axis=0).mean(axis=(1, 2)) > 0).sum())
    return Contrast(samples=samples), num_better


def _reasons(
    estimates: Iterable[Estimate],
    failing: Mapping[str, float],
    required: Requirement,
    measure: Measure,
) -> dict[str, str]:
    """Why it is undecided whatever the interval: in a few words -> in full."""
    reasons = {}
    if failing:
        cells = ", ".join(
            f"{cell} ({round(excess, 2) + 0.0:+.2f} {measure.unit})"  # + 0.0: no "-0.00"
            for cell, excess in failing.items()
        )
        metric, above = required.compared(measure.metric)
        reasons[required.otherwise] = (
            f"not every compared model {required.meaning}: {cells}; in brackets: {metric} less "
            f"{above} with the worst seed, which must be above {required.by:g} {measure.unit}"
        )
    if any(one.interval.low is None for one in estimates):
        reasons["no interval"] = "one language and one seed have no interval"
    if any(_is_lopsided(one.languages) for one in estimates):
        reasons["a side of one language"] = "a side of one language has no spread over languages"
    return reasons


def _is_lopsided(languages: Sequence[Sequence[str]]) -> bool:
    """Whether one sample has several languages and another a single one, which varies not."""
    return len({len(isos) == 1 for isos in languages}) > 1
