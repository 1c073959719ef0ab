"""Normalises lines and drops those that are not text in their language, counted by reason."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

from xmod.data.sources.interface import Line
from xmod.languages import Language

MIN_LETTERS = 3
"""Shorter lines teach nothing to a masked language model (our choice)."""
MIN_LETTERS_DENSE = 2
"""The same for scripts with a syllable or a word a character."""
MIN_SCRIPT_SHARE = 0.5
"""At least so many of a line's letters are in the language's script (our choice)."""
MIN_ENGLISH_SHARE = 0.15
"""From so many English function words on, a line is taken for English (our choice)."""

_RANGES: Final = {
    "Latin": "A-Za-zª-ʯ\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uff21-\uff5a",
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "Cyrillic": "\u0400-\u052f\u1c80-\u1c8f",
    "Devanagari": "\u0900-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Gujarati": "\u0a80-\u0aff",
    "Odia": "\u0b00-\u0b7f",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Sinhala": "\u0d80-\u0dff",
    "Thai": "\u0e00-\u0e7f",
    "Lao": "\u0e80-\u0eff",
    "Myanmar": "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f",
    "Khmer": "\u1780-\u17ff\u19e0-\u19ff",
    "Georgian": "\u10a0-\u10ff\u1c90-\u1cbf",
    "Ethiopic": "\u1200-\u139f\u2d80-\u2ddf",
    "Armenian": "\u0530-\u058f\ufb13-\ufb17",
    "Hebrew": "\u0590-\u05ff\ufb1d-\ufb4f",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Han": "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "Hangul": "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff",
    "Kana": "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f",
}
_SCRIPTS: Final = {
    "Korean": ("Hangul", "Han"),
    "Japanese": ("Kana", "Han"),
    "Chinese": ("Han",),
    "Amharic": ("Ethiopic",),
    "Assamese": ("Bengali",),
}
"""The scripts that X-MOD table 9 names otherwise than Unicode does."""
_SCRIPTS_OF_TEXT: Final = {"om": ("Latin",)}
"""Table 9 prints Ge'ez for Oromo, but its text (CC-100's too) is in Latin letters."""
_DENSE: Final = frozenset({"Han", "Hangul", "Kana", "Ethiopic"})
_JOINED: Final = (
    frozenset(_RANGES) - {"Latin", "Cyrillic", "Greek", "Georgian", "Armenian"} - _DENSE
)
"""Scripts whose spelling uses the zero-width joiner or non-joiner."""
_ENGLISH_WORDS: Final = frozenset(
    ("the", "and", "you", "your", "this", "that", "with", "from", "which", "their", "they", "been")
)

_SPACES = re.compile(r"[\s\u0000-\u001f\u007f-\u009f\u1361]+")
"""White space and control characters; U+1361 is the Ethiopic space between words."""
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\ue000-\uf8ff]"
)
"""Soft hyphens, direction marks, variation selectors, byte order marks, private characters."""
_UNPLAIN = re.compile("[\u034f\u1361\ufe00-\ufe0f]")
"""What is replaced or taken away though Python calls it printable."""
_JOINERS = re.compile("[\u200c\u200d]")
_STRAY_JOINERS = re.compile(
    "(?:^|(?<=\\s))[\u200c\u200d]+|(?<=\\w)[\u200c\u200d]+(?=[\\s.,;:!?)]|$)"
)
"""Joiners that join nothing; after a virama, at a word's end, they still spell (Malayalam)."""
_BROKEN = re.compile("[\ufffd\ud800-\udfff]")
"""What is left of characters that were decoded wrongly."""
_LETTERS = re.compile(r"[^\W\d_]+")


class Cleaner:
    """Cleans the lines of one language."""

    def __init__(self, language: Language, *, is_translation: bool) -> None:
        """`is_translation`: whether lines may have been left in English or another script."""
        scripts = _SCRIPTS_OF_TEXT.get(language.iso) or _SCRIPTS.get(
            language.script, (language.script,)
        )
        unknown = [script for script in scripts if script not in _RANGES]
        if unknown:
            legal = ", ".join(sorted([*_RANGES, *_SCRIPTS]))
            raise ValueError(f"{language.iso}: column script: {unknown[0]!r}; legal: {legal}")
        ranges = "".join(_RANGES[script] for script in scripts)
        self._in_script = re.compile(rf"[{ranges}]+")
        least = MIN_LETTERS_DENSE if _DENSE.intersection(scripts) else MIN_LETTERS
        self._enough_letters = re.compile(rf"(?:[^\W\d_][\W\d_]*+){{{least}}}")
        self._keeps_joiners = bool(_JOINED.intersection(scripts))
        self._is_latin = "Latin" in scripts
        self._finds_english = is_translation and language.iso != "en"
        self._finds_script = is_translation

    def clean(self, line: Line, drops: Counter[str]) -> str | None:
        """The clean line, or None where it goes, counted in `drops` by its reason."""
        text = self.normalise(line.text)
        reason = self._fault(text, line.english)
        if reason is None:
            return text
        drops[reason] += 1
        return None

    def normalise(self, text: str) -> str:
        """NFC, single spaces, no control or invisible characters but joiners that spell."""
        if text.isprintable() and _UNPLAIN.search(text) is None:  # most text, and twice as quick
            return " ".join(unicodedata.normalize("NFC", text).split())
        text = _INVISIBLE.sub("", text)
        text = _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()
        if _JOINERS.search(text) is None:
            return text
        if not self._keeps_joiners:
            return _JOINERS.sub("", text).strip()
        return _STRAY_JOINERS.sub("", text).strip()

    def count_script(self, text: str) -> tuple[int, int]:
        """How many letters are in the language's script, and how many there are."""
        letters = "".join(_LETTERS.findall(text))
        return len(letters) - len(self._in_script.sub("", letters)), len(letters)

    def _folded(self, english: str) -> str:
        """An original's clean text, without case."""
        return self.normalise(english).casefold()

    def _fault(self, text: str, english: str | None) -> str | None:
        is_long = self._enough_letters.search(text) is not None
        if not is_long and _LETTERS.search(text) is None:
            return "no letters"
        if _BROKEN.search(text):
            return "broken characters"
        if not is_long:
            return "too short"
        if self._finds_script:
            inside, num_letters = self.count_script(text)
            if num_letters - inside > (1 - MIN_SCRIPT_SHARE) * num_letters:
                return "wrong script"
        if self._finds_english:
            if english is not None and text.casefold() == self._folded(english):
                return "same as English"
            if self._is_latin and looks_english(text):
                return "looks English"
        return None


def looks_english(text: str) -> bool:
    """Whether function words that (nearly) only English has make up much of the text."""
    words = _LETTERS.findall(text.lower())
    found = [word for word in words if word in _ENGLISH_WORDS]
    is_much = len(found) >= MIN_ENGLISH_SHARE * len(words)
    return is_much and (len(set(found)) >= 2 or "the" in found)
