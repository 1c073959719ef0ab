"""The training loop: the same bits whether or not it was interrupted.

Everything random is drawn from the seed and the number of the update: which languages, which
sequences, which masks, which dropout. So a checkpoint holds weights, optimizer state and
counts, and no generator's state.

Shapes: B sequences, L length, M masked tokens.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import torch
from torch import nn

from xmod.config_training import OptimizerConfig
from xmod.model.device import device_name, use_device
from xmod.model.encoder import Encoder
from xmod.model.initialisation import named_generator
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.interruption import Interrupted, StopRequest
from xmod.training.objective import B, Objective, Updates
from xmod.training.optimizer import (
    build_optimizer,
    clip_gradients,
    learning_rate,
    set_learning_rate,
)
from xmod.training.precision import computing, resolve
from xmod.training.progress import Progress


class Diverged(FloatingPointError):
    """The loss or the gradient is not a finite number any more."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a job runs: what it computes but for rounding, and for which places dropout drops."""

    device: torch.device
    num_threads: int
    micro_batch_sequences: int
    checkpoint_seconds: float = 600.0

    @classmethod
    def resolve(
        cls, device: str, *, threads: int, micro_batch_sequences: int, checkpoint_seconds: float
    ) -> Execution:
        """`device` may be `auto`: a GPU where there is one."""
        chosen = use_device(device, threads=threads)
        return cls(
            device=chosen,
            num_threads=threads,
            micro_batch_sequences=micro_batch_sequences,
            checkpoint_seconds=checkpoint_seconds,
        )


@dataclass(kw_only=True)
class Trainer(Generic[B]):
    """Trains `model`'s parameters that require gradients for `budget_updates` updates."""

    label: str
    model: nn.Module
    encoder: Encoder
    """The model's part that drops out."""
    objective: Objective[B]
    updates: Updates[B]
    config: OptimizerConfig
    peak_learning_rate: float
    budget_updates: int
    seed: int
    execution: Execution
    checkpoints: CheckpointFolder
    history_path: Path
    snapshots: Collection[int] = ()
    """The updates after which the weights are kept, besides the checkpoints to resume from."""

    def __post_init__(self) -> None:
        self.model.to(self.execution.device)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = build_optimizer(self.parameters, self.config)
        self.precision = resolve(
            self.config.precision,
            device=self.execution.device,
            width=self.encoder.config.width,
        )
        self.progress = Progress(self.label, self.budget_updates, self.history_path)

    def run(self) -> None:
        """Train to the end of the budget, from the newest checkpoint where there is one.

        Raises Interrupted when a signal asked to stop, and Diverged on a loss or gradient that
        is not finite; neither loses a finished checkpoint.
        """
        first = self._resume()
        self.updates.next_update = first
        last_save = time.monotonic()
        self.model.train()
        with (
            StopRequest() as stop,
            self.updates.prefetched(stop=self.budget_updates) as batches,
        ):
            for update, batch in enumerate(batches, start=first):
                self._step(update, batch)
                done = update + 1
                if done in self.snapshots:  # before a checkpoint from which it would be resumed
                    self.checkpoints.save_snapshot(done, self.model)
                late = time.monotonic() - last_save >= self.execution.checkpoint_seconds
                if late or stop.signal_number is not None or done == self.budget_updates:
                    self._save(done)
                    last_save = time.monotonic()
                if stop.signal_number is not None:
                    raise Interrupted(stop.signal_number, done)
        self.model.eval()

    def account(self) -> dict[str, Any]:
        """What a manifest says of the training: how it ran, and how much it did."""
        return {
            "precision": self.precision,
            "device": device_name(self.execution.device),
            "num_threads": self.execution.num_threads,
            "micro_batch_sequences": self.execution.micro_batch_sequences,
            "training_seconds": round(self.progress.seconds, 3),
            "training_tokens": self.progress.tokens,
        }

    def _resume(self) -> int:
        missing = [u for u in self.snapshots if not self.checkpoints.has_snapshot(u)]
        state = self.checkpoints.load_latest(
            model=self.model, optimizer=self.optimizer, before=min(missing, default=None)
        )
        if state is None:
            return 0
        self.progress.resume(**state["progress"])
        return int(state["update"])

    def _save(self, done: int) -> None:
        state: dict[str, Any] = {"progress": self.progress.state()}
        optimizer = self.optimizer if done < self.budget_updates else None
        self.checkpoints.save(done, model=self.model, optimizer=optimizer, state=state)
        self.progress.write_history()

    def _step(self, update: int, batches: Sequence[B]) -> None:
        rate = learning_rate(
            update,
            budget_updates=self.budget_updates,
            peak=self.peak_learning_rate,
            warmup_fraction=self.config.warmup_fraction,
        )
        set_learning_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        self._seed_dropout(update)
        loss = self._accumulate(batches)
        norm = float(clip_gradients(self.parameters, self.config.clip_norm))
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise Diverged(self._divergence(update, loss, norm))
        self.optimizer.step()
        self.progress.count(
            update + 1,
            loss=loss,
            gradient_norm=norm,
            rate=rate,
            tokens=sum(map(self.objective.num_tokens, batches)),
        )

    def _accumulate(self, batches: Sequence[B]) -> float:
        """Gradients of the mean loss over all targets of the update; returns that mean."""
        num_targets = sum(map(self.objective.num_targets, batches))
        device = self.execution.device
        total = torch.zeros((), device=device)
        # One context for all: autocast keeps the weights that it has cast until the context ends.
        with computing(self.precision, device=device):
            for batch in batches:
                loss = self.objective.loss(batch, device) / num_targets
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        return float(total)

    def _seed_dropout(self, update: int) -> None:
        seed = named_generator(self.seed, f"dropout {update}").initial_seed()
        self.encoder.dropout.generator.manual_seed(seed)
        if self.execution.device.type == "cuda":
            torch.cuda.manual_seed_all(seed)

    def _divergence(self, update: int, loss: float, norm: float) -> str:
        latest = self.checkpoints.latest()
        good = f"the last good checkpoint is {latest}" if latest else "there is no checkpoint yet"
        return (
            f"{self.label}: update {update + 1} has loss {loss} and gradient norm {norm}; {good}. "
            f"Lower the peak learning rate ({self.peak_learning_rate}), warm up longer "
            f"({self.config.warmup_fraction}) or clip ({self.config.clip_norm})."
        )
