"""Readers of the original distributions' files, one small file a format, behind `read`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from xmod.tasks.examples import Example, TaskDataError
from xmod.tasks.formats.interface import Format, FormatName, Request, Split
from xmod.tasks.formats.mlqa import read_mlqa
from xmod.tasks.formats.mnli import read_mnli
from xmod.tasks.formats.squad import read_squad
from xmod.tasks.formats.wikiann import read_wikiann
from xmod.tasks.formats.xnli import read_xnli
from xmod.tasks.formats.xnli_jsonl import read_xnli_jsonl

__all__ = ["FORMATS", "Format", "FormatName", "Split", "read"]

FORMATS: dict[FormatName, Format] = {
    "mnli": Format("nli", read_mnli),
    "xnli": Format("nli", read_xnli),
    "xnli_jsonl": Format("nli", read_xnli_jsonl),
    "wikiann": Format("ner", read_wikiann),
    "squad": Format("qa", read_squad),
    "mlqa": Format("qa", read_mlqa),
}
"""XQuAD's files are in the format `squad`."""
assert tuple(FORMATS) == get_args(FormatName)


def read(
    format: FormatName,
    path: Path,
    *,
    language: str,
    drops: Counter[str],
    code: str | None = None,
    split: Split | None = None,
    question_code: str | None = None,
) -> Iterator[Example]:
    """Stream one language's examples; their ids are unique.

    `path` is one file; for mlqa it is the distribution's folder. `code` is how the file calls the
    language where that is not `language`, our ISO code. `split` and `question_code` are read by
    mlqa only: the other formats' file has one split, and questions and contexts of one language.
    What is read and not yielded is counted in `drops` by its reason. Raises TaskDataError, also
    while it is iterated and where there is no example at all.
    """
    if format not in FORMATS:
        raise TaskDataError(f"format: {format!r}; legal: {', '.join(FORMATS)}")
    if question_code is not None and format != "mlqa":
        raise TaskDataError(
            f"question_code: {question_code!r} with format {format}; legal with mlqa only, "
            "whose contexts and questions can be of two languages"
        )
    request = Request(
        path=path,
        language=language,
        code=language if code is None else code,
        split=split,
        question_code=question_code,
    )
    return _read_some(format, request, drops)


def _read_some(name: FormatName, request: Request, drops: Counter[str]) -> Iterator[Example]:
    """The format's examples; an empty set is an error, since nothing can be scored against it."""
    is_empty = True
    for example in FORMATS[name].read(request, drops):
        is_empty = False
        yield example
    if is_empty:
        dropped = ", ".join(f"{count} {reason}" for reason, count in drops.items()) or "nothing"
        raise TaskDataError(
            f"{request.path} has no example for {request.language} (dropped: {dropped}); "
            "put a whole copy of the data there"
        )
