"""Masks of masked language modelling (BERT, Devlin et al. 2019; RoBERTa for fresh masks).

15% of the tokens are predicted; of these 80% are replaced by `<mask>`, 10% by a random piece, and
10% stay. Special tokens are never masked. Every sequence has the same share of its tokens masked,
so the loss of a batch is a mean over a steady number of predictions.

Shapes: B sequences, L tokens a sequence, M masked positions of the batch, R rounds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.data.randomness import GOLDEN, Words, scramble, uniform, words
from xmod.tokenization.vocabulary import FIRST_PIECE

Integers = NDArray[np.int64]

REPLACED: Final = 0.8
"""Share of the masked positions that show `<mask>` (BERT section 3.1)."""
RANDOM: Final = 0.1
"""Share that show a random piece; the rest show the token itself."""
_LAST: Final = np.uint64(2**64 - 1)


@dataclass(frozen=True, kw_only=True)
class MaskedTokens:
    """A batch with some tokens hidden."""

    inputs: Integers
    """(B, L): what the model reads."""
    positions: Integers
    """(M,): masked positions of the flattened batch, ascending."""
    targets: Integers
    """(M,): the tokens that were there."""


def mask_tokens(
    tokens: Integers, *, probability: float, vocabulary_size: int, rng: np.random.Generator
) -> MaskedTokens:
    """Hide `probability` of each sequence's ordinary tokens; `tokens` (B, L) is left as it is.

    A fractional number is rounded up or down at random, so that its mean is exact.
    """
    keys = _keys_of_ordinary(tokens, _random_words(rng, tokens.shape), vocabulary_size)
    numbers = _numbers(keys, probability, rng.random(len(tokens)))
    ordered = np.sort(keys, axis=1)
    limits = ordered[np.arange(len(tokens)), numbers]  # (B,): the first key that is not masked
    positions = np.flatnonzero(keys < limits[:, None])
    return _hide(
        tokens,
        positions,
        vocabulary_size,
        choices=rng.random(len(positions)),
        pieces=rng.random(len(positions)),
    )


def fixed_masks(
    tokens: Integers,
    *,
    language: str,
    seed: int,
    rounds: int,
    probability: float,
    vocabulary_size: int,
) -> list[MaskedTokens]:
    """R maskings of each sequence (B, L) that depend on language, seed and the sequence alone.

    So every model, batch size and number of sequences measures the same predictions. The rounds
    mask different positions of a sequence, as far as it has enough of them.
    """
    row_keys = _sequence_keys(tokens, language, seed)  # (B,)
    columns = np.arange(1, tokens.shape[1] + 1, dtype=np.uint64) * GOLDEN  # (L,)
    noise = scramble(row_keys[:, None] + columns)
    keys = _keys_of_ordinary(tokens, noise, vocabulary_size)
    numbers = _numbers(keys, probability, uniform(scramble(row_keys)))[:, None]  # (B, 1)
    ranks = np.argsort(np.argsort(keys, axis=1), axis=1)  # (B, L)
    ordinary = keys < _LAST
    available = np.maximum(ordinary.sum(axis=1, keepdims=True), 1)  # (B, 1)
    results = []
    for turn in range(rounds):
        chosen = ordinary & ((ranks - turn * numbers) % available < numbers)
        positions = np.flatnonzero(chosen)
        fresh = scramble(noise.ravel()[positions] + np.uint64(turn + 1))
        results.append(
            _hide(
                tokens,
                positions,
                vocabulary_size,
                choices=uniform(fresh),
                pieces=uniform(scramble(fresh)),
            )
        )
    return results


def _random_words(rng: np.random.Generator, shape: tuple[int, ...]) -> Words:
    return rng.integers(0, 2**64 - 1, size=shape, dtype=np.uint64)


def _keys_of_ordinary(tokens: Integers, noise: Words, vocabulary_size: int) -> Words:
    """Noise (B, L) to sort by, in which special tokens come last."""
    special = (tokens < FIRST_PIECE) | (tokens == vocabulary_size - 1)
    return np.where(special, _LAST, np.minimum(noise, _LAST - np.uint64(1)))


def _numbers(keys: Words, probability: float, noise: NDArray[np.float64]) -> Integers:
    """How many tokens to mask in each sequence (B,): fewer than L, since `<s>` is special."""
    ordinary = np.count_nonzero(keys < _LAST, axis=1)
    numbers = np.floor(probability * ordinary + noise)
    fewer: Integers = np.minimum(numbers, keys.shape[1] - 1).astype(np.int64)
    return fewer


def _hide(
    tokens: Integers,
    positions: Integers,
    vocabulary_size: int,
    *,
    choices: NDArray[np.float64],
    pieces: NDArray[np.float64],
) -> MaskedTokens:
    """Replace what stands at `positions` (M,), by uniform numbers for what and by which piece."""
    inputs = tokens.copy()
    targets = tokens.ravel()[positions]
    random_pieces = FIRST_PIECE + (pieces * (vocabulary_size - 1 - FIRST_PIECE)).astype(np.int64)
    shown = np.where(
        choices < REPLACED,
        vocabulary_size - 1,
        np.where(choices < REPLACED + RANDOM, random_pieces, targets),
    )
    inputs.reshape(-1)[positions] = shown
    return MaskedTokens(inputs=inputs, positions=positions, targets=targets)


def _sequence_keys(tokens: Integers, language: str, seed: int) -> Words:
    """A word for each sequence (B,), by its ids, the language and the seed."""
    key = words(2, "masks", seed, language).tobytes()
    rows = np.ascontiguousarray(tokens, dtype="<i8")
    digests = b"".join(hashlib.blake2b(row, key=key, digest_size=8).digest() for row in rows)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)
