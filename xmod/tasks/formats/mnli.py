"""MultiNLI 1.0 (Williams et al. 2018): `multinli_1.0_*.jsonl`, one JSON object a line, English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from xmod.tasks.examples import NliExample, TaskDataError
from xmod.tasks.formats.interface import Request
from xmod.tasks.formats.nli import Row, to_example
from xmod.tasks.formats.reading import parse_object, read_lines, text_field

EXPECTED = (
    "multinli_1.0_train.jsonl or multinli_1.0_dev_matched.jsonl, unpacked from MultiNLI's "
    "multinli_1.0.zip"
)


def read_mnli(request: Request, drops: Counter[str]) -> Iterator[NliExample]:
    """Stream the pairs; an example's id is the number of its line.

    A pair without a gold label is dropped and counted. Raises TaskDataError for a language other
    than English, or where a line is no pair.
    """
    if request.language != "en":
        raise TaskDataError(
            f"{request.path}: language {request.language!r}; MultiNLI is English: legal: en"
        )
    for line in read_lines(request.path, expected=EXPECTED):
        if line.is_blank:
            drops["empty line"] += 1
            continue
        record = parse_object(line)
        row = Row(
            where=line.where,
            code="en",
            id=str(line.number),
            premise=text_field(record, "sentence1", where=line.where),
            hypothesis=text_field(record, "sentence2", where=line.where),
            label=text_field(record, "gold_label", where=line.where),
        )
        example = to_example(row, drops)
        if example is not None:
            yield example
