"""Estimates and their intervals, by a hierarchical bootstrap. Pure numpy; no files, no frames.

Shapes: L languages, M models (cells, but for their seed), P seeds of pre-training, S seeds of
fine-tuning in each, R = P * S runs of a model, B resamples. Scores are MLPS: every run meets all
languages, so languages and runs are crossed, and seeds of fine-tuning are nested in those of
pre-training.

A resample draws languages, for all models alike, and for each model seeds of pre-training, and
within each of those seeds of fine-tuning. Seeds are drawn for each model apart, so that the spread
of all models' seeds says how sure one is, where the few of one say little (docs/decisions/0011). Of
n units n - 1 are drawn, with replacement: then the spread of a mean over resamples is that of the
mean itself, with no (n - 1) / n to correct (Rao and Wu 1988, "Resampling inference with complex
survey data"). A level with one unit is not resampled: the interval does not cover it.

The interval is the estimate plus and minus Student's t times the standard deviation over the
resamples. For one seed it is the paired t interval over languages. Percentiles of resamples are
too narrow for few languages, and of three, as MLQA has added ones, they never reach 95% (Hesterberg
2015, "What Teachers Should Know About the Bootstrap"). Degrees of freedom follow Satterthwaite
(1946) from what languages and each model's seeds alone contribute, rounded down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MOST_DEGREES = 1000
"""More are as good as infinitely many: t and the normal distribution agree to 0.1%."""
DECIMALS = 9
"""Of estimates and bounds: without the noise of sums, by which equal models would differ."""


class Statistic(Protocol):
    """A number that depends on how often each language and each run is drawn."""

    def __call__(self, languages: Sequence[Array], runs_MBR: Array) -> Array:
        """(B, L) shares of each sample of languages, shares of each model's runs -> (B,)."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate and where it lies with some confidence; no bounds where nothing is resampled."""

    estimate: float
    low: float | None
    high: float | None
    degrees_of_freedom: int | None = None


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """The sum over models, and over samples of languages, of means over languages and runs.

    A sample is what each model adds to what is compared in its languages, weight and all, MLPS; two
    samples have different languages, which are drawn apart.
    """

    samples: tuple[Array, ...]

    def __call__(self, languages: Sequence[Array], runs_MBR: Array) -> Array:
        total = np.zeros(runs_MBR.shape[1])
        for sample_MLPS, shares_BL in zip(self.samples, languages, strict=True):
            by_run_MBR = shares_BL @ sample_MLPS.reshape(*sample_MLPS.shape[:2], -1)
            total = total + (by_run_MBR * runs_MBR).sum(axis=(0, 2))
        return total


@dataclass(frozen=True, kw_only=True)
class Correlated:
    """Pearson's correlation of two models' scores over cells, within languages.

    Each language's mean over the cells is taken away first: what is easy in both models says
    nothing about whether one follows the other from cell to cell.
    """

    of: Array
    """CMLPS: what each model adds to each cell."""
    against: Array
    """CMLPS."""

    def __call__(self, languages: Sequence[Array], runs_MBR: Array) -> Array:
        (shares_BL,) = languages
        of_BCL, against_BCL = (
            _within_languages(scores, runs_MBR) for scores in (self.of, self.against)
        )
        pairs = ((of_BCL, against_BCL), (of_BCL, of_BCL), (against_BCL, against_BCL))
        together, own, others = (
            np.einsum("bcl,bcl,bl->b", one, other, shares_BL) for one, other in pairs
        )
        scale = np.sqrt(own * others)
        # Of a model that never changes nothing can follow.
        result: Array = np.divide(together, scale, out=np.zeros_like(scale), where=scale > 0)
        return result


def deviations(scores_PS: Array) -> Array:
    """How far each run is from the mean over runs: the mean of these is the spread.

    Levene's (1960) way to compare spreads: it turns them into means, which everything else here
    handles. Mean absolute deviations of as many runs are biased alike, so they compare.
    """
    result: Array = np.abs(scores_PS - scores_PS.mean())
    return result


def slope_weights(positions: Sequence[float]) -> list[float]:
    """Weights that make of values at `positions` the fitted change from the first to the last.

    A straight line through the values over the logarithm of the position, by least squares.
    Raises ValueError for positions that are not positive, or all the same.
    """
    if min(positions) <= 0 or len(set(positions)) < 2:
        raise ValueError(f"positions {positions}; legal: positive numbers, two different at least")
    logs = np.log(np.asarray(positions, dtype=float))
    centred = logs - logs.mean()
    weights = centred / (centred**2).sum() * (logs.max() - logs.min())
    return [float(weight) for weight in weights]


def estimate(
    statistic: Statistic,
    *,
    num_languages: Sequence[int],
    num_models: int,
    runs: tuple[int, int],
    confidence: float,
    num_resamples: int,
    seed: int,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """The statistic and its interval; `num_languages` of each sample, `runs` are (P, S).

    `limits` are what the statistic cannot leave: the interval does not either.
    """
    rng = np.random.default_rng(seed)
    equal = [np.full((1, number), 1 / number) for number in num_languages]
    equal_M1R = np.full((num_models, 1, runs[0] * runs[1]), 1 / (runs[0] * runs[1]))
    center = round(float(statistic(equal, equal_M1R)[0]), DECIMALS)
    drawn = [_draw(rng, number, num_resamples) for number in num_languages]
    drawn_MBR = np.stack([_draw_runs(rng, runs, num_resamples) for _ in range(num_models)])
    own = [np.repeat(one, num_resamples, axis=0) for one in equal]
    own_MBR = np.repeat(equal_M1R, num_resamples, axis=1)
    error = float(np.std(statistic(drawn, drawn_MBR)))
    levels = []
    for place, number in enumerate(num_languages):
        if number > 1:
            languages = [*own[:place], drawn[place], *own[place + 1 :]]
            levels.append((number - 1, float(np.var(statistic(languages, own_MBR)))))
    degrees_of_runs = (runs[0] if runs[0] > 1 else runs[1]) - 1
    for model in range(num_models if degrees_of_runs else 0):
        runs_MBR = own_MBR.copy()
        runs_MBR[model] = drawn_MBR[model]
        levels.append((degrees_of_runs, float(np.var(statistic(own, runs_MBR)))))
    if not levels:
        return Interval(estimate=center, low=None, high=None)
    degrees = degrees_of_freedom(
        [(each, _without_noise(variance, error**2)) for each, variance in levels]
    )
    reach = student_quantile((1 + confidence) / 2, degrees) * error
    return Interval(
        estimate=center,
        low=round(max(center - reach, limits[0]), DECIMALS),
        high=round(min(center + reach, limits[1]), DECIMALS),
        degrees_of_freedom=degrees,
    )


def _without_noise(variance: float, whole: float) -> float:
    """0 for a variance that is but the rounding of floating point beside the `whole`."""
    return variance if variance > 1e-12 * whole else 0.0


def _draw(rng: np.random.Generator, number: int, num_resamples: int) -> Array:
    """(B, number) shares of n - 1 draws from n units; the one unit where there is one."""
    draws = max(number - 1, 1)
    counts: Array = rng.multinomial(draws, np.full(number, 1 / number), size=num_resamples) / draws
    return counts


def _draw_runs(rng: np.random.Generator, runs: tuple[int, int], num_resamples: int) -> Array:
    """(B, R) shares: seeds of pre-training, and within each seeds of fine-tuning."""
    num_outer, num_inner = runs
    outer_BP = _draw(rng, num_outer, num_resamples)
    inner_BPS = np.stack([_draw(rng, num_inner, num_resamples) for _ in range(num_outer)], axis=1)
    result: Array = (outer_BP[:, :, None] * inner_BPS).reshape(num_resamples, -1)
    return result


def _within_languages(scores_CMLPS: Array, runs_MBR: Array) -> Array:
    """(B, C, L) means over runs, each language's mean over cells taken away."""
    scores_CMLR = scores_CMLPS.reshape(*scores_CMLPS.shape[:3], -1)
    means_BCL = np.einsum("cmlr,mbr->bcl", scores_CMLR, runs_MBR, optimize=True)
    centred: Array = means_BCL - means_BCL.mean(axis=1, keepdims=True)
    return centred


def degrees_of_freedom(levels: Sequence[tuple[int, float]]) -> int:
    """Satterthwaite's, of (degrees, variance that the level contributes); rounded down, 1 at least.

    Where nothing varies at all, the fewest degrees of any level.
    """
    total = sum(variance for _, variance in levels)
    if total == 0:
        return min(degrees for degrees, _ in levels)
    share = sum((variance / total) ** 2 / degrees for degrees, variance in levels)
    return max(1, min(MOST_DEGREES, math.floor(1 / share + 1e-9)))


def student_quantile(probability: float, degrees: int) -> float:
    """Where Student's t with `degrees` of freedom reaches `probability`, 0.5 or more, below 1."""
    low, high = 0.0, 1.0
    while _student_below(high, degrees) < probability:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _student_below(middle, degrees) < probability else (low, middle)
        )
    return (low + high) / 2


def _student_below(t: float, degrees: int) -> float:
    """The probability of less than `t`: Abramowitz and Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(degrees))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = degrees % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for factor in range(2 + odd, degrees + 1, 2):
        total += term
        term *= cosine**2 * (factor - 1) / factor
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return (1 + within) / 2
