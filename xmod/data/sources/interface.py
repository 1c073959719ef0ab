"""What a source of text is: something that yields documents of lines for a language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from xmod.languages import Language


class SourceError(ValueError):
    """Text cannot be read; the message names the source, the file and what to do."""


class Line(NamedTuple):
    """One paragraph as the source has it, before cleaning."""

    key: str | None
    """What its translations have in common (an emoji, an article, the English message);
    None where the source is not parallel."""
    text: str
    english: str | None = None
    """The same line in English, where the source knows it: equal text is not translated."""


@dataclass(frozen=True, slots=True)
class Document:
    """Lines that belong together, in reading order."""

    source: str
    lines: tuple[Line, ...]


class Source(Protocol):
    """Yields a language's documents, streaming. One small file a source, beside this one."""

    @property
    def name(self) -> str: ...

    @property
    def is_translation(self) -> bool:
        """True where lines can be left in English by mistake, so that cleaning looks for it."""
        ...

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        """Yield documents; what cannot be read is counted in `drops` by its reason.

        Yields nothing for a language that the source does not have.
        """
        ...

    def identity(self, language: Language) -> dict[str, str]:
        """What the language's text depends on, such as hashes: equal identity, equal text."""
        ...
