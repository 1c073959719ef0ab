"""The embedded tasks: labels made by rule, over real names of things, places and people.

They stand in for XNLI, WikiANN and XQuAD, which no package carries, so that the whole pipeline
runs anywhere; docs/embedded_tasks.md says how they are built and what they can show.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import get_args

import numpy as np

from xmod.config_tasks import TaskKind
from xmod.data.packages import read_packages
from xmod.data.randomness import generator
from xmod.paths import PACKAGES_TABLE
from xmod.tasks.examples import Example
from xmod.tasks.synthetic import ner, nli, qa
from xmod.tasks.synthetic.material import LANGUAGES, Material, TaskSplit

__all__ = ["BLOCK_SIZES", "LANGUAGES", "generate", "legal_languages"]

Blocks = Callable[[np.random.Generator, Material, str, TaskSplit], Iterator[list[Example]]]

BLOCK_SIZES: dict[TaskKind, int] = {"nli": nli.BLOCK_SIZE, "ner": 1, "qa": qa.BLOCK_SIZE}
"""Kind -> examples that balance only together, so that sets are made of whole blocks."""
_BLOCKS: dict[TaskKind, Blocks] = {"nli": nli.blocks, "ner": ner.blocks, "qa": qa.blocks}


def legal_languages(kind: TaskKind) -> tuple[str, ...]:
    """The languages that a kind of task can be made in."""
    return ner.LANGUAGES if kind == "ner" else LANGUAGES


def generate(
    kind: TaskKind,
    *,
    language: str,
    split: str,
    count: int,
    seed: int,
    packages: Path,
    table: Path = Path(PACKAGES_TABLE),
) -> Iterator[Example]:
    """Yield `count` examples that depend on nothing but the arguments and the pinned packages.

    `packages` is the package cache, `table` the table of the pinned packages. A larger count
    begins with the same examples. No name of one split is in another split of any language.

    Raises ValueError for a split or language that there is not, and for a count that is not of
    whole blocks; PackageError for a package that is not in the cache.
    """
    if split not in get_args(TaskSplit):
        raise ValueError(f"split: {split!r}; legal: {', '.join(get_args(TaskSplit))}")
    if language not in legal_languages(kind):
        raise ValueError(
            f"{kind} cannot be made in language {language!r}; legal: "
            f"{', '.join(legal_languages(kind))}"
        )
    size = BLOCK_SIZES[kind]
    if count < 1 or count % size:
        raise ValueError(
            f"max_examples: {count} of format synthetic, kind {kind}; legal: multiples of {size}, "
            "which balance only together"
        )
    made = _BLOCKS[kind](
        generator("embedded task", kind, language, split, seed),
        open_material(packages, table),
        language,
        next(one for one in get_args(TaskSplit) if one == split),
    )
    return itertools.islice(itertools.chain.from_iterable(made), count)


@lru_cache(maxsize=1)
def open_material(packages: Path, table: Path) -> Material:
    """The material in a package cache; kept, since reading it takes longer than the rest."""
    return Material(packages, table=read_packages(table))
