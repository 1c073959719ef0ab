"""How much text the languages have, as counted after cleaning: `summary/corpora.csv`."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from xmod.config_errors import ConfigError

COLUMNS = ("language", "split", "source", "characters")
"""Those of the table that are read here."""


def training_characters(file: str) -> dict[str, int]:
    """Language -> the characters of its training text; of several corpora, of the largest.

    Raises ConfigError where there is no such table.
    """
    path = Path(file)
    if not path.is_file():
        raise ConfigError(
            f"corpora.counts: no file {file!r}; leave it out, let Snakemake make the run's "
            "summary/corpora.csv, and copy that (docs/sources.md)"
        )
    return _read(path.resolve())


@cache
def _read(path: Path) -> dict[str, int]:
    """Once a process: each cell asks for it many times."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # spreadsheets write a mark first
    except UnicodeDecodeError as error:
        raise ConfigError(f"corpora.counts: {path}: not UTF-8 text ({error})") from error
    found: dict[str, int] = {}
    rows = csv.DictReader(lines)
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise ConfigError(
            f"corpora.counts: {path}:1: no column {', '.join(missing)}; legal: a copy of a "
            "run's summary/corpora.csv"
        )
    for row in rows:
        if (row["split"], row["source"]) == ("train", "all"):
            characters = row["characters"] or ""
            if not characters.isdecimal():
                raise ConfigError(
                    f"corpora.counts: {path}:{rows.line_num}: characters: {characters!r}; "
                    "legal: a whole number"
                )
            found[row["language"]] = max(int(characters), found.get(row["language"], 0))
    return found
