"""XLM-R's ids over a SentencePiece model."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from xmod.tokenization.vocabulary import UNKNOWN, Vocabulary, VocabularyError


def processor_of(vocabulary: Vocabulary, folder: Path) -> sentencepiece.SentencePieceProcessor:
    vocabulary.save(folder / "spm.model")
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))


def test_ids_are_xlmr_ids(vocabulary: Vocabulary, tmp_path: Path) -> None:
    processor = processor_of(vocabulary, tmp_path)
    count = processor.get_piece_size()
    assert vocabulary.size == count + 2
    assert [vocabulary.piece(i) for i in range(4)] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert vocabulary.piece(vocabulary.mask) == "<mask>"
    assert vocabulary.mask == vocabulary.size - 1
    for id_ in range(3, count):
        assert vocabulary.piece(id_ + 1) == processor.id_to_piece(id_)


def test_ids_equal_transformers_tokenizer(vocabulary: Vocabulary, tmp_path: Path) -> None:
    """The independent reference: transformers' XLM-R tokenizer over the same model."""
    transformers = pytest.importorskip("transformers")
    vocabulary.save(tmp_path / "spm.model")
    reference = transformers.XLMRobertaTokenizer(str(tmp_path / "spm.model"))
    line = "kato mire sunlo ☃ verpa"
    assert vocabulary.encode([line])[0].tolist() == reference.encode(line, add_special_tokens=False)
    assert vocabulary.size == len(reference)
    assert vocabulary.mask == reference.mask_token_id


def test_pieces_spell_the_text(vocabulary: Vocabulary) -> None:
    lines = ["kato mire", "", "sunlo verpa kani"]
    encoded = vocabulary.encode(lines)
    assert [len(ids) > 0 for ids in encoded] == [True, False, True]
    spelt = ["".join(map(vocabulary.piece, ids)) for ids in encoded]
    assert [text.replace("▁", " ").strip() for text in spelt] == lines
    assert vocabulary.encode([]) == []


@given(lines=st.lists(st.text(max_size=30), max_size=8))
def test_batches_change_nothing(vocabulary: Vocabulary, lines: list[str]) -> None:
    together = vocabulary.encode(lines, num_threads=2)
    alone = [vocabulary.encode([line])[0] for line in lines]
    assert [ids.tolist() for ids in together] == [ids.tolist() for ids in alone]
    for ids in together:
        assert np.all((ids >= UNKNOWN) & (ids < vocabulary.mask))


def test_unknown_characters_are_unknown(vocabulary: Vocabulary) -> None:
    assert UNKNOWN in vocabulary.encode(["☃"])[0]


def test_ids_outside_are_refused(vocabulary: Vocabulary) -> None:
    for id_ in (-1, vocabulary.size):
        with pytest.raises(ValueError, match=str(id_)):
            vocabulary.piece(id_)


def test_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"absent\.model.*train_vocabulary"):
        Vocabulary.open(tmp_path / "absent.model")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_truncated_model_is_refused(vocabulary: Vocabulary, tmp_path: Path, share: float) -> None:
    vocabulary.save(tmp_path / "spm.model")
    data = (tmp_path / "spm.model").read_bytes()
    (tmp_path / "spm.model").write_bytes(data[: int(share * len(data))])
    with pytest.raises(VocabularyError, match=r"spm\.model: not a whole SentencePiece model"):
        Vocabulary.open(tmp_path / "spm.model")


@pytest.mark.parametrize("ids", [{"pad_id": 3}, {"unk_id": 2, "eos_id": 0}, {"bos_id": -1}])
def test_other_control_ids_are_refused(text: Path, tmp_path: Path, ids: dict[str, Any]) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.read_text().splitlines()),
        model_writer=model,
        vocab_size=60,
        minloglevel=2,
        **ids,
    )
    (tmp_path / "odd.model").write_bytes(model.getvalue())
    with pytest.raises(VocabularyError, match=r"odd\.model: its control ids are"):
        Vocabulary.open(tmp_path / "odd.model")


def test_fingerprint_tells_models_apart(
    vocabulary: Vocabulary, other_vocabulary: Vocabulary, tmp_path: Path
) -> None:
    vocabulary.save(tmp_path / "copy.model")
    assert Vocabulary.open(tmp_path / "copy.model").fingerprint == vocabulary.fingerprint
    assert other_vocabulary.fingerprint != vocabulary.fingerprint
