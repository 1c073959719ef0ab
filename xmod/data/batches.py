"""The batches of every update: drawn, packed, masked, and made ready beside the training.

An update is a pure function of the seed and its number. It is made whole and then cut into
micro-batches, so their size changes neither its sequences nor its masks, and any update can be
made at any time: resuming needs its number only.

Shapes: B sequences, L tokens a sequence, M masked positions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xmod.data.masking import MaskedTokens, mask_tokens
from xmod.data.packing import PackedSequences
from xmod.data.prefetch import prefetched
from xmod.data.randomness import generator
from xmod.data.sampling import LanguageSampler

Segment = tuple[str, int]
"""A language and its number of sequences, next to each other in a batch."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Sequences for one forward pass, those of a language next to each other."""

    tokens: NDArray[np.int64]
    """(B, L): what the model reads, masks in place."""
    segments: tuple[Segment, ...]
    """Each language once, in the order of the rows; the numbers sum to B."""
    masked: NDArray[np.int64]
    """(M,): masked positions of the flattened tokens, ascending."""
    targets: NDArray[np.int64]
    """(M,): the tokens to be predicted there."""


@dataclass(frozen=True, kw_only=True)
class Draw:
    """The sequences of one language that an update takes."""

    language: str
    start: int
    """The number of the first one, in the language's row of sequences."""
    num_sequences: int


class UpdateBatches:
    """The micro-batches of updates 0, 1, 2, ...; iterating goes on from `next_update`."""

    def __init__(
        self,
        sequences: Mapping[str, PackedSequences],
        sampler: LanguageSampler,
        *,
        sequences_per_draw: int,
        micro_batch_sequences: int,
        mask_probability: float,
        vocabulary_size: int,
        seed: int,
        by_language: bool = False,
    ) -> None:
        """With `by_language` micro-batches are of one language each.

        Raises ValueError when a sampled language has no sequences, or lengths differ.
        """
        missing = [language for language in sampler.languages if language not in sequences]
        if missing:
            raise ValueError(f"no token files for sampled languages: {', '.join(missing)}")
        lengths = {packed.sequence_length for packed in sequences.values()}
        if len(lengths) != 1:
            raise ValueError(f"sequence lengths differ between languages: {sorted(lengths)}")
        if micro_batch_sequences < 1:
            raise ValueError(f"micro_batch_sequences is {micro_batch_sequences}; at least 1")
        self.batch_sequences = sampler.draws_per_update * sequences_per_draw
        self.sequence_length = lengths.pop()
        self.micro_batch_sequences = micro_batch_sequences
        self.next_update = 0
        self._sequences = sequences
        self._sampler = sampler
        self._sequences_per_draw = sequences_per_draw
        self._mask_probability = mask_probability
        self._vocabulary_size = vocabulary_size
        self._seed = seed
        self._by_language = by_language

    def draws(self, update: int) -> list[Draw]:
        """What an update takes of each of its languages, in random order."""
        first: dict[str, int] = {}
        times: dict[str, int] = {}
        for language, occurrence in self._sampler.draws(update):
            first.setdefault(language, occurrence)
            times[language] = times.get(language, 0) + 1
        return [
            Draw(
                language=language,
                start=occurrence * self._sequences_per_draw,
                num_sequences=times[language] * self._sequences_per_draw,
            )
            for language, occurrence in first.items()
        ]

    def update(self, update: int) -> list[Batch]:
        """All micro-batches of an update, whatever was made before."""
        tokens = np.empty((self.batch_sequences, self.sequence_length), dtype=np.int64)
        draws = self.draws(update)
        filled = 0
        for draw in draws:
            rows = tokens[filled : filled + draw.num_sequences]
            self._sequences[draw.language].fill(rows, draw.start)
            filled += draw.num_sequences
        masked = mask_tokens(
            tokens,
            probability=self._mask_probability,
            vocabulary_size=self._vocabulary_size,
            rng=generator("masks", self._seed, update),
        )
        ends = [0, *itertools.accumulate(draw.num_sequences for draw in draws)]
        cuts = ends if self._by_language else [0, filled]
        return list(_micro_batches(masked, draws, cuts, self.micro_batch_sequences))

    def __iter__(self) -> Iterator[list[Batch]]:
        """Updates from `next_update` on, without end, each made when it is asked for."""
        while True:
            batches = self.update(self.next_update)
            self.next_update += 1
            yield batches

    @contextmanager
    def prefetched(self, *, stop: int) -> Iterator[Iterator[list[Batch]]]:
        """Updates `next_update` ... `stop - 1`, made by a thread in advance.

        `next_update` counts what was taken, not what was made.
        """
        with prefetched(self.update, start=self.next_update, stop=stop) as made:
            yield map(self._take, made)

    def state_dict(self) -> dict[str, Any]:
        """What resuming needs, as JSON: the next update, and what must be the same again."""
        return {"next_update": self.next_update, **self._identity()}

    def _take(self, batches: list[Batch]) -> list[Batch]:
        self.next_update += 1
        return batches

    def _identity(self) -> dict[str, Any]:
        return {
            "seed": self._seed,
            "batch_sequences": self.batch_sequences,
            "sequence_length": self.sequence_length,
            "sequences_per_draw": self._sequences_per_draw,
            "mask_probability": self._mask_probability,
            "probabilities": self._sampler.probabilities,
            "tokens_sha256": {
                language: self._sequences[language].tokens.index.sha256
                for language in self._sampler.languages
            },
        }


def _micro_batches(
    masked: MaskedTokens, draws: list[Draw], cuts: list[int], size: int
) -> Iterator[Batch]:
    """An update's rows in order, cut at `cuts` and then into batches of at most `size` rows."""
    length = masked.inputs.shape[1]
    starts = {first for begin, end in itertools.pairwise(cuts) for first in range(begin, end, size)}
    for first, last in itertools.pairwise([*sorted(starts), cuts[-1]]):
        low, high = np.searchsorted(masked.positions, (first * length, last * length))
        yield Batch(
            tokens=masked.inputs[first:last],
            segments=tuple(_segments(draws, first, last)),
            masked=masked.positions[low:high] - first * length,
            targets=masked.targets[low:high],
        )


def _segments(draws: list[Draw], first: int, last: int) -> Iterator[Segment]:
    """The part of an update's draws that rows `first` ... `last - 1` hold."""
    begin = 0
    for draw in draws:
        shared = min(begin + draw.num_sequences, last) - max(begin, first)
        if shared > 0:
            yield draw.language, shared
        begin += draw.num_sequences
