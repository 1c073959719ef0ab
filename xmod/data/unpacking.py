"""Unpacks archives that may be hostile: named members only, within their folder, of bounded size.

A zip may hold tar.gz archives (WikiANN's does); those are unpacked into a folder of their own.
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Final

from xmod.files import atomic_path

MAX_BYTES: Final = 16 * 2**30
"""Unpacked, of one archive and those in it: MultiNLI, the largest, has 1 GB (our choice)."""
CHUNK_BYTES: Final = 2**20


class UnpackError(ValueError):
    """An archive is damaged or holds what it should not; the message names both."""


class _Budget:
    """What may still be written."""

    def __init__(self, max_bytes: int) -> None:
        self.left = max_bytes

    def take(self, count: int, where: str) -> None:
        self.left -= count
        if self.left < 0:
            raise UnpackError(f"{where}: unpacks to more than is allowed; is it the right archive?")


def unpack(archive: Path, folder: Path, *, members: str, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Write the members that match the pattern `members` below `folder`; returns their paths.

    Raises UnpackError for a damaged archive, a link, a path that leaves the folder, more than
    `max_bytes`, or no match at all. Every file is whole or not there.
    """
    try:
        written = _unpack(archive, folder, members, _Budget(max_bytes))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise UnpackError(f"{archive} is damaged or cut short ({error})") from error
    if not written:
        raise UnpackError(f"{archive} holds nothing like {members!r}; is it the right archive?")
    return written


def _unpack(archive: Path, folder: Path, members: str, budget: _Budget) -> list[Path]:
    if zipfile.is_zipfile(archive):
        return _unpack_zip(archive, folder, members, budget)
    return _unpack_tar(archive, folder, members, budget)


def _unpack_zip(archive: Path, folder: Path, members: str, budget: _Budget) -> list[Path]:
    written: list[Path] = []
    with zipfile.ZipFile(archive) as opened:
        for one in opened.infolist():
            if one.is_dir() or not fnmatchcase(one.filename, members):
                continue
            kind = stat.S_IFMT(one.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise UnpackError(f"{archive}: {one.filename!r} is no plain file")
            target = _inside(archive, folder, one.filename)
            with opened.open(one) as stream:
                if target.name.endswith(".tar.gz"):
                    written += _unpack_inner(stream, target, f"{archive}: {one.filename}", budget)
                else:
                    written.append(_write(stream, target, f"{archive}: {one.filename}", budget))
    return written


def _unpack_inner(stream: IO[bytes], target: Path, where: str, budget: _Budget) -> list[Path]:
    """An archive within one, into a folder of its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as name:
        inner = _write(stream, Path(name) / target.name, where, budget)
        return _unpack_tar(inner, target.with_name(target.name[: -len(".tar.gz")]), "*", budget)


def _unpack_tar(archive: Path, folder: Path, members: str, budget: _Budget) -> list[Path]:
    written: list[Path] = []
    with tarfile.open(archive) as opened:
        for one in opened:
            name = one.name.removeprefix("./")
            if one.isdir() or not fnmatchcase(name, members):
                continue
            if not one.isfile():
                raise UnpackError(f"{archive}: {one.name!r} is no plain file")
            stream = opened.extractfile(one)
            assert stream is not None, "a plain file can be read"
            target = _inside(archive, folder, name)
            written.append(_write(stream, target, f"{archive}: {name}", budget))
    return written


def _inside(archive: Path, folder: Path, name: str) -> Path:
    """Where a member goes; raises UnpackError where that is not below the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise UnpackError(f"{archive}: member {name!r} would leave {folder}")
    target = folder.joinpath(*path.parts)
    if not target.parent.resolve().is_relative_to(folder.resolve()):  # a link that was there before
        raise UnpackError(f"{archive}: member {name!r} would leave {folder}")
    return target


def _write(stream: IO[bytes], target: Path, where: str, budget: _Budget) -> Path:
    with atomic_path(target) as temporary, temporary.open("wb") as out:
        while chunk := stream.read(CHUNK_BYTES):
            budget.take(len(chunk), where)
            out.write(chunk)
    return target
