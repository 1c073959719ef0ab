"""The torch engine: how this project takes an update."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from xmod.model.initialisation import named_generator
from xmod.training.loop import Taken, TrainingLoop
from xmod.training.objective import B
from xmod.training.optimizer import build_optimizer, learning_rate, set_learning_rate
from xmod.training.precision import computing


class Trainer(TrainingLoop[B]):
    """Trains `model` itself, with PyTorch's AdamW."""

    def _prepare(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        self.model.to(self.execution.device)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        return self.model, build_optimizer(self.parameters, self.config)

    def _step(self, update: int, batches: Sequence[B]) -> Taken:
        rate = learning_rate(
            update,
            budget_updates=self.budget_updates,
            peak=self.peak_learning_rate,
            warmup_fraction=self.config.warmup_fraction,
        )
        set_learning_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._accumulate(update, batches)
        norm = self.parallel.clip(self.parameters, self.config.clip_norm)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise self._diverged(update, f"loss {loss} and gradient norm {norm}")
        self.optimizer.step()
        return Taken(loss=loss, gradient_norm=norm, rate=rate)

    def _accumulate(self, update: int, batches: Sequence[B]) -> float:
        """Gradients of the mean loss over all targets of the update; returns that mean."""
        num_targets = sum(map(self.objective.num_targets, batches))
        device = self.execution.device
        total = torch.zeros((), device=device)
        # One context for all: autocast keeps the weights that it has cast until the context ends.
        with computing(self.precision, device=device):
            for name, batch in self.parallel.share(update, batches):
                if name is not None:
                    self._seed_dropout(name)
                loss = self.objective.loss(batch, device) / num_targets
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        return self.parallel.reduce(total, batches)

    def _seed_dropout(self, name: str) -> None:
        seed = named_generator(self.seed, name).initial_seed()
        self.model.encoder.dropout.generator.manual_seed(seed)
        if self.execution.device.type == "cuda":
            torch.cuda.manual_seed_all(seed)
