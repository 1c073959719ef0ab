"""Text to a token stream, block by block in bounded memory.

A corpus is UTF-8 text, one paragraph a line, documents separated by an empty line. The paragraphs
of a document follow one another in the token stream, and `</s>` ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.data.token_file import EncodedText
from xmod.tokenization.vocabulary import END, Vocabulary

BLOCK_BYTES: Final = 2**20
"""A block is the lines that begin within so many bytes: reading line by line takes a twentieth of
SentencePiece's time (our choice)."""


def read_blocks(path: Path, *, start: int = 0, end: int | None = None) -> Iterator[str]:
    """The text between two places of a file that lines begin or end at, in blocks of whole lines.

    Raises ValueError, naming the file, where it is not UTF-8.
    """
    with path.open("rb") as stream:
        stream.seek(start)
        left = (path.stat().st_size if end is None else end) - start
        while left > 0 and (data := stream.read(min(BLOCK_BYTES, left))):
            data += stream.readline() if len(data) < left else b""
            left -= len(data)
            try:
                yield data.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}: not UTF-8 text ({error})") from error


def encode_text(blocks: Iterable[str], *, vocabulary: Vocabulary) -> Iterator[EncodedText]:
    """The token stream of blocks of lines; documents end at empty lines and at the end."""
    inside = False
    for block in blocks:
        lines = block.removesuffix("\n").split("\n")
        if "\r" in block:
            lines = [line.rstrip("\r") for line in lines]
        ids, lengths = vocabulary.encode_flat(lines)
        ends, inside = _document_ends(lines, inside=inside)
        stops = np.cumsum(lengths)
        yield EncodedText(ids=np.insert(ids, stops[ends], END), num_characters=sum(map(len, lines)))
    if inside:
        yield EncodedText(ids=np.array([END], dtype=np.int32), num_characters=0)


def _document_ends(lines: list[str], *, inside: bool) -> tuple[NDArray[np.intp], bool]:
    """Positions of the empty lines that end a document, and whether one is open after them."""
    filled = np.fromiter(map(bool, map(str.strip, lines)), bool, len(lines))
    before = np.concatenate([[inside], filled[:-1]])
    return np.flatnonzero(before & ~filled), bool(filled[-1])
