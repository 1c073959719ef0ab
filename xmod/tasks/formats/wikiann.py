"""WikiANN (Pan et al. 2017, Rahimi et al. 2019): a token and its tag a line, one file a language.

`xx:token<TAB>tag`, or as PAN-X has it, `token<TAB>tag`; an empty line between sentences. The tags
are silver: an I- can follow an O or another type. They stay as they are, and the metric says what
such a tag means (`xmod.tasks.metrics.entities`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from xmod.tasks.examples import NER_TAGS, NerExample, TaskDataError
from xmod.tasks.formats.interface import Request
from xmod.tasks.formats.reading import Line, read_lines

EXPECTED = "train, dev or test, unpacked from the language's archive of WikiANN (Rahimi's split)"
PREFIX = re.compile(r"((?:[a-z]{2,3}|simple)(?:-[a-z]+)*):")
"""A Wikipedia's code, such as `en:`, `zh-classical:` or `simple:`, before every token."""


def read_wikiann(request: Request, drops: Counter[str]) -> Iterator[NerExample]:
    """Stream the sentences; an example's id is the number of its first line.

    A token can be empty, or hold a colon or any space but the tab. Nothing is dropped. Raises
    TaskDataError where a line is no token, or where the tokens are of another language.
    """
    del drops
    prefix: str | None = None
    for lines in _sentences(request):
        if prefix is None:
            prefix = _prefix(lines, code=request.code)
        words, tags = zip(*(_token(line, prefix) for line in lines), strict=True)
        yield NerExample(str(lines[0].number), words, tags)


def _sentences(request: Request) -> Iterator[list[Line]]:
    lines: list[Line] = []
    for line in read_lines(request.path, expected=EXPECTED):
        if not line.is_blank:
            lines.append(line)
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _prefix(lines: list[Line], *, code: str) -> str:
    """What stands before every token of a file: `xx:` or nothing.

    By the whole first sentence, since a single token can look like it (`am:pm`).
    """
    if all(line.text.startswith(f"{code}:") for line in lines):
        return f"{code}:"
    first = PREFIX.match(lines[0].text)
    if first and all(line.text.startswith(first[0]) for line in lines):
        raise TaskDataError(
            f"{lines[0].where}: tokens of language {first[1]!r}, where {code!r} is wanted; put "
            f"that language's file there, or say that its code is {first[1]!r}"
        )
    return ""


def _token(line: Line, prefix: str) -> tuple[str, str]:
    cells = line.text.split("\t")
    if len(cells) == 1 or (len(cells) == 2 and not cells[1]):
        raise TaskDataError(
            f"{line.where}: {cells[0]!r} has no tag: this copy's labels were taken out, as in the "
            "test sets of XTREME; take WikiANN's own distribution"
        )
    if len(cells) > 2:
        raise TaskDataError(
            f"{line.where}: {len(cells)} columns; legal: 2, token and tag, separated by a tab"
        )
    token, tag = cells
    if tag not in NER_TAGS:
        raise TaskDataError(f"{line.where}: tag {tag!r}; legal: {', '.join(NER_TAGS)}")
    if not token.startswith(prefix):
        raise TaskDataError(
            f"{line.where}: {token!r} does not begin with {prefix!r} as the first sentence does; "
            "is it two files in one? legal: one language, with the prefix everywhere or nowhere"
        )
    return token.removeprefix(prefix), tag
