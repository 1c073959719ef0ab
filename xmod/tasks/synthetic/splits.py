"""Which split a name belongs to: by a hash, so that it is the same in every language."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Literal

TaskSplit = Literal["train", "development", "test"]

SHARES: dict[TaskSplit, float] = {"train": 0.5, "development": 0.2, "test": 0.3}
"""Of the names (our choice): training wants most; a test name is used in about five examples."""

Names = Mapping[str, str]
"""A key that all languages share (an emoji, a territory's code) -> the name in one language."""


def split_of(key: str) -> TaskSplit:
    """The split of a key, whatever other keys, languages and seeds there are."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, person=b"embedded task").digest()
    place = int.from_bytes(digest, "big") / 2**64
    for split, share in SHARES.items():
        if place < share:
            return split
        place -= share
    return "test"


def split_names(names: Names, *, source: Names) -> dict[TaskSplit, tuple[str, ...]]:
    """The names of each split, sorted.

    Two keys can have one name (`bat`), in a language or across languages. A name that a key of
    another split has in the language itself, or in `source`, which is trained in, is left out.
    """
    homes: defaultdict[str, set[TaskSplit]] = defaultdict(set)
    for key, name in chain(names.items(), source.items()):
        homes[name.casefold()].add(split_of(key))
    found: dict[TaskSplit, set[str]] = {split: set() for split in SHARES}
    for key, name in names.items():
        if len(homes[name.casefold()]) == 1:
            found[split_of(key)].add(name)
    return {split: tuple(sorted(kept)) for split, kept in found.items()}


def split_strings(strings: Iterable[str]) -> dict[TaskSplit, tuple[str, ...]]:
    """The same for names without a key: by themselves, so that no language has one elsewhere."""
    distinct = sorted(set(strings))
    return {
        split: tuple(one for one in distinct if split_of(one.casefold()) == split)
        for split in SHARES
    }
