"""What MultiNLI and XNLI have in common: labels, and rows of which one language is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from xmod.tasks.examples import NLI_LABELS, NliExample, TaskDataError
from xmod.tasks.formats.interface import Request

NO_CONSENSUS = "-"
"""The annotators did not agree: the distributions say to leave such pairs out."""
HIDDEN = ("", "hidden")
"""A test set whose labels were taken out: by XTREME, and by MultiNLI's competitions."""


class Row(NamedTuple):
    """A pair as the file has it."""

    where: str
    code: str
    id: str
    premise: str
    hypothesis: str
    label: str


def to_example(row: Row, drops: Counter[str]) -> NliExample | None:
    """The row's example, or None where it has no gold label, which `drops` counts.

    Raises TaskDataError where the label is hidden or unknown.
    """
    if row.label == NO_CONSENSUS:
        drops["no gold label"] += 1
        return None
    if row.label in HIDDEN:
        raise TaskDataError(
            f"{row.where}: gold_label is {row.label!r}: this copy's labels were taken out, as in "
            "the download of XTREME; take the data set's own distribution"
        )
    if row.label not in NLI_LABELS:
        raise TaskDataError(
            f"{row.where}: gold_label is {row.label!r}; legal: {', '.join(NLI_LABELS)}, and "
            f"{NO_CONSENSUS} for none"
        )
    return NliExample(row.id, row.premise, row.hypothesis, row.label)


def of_language(rows: Iterable[Row], request: Request, drops: Counter[str]) -> Iterator[NliExample]:
    """The examples of one language in a file of many, by pair; those of others are counted.

    Raises TaskDataError where a pair comes twice, or where the file does not have the language.
    """
    places: dict[str, str] = {}
    codes: set[str] = set()
    for row in rows:
        codes.add(row.code)
        if row.code != request.code:
            drops["other language"] += 1
            continue
        if row.id in places:
            raise TaskDataError(
                f"{row.where}: pair {row.id} of language {row.code} stands at {places[row.id]} "
                "already; legal: once. Was the file joined with itself? take a fresh copy"
            )
        places[row.id] = row.where
        example = to_example(row, drops)
        if example is not None:
            yield example
    if request.code not in codes:
        raise TaskDataError(
            f"{request.path} has no language {request.code!r} (wanted for {request.language}); "
            f"it has {', '.join(sorted(codes)) or 'no row'}"
        )
