"""Lines of text to a token stream, batch by batch in bounded memory.

A corpus is UTF-8 text, one paragraph a line, documents separated by an empty line. The paragraphs
of a document follow one another in the token stream, and `</s>` ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.data.token_file import EncodedText
from xmod.tokenization.vocabulary import END, Vocabulary

BATCH_LINES: Final = 4096
BATCH_CHARACTERS: Final = 2**20
"""A batch ends at whichever comes first, so memory stays bounded for any text (our choice)."""


def encode_lines(lines: Iterable[str], *, vocabulary: Vocabulary) -> Iterator[EncodedText]:
    """The token stream of a text, batch by batch; documents end at empty lines and at the end."""
    inside = False
    for batch in _batches(lines):
        ids, lengths = vocabulary.encode_flat(batch)
        ends, inside = _document_ends(batch, inside=inside)
        stops = np.cumsum(lengths)
        yield EncodedText(ids=np.insert(ids, stops[ends], END), num_characters=sum(map(len, batch)))
    if inside:
        yield EncodedText(ids=np.array([END], dtype=np.int32), num_characters=0)


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines without their ends, in lists of bounded size."""
    stripped = (line.rstrip("\r\n") for line in lines)
    batch: list[str] = []
    num_characters = 0
    for line in stripped:
        batch.append(line)
        num_characters += len(line)
        if len(batch) >= BATCH_LINES or num_characters >= BATCH_CHARACTERS:
            yield batch
            batch, num_characters = [], 0
    if batch:
        yield batch


def _document_ends(batch: list[str], *, inside: bool) -> tuple[NDArray[np.intp], bool]:
    """Positions of the empty lines that end a document, and whether one is open after `batch`."""
    filled = np.fromiter((bool(line) and not line.isspace() for line in batch), bool, len(batch))
    before = np.concatenate([[inside], filled[:-1]])
    return np.flatnonzero(before & ~filled), bool(filled[-1])
