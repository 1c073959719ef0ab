"""transformers' tokenizer of an exported folder gives our ids."""

from __future__ import annotations

from typing import Any

import pytest
import transformers
from hypothesis import HealthCheck, given, settings

from tests.unit.tasks import many_scripts
from xmod.interop.sentencepiece_model import parse
from xmod.interop.tokenizer_files import write_tokenizer

NO_TWINS = tuple(word for word in many_scripts.WORDS if "\u0323" not in word)
"""Without two marks on one letter, which NFC puts in order and SentencePiece does not."""


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, many_scripts.vocabulary(), max_positions=64)
    return transformers.AutoTokenizer.from_pretrained(folder)


def ids(text: str) -> list[int]:
    found: list[int] = many_scripts.vocabulary().encode([text])[0].tolist()
    return found


@pytest.mark.parametrize("word", NO_TWINS)
def test_words_of_many_scripts(word: str, tokenizer: Any) -> None:
    for text in (word, f"{word} {word}", f"kato{word}", f"  {word}\t{word}\n"):
        assert tokenizer(text, add_special_tokens=False).input_ids == ids(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=many_scripts.st.lists(many_scripts.st.sampled_from(NO_TWINS), max_size=12))
def test_sentences(text: list[str], tokenizer: Any) -> None:
    line = " ".join(text)
    assert tokenizer(line, add_special_tokens=False).input_ids == ids(line)


def test_special_tokens(tokenizer: Any) -> None:
    vocabulary = many_scripts.vocabulary()
    assert tokenizer("kato", "mire").input_ids == [0, *ids("kato"), 2, 2, *ids("mire"), 2]
    assert tokenizer.mask_token_id == vocabulary.mask
    assert (tokenizer.cls_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id) == (0, 1, 3)
    assert tokenizer("kato <mask>").input_ids == [0, *ids("kato"), vocabulary.mask, 2]
    padded = tokenizer(["kato", "kato mire"], padding=True)
    assert padded.input_ids[0][-1] == 1
    assert "token_type_ids" not in padded


def test_characters_of_each_token(tokenizer: Any) -> None:
    """What tagging and answering need."""
    found = tokenizer("kato mire", return_offsets_mapping=True)
    spelt = ["kato mire"[begin:end] for begin, end in found["offset_mapping"]]
    assert "".join(spelt).replace(" ", "") == "katomire"


def test_a_model_that_is_cut_short() -> None:
    folder = many_scripts.vocabulary()._model
    with pytest.raises(ValueError, match="no whole SentencePiece model"):
        parse(folder[:-3])
