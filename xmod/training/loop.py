"""The training loop: the same bits whether or not it was interrupted.

Everything random is drawn from the seed and the number of the update: which languages, which
sequences, which masks, which dropout. So a checkpoint holds weights, optimizer state and
counts, and no generator's state.

Shapes: B sequences, L length, M masked tokens.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import torch
from torch import Tensor, nn

from xmod.config_training import OptimizerConfig
from xmod.model.device import device_name, use_device
from xmod.model.encoder import Encoder
from xmod.model.initialisation import named_generator
from xmod.training.background import Background
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.interruption import Interrupted, StopRequest
from xmod.training.objective import B, Objective, Updates
from xmod.training.optimizer import build_optimizer, learning_rate, set_learning_rate
from xmod.training.parallel import Alone, Parallelism, Saved
from xmod.training.precision import computing, resolve
from xmod.training.progress import Progress
from xmod.training.state import restore_each, trained_parameters, training_tensors


class Diverged(FloatingPointError):
    """The loss or the gradient is not a finite number any more."""

    is_of_all_ranks = True


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a job runs: what it computes but for rounding, and for which places dropout drops."""

    device: torch.device
    num_threads: int
    micro_batch_sequences: int
    checkpoint_seconds: float = 600.0

    @classmethod
    def resolve(
        cls,
        device: str,
        *,
        threads: int,
        micro_batch_sequences: int,
        checkpoint_seconds: float,
        local_rank: int = 0,
    ) -> Execution:
        """`device` may be `auto`: a GPU where there is one, that of the local rank."""
        chosen = use_device(device, threads=threads, local_rank=local_rank)
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
    parallel: Parallelism[B] = field(default_factory=Alone)

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
        self.progress.is_shown = self.parallel.is_first
        self._background = Background("saving a checkpoint")

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
            self._background,
            self.updates.prefetched(stop=self.budget_updates) as batches,
        ):
            for update, batch in enumerate(batches, start=first):
                self._background.check()
                self._step(update, batch)
                done = update + 1
                if done in self.snapshots:  # before a checkpoint from which it would be resumed
                    self._save_snapshot(done)
                is_late = time.monotonic() - last_save >= self.execution.checkpoint_seconds
                number, is_late = self.parallel.agree(stop.signal_number, is_late)
                if is_late or number is not None or done == self.budget_updates:
                    self._save(done)
                    last_save = time.monotonic()
                if number is not None:
                    self._wait_until_written()
                    raise Interrupted(number, done)
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
            **self.parallel.account(),
        }

    def _resume(self) -> int:
        saved = self.parallel.spread(self._read_latest() if self.parallel.is_first else None)
        if saved is None:
            return 0
        state, tensors = saved
        restore_each(tensors, self.model, self.optimizer)
        self.progress.resume(**state["progress"])
        return int(state["update"])

    def _read_latest(self) -> Saved | None:
        missing = [u for u in self.snapshots if not self.checkpoints.has_snapshot(u)]
        return self.checkpoints.read_latest(before=min(missing, default=None))

    def _save(self, done: int) -> None:
        """Copy the state, and have it written beside the next updates."""
        self._background.wait()  # lest there be three of the state: this, a copy and another one
        optimizer = self.optimizer if done < self.budget_updates else None
        tensors = self.parallel.collect(training_tensors(self.model, optimizer))
        if not self.parallel.is_first:
            return
        state = copy.deepcopy({"progress": self.progress.state()})
        self._background.start(lambda: self._write(done, tensors, state))
        self.progress.write_history()

    def _write(self, done: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.checkpoints.save(done, tensors=tensors, state=state)

    def _wait_until_written(self) -> None:
        """Also what another process writes: launchers end it when the first process leaves."""
        self._background.wait()
        self.parallel.agree(None, False)

    def _save_snapshot(self, done: int) -> None:
        weights = self.parallel.collect(trained_parameters(self.model))
        if self.parallel.is_first:
            self._background.start(lambda: self.checkpoints.save_snapshot(done, weights))

    def _step(self, update: int, batches: Sequence[B]) -> None:
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
            self._wait_until_written()
            raise Diverged(self._divergence(update, loss, norm))
        self.optimizer.step()
        self.progress.count(
            update + 1,
            loss=loss,
            gradient_norm=norm,
            rate=rate,
            tokens=sum(map(self.objective.num_tokens, batches)),
        )

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
