"""What a trainer minimises: the sum of a batch's losses over the number of its targets.

The trainer divides by the targets of the whole update, so that micro-batches, whose numbers of
targets differ, give the gradient that one big batch gives.

Shapes: B sequences, L length, M masked tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from xmod.data.batches import Batch
from xmod.model.heads import MaskedLanguageModel
from xmod.model.language_modules import Segment

B = TypeVar("B")
B_contra = TypeVar("B_contra", contravariant=True)


class Updates(Protocol[B]):
    """Where a trainer takes the micro-batches of each update from."""

    next_update: int

    def prefetched(self, *, stop: int) -> AbstractContextManager[Iterator[list[B]]]: ...


class Objective(Protocol[B_contra]):
    """A loss over batches of one kind."""

    def num_targets(self, batch: B_contra) -> int:
        """How many losses the batch has."""
        ...

    def num_tokens(self, batch: B_contra) -> int:
        """How many tokens go through the model, padding among them."""
        ...

    def loss(self, batch: B_contra, device: torch.device) -> Tensor:
        """The sum of the batch's losses (a scalar)."""
        ...


class MaskedLanguageModelling:
    """Masked language modelling: the negative log-likelihood of each masked token."""

    def __init__(self, model: MaskedLanguageModel) -> None:
        self._model = model

    def num_targets(self, batch: Batch) -> int:
        return len(batch.targets)

    def num_tokens(self, batch: Batch) -> int:
        return int(batch.tokens.size)

    def loss(self, batch: Batch, device: torch.device) -> Tensor:
        nll_M = self._model.nll(
            torch.from_numpy(batch.tokens).to(device),
            [Segment(*segment) for segment in batch.segments],
            torch.from_numpy(batch.masked).to(device),
            torch.from_numpy(batch.targets).to(device),
        )
        return nll_M.sum()
