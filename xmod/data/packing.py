"""Token streams to sequences of exactly one length: no padding in training, no dropped tail.

A training sequence is `<s>` and L - 1 tokens of the stream, in which `</s>` separates documents
(RoBERTa's FULL-SENTENCES, Liu et al. 2019 section 4.2; reading over documents' ends keeps every
sequence full). Each epoch the stream, taken as a ring, is cut anew: from a random place on, its
blocks in a random order.

Shapes: B sequences, L tokens a sequence, T tokens of the stream, W block width L - 1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.data.randomness import Words, permuted, words
from xmod.data.token_file import TokenFile
from xmod.tokenization.vocabulary import PAD, START

Sequences = NDArray[np.int64]
"""(B, L) ids."""

_ROUNDS: Final = 6
_WINDOW: Final = 2**12
"""Blocks whose order is computed together: enough to make it cheap, too few to need memory."""


class PackedSequences:
    """A language's endless row of training sequences, each a function of seed and number alone."""

    def __init__(self, tokens: TokenFile, sequence_length: int, *, seed: int) -> None:
        """Raises ValueError when there are no tokens, or a sequence holds none."""
        if not len(tokens):
            raise ValueError(
                f"{tokens.path}: no tokens of language {tokens.index.language!r} to train on"
            )
        if sequence_length < 2:
            raise ValueError(f"sequence_length is {sequence_length}; at least 2 hold a token")
        self.tokens = tokens
        self.sequence_length = sequence_length
        self.num_blocks = -(-len(tokens) // (sequence_length - 1))
        """Sequences in an epoch; the last one ends with the epoch's first tokens again."""
        self._seed = seed
        self._offsets = np.arange(sequence_length - 1)
        self._epoch_keys = lru_cache(maxsize=4)(self._make_epoch_keys)
        self._window = lru_cache(maxsize=4)(self._make_window)

    @property
    def language(self) -> str:
        return self.tokens.index.language

    def sequences(self, start: int, count: int) -> Sequences:
        """Sequences `start` ... `start + count - 1` (B, L)."""
        result = np.empty((count, self.sequence_length), dtype=np.int64)
        self.fill(result, start)
        return result

    def fill(self, rows: Sequences, start: int) -> None:
        """Write sequences from number `start` on into `rows` (B, L), all of them."""
        starts = self._block_starts(start, len(rows))
        positions = starts[:, None] + self._offsets  # (B, W)
        if starts.max() + self.sequence_length - 1 > len(self.tokens):
            positions %= len(self.tokens)
        rows[:, 0] = START
        rows[:, 1:] = self.tokens.tokens[positions]

    def _block_starts(self, start: int, count: int) -> NDArray[np.int64]:
        """Where in the stream the blocks of `count` sequences begin (B,)."""
        pieces = []
        while count:
            epoch, within = divmod(start, self.num_blocks)
            window, skipped = divmod(within, _WINDOW)
            piece = self._window(epoch, window)[skipped : skipped + count]
            pieces.append(piece)
            start, count = start + len(piece), count - len(piece)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _make_window(self, epoch: int, window: int) -> NDArray[np.int64]:
        """Block starts of one window of an epoch, in the epoch's order."""
        first = window * _WINDOW
        positions = np.arange(first, min(first + _WINDOW, self.num_blocks))
        keys = self._epoch_keys(epoch)
        blocks = permuted(positions, size=self.num_blocks, keys=keys[1:])
        shift = int(keys[0]) % len(self.tokens)
        return (shift + blocks * (self.sequence_length - 1)) % len(self.tokens)

    def _make_epoch_keys(self, epoch: int) -> Words:
        return words(1 + _ROUNDS, "packing", self._seed, self.language, epoch)


def heldout_sequences(
    tokens: TokenFile, sequence_length: int, *, max_sequences: int
) -> tuple[Sequences, NDArray[np.int64]]:
    """Fixed blocks of held-out text for measuring: (B, L) ids and each one's length (B,).

    Blocks follow one another from the file's start; the last one is padded. Where there are more
    than `max_sequences`, that many are taken, evenly spread over the file. Raises ValueError when
    there are no tokens.
    """
    if not len(tokens):
        raise ValueError(
            f"{tokens.path}: no held-out tokens of language {tokens.index.language!r} to measure on"
        )
    width = sequence_length - 1
    num_blocks = -(-len(tokens) // width)
    count = min(num_blocks, max_sequences)
    starts = np.arange(count) * num_blocks // count * width  # (B,)
    lengths = 1 + np.minimum(width, len(tokens) - starts)
    positions = starts[:, None] + np.arange(width)
    sequences = np.full((count, sequence_length), PAD, dtype=np.int64)
    sequences[:, 0] = START
    inside = positions < len(tokens)
    sequences[:, 1:][inside] = tokens.tokens[positions[inside]]
    return sequences, lengths
