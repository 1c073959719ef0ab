"""Decides which lines are held out: by a salted hash, the same for every language.

A keyed line goes by its key, so that the translations of a held-out line are held out in every
language. A line without a key goes by its fingerprint, so that its near-duplicates go with it.
Nothing depends on what other languages or other lines there are.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Sequence
from functools import cache

from xmod.paths import Split

MIN_HELDOUT_OF_CLOSED = 4
"""At least so many keys of a closed list are held out: a language may have no other text.

Four of the declaration's thirty articles are some 1,200 characters (our choice)."""

MAX_KNOWN_WORDS = 2**16
MAX_KNOWN_LETTERS = 32
"""Words whose letters are remembered, at most: some 15 MB (our choice)."""

_SPAN = 2**64


class Splitter:
    """Assigns lines to train and heldout."""

    def __init__(
        self, *, salt: str, heldout_fraction: float, closed_keys: Sequence[str] = ()
    ) -> None:
        """`closed_keys`: keys known beforehand, of which an exact number is held out.

        Raises ValueError for a fraction outside (0, 1).
        """
        if not 0 < heldout_fraction < 1:
            raise ValueError(
                f"corpora.heldout_fraction: {heldout_fraction}; legal: more than 0, less than 1"
            )
        self._salt = hashlib.blake2b(salt.encode(), digest_size=32).digest()
        self._threshold = int(heldout_fraction * _SPAN)
        number = max(MIN_HELDOUT_OF_CLOSED, math.ceil(heldout_fraction * len(closed_keys)))
        ranked = sorted(closed_keys, key=lambda key: self.place(key, "split"))
        self._closed = frozenset(closed_keys)
        self._closed_heldout = frozenset(ranked[: min(number, len(ranked) - 1)])

    def split(self, key: str | None, line_fingerprint: str) -> Split:
        """Where a line goes, by its key or else by its fingerprint."""
        if key is not None and key in self._closed:
            return "heldout" if key in self._closed_heldout else "train"
        unit = line_fingerprint if key is None else f"key {key}"
        return "heldout" if self.place(unit, "split") < self._threshold else "train"

    def place(self, unit: str, purpose: str) -> int:
        """A hash in [0, 2**64), different for each salt and purpose."""
        digest = _begun(self._salt, purpose).copy()
        digest.update(unit.encode("utf-8", "surrogatepass"))
        return int.from_bytes(digest.digest(), "big")


@cache
def _begun(salt: bytes, purpose: str) -> hashlib.blake2b:
    """A hash to copy, which takes half the time of beginning one."""
    return hashlib.blake2b(digest_size=8, key=salt, person=purpose.encode())


class _LettersOnly(dict[int, str | None]):
    """A translation table that keeps letters and marks, filled as characters turn up."""

    def __missing__(self, code: int) -> str | None:
        kept = chr(code) if unicodedata.category(chr(code))[0] in "LM" else None
        self[code] = kept
        return kept


class _LettersOfWords(dict[str, str]):
    """Word -> its letters and marks, of the words met of late: looking up is quicker."""

    def __missing__(self, word: str) -> str:
        letters = word.translate(_LETTERS_ONLY)
        if len(word) <= MAX_KNOWN_LETTERS:
            if len(self) >= MAX_KNOWN_WORDS:
                self.clear()
            self[word] = letters
        return letters


_LETTERS_ONLY = _LettersOnly()
_LETTERS_OF_WORDS = _LettersOfWords()


def fingerprint(text: str) -> str:
    """What near-duplicates have in common: the text's letters, without case.

    Lines that differ only in case, digits, punctuation, symbols or spaces are near-duplicates.
    A line without letters is its own fingerprint.
    """
    return "".join(map(_LETTERS_OF_WORDS.__getitem__, text.casefold().split())) or text
