"""Inference over ranges: `II-III horse` rules out `IV-V horse`, and leaves `I-II horse` open.

Premise and hypothesis each say in which chapters a thing is found. A block has one thing and
twelve pairs, in which every premise and every hypothesis stands once with each label. So neither
of the two alone says anything of the label: whoever sees one of them only is right in exactly a
third of a block, whatever they answer.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xmod.tasks.examples import Example, NliExample
from xmod.tasks.synthetic.material import Material
from xmod.tasks.synthetic.splits import TaskSplit

NUMERALS = ("I", "II", "III", "IV", "V")
"""Roman ones: every language's text has these letters, where it may lack a digit, and numbers
that differ in length are told apart by so small a model (docs/embedded_tasks.md)."""
RANGES = tuple((first, first + 1) for first in range(len(NUMERALS) - 1))
PAIRS = (
    *((0, 0), (1, 1), (2, 2), (3, 3)),
    *((0, 1), (1, 0), (2, 3), (3, 2)),
    *((0, 2), (2, 0), (1, 3), (3, 1)),
)
"""The ranges of premise and hypothesis in a block."""
BLOCK_SIZE = len(PAIRS)
NAME_CHARACTERS = (2, 8)
"""From and to (our choice): two sentences then fit into 32 tokens in nearly all languages."""


def label_of(premise: tuple[int, int], hypothesis: tuple[int, int]) -> str:
    """What a range (first, last) says of another."""
    if hypothesis[0] <= premise[0] and premise[1] <= hypothesis[1]:
        return "entailment"
    if premise[1] < hypothesis[0] or hypothesis[1] < premise[0]:
        return "contradiction"
    return "neutral"


def blocks(
    random: np.random.Generator, material: Material, language: str, split: TaskSplit
) -> Iterator[list[Example]]:
    """Endless blocks of examples, each in an order of its own."""
    things = material.short_things(language, split, NAME_CHARACTERS)
    number = 0
    while True:
        thing = things[random.integers(len(things))]
        block: list[Example] = []
        for place in random.permutation(BLOCK_SIZE):
            premise, hypothesis = (RANGES[one] for one in PAIRS[place])
            block.append(
                NliExample(
                    id=f"{language}-{split}-{number}",
                    premise=_sentence(premise, thing),
                    hypothesis=_sentence(hypothesis, thing),
                    label=label_of(premise, hypothesis),
                )
            )
            number += 1
        yield block


def _sentence(numbers: tuple[int, int], thing: str) -> str:
    return f"{NUMERALS[numbers[0]]}-{NUMERALS[numbers[1]]} {thing}"
