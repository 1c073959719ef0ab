"""What the formats have in common: strict text, line by line, and JSON, with the place in errors.

A line ends at LF or CRLF and nowhere else. Text of Wikipedia and of the web holds U+2028, U+0085
and other characters at which `str.splitlines` and some editors would cut it in two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from xmod.tasks.examples import TaskDataError
from xmod.web_page import HEAD_BYTES, is_web_page

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh91AY&SY", b"\xfd7zXZ")


class Line(NamedTuple):
    """A line without its end, and where it stands."""

    path: Path
    number: int
    text: str

    @property
    def where(self) -> str:
        """Path and line number, as errors begin."""
        return f"{self.path}:{self.number}"

    @property
    def is_blank(self) -> bool:
        """True where there is nothing to read; a tab is a column's end, so not nothing."""
        return not self.text.strip() and "\t" not in self.text


def read_lines(path: Path, *, expected: str) -> Iterator[Line]:
    """Stream a file's lines; raises TaskDataError where it is missing, no text, or not UTF-8.

    `expected` says what belongs at `path`, for the message.
    """
    _check_kind(path, expected=expected)
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            text = _decode(raw.removesuffix(b"\n").removesuffix(b"\r"), where=f"{path}:{number}")
            yield Line(path, number, text.removeprefix(BOM) if number == 1 else text)


def read_document(path: Path, *, expected: str) -> dict[str, Any]:
    """A file that is one JSON object; raises TaskDataError as `read_lines` and `parse_object`."""
    text = "\n".join(line.text for line in read_lines(path, expected=expected))
    return _parse(text, path=path, first_line=1, legal=f"one whole JSON object: {expected}")


def parse_object(line: Line) -> dict[str, Any]:
    """A line that is one JSON object; raises TaskDataError."""
    return _parse(line.text, path=line.path, first_line=line.number, legal="one JSON object a line")


def text_field(record: dict[str, Any], key: str, *, where: str) -> str:
    """The text at `key`; raises TaskDataError where there is none, or none that UTF-8 can hold."""
    value = record.get(key)
    if not isinstance(value, str):
        found = f"is {value!r:.60}" if key in record else "is missing"
        raise TaskDataError(f"{where}: {key} {found}; legal: a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        half = f"\\u{ord(value[error.start]):04x}"
        raise TaskDataError(
            f"{where}: {key} has {half}, half a character (a lone surrogate); put the whole "
            "character there"
        ) from error
    return value


def _parse(text: str, *, path: Path, first_line: int, legal: str) -> dict[str, Any]:
    line = first_line
    try:
        value = json.loads(text)
        if isinstance(value, dict):
            return value
        problem = f"JSON, but {value!r:.60}"
    except json.JSONDecodeError as error:
        line += error.lineno - 1
        problem = f"broken JSON at column {error.colno} ({error.msg})"
    except (ValueError, RecursionError) as error:
        problem = f"broken JSON ({error})"
    raise TaskDataError(f"{path}:{line}: {problem}; legal: {legal}")


def _check_kind(path: Path, *, expected: str) -> None:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is not there"
        raise TaskDataError(f"{path} {found}; put there {expected}")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if is_web_page(head):
        raise TaskDataError(
            f"{path}:1: a web page (HTML or XML), not data; download the file itself and put "
            f"there {expected}"
        )
    if head.startswith(PACKED):
        raise TaskDataError(f"{path} is a packed archive; unpack it and put there {expected}")


def _decode(raw: bytes, *, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TaskDataError(
            f"{where}: byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is broken "
            "UTF-8; download the file again, or convert it to UTF-8"
        ) from error
