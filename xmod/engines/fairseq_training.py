"""The fairseq engine: updates by fairseq's trainer; batches, checkpoints and manners are ours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from xmod.engines.fairseq_start import build_trainer
from xmod.engines.fairseq_weights import take_from_fairseq
from xmod.model.task_heads import AnyModel
from xmod.training.loop import Taken, TrainingLoop
from xmod.training.objective import B


class FairseqTraining(TrainingLoop[B]):
    """Trains fairseq's model with the weights of `model`, which has the trained ones in the end.

    A checkpoint is one of ours, so nothing that could be pickled code is ever loaded, fairseq's
    own checkpoints included, and PyTorch's safe loading stays on.
    """

    def _prepare(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        self.trainer = build_trainer(
            self.model,
            objective=self.objective,
            config=self.config,
            precision=self.precision,
            peak_learning_rate=self.peak_learning_rate,
            budget_updates=self.budget_updates,
            seed=self.seed,
            device=self.execution.device,
        )
        return self.trainer.model, self.trainer.optimizer.optimizer

    def run(self) -> None:
        super().run()
        take_from_fairseq(self.trained, self.model)

    def take_snapshot(self, update: int, model: AnyModel) -> None:
        self.checkpoints.load_snapshot(update, self.trained)
        take_from_fairseq(self.trained, model)

    def account(self) -> dict[str, Any]:
        return {"engine": f"fairseq {version('fairseq')}", **super().account()}

    def _step(self, update: int, batches: Sequence[B]) -> Taken:
        from fairseq import metrics

        not_finite = "a loss or a gradient that is not finite"
        rate = self.trainer.get_lr()
        try:
            with metrics.aggregate(new_root=True) as measured:
                samples = list(map(self.trainer.task.sample, batches))
                # Else it gives up an update that the memory is too small for, and says nothing.
                self.trainer.train_step(samples, raise_oom=True)
        except FloatingPointError as error:
            raise self._diverged(update, not_finite) from error
        loss = float(measured["loss"].avg) * math.log(2)
        if not math.isfinite(loss):
            raise self._diverged(update, not_finite)
        return Taken(loss=loss, gradient_norm=float(measured["gnorm"].avg), rate=rate)

    def _resume(self) -> int:
        first = super()._resume()
        for entry in self.optimizer.state.values():
            entry["step"] = int(entry["step"])  # plain numbers, unlike PyTorch's
        self.trainer.set_num_updates(first)
        return first
