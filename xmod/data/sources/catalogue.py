"""A package archive whose members are texts in many languages, read once, and its source."""

from __future__ import annotations

import abc
import contextlib
import re
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from xmod.data.sources.interface import Document, SourceError
from xmod.languages import Language

MAX_MEMBER_BYTES = 16 * 2**20
"""No catalogue in the pinned packages comes near; more is not what was pinned."""


class Catalogue:
    """The members of an archive that belong to the wanted language codes.

    The archive is read from start to end once, at the first use, whatever the number of
    languages: a compressed tar cannot be entered in the middle.
    """

    def __init__(self, path: Path, *, pattern: str, codes: Iterable[str]) -> None:
        """`pattern` matches a whole member name and has a group `code`."""
        self.path = path
        self._pattern = re.compile(pattern)
        self._codes = frozenset(codes)
        self._members: dict[str, dict[str, bytes]] | None = None

    def members(self, code: str) -> dict[str, bytes]:
        """The members of one code by name, in order of their names.

        Raises SourceError when the archive is damaged or has nothing for `code`.
        """
        if self._members is None:
            self._members = self._read()
        if code not in self._members:
            raise SourceError(
                f"{self.path} has no text for code {code!r}, which the language table gives; "
                f"there are: {', '.join(sorted(self._members)) or 'none'}"
            )
        return dict(sorted(self._members[code].items()))

    def _read(self) -> dict[str, dict[str, bytes]]:
        found: dict[str, dict[str, bytes]] = {}
        is_zip = self.path.suffix in (".whl", ".zip")
        try:
            for name, content in self._read_zip() if is_zip else self._read_tar():
                code = self._wanted_code(name)
                assert code is not None
                found.setdefault(code, {})[name] = content
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise SourceError(f"{self.path}: cannot be read as an archive: {error}") from error
        return found

    def _read_tar(self) -> Iterator[tuple[str, bytes]]:
        with tarfile.open(self.path, "r|gz") as archive:
            for member in archive:
                if member.isfile() and self._wanted_code(member.name) is not None:
                    self._check_size(member.name, member.size)
                    stream = archive.extractfile(member)
                    assert stream is not None
                    yield member.name, stream.read()

    def _read_zip(self) -> Iterator[tuple[str, bytes]]:
        with zipfile.ZipFile(self.path) as archive:
            for member in archive.infolist():
                if self._wanted_code(member.filename) is not None:
                    self._check_size(member.filename, member.file_size)
                    yield member.filename, archive.read(member)

    def _wanted_code(self, name: str) -> str | None:
        match = self._pattern.fullmatch(name)
        return match["code"] if match and match["code"] in self._codes else None

    def _check_size(self, name: str, num_bytes: int) -> None:
        if num_bytes > MAX_MEMBER_BYTES:
            raise SourceError(
                f"{self.path}: {name} has {num_bytes} bytes, more than {MAX_MEMBER_BYTES}"
            )


class PackageSource(abc.ABC):
    """What the package sources share: their archive, and a language's codes in it."""

    name: ClassVar[str]
    pattern: ClassVar[str]
    """Matches the names of the members with text; its group `code` is the language."""
    english: ClassVar[str | None] = None
    """The code of the English originals, where translations are compared with them."""
    is_translation = True

    def __init__(self, path: Path, sha256: str, languages: Iterable[Language]) -> None:
        codes = {code for language in languages for code in self.codes(language)}
        if self.english is not None:
            codes.add(self.english)
        self.catalogue = Catalogue(path, pattern=self.pattern, codes=codes)
        self._sha256 = sha256

    def codes(self, language: Language) -> tuple[str, ...]:
        """The language's codes in this package, none where it has no text for it."""
        return language.codes.get(self.name, ())

    @abc.abstractmethod
    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        """The language's text; what is left out is counted in `drops` by reason."""

    @contextlib.contextmanager
    def reading(self, member: str) -> Iterator[None]:
        """Turn what goes wrong in reading a member into a SourceError that names it."""
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
            raise SourceError(f"{self.catalogue.path}: {member}: {error!r}") from error

    def identity(self, language: Language) -> dict[str, str]:
        codes = self.codes(language)
        return {self.name: f"{' '.join(codes)} of {self._sha256}"} if codes else {}
