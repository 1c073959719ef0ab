"""Masks: how many, where, what is shown; fixed ones depend on nothing but the sequence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xmod.data.masking import MaskedTokens, fixed_masks, mask_tokens
from xmod.tokenization.vocabulary import END, FIRST_PIECE, PAD, START, UNKNOWN

SIZE = 500
MASK = SIZE - 1


def batch(num_sequences: int, length: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Sequences with `<s>` first and other special tokens here and there."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(FIRST_PIECE, MASK, (num_sequences, length))
    special = rng.random(tokens.shape) < 0.05
    tokens[special] = rng.choice([END, UNKNOWN, PAD], special.sum())
    tokens[:, 0] = START
    return tokens


def masked(tokens: NDArray[np.int64], *, probability: float = 0.15, seed: int = 0) -> MaskedTokens:
    return mask_tokens(
        tokens, probability=probability, vocabulary_size=SIZE, rng=np.random.default_rng(seed)
    )


def fixed(
    tokens: NDArray[np.int64], *, language: str = "en", seed: int = 0, rounds: int = 2
) -> list[MaskedTokens]:
    return fixed_masks(
        tokens,
        language=language,
        seed=seed,
        rounds=rounds,
        probability=0.15,
        vocabulary_size=SIZE,
    )


def check(result: MaskedTokens, tokens: NDArray[np.int64]) -> None:
    """What holds for every masking."""
    assert result.positions.tolist() == sorted(set(result.positions.tolist()))
    assert result.targets.tolist() == tokens.ravel()[result.positions].tolist()
    assert (result.targets >= FIRST_PIECE).all()
    shown = result.inputs.ravel()[result.positions]
    assert ((shown >= FIRST_PIECE) & (shown <= MASK)).all()
    restored = result.inputs.copy()
    restored.reshape(-1)[result.positions] = result.targets
    assert (restored == tokens).all()


@given(
    shape=st.tuples(st.integers(1, 8), st.integers(2, 40)),
    probability=st.floats(0.01, 0.99),
    seed=st.integers(0, 999),
)
def test_each_sequence_has_its_number(
    shape: tuple[int, int], probability: float, seed: int
) -> None:
    tokens = batch(*shape, seed=seed)
    before = tokens.copy()
    result = masked(tokens, probability=probability, seed=seed)
    check(result, tokens)
    assert (tokens == before).all()
    expected = probability * (tokens >= FIRST_PIECE).sum(axis=1)
    numbers = np.bincount(result.positions // shape[1], minlength=shape[0])
    assert ((numbers == np.floor(expected)) | (numbers == np.floor(expected) + 1)).all()


def test_shares_are_those_of_bert() -> None:
    tokens = batch(400, 128)
    result = masked(tokens)
    num_masked = len(result.positions)
    ordinary = np.count_nonzero(tokens >= FIRST_PIECE)
    assert num_masked / ordinary == pytest.approx(0.15, abs=0.002)
    shown = result.inputs.ravel()[result.positions]
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.02)
    assert (shown == result.targets).mean() == pytest.approx(0.1, abs=0.02)
    others = shown[(shown != MASK) & (shown != result.targets)]
    assert len(others) / num_masked == pytest.approx(0.1, abs=0.02)
    assert others.min() < FIRST_PIECE + 10
    assert others.max() > MASK - 10


def test_every_place_is_masked_alike() -> None:
    tokens = np.full((20_000, 21), FIRST_PIECE)
    tokens[:, 0] = START
    columns = np.bincount(masked(tokens).positions % 21, minlength=21)
    assert columns[0] == 0
    assert columns[1:] / 20_000 == pytest.approx(0.15, abs=0.015)


def test_only_special_tokens_leave_nothing_to_mask() -> None:
    tokens = np.full((3, 8), PAD)
    assert not len(masked(tokens).positions)
    assert not len(fixed(tokens)[0].positions)


@given(seed=st.integers(0, 999), rounds=st.integers(1, 9), length=st.integers(2, 60))
def test_fixed_masks_are_masks(seed: int, rounds: int, length: int) -> None:
    tokens = batch(6, length, seed=seed)
    results = fixed(tokens, seed=seed, rounds=rounds)
    assert len(results) == rounds
    for result in results:
        check(result, tokens)
    ordinary = (tokens >= FIRST_PIECE).sum(axis=1)
    for row in range(6):
        places = [
            place
            for result in results
            for place in result.positions[result.positions // length == row].tolist()
        ]
        # different places in every round, until all have been taken
        assert len(set(places)) == min(len(places), ordinary[row])


def test_fixed_masks_depend_on_the_sequence_alone() -> None:
    tokens = batch(20, 64)
    everything = fixed(tokens)
    few = fixed(tokens[5:8])
    for whole, part in zip(everything, few, strict=True):
        inside = (whole.positions >= 5 * 64) & (whole.positions < 8 * 64)
        assert (whole.positions[inside] - 5 * 64).tolist() == part.positions.tolist()
        assert (whole.inputs[5:8] == part.inputs).all()
    first, second = fixed(tokens[:1], rounds=1), fixed(tokens[:1], rounds=5)
    assert first[0].positions.tolist() == second[0].positions.tolist()


def test_fixed_masks_differ_by_language_and_seed() -> None:
    tokens = batch(20, 64)
    places = {
        tuple(fixed(tokens, language=language, seed=seed)[0].positions.tolist())
        for language in ("en", "de")
        for seed in (0, 1)
    }
    assert len(places) == 4


def test_fixed_masks_have_the_shares_of_bert() -> None:
    tokens = batch(400, 128)
    for result in fixed(tokens):
        shown = result.inputs.ravel()[result.positions]
        assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.02)
        assert (shown == result.targets).mean() == pytest.approx(0.1, abs=0.02)
