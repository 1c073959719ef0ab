"""Names in lists: `Kenya , red apple , Maria Silva` has a place, a thing and a person.

Half of the items are things, the others people and places, whatever stands beside them, and as
often of two words for each type. So what surrounds a word says where a name begins but nothing of
its type: whoever takes every item for a name of one type is right in a quarter of them and finds
half of the names, an F1 of a third. No test name is trained on. What is left is how a name is
written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from xmod.tasks.examples import Example, NerExample
from xmod.tasks.synthetic.material import Material, enough
from xmod.tasks.synthetic.people import JOINED, LOCALES, full_name
from xmod.tasks.synthetic.splits import TaskSplit

ItemType = Literal["PER", "LOC", "O"]

LANGUAGES = tuple(LOCALES)
"""Those with people's names."""
TYPES: tuple[ItemType, ...] = ("PER", "LOC", "O", "O")
"""Drawn with equal chances. No organisations: no package has their names in these languages."""
ITEMS = 3
SEPARATOR = ","
TWO_WORDS = 0.3
"""Share of the items of two words (our choice), where a language has such names of each type."""
WORD_CHARACTERS = (2, 8)
"""An item's of one word, and a person's names each (our choice): three fit into 32 tokens."""
NAME_CHARACTERS = 12
"""At most, an item's of two words."""
MIN_TWO_WORDS = 2
"""With fewer two-word names of a type, a language and split has none of any type."""

Pool = dict[ItemType, tuple[str, ...]]


def blocks(
    random: np.random.Generator, material: Material, language: str, split: TaskSplit
) -> Iterator[list[Example]]:
    """Endless examples, each a block of its own."""
    singles, doubles = (_pool(material, language, split, num_words) for num_words in (1, 2))
    for kind, names in singles.items():
        enough(names, f"one-word names of type {kind}, {language}, {split}")
    share = TWO_WORDS if min(map(len, doubles.values())) >= MIN_TWO_WORDS else 0.0
    number = 0
    while True:
        words: list[str] = []
        tags: list[str] = []
        for item in range(ITEMS):
            pool = doubles if random.random() < share else singles
            kind = TYPES[random.integers(len(TYPES))]
            name = pool[kind][random.integers(len(pool[kind]))].split()
            if item:
                words.append(SEPARATOR)
                tags.append("O")
            words += name
            tags += _tags(kind, len(name))
        yield [NerExample(f"{language}-{split}-{number}", tuple(words), tuple(tags))]
        number += 1


def _tags(kind: ItemType, num_words: int) -> list[str]:
    if kind == "O":
        return ["O"] * num_words
    return [f"B-{kind}", *[f"I-{kind}"] * (num_words - 1)]


def _pool(material: Material, language: str, split: TaskSplit, num_words: int) -> Pool:
    """The names of each type, of one word or of two."""
    people = _people(material, language, split, num_words)
    places = _of_size(material.territories(language)[split], num_words)
    known = {one.casefold() for names in material.territories(language).values() for one in names}
    for names in (part[one] for part in material.people(language) for one in part):
        known.update(name.casefold() for name in names)
    things = _of_size(material.things(language)[split], num_words)
    common = (one for one in things if one.casefold() not in known)
    return {"PER": tuple(people), "LOC": tuple(places), "O": tuple(common)}


def _people(material: Material, language: str, split: TaskSplit, num_words: int) -> list[str]:
    """Given names alone, and full names; where those are one word, they are the only ones."""
    parts = material.people(language)
    is_joined = language in JOINED
    given, family = (list(part[split]) if is_joined else _of_size(part[split], 1) for part in parts)
    if num_words == 1 and not is_joined:
        return given
    names = {full_name(one, other, language) for one in given for other in family if one != other}
    return _of_size(sorted(names), num_words)


def _of_size(names: Sequence[str], num_words: int) -> list[str]:
    """Those of so many words that are neither too long nor a single character."""
    shortest, longest = WORD_CHARACTERS if num_words == 1 else (2, NAME_CHARACTERS)
    return [
        name
        for name in names
        if name.count(" ") == num_words - 1 and shortest <= len(name) <= longest
    ]
