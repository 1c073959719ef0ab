"""Text files to token files: streaming, in batches, each language resumable.

A corpus is UTF-8 text, one paragraph a line, documents separated by an empty line. The paragraphs
of a document follow one another in the token stream, and `</s>` ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xmod.data.token_file import (
    EncodedText,
    TokenFile,
    TokenFileError,
    TokenIndex,
    read_counts,
    write_tokens,
)
from xmod.files import sha256_file
from xmod.tokenization.vocabulary import END, Vocabulary

BATCH_LINES: Final = 4096
BATCH_CHARACTERS: Final = 2**20
"""A batch ends at whichever comes first, so memory stays bounded for any text (our choice)."""


def encode_file(
    source: Path, path: Path, *, vocabulary: Vocabulary, language: str, num_threads: int = 1
) -> tuple[TokenIndex, bool]:
    """Write the token file of a text file, or keep it where it is whole and of this very text.

    Returns its index, and whether it was kept. Raises FileNotFoundError without the text, and
    ValueError where it is not UTF-8.
    """
    if not source.is_file():
        raise FileNotFoundError(f"{source} is missing; make it with `python -m xmod.collect`")
    source_sha256 = sha256_file(source)
    kept = _kept(path, vocabulary, language, source_sha256)
    if kept is not None:
        return kept, True
    with source.open(encoding="utf-8", newline="\n") as stream:
        try:
            index = write_tokens(
                path,
                encode_lines(stream, vocabulary=vocabulary, num_threads=num_threads),
                vocabulary=vocabulary,
                language=language,
                source_sha256=source_sha256,
            )
        except UnicodeDecodeError as error:
            raise ValueError(f"{source}: not UTF-8 text ({error})") from error
    return index, False


def encode_lines(
    lines: Iterable[str], *, vocabulary: Vocabulary, num_threads: int = 1
) -> Iterator[EncodedText]:
    """The token stream of a text, batch by batch; documents end at empty lines and at the end."""
    inside = False
    for batch in _batches(lines):
        ids, lengths = vocabulary.encode_flat(batch, num_threads=num_threads)
        ends, inside = _document_ends(batch, inside=inside)
        stops = np.cumsum(lengths)
        yield EncodedText(ids=np.insert(ids, stops[ends], END), num_characters=sum(map(len, batch)))
    if inside:
        yield EncodedText(ids=np.array([END], dtype=np.int32), num_characters=0)


def _kept(
    path: Path, vocabulary: Vocabulary, language: str, source_sha256: str
) -> TokenIndex | None:
    """The index of an existing token file that would come out the same, or None."""
    try:
        file = TokenFile.open(path, vocabulary=vocabulary, language=language)
        file.verify()
        read_counts(path, vocabulary=vocabulary, language=language)
    except TokenFileError:
        return None
    return file.index if file.index.source_sha256 == source_sha256 else None


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
