"""XNLI 1.0 (Conneau et al. 2018): `xnli.dev.jsonl` and `xnli.test.jsonl`, one JSON object a line.

The same pairs as in the TSV files, under the same keys as the TSV's columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from xmod.tasks.examples import NliExample
from xmod.tasks.formats.interface import Request
from xmod.tasks.formats.nli import Row, of_language
from xmod.tasks.formats.reading import parse_object, read_lines, text_field

EXPECTED = "xnli.dev.jsonl or xnli.test.jsonl, unpacked from XNLI-1.0.zip"


def read_xnli_jsonl(request: Request, drops: Counter[str]) -> Iterator[NliExample]:
    """Stream the pairs of one language; an example's id is its pairID, the same in every language.

    Raises TaskDataError where a line is no pair.
    """
    yield from of_language(_rows(request, drops), request, drops)


def _rows(request: Request, drops: Counter[str]) -> Iterator[Row]:
    for line in read_lines(request.path, expected=EXPECTED):
        if line.is_blank:
            drops["empty line"] += 1
            continue
        record = parse_object(line)
        yield Row(
            where=line.where,
            code=text_field(record, "language", where=line.where),
            id=text_field(record, "pairID", where=line.where),
            premise=text_field(record, "sentence1", where=line.where),
            hypothesis=text_field(record, "sentence2", where=line.where),
            label=text_field(record, "gold_label", where=line.where),
        )
