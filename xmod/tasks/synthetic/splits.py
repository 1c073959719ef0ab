"""Which split a name belongs to: by a hash, so that it is the same in every language."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
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


def homes_of(languages: Iterable[Names]) -> dict[str, set[TaskSplit]]:
    """Every name, without case -> the splits of the keys that have it, in whatever language."""
    homes: defaultdict[str, set[TaskSplit]] = defaultdict(set)
    for names in languages:
        for key, name in names.items():
            homes[name.casefold()].add(split_of(key))
    return dict(homes)


def split_names(
    names: Names, *, homes: Mapping[str, set[TaskSplit]]
) -> dict[TaskSplit, tuple[str, ...]]:
    """The names of each split, sorted, without those that are at home in two.

    Keys can share a name: `bat` in English, `coche` for a coach in French and a car in Spanish.
    """
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
