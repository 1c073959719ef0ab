"""A table with a sentence about it, and how numbers are read and written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xmod.analysis.tables.render import Column, Table, plain


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A table with a sentence that says what matters of it."""

    title: str
    summary: str
    table: Table


def read_json(path: Path) -> Mapping[str, Any] | None:
    """A JSON object; None where there is none yet."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return value if isinstance(value, Mapping) else None


def table_of(
    words: tuple[str, ...], numbers: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> Table:
    """A table of texts: columns of words on the left, of numbers on the right."""
    return Table(
        columns=(
            *(Column(label=label) for label in words),
            *(Column(label=label, align="right") for label in numbers),
        ),
        rows=tuple(tuple(map(plain, row)) for row in rows),
        record_columns=(*words, *numbers),
        records=tuple(rows),
    )


def grouped(number: int) -> str:
    """12345 -> `12,345`."""
    return f"{number:,}"


def lines_of(path: Path, *, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a CSV file with a header; none where there is no file."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            yield from csv.DictReader(stream, delimiter=delimiter)
    except OSError:
        return


def duration(seconds: float) -> str:
    """`18 s`, `12:05 min`, `26:10:00 h`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours:,}:{left:02}:{rest:02} h"
    return f"{minutes}:{rest:02} min" if minutes else f"{whole} s"


def magnitude(number: int) -> str:
    """1234567 -> `1.2 M`."""
    for size, name in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.1f} {name}"
    return grouped(number)
