"""What each shard of a text keeps under a cap: the lines that come first in a hash order.

Whole buckets of it are kept while they fit, and the first lines of the bucket where the cap is
reached, as a text of one shard does.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from xmod.data.collecting import NUM_BUCKETS
from xmod.data.splitting import Splitter
from xmod.files import atomic_path
from xmod.paths import Split


def bucket_of(text: str, splitter: Splitter) -> int:
    """Where in the hash order a line is."""
    return splitter.place(text, "sample") * NUM_BUCKETS >> 64


def write_sizes(part: Path, split: Split, splitter: Splitter) -> None:
    """Note beside a shard's text how many characters each bucket has."""
    sizes = array("Q", bytes(8 * NUM_BUCKETS))
    with (part / f"{split}.txt").open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            text = line.rstrip("\n")
            if text:
                sizes[bucket_of(text, splitter)] += len(text)
    with atomic_path(_sizes(part, split)) as temporary:
        temporary.write_bytes(sizes.tobytes())


def _read_sizes(part: Path, split: Split) -> array[int]:
    return array("Q", _sizes(part, split).read_bytes())


def _sizes(part: Path, split: Split) -> Path:
    return part / f"{split}.sizes"


class Limit(NamedTuple):
    """What a shard keeps of a split."""

    bucket: int
    """The first that no longer fits under the cap."""
    left: int
    """Characters that the shard may keep of that bucket."""


def limits_of(parts: Sequence[Path], split: Split, cap: int) -> list[Limit]:
    """What each shard keeps: the boundary bucket goes to the first shards, in their order.

    It follows from the sizes alone, so that the shards are thinned in parallel.
    """
    total = [0] * NUM_BUCKETS
    for part in parts:
        total = [one + other for one, other in zip(total, _read_sizes(part, split), strict=True)]
    left, bucket = cap, 0
    while bucket < NUM_BUCKETS and total[bucket] <= left:
        left -= total[bucket]
        bucket += 1
    if bucket == NUM_BUCKETS:
        return [Limit(bucket, 0)] * len(parts)
    limits = []
    for part in parts:
        limits.append(Limit(bucket, left))
        left = max(left - _read_sizes(part, split)[bucket], 0)
    return limits
