"""Batches: each sequence once, the same for the same seed, little padding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.unit.tasks.many_scripts import encoded, vocabulary
from tests.unit.tasks.test_ner import example
from tests.unit.tasks.test_qa import SETTINGS, question
from xmod.tasks.batches import EpochBatches, evaluation_batches, make_batch, place
from xmod.tasks.examples import NliExample
from xmod.tasks.features import Features
from xmod.tasks.ner import NO_TAG
from xmod.tokenization.vocabulary import PAD

many_lengths = st.lists(st.integers(1, 50), min_size=1, max_size=300)


def batches(lengths: Sequence[int], *, seed: int = 1, batch_size: int = 8) -> EpochBatches:
    return EpochBatches(np.array(lengths), batch_size=batch_size, micro_batch_tokens=100, seed=seed)


def epoch(made: EpochBatches, number: int) -> list[list[list[int]]]:
    """Update -> micro-batch -> rows."""
    first = number * made.updates_per_epoch
    return [
        [rows.tolist() for rows in made.update(update)]
        for update in range(first, first + made.updates_per_epoch)
    ]


def flat(updates: list[list[list[int]]]) -> list[int]:
    return [row for update in updates for rows in update for row in rows]


def random_lengths(count: int) -> NDArray[np.int64]:
    """As skewed as those of sentences."""
    drawn = np.random.default_rng(7).lognormal(3.3, 0.6, count)
    return np.clip(drawn, 4, 128).astype(np.int64)


@given(lengths=many_lengths, seed=st.integers(0, 99), batch_size=st.integers(1, 20))
def test_an_epoch_has_each_sequence_once(lengths: list[int], seed: int, batch_size: int) -> None:
    made = batches(lengths, seed=seed, batch_size=batch_size)
    for number in (0, 1):
        updates = epoch(made, number)
        assert sorted(flat(updates)) == list(range(len(lengths)))
        sizes = sorted(sum(map(len, update)) for update in updates)
        assert sizes[1:] == [batch_size] * (len(sizes) - 1)
        assert all(
            len(rows) * max(lengths[row] for row in rows) <= 100
            for update in updates
            for rows in update
        )


def test_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = random_lengths(500).clip(max=100).tolist()
    first = batches(lengths)
    again = batches(lengths)
    assert [again.update(number)[0].tolist() for number in (130, 3)] == [
        first.update(number)[0].tolist() for number in (130, 3)
    ], "whatever was asked for before"
    assert epoch(first, 0) == epoch(again, 0)
    assert epoch(first, 0) != epoch(first, 1)
    assert epoch(first, 0) != epoch(batches(lengths, seed=2), 0)


def test_little_is_padding() -> None:
    lengths = random_lengths(5000)
    made = EpochBatches(lengths, batch_size=16, micro_batch_tokens=4096, seed=1)
    parts = [np.array(rows) for update in epoch(made, 0) for rows in update]
    padded = sum(len(rows) * lengths[rows].max() for rows in parts)
    assert lengths.sum() / padded > 0.95
    shuffled = np.random.default_rng(1).permutation(lengths)[:4992].reshape(-1, 16)
    assert lengths.sum() / (16 * shuffled.max(axis=1).sum()) < 0.7, "as it would be without pools"


def test_lengths_do_not_go_in_order() -> None:
    """Or an epoch would begin with the longest sequences."""
    lengths = random_lengths(5000)
    made = EpochBatches(lengths, batch_size=16, micro_batch_tokens=4096, seed=1)
    means = [lengths[np.concatenate(made.update(number))].mean() for number in range(50)]
    assert abs(np.corrcoef(means, np.arange(50))[0, 1]) < 0.4


@given(lengths=st.lists(st.integers(1, 50), max_size=300), max_tokens=st.integers(50, 400))
def test_evaluation_has_each_sequence_once(lengths: list[int], max_tokens: int) -> None:
    made = evaluation_batches(np.array(lengths, dtype=np.int64), max_tokens=max_tokens)
    rows = [row for rows in made for row in rows.tolist()]
    assert rows == sorted(range(len(lengths)), key=lambda row: -lengths[row])
    longest = [max(lengths[row] for row in rows) for rows in made]
    assert longest == sorted(longest, reverse=True)
    for rows, length in zip(made, longest, strict=True):
        assert len(rows) * length <= max_tokens


def test_what_cannot_be_batched_is_refused() -> None:
    with pytest.raises(ValueError, match=r"micro_batch_tokens is 100, but one sequence .* 101"):
        batches([5, 101])
    with pytest.raises(ValueError, match="max_tokens is 9, but"):
        evaluation_batches(np.array([10]), max_tokens=9)
    with pytest.raises(ValueError, match="no batches of 8 from 0"):
        batches([])


def ner_features(folder: Path) -> Features:
    sentences = [
        example([("kato", "B-PER")]),
        example([("中", "B-LOC"), ("測", "I-LOC"), ("mi", "O")]),
        example([]),
    ]
    return encoded("ner", sentences, folder / "en.features", max_length=30)


def test_padding_is_at_the_end(tmp_path: Path) -> None:
    features = ner_features(tmp_path)
    batch = make_batch(features, np.array([2, 1]))
    pieces = [[vocabulary().piece(id_) for id_ in row] for row in batch.ids]
    assert pieces[0] == ["<s>", "</s>", *["<pad>"] * 5]
    assert pieces[1] == ["<s>", "▁", "中", "▁", "測", "▁mi", "</s>"]
    assert batch.lengths.tolist() == [2, 7]
    assert batch.targets.tolist() == [[NO_TAG] * 7, [NO_TAG, 5, NO_TAG, 6, NO_TAG, 0, NO_TAG]]
    assert (batch.ids == PAD).sum() == 5


def test_targets_of_pairs_and_questions(tmp_path: Path) -> None:
    pairs = [NliExample("1", "kato", "mi", label) for label in ("contradiction", "entailment")]
    nli = encoded("nli", pairs, tmp_path / "nli.features", max_length=30)
    assert make_batch(nli, np.array([1, 0])).targets.tolist() == [0, 2]
    qa = encoded("qa", [question("kato")], tmp_path / "qa.features", **SETTINGS)
    starts, ends = (qa.per_sequence[name] for name in ("answer_start", "answer_end"))
    assert make_batch(qa, np.array([0, 1])).targets.tolist() == [
        [starts[0], ends[0]],
        [starts[1], ends[1]],
    ]
    assert (starts[0], starts[1]) != (0, 0)


def test_scores_return_to_their_places(tmp_path: Path) -> None:
    features = ner_features(tmp_path)
    scores = np.full((len(features.ids), 2), np.nan, dtype=np.float32)
    for rows in evaluation_batches(features.lengths, max_tokens=14):
        ids = make_batch(features, rows).ids
        place(scores, features, rows, np.stack([ids, -ids], axis=2).astype(np.float32))
    assert scores.tolist() == [[id_, -id_] for id_ in features.ids.tolist()]
