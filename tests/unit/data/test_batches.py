"""Batches: the same whatever the micro-batch, the process, or where a run was cut off."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.token_streams import memory_file, numbered, small_vocabulary
from xmod.data.batches import Batch, UpdateBatches
from xmod.data.packing import PackedSequences
from xmod.data.sampling import LanguageSampler

PROBABILITIES = {"en": 0.5, "de": 0.3, "sw": 0.2}
LENGTH = 12
GOLDEN_SEGMENTS = [(("sw", 4),), (("en", 4),), (("en", 2), ("de", 2))]
GOLDEN_MASKED = [
    [11, 13, 23, 32, 39, 40],
    [4, 11, 16, 21, 32, 41],
    [7, 10, 13, 26, 28, 37, 41],
]


def make(*, micro: int = 4, seed: int = 1, length: int = LENGTH) -> UpdateBatches:
    """Six draws of two sequences an update."""
    sequences = {
        language: PackedSequences(
            memory_file(numbered(100 + 31 * at), language=language), length, seed=seed
        )
        for at, language in enumerate(PROBABILITIES)
    }
    return UpdateBatches(
        sequences,
        LanguageSampler(PROBABILITIES, draws_per_update=6, seed=seed),
        sequences_per_draw=2,
        micro_batch_sequences=micro,
        mask_probability=0.15,
        vocabulary_size=small_vocabulary().size,
        seed=seed,
    )


def digest(updates: list[list[Batch]]) -> str:
    result = hashlib.sha256()
    for batch in (batch for batches in updates for batch in batches):
        result.update(repr(batch.segments).encode())
        for array in (batch.tokens, batch.masked, batch.targets):
            result.update(array.astype("<i8").tobytes())
    return result.hexdigest()


def joined(batches: list[Batch]) -> tuple[list[str], list[list[int]], list[int], list[int]]:
    """Language of each row, rows, masked positions of the whole update, targets."""
    languages = [name for batch in batches for name, count in batch.segments for _ in range(count)]
    rows = [row for batch in batches for row in batch.tokens.tolist()]
    masked, before = [], 0
    for batch in batches:
        masked += (batch.masked + before).tolist()
        before += batch.tokens.size
    return languages, rows, masked, [int(t) for batch in batches for t in batch.targets]


@given(micro=st.integers(1, 20), update=st.integers(0, 100))
def test_micro_batches_cut_the_same_update(micro: int, update: int) -> None:
    whole = make(micro=12).update(update)
    cut = make(micro=micro).update(update)
    assert len(whole) == 1
    assert joined(cut) == joined(whole)
    for batch in cut:
        assert 0 < len(batch.tokens) <= micro
        assert batch.tokens.dtype == batch.masked.dtype == batch.targets.dtype == np.int64
        languages = [language for language, _ in batch.segments]
        assert len(set(languages)) == len(languages)
        assert sum(count for _, count in batch.segments) == len(batch.tokens)
        assert (np.diff(batch.masked) > 0).all()


def test_rows_are_the_sequences_of_their_language() -> None:
    updates = make()
    used: Counter[str] = Counter()
    for update in range(30):
        languages, rows, masked, targets = joined(updates.update(update))
        tokens = np.array(rows)
        tokens.reshape(-1)[masked] = targets
        for language, row in zip(languages, tokens.tolist(), strict=True):
            expected = updates._sequences[language].sequences(used[language], 1)[0]
            assert row == expected.tolist()
            used[language] += 1
    for language, probability in PROBABILITIES.items():
        assert abs(used[language] - 360 * probability) <= 2 * 2


def test_masks_are_fresh() -> None:
    updates = make()
    masks = {tuple(joined(updates.update(update))[2]) for update in range(50)}
    assert len(masks) == 50


def test_another_process_makes_the_same() -> None:
    script = (
        "from tests.unit.data.test_batches import *; "
        "print(digest([make().update(u) for u in range(5)]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "5", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == digest([make().update(u) for u in range(5)])


def test_golden_batches() -> None:
    """A change here changes every trained model: bump pretrain.recipe_version with it."""
    stream = make().update(3)
    assert [batch.segments for batch in stream] == GOLDEN_SEGMENTS
    assert [batch.masked.tolist() for batch in stream] == GOLDEN_MASKED


@given(stop=st.integers(0, 12))
def test_resuming_goes_on_with_the_same(stop: int) -> None:
    expected = [digest([batches]) for batches in islice(make(), 15)]
    first = make()
    with first.prefetched(stop=15) as stream:
        seen = [digest([batches]) for batches in islice(stream, stop)]
    assert first.next_update == stop
    second = make(micro=4)
    second.next_update = stop
    with second.prefetched(stop=15) as stream:
        seen += [digest([batches]) for batches in stream]
    assert seen == expected
    assert second.next_update == 15


def test_threads_end_and_hand_over_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    updates = make()
    with updates.prefetched(stop=10**6) as stream:
        next(stream)
    assert threading.active_count() == before
    monkeypatch.setattr(updates, "update", lambda number: [][number])
    with pytest.raises(IndexError), updates.prefetched(stop=3) as stream:
        next(stream)
    assert threading.active_count() == before
    assert updates.next_update == 1


def test_missing_languages_and_mixed_lengths_are_refused() -> None:
    english = PackedSequences(memory_file(numbered(50)), 8, seed=1)
    german = PackedSequences(memory_file(numbered(50), language="de"), 9, seed=1)
    sampler = LanguageSampler({"en": 0.5, "de": 0.5}, draws_per_update=1, seed=1)
    for sequences, message in (
        ({"en": english}, "no token files for sampled languages: de"),
        ({"en": english, "de": german}, r"lengths differ between languages: \[8, 9\]"),
    ):
        with pytest.raises(ValueError, match=message):
            UpdateBatches(
                sequences,
                sampler,
                sequences_per_draw=1,
                micro_batch_sequences=1,
                mask_probability=0.15,
                vocabulary_size=100,
                seed=1,
            )
