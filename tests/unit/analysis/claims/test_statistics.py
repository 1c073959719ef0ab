"""Estimates and intervals: against examples by hand, the textbook, and what must hold of any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xmod.analysis.claims.statistics import (
    Array,
    Contrast,
    Correlated,
    Interval,
    degrees_of_freedom,
    deviations,
    estimate,
    slope_weights,
    student_quantile,
)

SLEEP = (1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4)
"""Student (1908): hours of sleep that ten patients gained by one drug over another."""

scores = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 3)),
    elements=st.floats(-100, 100, width=32),
)


def interval(
    *samples: Array, seed: int = 1, num_resamples: int = 200, confidence: float = 0.95
) -> Interval:
    """Of a contrast of samples, each MLPS, or LPS of one model."""
    samples = tuple(one if one.ndim == 4 else one[None] for one in samples)
    return estimate(
        Contrast(samples=samples),
        num_languages=[sample.shape[1] for sample in samples],
        num_models=len(samples[0]),
        runs=(samples[0].shape[2], samples[0].shape[3]),
        confidence=confidence,
        num_resamples=num_resamples,
        seed=seed,
    )


def bounds(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_one_seed_is_the_paired_t_interval() -> None:
    """Student's own example: a mean of 1.58 hours, 95% interval 0.70 to 2.46."""
    found = interval(np.reshape(SLEEP, (10, 1, 1)), num_resamples=20_000)
    assert found.estimate == pytest.approx(1.58)
    assert bounds(found) == pytest.approx((0.70, 2.46), abs=0.02)
    assert found.degrees_of_freedom == 9


def test_two_seeds_of_one_language_by_hand() -> None:
    """Scores 1 and 3: each resample is one of them, so their spread is 1, and t is 12.706."""
    found = interval(np.array([[[1.0, 3.0]]]), num_resamples=20_000)
    assert found.estimate == 2.0
    assert bounds(found) == pytest.approx((2 - 12.706, 2 + 12.706), rel=0.001)
    same = interval(np.array([[[1.0], [3.0]]]), num_resamples=20_000)
    assert bounds(same) == pytest.approx(bounds(found), rel=0.001), "seeds of pre-training"


def test_languages_and_seeds_both_count() -> None:
    """Two levels of equal variance 1: their sum, and Satterthwaite's degrees between both."""
    languages = np.arange(5.0)[:, None, None] * math.sqrt(2)  # variance of the mean: 5 / 5
    seeds = np.array([-1.0, 1.0])[None, None, :]  # variance of the mean: 2 / 2
    found = interval(languages + seeds, num_resamples=20_000)
    assert found.estimate == pytest.approx(2 * math.sqrt(2))
    assert found.degrees_of_freedom == math.floor(4 / (1 / 4 + 1 / 1))
    reach = student_quantile(0.975, 3) * math.sqrt(2)
    low, high = bounds(found)
    assert (high - low) / 2 == pytest.approx(reach, rel=0.02)


def test_seeds_of_two_models_are_drawn_apart() -> None:
    """Each has a variance of 1 and one degree: a variance of 2 with two, though seeds agree."""
    model_LPS = np.array([[[1.0, 3.0]]])
    found = interval(np.stack([model_LPS, -model_LPS]), num_resamples=20_000)
    assert found.estimate == 0.0
    assert found.degrees_of_freedom == 2
    reach = student_quantile(0.975, 2) * math.sqrt(2)
    assert bounds(found) == pytest.approx((-reach, reach), rel=0.02)


def test_languages_of_two_models_are_drawn_together() -> None:
    """What is hard for both says nothing about their difference, which is 1 in every language."""
    languages_LPS = np.reshape(SLEEP, (10, 1, 1))
    found = interval(np.stack([languages_LPS + 1, -languages_LPS]))
    assert (found.estimate, *bounds(found)) == pytest.approx((1, 1, 1))


def test_different_samples_of_languages_are_drawn_apart() -> None:
    """Variances of 1 each add up, where paired differences would have none."""
    one = np.array([0.0, 2.0])[:, None, None]
    found = interval(one, -one, num_resamples=20_000)
    assert found.estimate == 0.0
    low, high = bounds(found)
    assert (high - low) / 2 == pytest.approx(student_quantile(0.975, 2) * math.sqrt(2), rel=0.02)
    paired = interval(one - one)
    assert (paired.low, paired.high) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("weights", "runs"), [([1.0, -1.0], (1, 2)), (slope_weights([13, 30, 60, 75]), (3, 1))]
)
def test_intervals_cover_the_truth(weights: list[float], runs: tuple[int, int]) -> None:
    """Nominally in 95% of cases: 8 languages, each model with noise of languages and seeds."""
    random = np.random.default_rng(0)
    num_covered = 0
    for number in range(300):
        models_MLPS = (
            random.normal(size=(len(weights), 8, 1, 1))
            + random.normal(size=(len(weights), 1, *runs))
            + random.normal(size=(len(weights), 8, *runs)) / 2
        )
        found = interval(np.reshape(weights, (-1, 1, 1, 1)) * models_MLPS, seed=number)
        num_covered += bounds(found)[0] <= 0 <= bounds(found)[1]
    assert 0.9 < num_covered / 300 <= 0.99


def test_one_run_of_one_language_has_no_interval() -> None:
    assert interval(np.ones((1, 1, 1))) == Interval(estimate=1.0, low=None, high=None)


@given(scores)
def test_swapping_sides_negates_everything(sample: Array) -> None:
    one, other = interval(sample), interval(-sample)
    assert other.estimate == -one.estimate
    assert other.degrees_of_freedom == one.degrees_of_freedom
    if one.low is not None and one.high is not None:
        assert bounds(other) == (-one.high, -one.low)


@given(scores, st.integers(0, 2**32))
def test_the_seed_decides_the_interval(sample: Array, seed: int) -> None:
    assert interval(sample, seed=seed) == interval(sample, seed=seed)


def test_another_seed_is_another_interval() -> None:
    sample = np.reshape(SLEEP, (10, 1, 1))
    assert interval(sample, seed=1) != interval(sample, seed=2)


@given(st.floats(-100, 100), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_constant_differences_have_no_width(value: float, L: int, P: int, S: int) -> None:
    found = interval(np.full((L, P, S), value))
    assert found.estimate == pytest.approx(value, abs=1e-8)
    if L * P * S > 1:
        assert bounds(found) == pytest.approx((value, value), abs=1e-8)


@given(scores, st.floats(-50, 50))
def test_a_shift_of_all_scores_shifts_the_interval(sample: Array, shift: float) -> None:
    one, other = interval(sample), interval(sample + shift)
    assert other.estimate == pytest.approx(one.estimate + shift, abs=1e-6)
    if one.low is not None and one.high is not None:
        assert bounds(other)[1] - bounds(other)[0] == pytest.approx(one.high - one.low, abs=1e-3)


@given(scores)
def test_more_confidence_is_a_wider_interval(sample: Array) -> None:
    if sample.size > 1:
        narrow, wide = interval(sample, confidence=0.8), interval(sample, confidence=0.99)
        assert bounds(wide)[0] <= bounds(narrow)[0] <= narrow.estimate + 1e-9
        assert narrow.estimate - 1e-9 <= bounds(narrow)[1] <= bounds(wide)[1]


@pytest.mark.parametrize(
    ("probability", "degrees", "value"),
    [
        (0.975, 1, 12.7062), (0.975, 2, 4.3027), (0.975, 3, 3.1824), (0.975, 12, 2.1788),
        (0.95, 1, 6.3138), (0.95, 7, 1.8946), (0.95, 30, 1.6973), (0.975, 1000, 1.9623),
        (0.5, 4, 0.0),
    ],
)  # fmt: skip
def test_student_quantiles_are_those_of_the_tables(
    probability: float, degrees: int, value: float
) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(value, abs=1e-4)


def test_degrees_of_freedom_by_hand() -> None:
    assert degrees_of_freedom([(9, 2.0)]) == 9
    assert degrees_of_freedom([(9, 1.0), (1, 1.0)]) == 3  # 4 / (1/9 + 1) = 3.6
    assert degrees_of_freedom([(9, 1.0), (1, 0.0)]) == 9
    assert degrees_of_freedom([(9, 0.0), (4, 0.0)]) == 4, "nothing varies"


def test_slope_weights_by_hand() -> None:
    assert slope_weights([1, 2, 4]) == pytest.approx([-1, 0, 1])
    assert slope_weights([13, 75]) == pytest.approx([-1, 1]), "of two it is their difference"
    assert sum(slope_weights([13, 30, 60, 75])) == pytest.approx(0)
    positions = np.array([13, 30, 60, 75])
    fitted = np.polyfit(np.log(positions), [1.0, 4.0, 2.0, 3.0], 1)[0] * np.log(75 / 13)
    assert np.dot(slope_weights([13, 30, 60, 75]), [1.0, 4.0, 2.0, 3.0]) == pytest.approx(fitted)


@pytest.mark.parametrize("positions", [[13.0, 13.0], [0.0, 1.0]])
def test_no_line_through_one_place_or_zero(positions: list[float]) -> None:
    with pytest.raises(ValueError, match="legal: positive numbers, two different at least"):
        slope_weights(positions)


def test_deviations_by_hand() -> None:
    assert deviations(np.array([[1.0, 3.0], [5.0, 7.0]])).tolist() == [[3.0, 1.0], [1.0, 3.0]]


def correlated(of: Array, against: Array) -> Interval:
    """Of CLPS scores: each cell is a model of its own."""
    num_cells = len(of)
    own_CMLPS = np.eye(2 * num_cells)[:, :, None, None, None]
    return estimate(
        Correlated(
            of=own_CMLPS[:num_cells] * of[:, None],
            against=own_CMLPS[num_cells:] * against[:, None],
        ),
        num_languages=[of.shape[1]],
        num_models=2 * num_cells,
        runs=(of.shape[2], of.shape[3]),
        confidence=0.95,
        num_resamples=500,
        seed=1,
    )


def test_correlation_is_within_languages() -> None:
    """Languages that are hard for both say nothing; what goes up and down together does."""
    changes = np.array([0.0, -1.0, -3.0])[:, None, None, None]
    easy = np.array([10.0, 50.0, 90.0, 20.0])[None, :, None, None]
    same = correlated(changes + easy, 2 * changes + easy)
    assert same.estimate == pytest.approx(1.0)
    assert bounds(same) == pytest.approx((1.0, 1.0))
    assert correlated(changes + easy, easy - changes).estimate == pytest.approx(-1.0)
    assert correlated(changes + easy, 0 * changes + easy).estimate == 0.0, "never changes"


def test_correlation_by_hand() -> None:
    """(-1, 0, 1) with (-1, 2, -1) is 0; with (-2, 1, 1), 3 / sqrt(2 * 6)."""
    of = np.array([-1.0, 0.0, 1.0])[:, None, None, None]
    for other, expected in (((-1.0, 2.0, -1.0), 0.0), ((-2.0, 1.0, 1.0), 3 / math.sqrt(12))):
        found = correlated(of, np.array(other)[:, None, None, None])
        assert found.estimate == pytest.approx(expected, abs=1e-8)
        assert found.low is None
