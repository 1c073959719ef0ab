"""How rows and their columns are called in tables of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xmod.analysis.names import axis_name, display, ordered
from xmod.analysis.tables.render import Align
from xmod.languages import LanguageTable

Key = tuple[str, ...]
"""A row's values in the columns that name it."""
COUNTS = ("num_languages", "budget_updates")
HEADINGS = {"num_languages": "Languages", "budget_updates": "Updates", "variant": "Model"}


def heading(column: str) -> str:
    """The heading of a column of row names."""
    return HEADINGS.get(column, axis_name(column).capitalize())


def align(column: str) -> Align:
    """Numbers to the right."""
    return "right" if column in COUNTS else "left"


def value_name(column: str, value: str, table: LanguageTable) -> str:
    """A row's name, in a column whose heading says what kind of name it is."""
    if column in COUNTS:
        return f"{int(value):,}"
    return display(column, value, table).removeprefix(f"{axis_name(column)} ")


def in_order(found: Iterable[Key], columns: Sequence[str], table: LanguageTable) -> list[Key]:
    """Rows by their columns from left to right, each in display order."""
    keys = list(dict.fromkeys(found))
    places = []
    for index, column in enumerate(columns):
        wanted = table.isos if column == "language" else ()
        values = ordered(column, (key[index] for key in keys), wanted)
        places.append({value: place for place, value in enumerate(values)})
    return sorted(
        keys, key=lambda key: [place[value] for place, value in zip(places, key, strict=True)]
    )
