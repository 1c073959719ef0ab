"""Help, explanations and interface of a programming site, keyed (package `scratch-l10n`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from xmod.data.sources.catalogue import PackageSource
from xmod.data.sources.interface import Document
from xmod.data.sources.messages import message_lines
from xmod.languages import Language

Messages = dict[str, str]


class ScratchSource(PackageSource):
    """A page of the site, or a part of the editor, is a document."""

    name = "scratch"
    pattern = r"package/(?:editor|www)/[\w.-]+/(?P<code>[\w-]+)\.json"
    english = "en"
    _originals: dict[str, Messages] | None = None

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        if self._originals is None:
            self._originals = self._pages(self.english)
        for code in self.codes(language):
            for page, messages in self._pages(code).items():
                originals = self._originals.get(page, {})
                lines = [
                    line
                    for name, message in messages.items()
                    for line in message_lines(
                        message,
                        english=originals.get(name, name),
                        is_english=code == self.english,
                        drops=drops,
                    )
                ]
                yield Document(self.name, tuple(lines))

    def _pages(self, code: str) -> dict[str, Messages]:
        pages: dict[str, Messages] = {}
        for name, content in self.catalogue.members(code).items():
            with self.reading(name):
                entries = json.loads(content)
                pages[name.rsplit("/", 1)[0]] = {
                    key: str(entry["message"] if isinstance(entry, dict) else entry)
                    for key, entry in entries.items()
                }
        return pages
