"""Which characters of the text as given a token stands for."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given, settings

from tests.unit.tasks.many_scripts import texts, vocabulary
from xmod.tokenization import vocabulary as module


def covered(text: str) -> list[tuple[str, str]]:
    """Each piece and its characters."""
    ids, spans = vocabulary().encode_with_spans(text)
    return [(vocabulary().piece(i), text[a:b]) for i, (a, b) in zip(ids, spans, strict=True)]


def is_hidden(character: str) -> bool:
    """Whether the model never sees it, by SentencePiece itself."""
    normalized = vocabulary()._processor.normalize(f"x{character}y")
    return normalized in ("▁x▁y", "▁xy")


@given(text=texts)
@settings(max_examples=200)
def test_ids_are_the_same_and_spans_hold_every_character(text: str) -> None:
    ids, spans = vocabulary().encode_with_spans(text)
    assert ids.tolist() == vocabulary().encode([text])[0].tolist()
    held = {place for begin, end in spans.tolist() for place in range(begin, end)}
    assert [c for place, c in enumerate(text) if place not in held and not is_hidden(c)] == []
    assert all(a <= b for a, b in itertools.pairwise(spans[:, 0].tolist()))
    for piece, characters in covered(text):
        assert (characters == "") == (piece == "▁")
        if characters:
            assert not is_hidden(characters[0])
            assert not is_hidden(characters[-1])


@given(text=texts)
@settings(max_examples=200)
def test_a_known_piece_is_what_its_characters_become(text: str) -> None:
    """By Python's own NFKC; characters that become several pieces hold each of them."""
    for piece, characters in covered(text):
        if piece == "<unk>" or not characters:
            continue
        shown = "".join(c for c in unicodedata.normalize("NFKC", characters) if not is_hidden(c))
        assert piece.replace("▁", "") in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \u200b\n", []),
        (" kato  mi", [("▁ka", "ka"), ("t", "t"), ("o", "o"), ("▁mi", "mi")]),
        ("ﬁn", [("▁f", "ﬁ"), ("i", "ﬁ"), ("n", "n")]),
        ("㈱", [("▁(", "㈱"), ("株", "㈱"), (")", "㈱")]),
        ("中 測", [("▁", ""), ("中", "中"), ("▁", ""), ("測", "測")]),
        ("cafe\u0301", [("▁c", "c"), ("a", "a"), ("f", "f"), ("é", "e\u0301")]),
        ("กำ", [("▁ก", "ก"), ("ํ", "ำ"), ("า", "ำ")]),
        ("ｶﾞ", [("▁", ""), ("ガ", "ｶﾞ")]),
        ("😀a", [("▁😀", "😀"), ("a", "a")]),
    ],
)
def test_examples(text: str, expected: list[tuple[str, str]]) -> None:
    assert covered(text) == expected


def test_hidden_characters_are_sentencepieces() -> None:
    """The whole basic plane; what is hidden lies in it."""
    found = {
        code for code in range(1, 2**16) if not 0xD800 <= code < 0xE000 and is_hidden(chr(code))
    }
    assert found == {*module._SPACES, *module._DROPPED}
