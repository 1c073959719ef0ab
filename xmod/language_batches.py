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


def any_of(names: Iterable[str]) -> str:
    """A regular expression of exactly these names."""
    return "|".join(map(re.escape, names))
