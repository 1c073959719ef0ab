"""Normalising lines, and dropping them for a reason."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmod.data.cleaning import Cleaner, looks_english
from xmod.data.sources.interface import Line
from xmod.languages import Language, LanguageTable

Make = Callable[..., Language]


def cleaned(language: Language, text: str, english: str | None = None) -> tuple[str | None, str]:
    """What becomes of a line, and why."""
    drops: Counter[str] = Counter()
    text_or_none = Cleaner(language, is_translation=True).clean(Line("k", text, english), drops)
    return text_or_none, ", ".join(drops)


@pytest.mark.parametrize(
    ("iso", "script", "text", "expected"),
    [
        ("en", "Latin", "  a\tword\r\n\u00a0here\u2028now ", "a word here now"),
        ("fr", "Latin", "e\u0301te\u0301", "été"),
        ("de", "Latin", "Me\u00adn\u200bü\ufeff\x07 neu", "Menü neu"),
        ("de", "Latin", "Auf\u200clage", "Auflage"),
        ("fa", "Arabic", "می\u200cخواهم\u200c \u200cآب", "می\u200cخواهم آب"),
        ("ml", "Malayalam", "അവന്\u200d വന്നു", "അവന്\u200d വന്നു"),
        ("hi", "Devanagari", "क्\u200dष \u200eहै", "क्\u200dष है"),
        ("si", "Sinhala", "ශ්\u200dරී ලංකා", "ශ්\u200dරී ලංකා"),
        ("am", "Amharic", "የሰው፡ልጅ፡ሁሉ", "የሰው ልጅ ሁሉ"),
        ("ar", "Arabic", "\u202bمرحبا بكم\u202c", "مرحبا بكم"),
        ("zh", "Chinese", "你好\u3000世界", "你好 世界"),
    ],
)
def test_normalise(language: Make, iso: str, script: str, text: str, expected: str) -> None:
    assert cleaned(language(iso, script), text) == (expected, "")


@pytest.mark.parametrize(
    ("iso", "script", "text", "reason"),
    [
        ("en", "Latin", " 12:30 — !", "no letters"),
        ("en", "Latin", "", "no letters"),
        ("en", "Latin", "a b", "too short"),
        ("zh", "Chinese", "好", "too short"),
        ("en", "Latin", "bro\ufffdken text", "broken characters"),
        ("en", "Latin", "half \ud83d pair", "broken characters"),
        ("th", "Thai", "Untranslated message here", "wrong script"),
        ("th", "Thai", "ปุ่ม Open Recent Project", "wrong script"),
        ("en", "Latin", "совсем другое", "wrong script"),
        ("ka", "Georgian", "Показать всё", "wrong script"),
        ("de", "Latin", "Open the project and save your work", "looks English"),
    ],
)
def test_drops(language: Make, iso: str, script: str, text: str, reason: str) -> None:
    assert cleaned(language(iso, script), text) == (None, reason)


@pytest.mark.parametrize(
    ("iso", "script", "text"),
    [
        ("zh", "Chinese", "好的"),
        ("ko", "Korean", "한국어 위키"),
        ("ja", "Japanese", "これはペンです"),
        ("th", "Thai", "เปิดโปรเจกต์ใน Scratch"),
        ("om", "Ge'ez", "Namni kamiyyuu mirga qaba"),
        ("as", "Assamese", "অসমীয়া লিপি"),
        ("nl", "Latin", "Dit is niet de of het"),
    ],
)
def test_keeps(language: Make, iso: str, script: str, text: str) -> None:
    assert cleaned(language(iso, script), text)[0] is not None


def test_what_equals_its_english_is_not_translated(language: Make) -> None:
    assert cleaned(language("fi"), "Media  PLAYER", "media player") == (None, "same as English")
    assert cleaned(language("fi"), "Mediasoitin", "media player")[0] == "Mediasoitin"
    assert cleaned(language("en"), "media player", "media player")[0] == "media player"


def test_own_files_are_taken_at_their_word(language: Make) -> None:
    cleaner = Cleaner(language("th", "Thai"), is_translation=False)
    drops: Counter[str] = Counter()
    line = Line(None, "All of the English text that you have")
    assert cleaner.clean(line, drops) == line.text
    assert not drops


def test_english_needs_more_than_one_common_word() -> None:
    assert looks_english("Learn about the program")
    assert looks_english("This is your project")
    assert not looks_english("Das Museum heißt The Tech und steht in San Jose, Kalifornien")
    assert not looks_english("be")


def test_every_script_of_the_table_is_known(table: LanguageTable) -> None:
    for one in table:
        Cleaner(one, is_translation=True)


def test_an_unknown_script_is_named(language: Make) -> None:
    with pytest.raises(ValueError, match=r"xx: column script: 'Runic'; legal: .*Latin"):
        Cleaner(language("xx", "Runic"), is_translation=True)


@settings(deadline=None)
@given(text=st.text())
def test_clean_text_is_one_line_and_stays_as_it_is(text: str) -> None:
    language = Language(
        iso="hi",
        name="Hindi",
        family="f",
        script="Devanagari",
        roles={},
        released_code=None,
        cc100="hi",
        cc100_mb=1.0,
        codes={},
        embedded_kchars=1,
    )
    cleaner = Cleaner(language, is_translation=False)
    longer_way = cleaner.normalise(f"\u200b{text}")  # as whatever has an invisible character
    assert cleaner.normalise(text) == longer_way
    once = cleaner.clean(Line(None, text), Counter())
    if once is not None:
        assert len(once.splitlines()) == 1
        assert "\t" not in once
        assert once == once.strip()
        assert unicodedata.is_normalized("NFC", once)
        assert cleaner.clean(Line(None, once), Counter()) == once
