"""A classifier of short texts that sees nothing but their words and letters: naive Bayes.

It is what an input-ablated baseline is made of, so it is plain on purpose: no dependency, no
setting that could be tuned, one pass over the examples.

Shapes: C classes, F features, K features of one text.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

NUM_FEATURES: Final = 2**15
"""n-grams share these by hash (our choice)."""
LONGEST: Final = 4
"""Characters of the longest n-gram, and words of it: 2 (our choice)."""


class NgramClassifier:
    """Multinomial naive Bayes over hashed n-grams of characters and words, add-one smoothed."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Learn from pairs of a text and its class; raises ValueError where there are none."""
        features: list[NDArray[np.int64]] = []
        labels: list[str] = []
        for text, label in pairs:
            features.append(_features(text))
            labels.append(label)
        if not labels:
            raise ValueError("no example to learn a baseline from; give at least one")
        self.classes = sorted(set(labels))
        index = {label: number for number, label in enumerate(self.classes)}
        counts_CF = np.ones((len(self.classes), NUM_FEATURES))
        totals_C = np.zeros(len(self.classes))
        for features_K, label in zip(features, labels, strict=True):
            np.add.at(counts_CF[index[label]], features_K, 1.0)
            totals_C[index[label]] += 1.0
        self._prior_C = np.log(totals_C / totals_C.sum())
        self._weights_CF = np.log(counts_CF / counts_CF.sum(axis=1, keepdims=True))

    def predict(self, text: str) -> str:
        """The likeliest class; at a tie the first in alphabetical order."""
        scores_C = self._prior_C + self._weights_CF[:, _features(text)].sum(axis=1)
        return self.classes[int(scores_C.argmax())]


def _features(text: str) -> NDArray[np.int64]:
    """The hashed n-grams of a text (K,)."""
    hashes = [zlib.crc32(gram.encode()) % NUM_FEATURES for gram in _ngrams(text)]
    return np.array(hashes, dtype=np.int64)


def _ngrams(text: str) -> Iterator[str]:
    words = text.split()
    yield from (f"word {word}" for word in words)
    yield from (f"words {one} {other}" for one, other in itertools.pairwise(words))
    padded = f" {' '.join(words)} "
    for length in range(1, LONGEST + 1):
        yield from (padded[at : at + length] for at in range(len(padded) - length + 1))
