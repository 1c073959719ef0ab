"""Sources of text, one small file each, behind one interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from xmod.data.packages import Package, find_package
from xmod.data.sources.catalogue import PackageSource
from xmod.data.sources.cc100 import Cc100Source
from xmod.data.sources.cldr import CldrSource
from xmod.data.sources.django import DjangoSource
from xmod.data.sources.files import FilesSource
from xmod.data.sources.interface import Document, Line, Source, SourceError
from xmod.data.sources.lighthouse import LighthouseSource
from xmod.data.sources.scratch import ScratchSource
from xmod.data.sources.udhr import UdhrSource
from xmod.languages import Language

__all__ = ["PACKAGES", "Document", "EmbeddedSource", "FilesSource", "Line", "Source", "SourceError"]

PACKAGES: dict[str, type[PackageSource]] = {
    "udhr": UdhrSource,
    "cldr-annotations-full": CldrSource,
    "lighthouse": LighthouseSource,
    "scratch-l10n": ScratchSource,
    "django": DjangoSource,
}
"""The package that each source reads; prose comes first."""


class EmbeddedSource:
    """The union of the package sources: small, real text for every language."""

    name = "embedded"
    is_translation = True

    def __init__(
        self, folder: Path, *, table: tuple[Package, ...], languages: Sequence[Language]
    ) -> None:
        """`folder` is the package cache; raises PackageError where a package is not in it."""
        hashes = {package.name: package.sha256 for package in table}
        self._sources = [
            kind(find_package(name, table=table, folder=folder), hashes[name], languages)
            for name, kind in PACKAGES.items()
        ]

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        for source in self._sources:
            yield from source.documents(language, drops)

    def identity(self, language: Language) -> dict[str, str]:
        parts = [source.identity(language) for source in self._sources]
        return {name: identity for part in parts for name, identity in part.items()}


def open_source(
    kind: Literal["embedded", "files", "cc100"],
    *,
    folder: Path | None,
    packages: Path,
    table: tuple[Package, ...],
    languages: Sequence[Language],
) -> Source:
    """The source that a configuration names; raises SourceError or PackageError."""
    if kind == "embedded":
        return EmbeddedSource(packages, table=table, languages=languages)
    if folder is None:
        raise SourceError(f"corpora.folder: null; legal with corpora.source {kind}: a folder")
    return Cc100Source(folder) if kind == "cc100" else FilesSource(folder)
