"""One process that trains alone, or several that train one model: what differs between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from xmod.training.objective import B
from xmod.training.optimizer import clip_gradients
from xmod.training.state import host_copies

Saved = tuple[dict[str, Any], dict[str, Tensor]]
"""A checkpoint's state and tensors."""
Arriving = tuple[dict[str, Any], Iterable[tuple[str, Tensor]]]
"""The same where the tensors come one by one, by name: all of them are to be taken, once."""


class Parallelism(Protocol[B]):
    """How a trainer shares its work with other processes."""

    is_first: bool
    """Whether this process writes what there is to be written."""

    def share(self, update: int, batches: Sequence[B]) -> Iterator[tuple[str | None, B]]:
        """This process's micro-batches of an update, each with the name that its dropout is drawn
        from, or None where dropout goes on from the micro-batch before."""
        ...

    def reduce(self, loss: Tensor, batches: Sequence[B]) -> float:
        """Sum the gradients over the processes once all is shared out; returns the summed loss."""
        ...

    def clip(self, parameters: Sequence[nn.Parameter], max_norm: float) -> float:
        """Scale the gradients down to a norm of `max_norm`, 0 for not; returns the norm before."""
        ...

    def agree(self, signal_number: int | None, is_late: bool) -> tuple[int | None, bool]:
        """The signal that some process had, and whether the first one finds it late."""
        ...

    def collect(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Host copies of the whole model's tensors at the first process, from each one's own."""
        ...

    def spread(self, saved: Saved | None) -> Arriving | None:
        """What the first process read, for all; each keeps what it has use for."""
        ...

    def account(self) -> dict[str, Any]:
        """What a manifest says of it."""
        ...


class Alone(Parallelism[B]):
    """One process: nothing is shared, and nothing is sent."""

    is_first = True

    def share(self, update: int, batches: Sequence[B]) -> Iterator[tuple[str | None, B]]:
        for index, batch in enumerate(batches):
            yield None if index else f"dropout {update}", batch

    def reduce(self, loss: Tensor, batches: Sequence[B]) -> float:  # noqa: ARG002 - the others'
        return float(loss)

    def clip(self, parameters: Sequence[nn.Parameter], max_norm: float) -> float:
        return float(clip_gradients(parameters, max_norm))

    def agree(self, signal_number: int | None, is_late: bool) -> tuple[int | None, bool]:
        return signal_number, is_late

    def collect(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return host_copies(tensors)

    def spread(self, saved: Saved | None) -> Arriving | None:
        return None if saved is None else (saved[0], saved[1].items())

    def account(self) -> dict[str, Any]:
        return {}
