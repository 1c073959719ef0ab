"""NER: every word keeps its tag, whatever it becomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.unit.tasks.many_scripts import WORDS, encoded, reference_tokenizer, vocabulary
from xmod.tasks.examples import NER_TAGS, NerExample, TaskDataError
from xmod.tasks.features import Features
from xmod.tasks.ner import NO_TAG, decode_ner, encode_ner
from xmod.tokenization.vocabulary import END, START, UNKNOWN

INVISIBLE = ("\u200b", "\u200e", "\ufeff", "\x01", "\u3000")
tagged = st.lists(
    st.tuples(st.sampled_from((*WORDS, *INVISIBLE)), st.sampled_from(NER_TAGS)), max_size=20
)


def example(words: list[tuple[str, str]], name: str = "1") -> NerExample:
    return NerExample(name, tuple(word for word, _ in words), tuple(tag for _, tag in words))


def one_hot(features: Features) -> NDArray[np.float32]:
    """Scores of a model that is right wherever it is asked."""
    scores = np.zeros((len(features.ids), len(NER_TAGS)), dtype=np.float32)
    scores[:, 3] = 0.5  # and wrong where it is not
    (places,) = np.nonzero(features.per_token["tag"] != NO_TAG)
    scores[places, features.per_token["tag"][places]] = 1
    return scores


@given(sentences=st.lists(tagged, max_size=4), max_length=st.integers(3, 60))
def test_tags_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[tuple[str, str]]],
    max_length: int,
) -> None:
    """One a word; those that were cut off are O, and counted."""
    examples = [example(words, str(number)) for number, words in enumerate(sentences)]
    path = tmp_path_factory.mktemp("ner") / "en.features"
    features = encoded("ner", examples, path, max_length=max_length)
    num_lost = 0
    for words, found in zip(
        examples, decode_ner(features, examples, one_hot(features)), strict=True
    ):
        kept = found.tags
        while kept and kept[-1] == "O":
            kept = kept[:-1]
        assert found.id == words.id
        assert len(found.tags) == len(words.words)
        assert kept == words.tags[: len(kept)]
    for number, words in enumerate(examples):
        tags = features.per_token["tag"][features.offsets[number] : features.offsets[number + 1]]
        num_lost += len(words.words) - int((tags != NO_TAG).sum())
    is_tagged = features.per_token["tag"] != NO_TAG
    assert not np.isin(features.ids[is_tagged], [START, END]).any()
    assert features.index.counts["num_words_lost"] == num_lost
    assert features.index.counts["num_words"] == sum(map(len, sentences))
    assert (features.index.counts["num_truncated"] > 0) >= (num_lost > 0)
    assert int(features.lengths.max(initial=0)) <= max_length


def test_sequences_are_those_of_xtreme(tmp_path: Path) -> None:
    """Hu et al. 2020: words one by one through transformers, `<unk>` for a word of no pieces."""
    reference = reference_tokenizer(tmp_path)
    words = [*WORDS, *INVISIBLE, "kato"]
    tags = [NER_TAGS[at % len(NER_TAGS)] for at in range(len(words))]
    ids, labels = [reference.bos_token_id], [NO_TAG]
    for word, tag in zip(words, tags, strict=True):
        pieces = reference.tokenize(word) or [reference.unk_token]
        ids += reference.convert_tokens_to_ids(pieces)
        labels += [NER_TAGS.index(tag), *[NO_TAG] * (len(pieces) - 1)]
    counts: dict[str, int] = {}
    (found,) = encode_ner(
        [example(list(zip(words, tags, strict=True)))],
        vocabulary=vocabulary(),
        max_length=512,
        counts=counts,
    )
    assert found.ids.tolist() == [*ids, reference.eos_token_id]
    assert found.per_token["tag"].tolist() == [*labels, NO_TAG]
    assert counts["num_words_without_pieces"] == len(INVISIBLE)


def test_a_chinese_character_is_tagged_at_its_space() -> None:
    (found,) = encode_ner(
        [example([("中", "B-LOC"), ("測", "I-LOC")])],
        vocabulary=vocabulary(),
        max_length=99,
        counts={},
    )
    assert [vocabulary().piece(id_) for id_ in found.ids] == ["<s>", "▁", "中", "▁", "測", "</s>"]
    assert found.per_token["tag"].tolist() == [NO_TAG, 5, NO_TAG, 6, NO_TAG, NO_TAG]


def test_a_word_without_pieces_keeps_its_place(tmp_path: Path) -> None:
    words = example([("kato", "B-PER"), ("\u200b", "I-PER"), ("\u200e", "O"), ("mi", "B-LOC")])
    features = encoded("ner", [words], tmp_path / "en.features", max_length=99)
    assert features.ids.tolist().count(UNKNOWN) == 2
    assert features.index.counts["num_words_without_pieces"] == 2
    (found,) = decode_ner(features, [words], one_hot(features))
    assert found.tags == words.tags


def test_what_cannot_be_encoded_is_named(tmp_path: Path) -> None:
    for odd in (NerExample("7", ("a",), ("B-MISC",)), NerExample("7", ("a", "b"), ("O",))):
        with pytest.raises(TaskDataError, match=r"'7': \d words need as many tags"):
            encoded("ner", [odd], tmp_path / "en.features", max_length=40)
    with pytest.raises(ValueError, match="max_length is 2"):
        encoded("ner", [], tmp_path / "en.features", max_length=2)
