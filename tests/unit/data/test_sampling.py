"""Sampling: the probabilities of the paper, held to within about one draw at any time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmod.data.sampling import LanguageSampler, sampling_probabilities
from xmod.languages import BUILT_IN_SETS, LanguageTable

sizes = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=30).map(
    lambda values: {f"l{at}": value for at, value in enumerate(values)}
)


def sampler(
    languages: dict[str, float], *, alpha: float = 0.7, draws: int = 8, seed: int = 1
) -> LanguageSampler:
    probabilities = sampling_probabilities(languages, alpha=alpha)
    return LanguageSampler(probabilities, draws_per_update=draws, seed=seed)


@given(sizes=sizes, alpha=st.floats(0, 1))
def test_probabilities_are_powers_of_sizes(sizes: dict[str, float], alpha: float) -> None:
    result = sampling_probabilities(sizes, alpha=alpha)
    assert sum(result.values()) == pytest.approx(1)
    first = next(iter(sizes))
    for language, size in sizes.items():
        ratio = result[language] / result[first]
        assert ratio == pytest.approx((size / sizes[first]) ** alpha)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_impossible_sizes_are_refused(size: float) -> None:
    with pytest.raises(ValueError, match="size of language 'xx'"):
        sampling_probabilities({"en": 1.0, "xx": size}, alpha=0.7)


@pytest.mark.parametrize("probabilities", [{}, {"en": 0.5}, {"en": 1.5, "de": -0.5}])
def test_impossible_probabilities_are_refused(probabilities: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        LanguageSampler(probabilities, draws_per_update=1, seed=1)


@given(sizes=sizes, alpha=st.floats(0, 1), draws=st.integers(1, 40), seed=st.integers(0, 99))
def test_quotas_hold_at_any_time(
    sizes: dict[str, float], alpha: float, draws: int, seed: int
) -> None:
    chosen = sampler(sizes, alpha=alpha, draws=draws, seed=seed)
    counts = Counter[str]()
    for update in range(12):
        assert chosen.counts(update) == {language: counts[language] for language in sizes}
        due = chosen.draws(update)
        assert len(due) == draws
        for language, occurrence in due:
            assert occurrence == counts[language]
            counts[language] += 1
            for name, probability in chosen.probabilities.items():
                expected = probability * counts.total()
                assert abs(counts[name] - expected) < 1 + probability * len(sizes)


def test_real_language_sets_stay_within_two_draws(table: LanguageTable) -> None:
    for name in BUILT_IN_SETS:
        isos = [iso for iso in table.isos if table[iso].roles.get(name) == "pretrain"]
        chosen = sampler({iso: table[iso].cc100_mb for iso in isos}, draws=64)
        for update in (1, 10, 100, 1_000, 125_000):
            counts = chosen.counts(update)
            assert sum(counts.values()) == 64 * update
            for iso, probability in chosen.probabilities.items():
                assert abs(counts[iso] - 64 * update * probability) < 2


def test_any_update_can_be_drawn_at_any_time() -> None:
    languages = {f"l{at}": 1.5**at for at in range(13)}
    forwards = [sampler(languages).draws(update) for update in range(50)]
    backwards = sampler(languages)
    assert [backwards.draws(update) for update in reversed(range(50))] == forwards[::-1]


def test_order_varies() -> None:
    languages = {"en": 5.0, "de": 4.0, "fr": 2.0, "sw": 1.0}
    first, second = (
        [
            tuple(language for language, _ in sampler(languages, draws=4, seed=seed).draws(update))
            for update in range(200)
        ]
        for seed in (1, 2)
    )
    assert len(set(first)) > 60
    assert sum(one == other for one, other in zip(first, second, strict=True)) < 20
    neighbours = Counter(pair for order in first for pair in pairwise(order))
    assert len(neighbours) >= 12


def test_far_updates_are_exact() -> None:
    chosen = sampler({f"l{at}": 1.1**at for at in range(75)}, draws=64)
    update = 10**7
    before, after = chosen.counts(update), chosen.counts(update + 1)
    drawn = Counter(language for language, _ in chosen.draws(update))
    assert {iso: after[iso] - before[iso] for iso in before} == {i: drawn[i] for i in before}
    assert np.isclose(sum(after.values()), 64 * (update + 1))
