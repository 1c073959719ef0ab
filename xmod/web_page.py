"""Is it a web page that was saved in the place of a file: an error, or a page to sign in?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

HEAD_BYTES: Final = 512
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<body")
_BOM = b"\xef\xbb\xbf"


def is_web_page(head: bytes) -> bool:
    """Whether what begins so is HTML or XML; looks at no more than HEAD_BYTES."""
    return head[:HEAD_BYTES].removeprefix(_BOM).lstrip().lower().startswith(_MARKUP)


def holds_web_page(path: Path) -> bool:
    """The same of a file."""
    with path.open("rb") as stream:
        return is_web_page(stream.read(HEAD_BYTES))
