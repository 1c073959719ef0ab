"""Questions about a list: in `II horse I red apple III key`, what is `I`?

A block has three lists, in which each numeral stands once in each place, and asks for every item
of each. So the context alone, the question alone and the place alone are each right in exactly a
third of a block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xmod.tasks.examples import Answer, Example, QaExample
from xmod.tasks.synthetic.material import Material
from xmod.tasks.synthetic.nli import NUMERALS
from xmod.tasks.synthetic.splits import TaskSplit

ITEMS = 3
"""In a list (our choice): with more it does not fit into 32 tokens."""
BLOCK_SIZE = ITEMS**2
NAME_CHARACTERS = (2, 6)
"""From and to (our choice), for the same reason."""


def blocks(
    random: np.random.Generator, material: Material, language: str, split: TaskSplit
) -> Iterator[list[Example]]:
    """Endless blocks of examples, the questions of a list in random order."""
    things = material.short_things(language, split, NAME_CHARACTERS)
    number = 0
    while True:
        block: list[Example] = []
        numerals = [NUMERALS[place] for place in random.permutation(ITEMS)]
        for turn in range(ITEMS):
            names = [things[place] for place in random.choice(len(things), ITEMS, replace=False)]
            turned = numerals[turn:] + numerals[:turn]
            for place in random.permutation(ITEMS):
                block.append(_question(f"{language}-{split}-{number}", turned, names, int(place)))
                number += 1
        yield block


def _question(id_: str, numerals: list[str], names: list[str], place: int) -> QaExample:
    """The question for one place of a list."""
    items = [f"{numeral} {name}" for numeral, name in zip(numerals, names, strict=True)]
    before = sum(len(item) + 1 for item in items[:place])
    start = before + len(numerals[place]) + 1
    return QaExample(id_, numerals[place], " ".join(items), (Answer(start, names[place]),))
