"""A folder with one text file a language, in CC-100's format, streamed.

`<iso>.txt` (or `.txt.xz`, `.txt.gz`) holds a paragraph a line and an empty line between
documents, in UTF-8. Lines are not keyed: the files of two languages have nothing in common.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from xmod.data.shards import MAX_DOCUMENT_BYTES
from xmod.data.sources.interface import Document, Line, SourceError
from xmod.languages import Language
from xmod.paths import TEXT_SUFFIXES, text_file

MAX_LINE_BYTES = 2**20
"""Longer lines are skipped: no paragraph of prose, and memory stays bounded (our choice)."""


class FilesSource:
    """Text that a user provides."""

    name = "files"
    is_translation = False

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SourceError(f"corpora.folder: {folder} is not a folder")
        self._folder = folder

    def identity(self, language: Language) -> dict[str, str]:
        path = self.path(language)
        status = path.stat()
        return {self.name: f"{path.name}, {status.st_size} bytes, of {status.st_mtime_ns}"}

    def path(self, language: Language) -> Path:
        """The language's file; raises SourceError where there is none, ConfigError for several."""
        found = text_file(self._folder, language.iso)
        if found is None:
            names = ", ".join(f"{language.iso}{suffix}" for suffix in TEXT_SUFFIXES)
            raise SourceError(
                f"{language.iso} ({language.name}): {self._folder} has none of {names}"
            )
        return found

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        with self.open(language) as stream:
            yield from read_documents(stream, drops, source=self.name)

    @contextmanager
    def open(self, language: Language) -> Iterator[BinaryIO]:
        """The language's text as bytes; raises SourceError when it is damaged or cut short."""
        path = self.path(language)
        try:
            with _open(path) as stream:
                yield stream
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(
                f"{path} is damaged or cut short ({error}); replace it by a whole copy"
            ) from error


def read_documents(stream: BinaryIO, drops: Counter[str], *, source: str) -> Iterator[Document]:
    """The documents of a text in CC-100's format."""
    lines: list[Line] = []
    size = 0
    for raw in _read_lines(stream, drops):
        text = _decode(raw, drops)
        is_end = not raw.strip() or size + len(raw) > MAX_DOCUMENT_BYTES
        if is_end and lines:
            yield Document(source, tuple(lines))
            lines, size = [], 0
        if text:
            lines.append(Line(None, text))
            size += len(raw)
    if lines:
        yield Document(source, tuple(lines))


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".xz":
        return cast(BinaryIO, lzma.open(path, "rb"))
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def _read_lines(stream: BinaryIO, drops: Counter[str]) -> Iterator[bytes]:
    """Yield the lines that are not too long, never holding more than MAX_LINE_BYTES."""
    while raw := stream.readline(MAX_LINE_BYTES):
        is_whole = raw.endswith(b"\n") or len(raw) < MAX_LINE_BYTES
        if is_whole:
            yield raw
            continue
        drops["line too long"] += 1
        while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass


def _decode(raw: bytes, drops: Counter[str]) -> str:
    """The line's text, empty where it has none or is not text."""
    if b"\x00" in raw:
        drops["NUL byte"] += 1
        return ""
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        drops["broken UTF-8"] += 1
        return ""
