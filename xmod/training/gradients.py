"""Gradients of several ranks made one: what all share over all, a module over those who have it.

Only the modules of languages that the update holds are sent. The others' gradients stay None on
every rank, so that no optimizer moves them. Every rank knows which languages those are: an update
is a function of its number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from xmod.training.ranks import Group, finish

BUCKET_BYTES = 25 * 2**20
"""What is reduced together: PyTorch's DistributedDataParallel takes the same."""


@dataclass
class _Sum:
    """A sum under way: the gradients, and the tensor in which they lie side by side."""

    gradients: list[Tensor]
    flat: Tensor
    work: dist.Work | None

    def finish(self) -> None:
        finish(self.work)
        if len(self.gradients) > 1:
            parts = torch.split(self.flat, [gradient.numel() for gradient in self.gradients])
            views = [part.view_as(g) for part, g in zip(parts, self.gradients, strict=True)]
            torch._foreach_copy_(self.gradients, views)


class GradientReduction:
    """Sums gradients over the ranks, those that all share while the backward pass still runs."""

    def __init__(
        self,
        shared: Sequence[nn.Parameter],
        modules: Mapping[str, Sequence[nn.Parameter]],
        *,
        everyone: Group,
        owners: Group,
    ) -> None:
        """`modules` are those that this rank has, which `owners` have too."""
        self._modules, self._everyone, self._owners = modules, everyone, owners
        # A backward pass has the last parameters' gradients first.
        self._buckets = list(_buckets(list(reversed(shared))))
        self._bucket_of = {id(p): at for at, bucket in enumerate(self._buckets) for p in bucket}
        self._waiting = [0] * len(self._buckets)
        self._is_under_way = False
        self._sums: list[_Sum] = []
        for parameter in shared:
            parameter.register_post_accumulate_grad_hook(self._note)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        """From now on sum what is ready: the next backward pass is this rank's last one."""
        self._waiting = [len(bucket) for bucket in self._buckets]
        self._is_under_way = True

    def finish(self, languages: Collection[str]) -> None:
        """Sum the rest, and the modules of `languages` that are here; wait for all."""
        self._is_under_way = False
        while len(self._sums) < len(self._buckets):
            self._launch(self._buckets[len(self._sums)], self._everyone)
        if len(self._owners.ranks) > 1:
            present = [p for name, its in self._modules.items() if name in languages for p in its]
            for bucket in _buckets(present):
                self._launch(bucket, self._owners)
        for one in self._sums:
            one.finish()
        self._sums.clear()

    def _note(self, parameter: nn.Parameter) -> None:
        """A gradient is whole. Buckets go in one order on all ranks, or they would wait."""
        if not self._is_under_way:
            return
        self._waiting[self._bucket_of[id(parameter)]] -= 1
        while len(self._sums) < len(self._buckets) and not self._waiting[len(self._sums)]:
            self._launch(self._buckets[len(self._sums)], self._everyone)

    def _launch(self, parameters: Sequence[nn.Parameter], group: Group) -> None:
        for parameter in parameters:
            if parameter.grad is None:  # this rank had no sequence that uses it
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in parameters if p.grad is not None]
        is_alone = len(gradients) == 1 and gradients[0].is_contiguous()
        flat = (
            gradients[0].view(-1) if is_alone else torch.cat([grad.flatten() for grad in gradients])
        )
        self._sums.append(_Sum(gradients, flat, group.start_sum(flat)))


def _buckets(parameters: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Neighbours of up to BUCKET_BYTES together, or a larger one alone."""
    bucket: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        num_bytes = parameter.numel() * parameter.element_size()
        if bucket and size + num_bytes > BUCKET_BYTES:
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += num_bytes
    if bucket:
        yield bucket
