"""Random numbers as pure functions of named things: equal over processes, machines and resumes.

Python's hash() is salted per process, so names are hashed with BLAKE2. `scramble` is the output
function of SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64-bit words, used where a
random number must be had for any index without drawing those before it.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
"""SplitMix64's increment; its multiples spread over the 64-bit words."""


def words(count: int, *parts: int | str) -> Words:
    """`count` random 64-bit words (count,) that depend on `parts` alone: seeds, names, indices."""
    return _sequence(parts).generate_state(count, np.uint64).astype(np.uint64)


def generator(*parts: int | str) -> np.random.Generator:
    """A generator whose stream depends on `parts` alone: seeds, names, indices."""
    return np.random.Generator(np.random.SFC64(_sequence(parts)))


def _sequence(parts: tuple[int | str, ...]) -> np.random.SeedSequence:
    name = "\0".join(map(str, parts)).encode()
    return np.random.SeedSequence(
        int.from_bytes(hashlib.blake2b(name, digest_size=16).digest(), "little")
    )


def scramble(values: Words) -> Words:
    """A random-looking word for each word, of the same shape."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def uniform(values: Words) -> NDArray[np.float64]:
    """Words as numbers in [0, 1), from their upper 53 bits."""
    return (values >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permuted(positions: NDArray[np.int64], *, size: int, keys: Words) -> NDArray[np.int64]:
    """Where a random permutation of 0 ... size-1 sends `positions`, without building it.

    A generalised Feistel network over a x b >= size cells, walked until it lands below `size`
    (Black and Rogaway 2002): memory does not grow with `size`, which CC-100 needs (about 1e8
    blocks of English). `keys` are its rounds: at least 6 words, for another permutation each.
    """
    left_size = int(np.ceil(np.sqrt(size)))
    right_size = -(-size // left_size)
    result = _feistel(positions, left_size, right_size, keys)
    outside = np.flatnonzero(result >= size)
    while outside.size:
        result[outside] = _feistel(result[outside], left_size, right_size, keys)
        outside = outside[result[outside] >= size]
    return result


def _feistel(
    positions: NDArray[np.int64], left_size: int, right_size: int, keys: Words
) -> NDArray[np.int64]:
    """One walk: a bijection of 0 ... left_size * right_size - 1."""
    left, right = positions // right_size, positions % right_size
    for turn, key in enumerate(keys):
        if turn % 2:
            right = (right + _noise(left, key)) % right_size
        else:
            left = (left + _noise(right, key)) % left_size
    return left * right_size + right


def _noise(values: NDArray[np.int64], key: np.uint64) -> NDArray[np.int64]:
    """Non-negative, so that adding a small number does not overflow."""
    return (scramble(values.astype(np.uint64) * GOLDEN + key) >> np.uint64(2)).astype(np.int64)
