"""The packages that carry the embedded text: which files, at which version and hash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from xmod.files import sha256_file

Registry = Literal["npm", "pypi"]

REGISTRIES: tuple[Registry, ...] = get_args(Registry)
COLUMNS = ("name", "registry", "version", "file", "size", "sha256", "licence")


class PackageError(ValueError):
    """A package is missing or is not the one that was pinned; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One row of `config/packages.tsv`."""

    name: str
    registry: Registry
    version: str
    file: str
    """The file's name, as the registry's client calls it."""
    num_bytes: int
    sha256: str
    licence: str


def read_packages(path: Path) -> tuple[Package, ...]:
    """Read the pinned packages; raises PackageError naming line, column, value and legal."""
    header, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
    if tuple(header.split("\t")) != COLUMNS:
        raise PackageError(f"{path}:1: columns {header!r}; legal: {', '.join(COLUMNS)}")
    packages = [
        _parse_row(row, f"{path}:{number}") for number, row in enumerate(rows, 2) if row.strip()
    ]
    names = [package.name for package in packages]
    for name in names:
        if names.count(name) > 1:
            raise PackageError(f"{path}: column name: {name!r} is there twice; legal: once")
    return tuple(packages)


def _parse_row(row: str, where: str) -> Package:
    cells = row.split("\t")
    if len(cells) != len(COLUMNS):
        raise PackageError(f"{where}: {len(cells)} columns; legal: {len(COLUMNS)}, by tabs")
    values = dict(zip(COLUMNS, cells, strict=True))
    registry = next((one for one in REGISTRIES if one == values["registry"]), None)
    if registry is None:
        given = values["registry"]
        raise PackageError(f"{where}: column registry: {given!r}; legal: {', '.join(REGISTRIES)}")
    for column, pattern, legal in (
        ("size", r"\d+", "a number of bytes"),
        ("sha256", r"[0-9a-f]{64}", "64 hexadecimal digits"),
        ("file", r"[\w.+-]+", "a file name without a folder"),
    ):
        if re.fullmatch(pattern, values[column]) is None:
            raise PackageError(f"{where}: column {column}: {values[column]!r}; legal: {legal}")
    return Package(
        name=values["name"],
        registry=registry,
        version=values["version"],
        file=values["file"],
        num_bytes=int(values["size"]),
        sha256=values["sha256"],
        licence=values["licence"],
    )


def mismatch(package: Package, path: Path) -> str | None:
    """None when `path` is the pinned file, else what is wrong with it."""
    found = sha256_file(path)
    if found == package.sha256:
        return None
    return (
        f"{path} is not {package.name} {package.version}: its SHA-256 is {found} "
        f"({path.stat().st_size} bytes), pinned is {package.sha256} ({package.num_bytes} bytes)"
    )


def find_package(name: str, *, table: tuple[Package, ...], folder: Path) -> Path:
    """The verified file of package `name` in the cache; raises PackageError when it is not."""
    package = next((one for one in table if one.name == name), None)
    if package is None:
        legal = ", ".join(one.name for one in table)
        raise PackageError(f"no package {name!r} is pinned; pinned are: {legal}")
    path = folder / package.file
    advice = f"run `python -m xmod.fetch --output {folder}`"
    if not path.is_file():
        raise PackageError(f"{path} is missing ({name} {package.version}): {advice}")
    problem = mismatch(package, path)
    if problem is not None:
        raise PackageError(f"{problem}: {advice}, which sets it aside and fetches it again")
    return path
