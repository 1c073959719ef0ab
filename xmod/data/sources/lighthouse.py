"""Explanations of web page audits: full sentences, keyed (package `lighthouse`)."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator

from xmod.data.sources.catalogue import PackageSource
from xmod.data.sources.interface import Document
from xmod.data.sources.messages import message_lines
from xmod.languages import Language


class LighthouseSource(PackageSource):
    """The messages of one audit are a document."""

    name = "lighthouse"
    pattern = r"package/shared/localization/locales/(?P<code>[\w-]+)\.json"
    english = "en-US"
    _originals: dict[str, str] | None = None

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        if self._originals is None:
            self._originals = self._messages(self.english)
        for code in self.codes(language):
            messages = self._messages(code)
            for _, names in itertools.groupby(messages, key=lambda name: name.split(" | ")[0]):
                lines = [
                    line
                    for name in names
                    for line in message_lines(
                        messages[name],
                        english=self._originals.get(name, name),
                        is_english=code == self.english,
                        drops=drops,
                    )
                ]
                yield Document(self.name, tuple(lines))

    def _messages(self, code: str) -> dict[str, str]:
        messages: dict[str, str] = {}
        for name, content in self.catalogue.members(code).items():
            with self.reading(name):
                entries = json.loads(content)
                messages |= {key: str(entry["message"]) for key, entry in entries.items()}
        return messages
