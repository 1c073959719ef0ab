"""Which languages an update is made of: in proportion to n_l ** alpha, held to their quotas.

X-MOD section 4.2 samples languages as XLM does (Conneau and Lample 2019). Drawn independently, a
language of 20 expected draws would have 20 +- 4, and cells that should see a language equally
often would not. So the k-th draw of language l is put at a random moment of the k-th interval of
length 1 / p_l, and draws are taken in order of time. Time and the number of draws run alike, so a
language is always within about one draw of its expectation, while its neighbours still vary.

Shapes: N languages, D draws an update, C draws that may be due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.data.randomness import GOLDEN, scramble, uniform, words

_TOLERANCE: Final = 1e-6
"""Slack for the rounding of products such as probability * number of draws."""


def sampling_probabilities(sizes: Mapping[str, float], *, alpha: float) -> dict[str, float]:
    """p_l proportional to n_l ** alpha; raises ValueError for a size that is not positive."""
    for language, size in sizes.items():
        if not size > 0:
            raise ValueError(f"size of language {language!r} is {size}; it must be positive")
    weights = {language: size**alpha for language, size in sizes.items()}
    total = sum(weights.values())
    return {language: weight / total for language, weight in weights.items()}


class LanguageSampler:
    """The draws of every update, as a pure function of the seed and the update's number.

    After t draws a language of probability p has been drawn p * t times, give or take 1 and p
    times the drift of all languages together: less than 1 + p * N for certain, and for a real
    language set about one.
    """

    def __init__(
        self, probabilities: Mapping[str, float], *, draws_per_update: int, seed: int
    ) -> None:
        """Raises ValueError unless the probabilities are positive and sum to 1."""
        total = sum(probabilities.values())
        if not probabilities or min(probabilities.values()) <= 0 or abs(total - 1) > _TOLERANCE:
            raise ValueError(f"probabilities must be positive and sum to 1, not {total}")
        if draws_per_update < 1:
            raise ValueError(f"draws_per_update is {draws_per_update}; it must be at least 1")
        self.languages: Sequence[str] = tuple(probabilities)
        self.draws_per_update = draws_per_update
        self.probabilities: dict[str, float] = dict(probabilities)
        self._probabilities = np.array(list(probabilities.values())) / total  # (N,)
        self._keys = np.array(
            [words(1, "sampling", seed, language)[0] for language in self.languages]
        )

    def draws(self, update: int) -> list[tuple[str, int]]:
        """The draws of an update, in random order: language, and how often it was drawn before."""
        languages, occurrences = self._due(update * self.draws_per_update, self.draws_per_update)
        return [
            (self.languages[language], occurrence)
            for language, occurrence in zip(languages.tolist(), occurrences.tolist(), strict=True)
        ]

    def counts(self, update: int) -> dict[str, int]:
        """How often each language is drawn in all updates before `update`."""
        sure, languages, _ = self._order(update * self.draws_per_update, 0)
        before = languages[: update * self.draws_per_update - int(sure.sum())]
        counts = sure + np.bincount(before, minlength=len(sure))
        return dict(zip(self.languages, counts.tolist(), strict=True))

    def _due(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draws number `first` ... `first + count - 1`: language and occurrence, each (count,)."""
        sure, languages, occurrences = self._order(first, count)
        skipped = first - int(sure.sum())
        return languages[skipped : skipped + count], occurrences[skipped : skipped + count]

    def _order(
        self, first: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Draws surely before `first` by language (N,); then those that may be due, by time.

        Each language is less than one draw off p * time, so time and the number of draws are less
        than N apart: what is due by N before `first` is surely drawn, and what is due later than N
        after the last draw surely is not. The languages and occurrences of the rest are (C,).
        """
        drift = len(self.languages)
        sure = self._intervals(first - drift, -_TOLERANCE)
        possible = self._intervals(first + count + drift, _TOLERANCE) + 1
        numbers = possible - sure
        languages = np.repeat(np.arange(drift), numbers)  # (C,)
        ends = np.cumsum(numbers)
        occurrences = np.arange(ends[-1]) + np.repeat(sure - (ends - numbers), numbers)
        order = np.argsort(self._times(languages, occurrences), kind="stable")
        return sure, languages[order], occurrences[order]

    def _intervals(self, time: int, slack: float) -> NDArray[np.int64]:
        """How many intervals of each language have passed (N,)."""
        passed = self._probabilities * time + slack
        return np.maximum(np.floor(passed), 0).astype(np.int64)

    def _times(
        self, languages: NDArray[np.int64], occurrences: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """When each draw is due (C,): a random moment of its interval."""
        noise = scramble(occurrences.astype(np.uint64) * GOLDEN + self._keys[languages])
        return (occurrences + uniform(noise)) / self._probabilities[languages]
