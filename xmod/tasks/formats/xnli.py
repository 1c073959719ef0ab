"""XNLI 1.0 (Conneau et al. 2018): `xnli.dev.tsv` and `xnli.test.tsv`, 15 languages in one file.

A header names the 19 columns. A quotation mark is text: nothing is quoted, and no cell holds a tab
or a line end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from xmod.tasks.examples import NliExample, TaskDataError
from xmod.tasks.formats.interface import Request
from xmod.tasks.formats.nli import Row, of_language
from xmod.tasks.formats.reading import Line, read_lines

EXPECTED = "xnli.dev.tsv or xnli.test.tsv, unpacked from XNLI-1.0.zip"
COLUMNS = ("language", "pairID", "sentence1", "sentence2", "gold_label")
"""Those that are read, wherever they stand: the first four and the label of `Row`."""


def read_xnli(request: Request, drops: Counter[str]) -> Iterator[NliExample]:
    """Stream the pairs of one language; an example's id is its pairID, the same in every language.

    Raises TaskDataError where the header or a row is not of this form.
    """
    yield from of_language(_rows(request, drops), request, drops)


def _rows(request: Request, drops: Counter[str]) -> Iterator[Row]:
    lines = read_lines(request.path, expected=EXPECTED)
    header = next(lines, Line(request.path, 1, ""))
    names = header.text.split("\t")
    _check_header(names, where=header.where)
    places = [names.index(column) for column in COLUMNS]
    for line in lines:
        if line.is_blank:
            drops["empty line"] += 1
            continue
        cells = line.text.split("\t")
        if len(cells) != len(names):
            raise TaskDataError(
                f"{line.where}: {len(cells)} columns; legal: {len(names)}, separated by tabs, as "
                "in the header"
            )
        yield Row(line.where, *(cells[place] for place in places))


def _check_header(names: list[str], *, where: str) -> None:
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise TaskDataError(
            f"{where}: the header has no column {', '.join(missing)}; legal: XNLI-1.0's own "
            f"header, which names its 19 columns. Put there {EXPECTED}"
        )
    repeated = [column for column in COLUMNS if names.count(column) > 1]
    if repeated:
        raise TaskDataError(f"{where}: the header repeats {', '.join(repeated)}; legal: once")
