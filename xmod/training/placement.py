"""Which rank trains on what: languages to shards, micro-batches to ranks; pure.

With one shard every rank has every module, which is plain data parallelism. With S of them the
languages are divided into S shards of about equal work, and rank r has the modules of shard
r mod S (X-MOD section 3: "modules can be efficiently stored on only a subset of GPUs"). So each
run of S neighbouring ranks, such as a node, has every module once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Ranks, and the shard of each language."""

    num_ranks: int
    num_shards: int
    shard_of: Mapping[str, int]

    @classmethod
    def balanced(
        cls, probabilities: Mapping[str, float], *, num_ranks: int, num_shards: int = 1
    ) -> Placement:
        """Languages, the most frequent first, each to the shard that has least to do so far.

        Raises ValueError unless the shards divide the ranks and each gets a language.
        """
        if num_shards < 1 or num_ranks % num_shards:
            raise ValueError(
                f"module_shards is {num_shards}, which does not divide the {num_ranks} processes"
            )
        if num_shards > len(probabilities):
            raise ValueError(
                f"module_shards is {num_shards}, but there are only {len(probabilities)} languages "
                "to place; give fewer shards"
            )
        work = [0.0] * num_shards
        shard_of = {}
        for language in sorted(probabilities, key=lambda one: (-probabilities[one], one)):
            shard = work.index(min(work))
            shard_of[language] = shard
            work[shard] += probabilities[language]
        return cls(
            num_ranks, num_shards, {language: shard_of[language] for language in probabilities}
        )

    def shard(self, rank: int) -> int:
        return rank % self.num_shards

    def ranks(self, shard: int) -> list[int]:
        """The ranks that have the modules of a shard; the first one answers for them."""
        return list(range(shard, self.num_ranks, self.num_shards))

    def languages(self, rank: int) -> tuple[str, ...]:
        """The languages whose modules a rank has, in their order."""
        shard = self.shard(rank)
        return tuple(language for language, its in self.shard_of.items() if its == shard)

    def assign(self, batches: Sequence[tuple[Iterable[str], int]]) -> list[int]:
        """The rank of each micro-batch, which is given as its languages and number of sequences.

        The largest first, each to the rank that has fewest sequences of those that may have it;
        a function of the batches alone, so every rank finds the same. Raises ValueError for a
        batch of several languages that no rank has all of.
        """
        load = [0] * self.num_ranks
        owners = [-1] * len(batches)
        for index in sorted(range(len(batches)), key=lambda at: (-batches[at][1], at)):
            languages, size = batches[index]
            rank = min(self._candidates(languages), key=lambda one: (load[one], one))
            owners[index] = rank
            load[rank] += size
        return owners

    def _candidates(self, languages: Iterable[str]) -> list[int]:
        if self.num_shards == 1:
            return self.ranks(0)
        found = list(languages)
        shards = {self.shard_of[language] for language in found}
        if len(shards) != 1:
            raise ValueError(f"no rank has the modules of all of {', '.join(found)}")
        return self.ranks(shards.pop())
