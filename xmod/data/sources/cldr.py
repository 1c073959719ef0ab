"""Emoji and symbol names with keywords, keyed by emoji (package `cldr-annotations-full`)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from xmod.data.sources.catalogue import PackageSource
from xmod.data.sources.interface import Document, Line
from xmod.languages import Language

LINES_A_DOCUMENT = 32
"""The package has no documents; neighbours in code point order are of one theme."""

_COMMAS = {"zh": "\uff0c", "ja": "、", "am": "፣ "} | dict.fromkeys(
    ("ar", "fa", "ps", "sd", "ur"), "، "
)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_OTHER = re.compile(r"(?![A-Za-z\u00c0-\u024f\u1e00-\u1eff])[^\W\d_]")
_PEOPLE = str.maketrans({"👨": "🧑", "👩": "🧑", "👴": "🧓", "👵": "🧓", "👦": "🧒", "👧": "🧒"})
_VARIANTS = re.compile("[\u200d\ufe0f\u2640\u2642\U0001f3fb-\U0001f3ff]")


class CldrSource(PackageSource):
    """A line is `name: keyword, keyword`."""

    name = "cldr"
    pattern = r"package/annotations/(?P<code>[\w-]+)/annotations\.json"
    english = "en"
    _originals: dict[str, str] | None = None

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        if self._originals is None:
            self._originals = {symbol: one.text() for symbol, one in self._entries(self.english)}
        for code in self.codes(language):
            lines: list[Line] = []
            for symbol, entry in self._entries(code):
                text = entry.text(
                    comma=_COMMAS.get(language.iso, ", "), is_latin=language.script == "Latin"
                )
                if text:
                    lines.append(Line(emoji_key(symbol), text, self._originals.get(symbol)))
                else:
                    drops["no name"] += 1
            for first in range(0, len(lines), LINES_A_DOCUMENT):
                yield Document(self.name, tuple(lines[first : first + LINES_A_DOCUMENT]))

    def _entries(self, code: str) -> list[tuple[str, _Entry]]:
        """The entries of a code in code point order."""
        entries: dict[str, _Entry] = {}
        for name, content in self.catalogue.members(code).items():
            with self.reading(name):
                annotations = json.loads(content)["annotations"]["annotations"]
                entries |= {
                    symbol: _Entry(tuple(one.get("tts", ())), tuple(one.get("default", ())))
                    for symbol, one in annotations.items()
                }
        return sorted(entries.items())


class _Entry(NamedTuple):
    """What the package says about a symbol."""

    names: tuple[str, ...]
    keywords: tuple[str, ...]

    def text(self, *, comma: str = ", ", is_latin: bool = True) -> str:
        """`name: keyword, keyword`, empty where the name is only a mark that it is inherited."""
        if not self.names or "\u2191" in self.names[0]:
            return ""
        words = [word.strip("[]") for word in self.keywords if word not in self.names]
        words = [word for word in words if _letters_in_script(word, is_latin=is_latin)]
        name = self.names[0].replace("[", "").replace("]", "")
        return ": ".join(part for part in (name, comma.join(words)) if part)


def _letters_in_script(word: str, *, is_latin: bool) -> bool:
    """Whether a keyword is a word: not a sign, nor an abbreviation from another script."""
    return (_LATIN if is_latin else _OTHER).search(word) is not None


def emoji_key(symbol: str) -> str:
    """The key of an emoji: the same for its variants by gender, skin tone and age style."""
    return "cldr/" + _VARIANTS.sub("", symbol.translate(_PEOPLE))
