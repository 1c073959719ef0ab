"""Languages that a rule's job takes together, and how rules and their wildcards are named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class LanguageBatch:
    """Languages that one job takes together, and the cells that it takes them for."""

    name: str
    isos: tuple[str, ...]
    cells: tuple[str, ...] = ()

    @classmethod
    def of(cls, isos: Sequence[str], *, cells: Sequence[str] = ()) -> Self:
        """A batch named by its languages, of many by their ends, number and a digest of all:
        `bg-de-el`, `en-to-ja-85-3f2a1c`."""
        name = "-".join(isos)
        if len(isos) > 8:
            digest = hashlib.sha256(name.encode()).hexdigest()[:6]
            name = f"{isos[0]}-to-{isos[-1]}-{len(isos)}-{digest}"
        return cls(name=name, isos=tuple(isos), cells=tuple(cells))

    @property
    def cell_pattern(self) -> str:
        return any_of(self.cells)


def each_once(groups: Iterable[Iterable[str]]) -> list[tuple[str, ...]]:
    """Of each group of languages those that no group before it has; none is empty.

    With groups in the experiments' order a further experiment leaves those that are there, and the
    jobs that are cut from them, as they are.
    """
    known: set[str] = set()
    found: list[tuple[str, ...]] = []
    for group in groups:
        found.append(tuple(iso for iso in dict.fromkeys(group) if iso not in known))
        known.update(found[-1])
    return [group for group in found if group]


def any_of(names: Iterable[str]) -> str:
    """A regular expression of exactly these names."""
    return "|".join(map(re.escape, names))
