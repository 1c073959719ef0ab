"""Packing: full sequences, every token once an epoch, held-out blocks that stay where they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.token_streams import memory_file, numbered
from xmod.data import packing
from xmod.data.packing import PackedSequences, heldout_sequences
from xmod.data.randomness import permuted, words
from xmod.tokenization.vocabulary import PAD, START


def packed(count: int, *, length: int, seed: int = 1, language: str = "en") -> PackedSequences:
    return PackedSequences(memory_file(numbered(count), language=language), length, seed=seed)


@given(size=st.integers(1, 3000), seed=st.integers(0, 9))
def test_permutations_are_permutations(size: int, seed: int) -> None:
    result = permuted(np.arange(size), size=size, keys=words(6, "test", seed))
    assert sorted(result.tolist()) == list(range(size))


def test_permutations_look_random() -> None:
    """Neither fixed points, nor neighbours, nor trends beyond chance, over a thousand keys."""
    size, keys = 100, [words(6, "test", seed) for seed in range(1000)]
    orders = np.array([permuted(np.arange(size), size=size, keys=key) for key in keys])
    assert abs((orders == np.arange(size)).sum(axis=1).mean() - 1.0) < 0.2
    assert abs((np.diff(orders, axis=1) == 1).sum(axis=1).mean() - 0.99) < 0.2
    correlation = [np.corrcoef(order, np.arange(size))[0, 1] for order in orders]
    assert abs(np.mean(correlation)) < 0.02
    assert abs(np.std(correlation) - 0.1) < 0.02


@given(count=st.integers(1, 120), length=st.integers(2, 20), epoch=st.integers(0, 3))
def test_each_token_is_seen_once_an_epoch(count: int, length: int, epoch: int) -> None:
    """Up to the wrap: the last block ends with tokens that the epoch's first one begins with."""
    source = packed(count, length=length)
    rows = source.sequences(epoch * source.num_blocks, source.num_blocks)
    assert rows.shape == (source.num_blocks, length)
    assert (rows[:, 0] == START).all()
    seen = Counter(rows[:, 1:].ravel().tolist())
    stream = Counter(source.tokens.tokens.tolist())
    surplus = seen - stream
    assert not stream - seen
    assert surplus.total() == source.num_blocks * (length - 1) - count
    assert surplus.total() < length - 1


@given(start=st.integers(0, 200), count=st.integers(1, 60), window=st.integers(1, 40))
def test_sequences_are_a_function_of_their_number(start: int, count: int, window: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "_WINDOW", window)
        together = packed(150, length=9).sequences(start, count)
    alone = packed(150, length=9)
    for index in reversed(range(count)):
        assert alone.sequences(start + index, 1)[0].tolist() == together[index].tolist()


def test_a_sequence_is_a_stretch_of_the_stream() -> None:
    source = packed(150, length=9)
    ring = numbered(150) * 2
    stretches = {tuple(ring[at : at + 8]) for at in range(150)}
    assert all(tuple(row[1:]) in stretches for row in source.sequences(0, 100).tolist())


def test_epochs_seeds_and_languages_differ() -> None:
    source = packed(500, length=9)
    first = source.sequences(0, source.num_blocks)
    second = source.sequences(source.num_blocks, source.num_blocks)
    seeded = packed(500, length=9, seed=2).sequences(0, source.num_blocks)
    german = packed(500, length=9, language="de").sequences(0, source.num_blocks)
    for other in (second, seeded, german):
        assert (first != other).any(axis=1).mean() > 0.9


def test_nothing_to_pack_is_an_error() -> None:
    with pytest.raises(ValueError, match="no tokens of language 'en'"):
        packed(0, length=9)
    with pytest.raises(ValueError, match="sequence_length is 1"):
        packed(10, length=1)


@given(count=st.integers(1, 120), length=st.integers(2, 20))
def test_heldout_blocks_cover_the_text(count: int, length: int) -> None:
    file = memory_file(numbered(count), split="heldout")
    rows, lengths = heldout_sequences(file, length, max_sequences=1000)
    read = [row[1:size] for row, size in zip(rows, lengths, strict=True)]
    assert np.concatenate(read).tolist() == numbered(count)
    assert (lengths[:-1] == length).all()
    assert (rows[-1, lengths[-1] :] == PAD).all()
    assert (rows[:, 0] == START).all()


@given(count=st.integers(1, 300), most=st.integers(1, 20))
def test_heldout_choice_is_spread_over_the_file(count: int, most: int) -> None:
    file = memory_file(numbered(count), split="heldout")
    everything = heldout_sequences(file, 6, max_sequences=1000)[0].tolist()
    rows, _ = heldout_sequences(file, 6, max_sequences=most)
    assert len(rows) == min(most, len(everything))
    chosen = [len(everything) * at // len(rows) for at in range(len(rows))]
    assert rows.tolist() == [everything[at] for at in chosen]


def test_no_heldout_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="no held-out tokens of language 'en'"):
        heldout_sequences(memory_file([]), 8, max_sequences=4)
