"""Several processes that train one model: data parallel, its modules on all of them or on some.

Micro-batches are of one language each, and dropout is drawn anew for each of them, from the seed,
the update and the micro-batch's number. So an update is the same, but for rounding, whatever the
number of ranks and wherever the modules are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from xmod.data.batches import Batch
from xmod.model.heads import MaskedLanguageModel
from xmod.training.gradients import GradientReduction
from xmod.training.interruption import SIGNALS
from xmod.training.optimizer import gradient_norm, scale_gradients
from xmod.training.parallel import Arriving, Parallelism, Saved
from xmod.training.placement import Placement
from xmod.training.ranks import Ranks
from xmod.training.state import host_copies


class Together(Parallelism[Batch]):
    """One rank's part in training a model with others."""

    def __init__(self, ranks: Ranks, placement: Placement, model: MaskedLanguageModel) -> None:
        """`model` has the modules of this rank's languages; it is on its device already."""
        self._ranks, self._placement = ranks, placement
        self._owners = [ranks.group(placement.ranks(s)) for s in range(placement.num_shards)]
        self._is_module_leader = ranks.rank < placement.num_shards
        self._modules = _module_parameters(model)
        own = {id(p) for its in self._modules.values() for p in its}
        self._shared = [p for p in model.parameters() if p.requires_grad and id(p) not in own]
        self._reduction = GradientReduction(
            self._shared,
            self._modules,
            everyone=ranks.group(list(range(ranks.size))),
            owners=self._owners[placement.shard(ranks.rank)],
        )

    @property
    def is_first(self) -> bool:  # type: ignore[override]
        return self._ranks.is_first

    def share(self, update: int, batches: Sequence[Batch]) -> Iterator[tuple[str | None, Batch]]:
        described = [([name for name, _ in one.segments], len(one.tokens)) for one in batches]
        owners = self._placement.assign(described)
        own = [index for index, owner in enumerate(owners) if owner == self._ranks.rank]
        for index in own:
            if index == own[-1]:
                self._reduction.start()
            yield f"dropout {update}, micro-batch {index}", batches[index]

    def reduce(self, loss: Tensor, batches: Sequence[Batch]) -> float:
        self._reduction.finish({name for one in batches for name, _ in one.segments})
        return self._ranks.sum([float(loss)])[0]

    def clip(self, parameters: Sequence[nn.Parameter], max_norm: float) -> float:
        if self._placement.num_shards == 1:  # every rank has every gradient
            norm = float(gradient_norm(parameters))
        else:
            modules = [p for its in self._modules.values() for p in its]
            own = float(gradient_norm(modules)) if self._is_module_leader else 0.0
            squares = self._ranks.sum([own**2])[0] + float(gradient_norm(self._shared)) ** 2
            norm = math.sqrt(squares)
        scale_gradients(parameters, norm, max_norm)
        return norm

    def agree(self, signal_number: int | None, is_late: bool) -> tuple[int | None, bool]:
        late = float(is_late and self.is_first)
        flags = self._ranks.sum([late, *(float(signal_number == one) for one in SIGNALS)])
        found = [int(one) for one, flag in zip(SIGNALS, flags[1:], strict=True) if flag]
        return (found[0] if found else None), bool(flags[0])

    def collect(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each shard's first rank sends to rank 0 what that one does not have."""
        ranks = self._ranks
        copies = host_copies(tensors) if ranks.is_first else {}
        if self._placement.num_shards == 1:
            return copies
        own = {name: (t.shape, t.dtype) for name, t in tensors.items()}
        listed = ranks.gather_objects(own if self._is_module_leader else {})
        for leader, names in enumerate(listed[1:], start=1):
            for name, (shape, dtype) in names.items():
                if name in listed[0]:
                    continue
                if ranks.rank == leader:
                    ranks.send(tensors[name].detach().to(ranks.device).contiguous(), to=0)
                elif ranks.is_first:
                    received = torch.empty(shape, dtype=dtype, device=ranks.device)
                    ranks.receive(received, source=leader)
                    copies[name] = received.cpu()
        return copies

    def spread(self, saved: Saved | None) -> Arriving | None:
        """Each tensor is sent when it is asked for, lest every rank hold the whole state of all
        languages in host memory."""
        about: Any = None
        if saved is not None:
            about = saved[0], {name: (t.shape, t.dtype) for name, t in saved[1].items()}
        about = self._ranks.broadcast_object(about)
        if about is None:
            return None
        state, described = about
        return state, self._spread_each(described, {} if saved is None else saved[1])

    def _spread_each(
        self, described: Mapping[str, tuple[torch.Size, torch.dtype]], tensors: dict[str, Tensor]
    ) -> Iterator[tuple[str, Tensor]]:
        """On this rank's device; what was sent leaves `tensors`, which rank 0 has."""
        ranks = self._ranks
        for name, (shape, dtype) in described.items():
            on_device = torch.empty(shape, dtype=dtype, device=ranks.device)
            if ranks.is_first:
                on_device.copy_(tensors.pop(name))
            ranks.broadcast(on_device)
            yield name, on_device

    def account(self) -> dict[str, Any]:
        placement = self._placement
        return {"num_processes": placement.num_ranks, "num_module_shards": placement.num_shards}


def _module_parameters(model: MaskedLanguageModel) -> dict[str, list[nn.Parameter]]:
    """The trained parameters of each language's modules; none where all languages share one."""
    found: dict[str, list[nn.Parameter]] = {}
    if model.encoder.module_kind == "language":
        for layer in model.encoder.each_layer():
            for language, module in layer.language_modules.named():
                trained = [p for p in module.parameters() if p.requires_grad]
                found.setdefault(language, []).extend(trained)
    return found
