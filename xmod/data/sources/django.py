"""Interface messages of a web framework: gettext catalogues (wheel `django`)."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator

from xmod.data.sources.catalogue import PackageSource
from xmod.data.sources.interface import Document
from xmod.data.sources.messages import message_lines
from xmod.languages import Language

ENGLISH_FROM = "fr"
"""English is what the catalogues translate: its own are empty, any full one has it as keys."""

_IDENTIFIER = re.compile(r"[A-Z]+_[A-Z_]+")


class DjangoSource(PackageSource):
    """One application's catalogue is a document."""

    name = "django"
    pattern = r"django/[\w/]+/locale/(?P<code>\w+)/LC_MESSAGES/\w+\.mo"

    def codes(self, language: Language) -> tuple[str, ...]:
        codes = super().codes(language)
        return (ENGLISH_FROM,) if codes and language.iso == "en" else codes

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        is_english = language.iso == "en"
        for code in self.codes(language):
            for name, content in self.catalogue.members(code).items():
                with self.reading(name):
                    messages = list(read_mo(content))
                lines = [
                    line
                    for english, forms in messages
                    if english and not _IDENTIFIER.fullmatch(english)
                    for form in ([english] if is_english else forms)
                    for line in message_lines(
                        form, english=english, is_english=is_english, drops=drops
                    )
                ]
                yield Document(self.name, tuple(lines))


def read_mo(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """The messages of a compiled gettext catalogue, as (English, [forms of the translation]).

    The format is that of the GNU gettext manual, section 10.3: a header of seven words, then
    two tables of (length, offset). The English is the singular, without its context.
    Raises ValueError or struct.error when `content` is not such a catalogue.
    """
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(content[:4])
    if order is None:
        raise ValueError("not a compiled gettext catalogue")
    number, originals, translations = struct.unpack_from(f"{order}3I", content, 8)
    for index in range(number):
        original, translation = (
            _entry(content, table + 8 * index, order) for table in (originals, translations)
        )
        english = original.split("\x00")[0].rpartition("\x04")[2]
        yield english, translation.split("\x00")


def _entry(content: bytes, position: int, order: str) -> str:
    length, offset = struct.unpack_from(f"{order}2I", content, position)
    if offset + length > len(content):
        raise ValueError("truncated")
    return content[offset : offset + length].decode("utf-8")
