"""The files that data are published as: which, where, at which version, size and hash.

`config/sources.tsv` has a row a file. A source's files lie in `<data>/<source>/`, and
what an archive holds is unpacked there. So a path below that folder is known to be the source's,
and no configuration has to say it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from xmod.config_errors import ConfigError, suggest

COLUMNS = ("source", "version", "file", "url", "size", "sha256", "members", "licence")
CODE = "{code}"
"""Stands in a file's name for the language, as the source calls it."""
STAMP = ".verified-"
"""A stamp's name begins so."""
UNKNOWN = "-"
"""In the table: a size or hash that nobody published, or no archive."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One row of `config/sources.tsv`: a file that is fetched and verified as a whole."""

    source: str
    version: str
    file: str
    url: str
    """The folder that it is in: a URL, or a path of this machine."""
    num_bytes: int | None
    sha256: str | None
    """None where nobody published it: recorded when the file is first seen, and held to after."""
    members: str | None
    """A pattern of what an archive is unpacked for; None for a file that is no archive."""
    licence: str

    def of(self, code: str) -> SourceFile:
        """The file of one language."""
        return replace(self, file=self.file.replace(CODE, code))

    @property
    def place(self) -> str:
        """Where it is fetched from."""
        return f"{self.url.rstrip('/')}/{self.file}"

    @property
    def facts(self) -> str:
        """How a person recognises the file."""
        size = f"{self.num_bytes:,} bytes" if self.num_bytes is not None else "of unknown size"
        return f"{size}, SHA-256 {self.sha256 or 'recorded at first sight'}"

    def by_hand(self, folder: Path) -> str:
        """What a person does where there is no network."""
        return f"fetch {self.place} on another machine and put it at {folder / self.file}"


@dataclass(frozen=True)
class SourceTable:
    """All files of all sources."""

    files: tuple[SourceFile, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.source for one in self.files))

    def of(self, source: str, *, code: str | None = None) -> tuple[SourceFile, ...]:
        """The files of a source, those of one language where it has one a language.

        Raises ConfigError for a source that is not there.
        """
        found = [one for one in self.files if one.source == source]
        if not found:
            raise ConfigError(f"no source {source!r}; {suggest(source, list(self.names))}")
        return tuple(one if code is None else one.of(code) for one in found)

    def at(self, urls: dict[str, str]) -> SourceTable:
        """The table with some sources elsewhere; raises ConfigError for unknown ones."""
        for name in urls:
            self.of(name)
        return SourceTable(
            tuple(replace(one, url=urls.get(one.source, one.url)) for one in self.files)
        )

    def source_of(self, path: str, folder: str) -> str | None:
        """The source below whose folder a path lies; None for a file of one's own."""
        parts, root = PurePath(path).parts, PurePath(folder).parts
        is_below = parts[: len(root)] == root and len(parts) > len(root) + 1
        return parts[len(root)] if is_below and parts[len(root)] in self.names else None


def stamp(files: Sequence[SourceFile], *, folder: str, code: str = "") -> str:
    """The file that says that these very files are there, verified and unpacked.

    From where they came is no part of its name: a mirror has the same files.
    """
    facts = repr([(one.version, one.file, one.num_bytes, one.sha256, one.members) for one in files])
    digest = hashlib.sha256(facts.encode()).hexdigest()[:12]
    middle = f"{code}-" if code else ""
    return f"{folder}/{files[0].source}/{STAMP}{middle}{digest}"


def read_sources(path: Path) -> SourceTable:
    """Read the table; raises ConfigError naming line, column, value and what is legal."""
    if not path.is_file():
        raise ConfigError(f"sources.table: no file {str(path)!r}")
    header, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
    if tuple(header.split("\t")) != COLUMNS:
        raise ConfigError(f"{path}:1: columns {header!r}; legal: {', '.join(COLUMNS)}, by tabs")
    files = tuple(
        _parse_row(row, f"{path}:{number}") for number, row in enumerate(rows, 2) if row.strip()
    )
    names = [(one.source, one.file) for one in files]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: column file: {name[1]!r} is there twice; legal: once")
    return SourceTable(files)


def _parse_row(row: str, where: str) -> SourceFile:
    cells = row.split("\t")
    if len(cells) != len(COLUMNS):
        raise ConfigError(f"{where}: {len(cells)} columns; legal: {len(COLUMNS)}, by tabs")
    values = dict(zip(COLUMNS, cells, strict=True))
    for column, pattern, legal in (
        ("source", r"[a-z0-9_]+", "a word of small letters, digits and '_'"),
        ("file", r"[\w.+{}-]+", "a file name without a folder"),
        ("size", r"\d+|-", "a number of bytes, or - where it is not known"),
        ("sha256", r"[0-9a-f]{64}|-", "64 hexadecimal digits, or - where it is not known"),
    ):
        if re.fullmatch(pattern, values[column]) is None:
            raise ConfigError(f"{where}: column {column}: {values[column]!r}; legal: {legal}")
    known = {name: None if value == UNKNOWN else value for name, value in values.items()}
    return SourceFile(
        source=values["source"],
        version=values["version"],
        file=values["file"],
        url=values["url"],
        num_bytes=None if known["size"] is None else int(known["size"]),
        sha256=known["sha256"],
        members=known["members"],
        licence=values["licence"],
    )
