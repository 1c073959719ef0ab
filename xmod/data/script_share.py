"""A cheap look at the head of a text: is it text, and in the language's script at all?

A web page, or a file in the wrong language's place, otherwise shows only when a model's figures are
strange.
"""

from __future__ import annotations

import sys
from typing import Final

from xmod.data.cleaning import Cleaner
from xmod.data.sources.files import FilesSource
from xmod.data.sources.interface import SourceError
from xmod.languages import Language
from xmod.web_page import is_web_page

LOOKED_AT_BYTES: Final = 2**20
WRONG_ARCHIVE: Final = "delete it and its .sha256, and fetch or place the right one"
"""What to do about a published corpus."""
MIN_LETTERS: Final = 200
"""Fewer tell nothing."""
FEW: Final = 0.05
"""A smaller share is an error for a published corpus, which has names for its languages."""
MANY: Final = 0.5
"""A smaller share is worth a warning: text on the web is mixed (our choice, both)."""


def check_head(head: bytes, language: Language, *, source: FilesSource) -> float | None:
    """The share of the first letters that are in the language's script; None of too few letters.

    Raises SourceError for a web page, and where the letters are another script's; of text of one's
    own that is a warning.
    """
    is_published = source.name == "cc100"
    if is_web_page(head):
        remedy = WRONG_ARCHIVE if is_published else "put plain text there, a paragraph a line"
        raise SourceError(
            f"{source.path(language)}: a web page (HTML or XML), not text of {language.iso} "
            f"({language.name}); {remedy}"
        )
    text = head[:LOOKED_AT_BYTES].decode("utf-8", errors="ignore")
    num_inside, num_letters = Cleaner(language, is_translation=False).count_script(text)
    if num_letters < MIN_LETTERS:
        return None
    share = num_inside / num_letters
    if share >= MANY:
        return share
    told = (
        f"{source.path(language)}: of the first {num_letters:,} letters {num_inside:,} are "
        f"{language.script}, the script of {language.iso} ({language.name}); is it another "
        "language's file?"
    )
    if is_published and share < FEW:
        raise SourceError(f"{told} If so, {WRONG_ARCHIVE}")
    print(f"warning: {told}", file=sys.stderr, flush=True)
    return share
