"""Plain sentences out of interface messages: no markup, placeholders, code or addresses.

Used by the sources whose text is software messages. A message keeps the sentences that read as
language; a sentence that has a hole in it (a placeholder, an address, a line of code) goes.
"""

from __future__ import annotations

import functools
import hashlib
import html
import re
from collections import Counter
from collections.abc import Iterator

from xmod.data.sources.interface import Line

_HOLE = "\x00"
"""Stands for what is not language until the sentence around it is dropped."""

_LINK = re.compile(
    r"\[([^\[\]]+)\]\s?\((?:https?://|/|#|mailto:)[^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)"
)
_MARKS = re.compile(r"[`<&\[]")
_CODE = re.compile(r"`([^`]*)`")
_WORD_IN_CODE = re.compile(r"\W*(\w+(?:[-.:]\w+)*)\W*")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_BREAK = re.compile(r"<br\s*/?>|</p>|</li>", re.IGNORECASE)
_HOLES = re.compile(
    r"""
    %\([^)]*\)[#0+-]?\d*\.?\d*[a-zA-Z]              # %(name)s
    | %[sdr] | %[#0+-]?\d*\.\d+[fs]                 # %s, %.1f
    | %\d(?!\d)                                     # %1
    | \$\{?\w+\}? (?<!\$\d) (?<=[a-zA-Z}])          # $name
    | \{[^{}]*\}                                    # {name}
    | \[[A-Z0-9_]+\]                                # [NAME]
    | [{}<>]                                        # what is left of nested braces and tags
    | (?:https?://|www\.)\S*[^\s.,;:!?)] | (?<!\S)\S+@\S+\.\w+ | https?://  # addresses
    | (?<![\w.-])(?:[\w-]+\.)+(?:com|org|edu|net|io|dev|html|js|css|py)\b/?\S*
    | (?<![\w/])/[a-z][\w-]*/\S*                    # /a/path
    | \\ | (?<!\w)@\w                               # escapes, handles
    | (?<!\w)\w*_\w* | (?<!\w)\w+\(\) | =           # code: a_name, call(), a = b
    """,
    re.VERBOSE,
)
_SENTENCE_END = re.compile(
    r"(?:(?<=\w\w[.!?;:])|(?<=\x00[.!?;:]))\s+(?=[^a-z\s])"  # Latin, Cyrillic, Hebrew, ...
    r"|(?<=[.!?][)\"\u201d\u00bb\u2019])\s+"
    r"|(?<=[\u0964\u0965\u061f\u06d4\u1362\u0589])\s*"  # danda, Arabic, Ethiopic, Armenian
    r"|(?<=[\u3002\uff01\uff1f])"  # Chinese and Japanese
)
_BRACKETS = (("(", ")"), ("[", "]"), ("«", "»"), ("\uff08", "\uff09"), ("「", "」"))


def message_lines(
    message: str, *, english: str, is_english: bool, drops: Counter[str]
) -> Iterator[Line]:
    """The lines of a translated message, keyed by its English original."""
    if message == english and not is_english:
        drops["same as English"] += 1
        return
    lines = plain_lines(message)
    drops["placeholder"] += not lines
    originals = _plain_english(english)
    for index, text in enumerate(lines):
        original = originals[index] if index < len(originals) else None
        yield Line(message_key(english), text, original)


def plain_lines(message: str) -> list[str]:
    """The readable lines of a message, none where nothing of it reads as language."""
    text = message
    if _MARKS.search(text):
        text = _CODE.sub(_open_code, _LINK.sub(r"\1", text))
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", text))).replace("`", "'")
    lines = (_without_holes(line) for line in text.split("\n"))
    return [line for line in lines if line]


@functools.lru_cache(maxsize=32768)
def message_key(english: str) -> str:
    """The key of a message in all languages and catalogues: a digest of its English text.

    The same English message in two catalogues has one key, so that they are split alike.
    """
    folded = " ".join(english.casefold().split())
    return "message/" + hashlib.blake2b(folded.encode(), digest_size=12).hexdigest()


@functools.lru_cache(maxsize=32768)
def _plain_english(english: str) -> tuple[str, ...]:
    return tuple(plain_lines(english))


def _open_code(match: re.Match[str]) -> str:
    """A code span that is one word reads as that word; any other is a hole."""
    word = _WORD_IN_CODE.fullmatch(match[1])
    return word[1] if word else _HOLE


def _without_holes(line: str) -> str:
    text = _HOLES.sub(_HOLE, line)
    if _HOLE not in text:
        return text.strip()
    kept = " ".join(part for part in _SENTENCE_END.split(text) if _HOLE not in part).strip()
    return kept if _is_balanced(kept) else ""


def _is_balanced(text: str) -> bool:
    """Whether no bracket or straight quote lost its partner with the sentences that went."""
    return all(text.count(first) == text.count(last) for first, last in _BRACKETS) and (
        text.count('"') % 2 == 0
    )
