"""Perplexity: against loops by hand, and what it must not depend on."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.unit.model.helpers import randomise, small_model
from tests.unit.shapes import VOCABULARY_SIZE
from xmod.data.masking import MaskedTokens
from xmod.evaluation import perplexity
from xmod.evaluation.perplexity import HeldOut, mean_nll, measure, shuffled, unigram_nll
from xmod.measured import PERPLEXITY, WRONG_MODULE
from xmod.model import MaskedLanguageModel, Segment
from xmod.tokenization.vocabulary import FIRST_PIECE, PAD, START

LENGTH = 16
MASK = VOCABULARY_SIZE - 1


def heldout(num_sequences: int = 12, *, last_length: int = 9, language: str = "en") -> HeldOut:
    """Random sequences, of which the last is padded."""
    rng = np.random.default_rng(5)
    tokens = rng.integers(FIRST_PIECE, MASK, (num_sequences, LENGTH))
    tokens[:, 0] = START
    tokens[-1, last_length:] = PAD
    lengths = np.full(num_sequences, LENGTH)
    lengths[-1] = last_length
    return held_out(tokens, lengths, language=language)


def held_out(
    tokens: NDArray[np.int64], lengths: NDArray[np.int64], *, language: str = "en"
) -> HeldOut:
    return HeldOut(
        language=language,
        tokens=tokens,
        lengths=lengths,
        train_counts=np.arange(VOCABULARY_SIZE) * 3,
        unknown_rate=0.25,
        mask_probability=0.25,
        mask_rounds=2,
        seed=0,
    )


def evaluated(seed: int = 2) -> MaskedLanguageModel:
    model = small_model()
    randomise(model, seed=seed)
    return model.eval()


def naive_nll(
    model: MaskedLanguageModel, text: HeldOut, rounds: list[MaskedTokens], modules: str
) -> float:
    """One sequence at a time, cut to its length, logits at every place, one token at a time."""
    values = []
    for masked in rounds:
        targets = dict(zip(masked.positions.tolist(), masked.targets.tolist(), strict=True))
        for row, length in enumerate(text.lengths.tolist()):
            tokens = torch.from_numpy(masked.inputs[row : row + 1, :length])
            with torch.no_grad():
                logits = model.logits(tokens, [Segment(modules, 1)], torch.arange(length))
            for place in range(length):
                target = targets.get(row * LENGTH + place)
                if target is not None:
                    probabilities = torch.softmax(logits[place].double(), dim=0)
                    values.append(-math.log(float(probabilities[target])))
    return sum(values) / len(values)


def test_unigram_nll_by_hand() -> None:
    """Four pieces counted 0, 1, 2 and 3, one more each: 1, 2, 3 and 4 of 10."""
    counts = np.array([900, 900, 900, 900, 0, 1, 2, 3, 900])
    assert len(counts) == FIRST_PIECE + 4 + 1
    targets = np.array([FIRST_PIECE, FIRST_PIECE + 3, FIRST_PIECE + 3])
    expected = -(math.log(0.1) + 2 * math.log(0.4)) / 3
    assert unigram_nll(counts, targets) == pytest.approx(expected, rel=1e-12)


def test_mean_nll_equals_a_loop_over_the_tokens() -> None:
    model, text = evaluated(), heldout()
    rounds = text.masked()
    assert len(rounds) == 2
    assert mean_nll(model, text, rounds, "en") == pytest.approx(
        naive_nll(model, text, rounds, "en"), rel=1e-5
    )
    assert mean_nll(model, text, rounds, "sw") == pytest.approx(
        naive_nll(model, text, rounds, "sw"), rel=1e-5
    )


@pytest.mark.parametrize("size", [1, 5 * LENGTH, 12 * LENGTH])
def test_it_does_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    model, text = evaluated(), heldout()
    whole = measure(model, text, other="sw")
    monkeypatch.setattr(perplexity, "BATCH_TOKENS", size)
    assert measure(model, text, other="sw") == pytest.approx(whole, rel=1e-5)


def test_it_does_not_depend_on_the_padding() -> None:
    """Masks hang on a sequence's ids, padding too, so they are carried over here."""
    model = evaluated()
    text = heldout(3, last_length=LENGTH)
    rounds = text.masked()
    width = LENGTH + 6
    wider = held_out(np.pad(text.tokens, ((0, 0), (0, 6)), constant_values=PAD), text.lengths)
    moved = [
        MaskedTokens(
            inputs=np.pad(one.inputs, ((0, 0), (0, 6)), constant_values=PAD),
            positions=one.positions // LENGTH * width + one.positions % LENGTH,
            targets=one.targets,
        )
        for one in rounds
    ]
    assert mean_nll(model, wider, moved, "en") == pytest.approx(
        mean_nll(model, text, rounds, "en"), rel=1e-5
    )


def test_scores_are_what_they_are_called() -> None:
    model, text = evaluated(), heldout()
    scores = measure(model, text, other="sw")
    rounds = text.masked()
    targets = np.concatenate([one.targets for one in rounds])
    assert scores["nll"] == mean_nll(model, text, rounds, "en")
    assert scores["perplexity"] == math.exp(scores["nll"])
    assert scores["unigram_nll"] == unigram_nll(text.train_counts, targets)
    assert scores["wrong_module_nll"] == mean_nll(model, text, rounds, "sw")
    assert scores["shuffled_nll"] != scores["nll"]
    assert scores["unknown_rate"] == 0.25
    assert scores["masked_tokens"] == len(targets)
    assert measure(model, text, other="sw") == scores, "nothing in it is random"
    assert scores.keys() == {*PERPLEXITY, WRONG_MODULE}, "what a figure may name"
    assert measure(model, text, other=None).keys() == set(PERPLEXITY)


def test_another_languages_modules_give_another_nll() -> None:
    model, text = evaluated(), heldout()
    scores = measure(model, text, other="sw")
    assert abs(scores["wrong_module_nll"] - scores["nll"]) > 1e-3
    modules = [layer.language_modules for layer in model.encoder.each_layer()]
    for each in modules:
        each.of("sw").load_state_dict(each.of("en").state_dict())
    scores = measure(model, text, other="sw")
    assert scores["wrong_module_nll"] == scores["nll"], "equal modules, equal nll"


def test_two_models_predict_the_same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[Tensor]] = []
    nll = MaskedLanguageModel.nll

    def spy(model: MaskedLanguageModel, *arguments: object) -> Tensor:
        tokens, _, masked, targets, _ = arguments
        seen[-1] += [tokens, masked, targets]  # type: ignore[list-item]
        return nll(model, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(MaskedLanguageModel, "nll", spy)
    for seed in (2, 3):
        seen.append([])
        measure(evaluated(seed), heldout(), other=None)
    one, other = seen
    assert len(one) == len(other) == 2 * 2 * 3  # masks and shuffled, two rounds, three tensors
    for ours, theirs in zip(one, other, strict=True):
        assert torch.equal(ours, theirs)


def test_masks_do_not_depend_on_the_number_of_sequences() -> None:
    text = heldout()
    few = held_out(text.tokens[:4], text.lengths[:4])
    for whole, part in zip(text.masked(), few.masked(), strict=True):
        assert np.array_equal(whole.inputs[:4], part.inputs)
        inside = whole.positions < 4 * LENGTH
        assert np.array_equal(whole.positions[inside], part.positions)
        assert np.array_equal(whole.targets[inside], part.targets)


def test_masks_depend_on_language_and_seed() -> None:
    text = heldout()
    assert not np.array_equal(text.masked()[0].positions, text.masked()[1].positions)
    other = heldout(language="sw")
    assert not np.array_equal(text.masked()[0].positions, other.masked()[0].positions)


def test_shuffled_moves_the_context_only() -> None:
    text = heldout()
    rounds = text.masked()
    moved = 0
    for before, after in zip(rounds, shuffled(text, rounds), strict=True):
        assert np.array_equal(after.positions, before.positions)
        assert np.array_equal(after.targets, before.targets)
        ours, theirs = after.inputs.ravel(), before.inputs.ravel()
        assert np.array_equal(ours[after.positions], theirs[before.positions])
        assert (after.inputs[:, 0] == START).all()
        padding = np.arange(LENGTH) >= text.lengths[:, None]
        assert (after.inputs[padding] == PAD).all()
        for row in range(len(after.inputs)):
            assert sorted(after.inputs[row]) == sorted(before.inputs[row])
        moved += int((ours != theirs).sum())
    free = 2 * int((text.lengths - 1).sum()) - sum(len(one.positions) for one in rounds)
    assert moved > 0.8 * free


def test_the_shuffled_order_does_not_depend_on_the_number_of_sequences() -> None:
    """In any round: the second one's draws once followed those of the first."""
    text = heldout()
    few = held_out(text.tokens[:4], text.lengths[:4])
    for whole, part in zip(shuffled(text, text.masked()), shuffled(few, few.masked()), strict=True):
        assert np.array_equal(whole.inputs[:4], part.inputs)


def test_the_shuffled_order_depends_on_all_it_is_named_by() -> None:
    text = heldout()
    masked = text.masked()[0]
    first, second = shuffled(text, [masked, masked])
    assert not np.array_equal(first.inputs, second.inputs), "the round"
    for changes in ({"language": "sw"}, {"seed": 1}):
        (other,) = shuffled(dataclasses.replace(text, **changes), [masked])  # type: ignore[arg-type]
        assert not np.array_equal(first.inputs, other.inputs), changes


def test_every_order_of_the_context_is_as_likely() -> None:
    """Four free tokens: 24 orders, each drawn 100 times of 2,400, give or take five sigmas."""
    numbers = np.arange(2400)
    tokens = np.stack([numbers * 0 + START, *(FIRST_PIECE + numbers * 0 + k for k in range(5))], 1)
    tokens[:, 5] = FIRST_PIECE + 5 + numbers  # masked: makes each sequence another one
    text = held_out(tokens, np.full(2400, 6))
    masked = MaskedTokens(inputs=tokens, positions=numbers * 6 + 5, targets=tokens[:, 5])
    (result,) = shuffled(text, [masked])
    _, counts = np.unique(result.inputs[:, 1:5], axis=0, return_counts=True)
    assert len(counts) == 24
    assert np.abs(counts - 100).max() < 50


def test_text_that_is_too_short_is_an_error() -> None:
    tokens = np.full((1, LENGTH), PAD)
    tokens[0, 0] = START
    with pytest.raises(ValueError, match="en: its held-out text is too short to mask a token"):
        measure(evaluated(), held_out(tokens, np.array([1])), other=None)
