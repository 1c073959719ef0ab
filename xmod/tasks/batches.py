"""Sequences of different lengths, in batches with little padding.

Training: an epoch is a random order of all sequences, cut into pools; a pool is sorted by length
and cut into updates of `batch_size` sequences, and the updates of the epoch are shuffled. An update
is cut into micro-batches that hold at most so many tokens, padding included. All of it is a pure
function of the seed and the epoch.

Measuring: all sequences by length, the longest first, so that memory is short at once or never.

Shapes: N sequences of a file, T tokens of all, B sequences of a batch, L its longest one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xmod.data.randomness import generator
from xmod.tasks.features import Features
from xmod.tasks.ner import NO_TAG
from xmod.tokenization.vocabulary import PAD

Rows = NDArray[np.int64]
"""(B,): numbers of sequences."""

_UPDATES_PER_POOL: Final = 50
"""Our choice: of MNLI's and XQuAD's positions 1 to 2% are padding then, 7 to 10% of WikiANN's."""


class EpochBatches:
    """What every update of fine-tuning reads: each sequence exactly once an epoch."""

    def __init__(
        self, lengths_N: NDArray[np.int64], *, batch_size: int, micro_batch_tokens: int, seed: int
    ) -> None:
        """Raises ValueError when there is nothing to train on, or a sequence is too long."""
        if not len(lengths_N) or batch_size < 1:
            raise ValueError(f"no batches of {batch_size} from {len(lengths_N)} sequences")
        _check_fits(lengths_N, micro_batch_tokens, "micro_batch_tokens")
        self.updates_per_epoch: int = -(-len(lengths_N) // batch_size)
        """One of them, at a random place, may have fewer sequences than the others."""
        self._lengths_N = lengths_N
        self._batch_size = batch_size
        self._micro_batch_tokens = micro_batch_tokens
        self._seed = seed
        self._epoch = lru_cache(maxsize=1)(self._make_epoch)

    def update(self, number: int) -> list[Rows]:
        """The micro-batches of an update; the numbers run on over the epochs."""
        epoch, within = divmod(number, self.updates_per_epoch)
        rows = self._epoch(epoch)[within]
        return within_budget(rows, self._lengths_N[rows], self._micro_batch_tokens)

    def _make_epoch(self, epoch: int) -> list[Rows]:
        """Each update's sequences, by descending length."""
        random = generator("fine-tuning order", self._seed, epoch)
        order = random.permutation(len(self._lengths_N))
        pool_size = _UPDATES_PER_POOL * self._batch_size
        updates = []
        for first in range(0, len(order), pool_size):
            pool = by_length(order[first : first + pool_size], self._lengths_N)
            updates += [
                pool[at : at + self._batch_size] for at in range(0, len(pool), self._batch_size)
            ]
        return [updates[place] for place in random.permutation(len(updates))]


def evaluation_batches(lengths_N: NDArray[np.int64], *, max_tokens: int) -> list[Rows]:
    """Every sequence once, the longest first; at most `max_tokens` a batch, padding included."""
    _check_fits(lengths_N, max_tokens, "max_tokens")
    rows = by_length(np.arange(len(lengths_N)), lengths_N)
    return within_budget(rows, lengths_N[rows], max_tokens)


def by_length(rows: Rows, lengths_N: NDArray[np.int64]) -> Rows:
    """The longest first; those of equal length stay in order."""
    return rows[np.argsort(-lengths_N[rows], kind="stable")]


def within_budget(rows: Rows, lengths: NDArray[np.int64], max_tokens: int) -> list[Rows]:
    """Cut rows of descending length so that each part, padded, has at most `max_tokens`."""
    parts, first = [], 0
    while first < len(rows):
        size = max_tokens // int(lengths[first])
        parts.append(rows[first : first + size])
        first += size
    return parts


def _check_fits(lengths_N: NDArray[np.int64], max_tokens: int, key: str) -> None:
    longest = int(lengths_N.max(initial=0))
    if longest > max_tokens:
        raise ValueError(f"{key} is {max_tokens}, but one sequence alone has {longest} tokens")


@dataclass(frozen=True, kw_only=True)
class TaskBatch:
    """Sequences for one forward pass, padded at their ends."""

    rows: Rows
    """(B,)"""
    ids: NDArray[np.int64]
    """(B, L): PAD after the end."""
    lengths: NDArray[np.int64]
    """(B,)"""
    targets: NDArray[np.int64]
    """NLI (B,): labels. NER (B, L): tags, or NO_TAG. QA (B, 2): the answer's first and last token,
    both NO_ANSWER where the window does not hold it."""


def make_batch(features: Features, rows_B: Rows) -> TaskBatch:
    """Read sequences from a feature file."""
    places_BL, is_token_BL = _places(features, rows_B)
    return TaskBatch(
        rows=rows_B,
        ids=np.where(is_token_BL, features.ids[places_BL], PAD).astype(np.int64),
        lengths=features.lengths[rows_B],
        targets=_targets(features, rows_B, places_BL, is_token_BL).astype(np.int64),
    )


def _targets(
    features: Features,
    rows_B: Rows,
    places_BL: NDArray[np.int64],
    is_token_BL: NDArray[np.bool_],
) -> NDArray[Any]:
    match features.index.kind:
        case "nli":
            return features.per_sequence["label"][rows_B]
        case "ner":
            return np.where(is_token_BL, features.per_token["tag"][places_BL], NO_TAG)
        case "qa":
            named = (features.per_sequence[name] for name in ("answer_start", "answer_end"))
            return np.stack([values[rows_B] for values in named], axis=1)


def place(
    scores_TX: NDArray[np.float32],
    features: Features,
    rows_B: Rows,
    padded_BLX: NDArray[np.float32],
) -> None:
    """Write a batch's scores of tokens to their places among all of the file; padding goes."""
    places_BL, is_token_BL = _places(features, rows_B)
    scores_TX[places_BL[is_token_BL]] = padded_BLX[is_token_BL]


def _places(features: Features, rows_B: Rows) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where in the file each token stands (B, L), and which of them are tokens, not padding."""
    lengths_B = features.lengths[rows_B]
    within_L = np.arange(int(lengths_B.max()))
    is_token_BL = within_L < lengths_B[:, None]
    return np.where(is_token_BL, features.offsets[rows_B][:, None] + within_L, 0), is_token_BL
