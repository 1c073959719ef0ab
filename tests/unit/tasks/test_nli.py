"""NLI: pairs as XLM-R reads them, and scores back to labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tasks.many_scripts import encoded, reference_tokenizer, sentences, vocabulary
from xmod.tasks.examples import NLI_LABELS, NliExample, TaskDataError
from xmod.tasks.features import FeatureFileError
from xmod.tasks.nli import decode_nli, encode_nli, truncated_lengths

PAIRS = [
    ("kato mire sunlo", "Verpa 1971", "neutral"),
    ("中文，測試。 العَرَبِيَّة ﬁn", "", "entailment"),
    ("", "น้ำ ภาษาไทย " * 9, "contradiction"),
    ("kato " * 9, "mire sunlo " * 9, "neutral"),
]


def examples() -> list[NliExample]:
    return [NliExample(str(number), *pair) for number, pair in enumerate(PAIRS)]


@pytest.mark.parametrize("max_length", [6, 7, 20, 31, 512])
def test_sequences_are_those_of_transformers(tmp_path: Path, max_length: int) -> None:
    reference = reference_tokenizer(tmp_path)
    features = encoded("nli", examples(), tmp_path / "en.features", max_length=max_length)
    num_truncated = 0
    for number, example in enumerate(examples()):
        pair = (example.premise, example.hypothesis)
        expected = reference(*pair, truncation="longest_first", max_length=max_length)["input_ids"]
        found = features.ids[features.offsets[number] : features.offsets[number + 1]]
        assert found.tolist() == expected
        num_truncated += len(reference(*pair)["input_ids"]) > max_length
    assert features.index.counts["num_truncated"] == num_truncated
    assert [NLI_LABELS[label] for label in features.per_sequence["label"]] == [
        example.label for example in examples()
    ]


@given(first=st.integers(0, 30), second=st.integers(0, 30), budget=st.integers(2, 40))
def test_the_longer_part_gives(first: int, second: int, budget: int) -> None:
    """Against taking one token after the other."""
    kept = [first, second]
    while sum(kept) > budget:
        kept[0 if kept[0] > kept[1] else 1] -= 1
    assert truncated_lengths(first, second, budget) == tuple(kept)


@given(premise=sentences, hypothesis=sentences, max_length=st.integers(6, 80))
def test_tokens_are_kept_or_counted(premise: str, hypothesis: str, max_length: int) -> None:
    counts: dict[str, int] = {}
    example = NliExample("1", premise, hypothesis, "neutral")
    (sequence,) = encode_nli(
        [example], vocabulary=vocabulary(), max_length=max_length, counts=counts
    )
    parts = vocabulary().encode([premise, hypothesis])
    assert len(sequence.ids) <= max_length
    assert len(sequence.ids) + counts["num_tokens_lost"] == sum(map(len, parts)) + 4
    assert counts["num_truncated"] == (counts["num_tokens_lost"] > 0)


def test_the_highest_score_is_the_label(tmp_path: Path) -> None:
    features = encoded("nli", examples(), tmp_path / "en.features", max_length=40)
    scores = np.array([[0, 1, 0], [3, 2, 1], [-3, -2, -1], [1, 1, 1]], dtype=np.float32)
    predicted = list(decode_nli(features, examples(), scores))
    assert [one.id for one in predicted] == ["0", "1", "2", "3"]
    assert [one.label for one in predicted] == [
        *("neutral", "entailment", "contradiction", "entailment"),
    ]


def test_impossible_scores_are_refused(tmp_path: Path) -> None:
    features = encoded("nli", examples(), tmp_path / "en.features", max_length=40)
    scores = np.zeros((4, 3), dtype=np.float32)
    with pytest.raises(ValueError, match=r"shape \(3, 3\) where \(4, 3\)"):
        list(decode_nli(features, examples(), scores[:3]))
    with pytest.raises(FeatureFileError, match="4 examples, but there are 3"):
        list(decode_nli(features, examples()[:3], scores))
    scores[2, 1] = np.nan
    with pytest.raises(ValueError, match="not all finite"):
        list(decode_nli(features, examples(), scores))


def test_what_cannot_be_encoded_is_named(tmp_path: Path) -> None:
    odd = NliExample("seven", "a", "b", "maybe")
    with pytest.raises(TaskDataError, match=r"'seven': label 'maybe' is none of"):
        encoded("nli", [odd], tmp_path / "en.features", max_length=40)
    with pytest.raises(ValueError, match="max_length is 5"):
        encoded("nli", examples(), tmp_path / "en.features", max_length=5)
