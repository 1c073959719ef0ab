"""The training loop: the same bits whether or not it was interrupted.

Everything random is drawn from the seed and the number of the update: which languages, which
sequences, which masks, which dropout. So a checkpoint holds weights, optimizer state and
counts, and no generator's state.

An engine says how an update is taken (`_step`) and what is trained (`_prepare`): PyTorch's is
`xmod.training.trainer`, fairseq's `xmod.engines.fairseq_training`.
"""

from __future__ import annotations

import copy
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

import torch
from torch import Tensor, nn

from xmod.config_training import OptimizerConfig
from xmod.model.device import device_name, use_device
from xmod.model.task_heads import AnyModel
from xmod.training.background import Background
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.interruption import Interrupted, StopRequest
from xmod.training.objective import B, Objective, Updates
from xmod.training.parallel import Alone, Parallelism, Saved
from xmod.training.precision import resolve
from xmod.training.progress import Progress
from xmod.training.state import restore, trained_parameters, training_tensors


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


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What is known of an update once it is taken."""

    loss: float
    """The mean over all targets of the update."""
    gradient_norm: float
    """Before clipping."""
    rate: float


@dataclass(kw_only=True)
class TrainingLoop(ABC, Generic[B]):
    """Trains `model`'s parameters that require gradients for `budget_updates` updates."""

    label: str
    model: AnyModel
    objective: Objective[B]
    updates: Updates[B]
    config: OptimizerConfig
    peak_learning_rate: float
    budget_updates: int
    seed: int
    execution: Execution
    checkpoints: CheckpointFolder
    snapshots: Collection[int] = ()
    """The updates after which the weights are kept, besides the checkpoints to resume from."""
    parallel: Parallelism[B] = field(default_factory=Alone)

    def __post_init__(self) -> None:
        self.precision = resolve(
            self.config.precision,
            device=self.execution.device,
            width=self.model.encoder.config.width,
        )
        self.trained, self.optimizer = self._prepare()
        self.progress = Progress(self.label, self.budget_updates, self.checkpoints.history_path)
        self.progress.is_shown = self.parallel.is_first
        self._background = Background("saving a checkpoint")

    @abstractmethod
    def _prepare(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """What is trained, `model` or the engine's own of it, on its device; and its optimizer."""

    @abstractmethod
    def _step(self, update: int, batches: Sequence[B]) -> Taken:
        """Take one update; raises what `_diverged` gives where it cannot be taken."""

    def run(self) -> None:
        """Train to the end of the budget, from the newest checkpoint where there is one.

        Raises Interrupted when a signal asked to stop, and Diverged on a loss or gradient that
        is not finite; neither loses a finished checkpoint.
        """
        first = self._resume()
        self.updates.next_update = first
        last_save = time.monotonic()
        self.trained.train()
        with (
            StopRequest() as stop,
            self._background,
            self.updates.prefetched(stop=self.budget_updates) as batches,
        ):
            for update, batch in enumerate(batches, start=first):
                self._background.check()
                taken = self._step(update, batch)
                done = update + 1
                self.progress.count(
                    done,
                    loss=taken.loss,
                    gradient_norm=taken.gradient_norm,
                    rate=taken.rate,
                    tokens=sum(map(self.objective.num_tokens, batch)),
                )
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
        self.trained.eval()

    def take_snapshot(self, update: int, model: AnyModel) -> None:
        """Give `model`, which is like the trained one, the weights after `update` updates."""
        self.checkpoints.load_snapshot(update, model)

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
        restore(tensors, self.trained, self.optimizer)
        self.progress.resume(**state["progress"])
        return int(state["update"])

    def _read_latest(self) -> Saved | None:
        missing = [u for u in self.snapshots if not self.checkpoints.has_snapshot(u)]
        return self.checkpoints.read_latest(before=min(missing, default=None))

    def _save(self, done: int) -> None:
        """Copy the state, and have it written beside the next updates."""
        self._background.wait()  # lest there be three of the state: this, a copy and another one
        optimizer = self.optimizer if done < self.budget_updates else None
        tensors = self.parallel.collect(training_tensors(self.trained, optimizer))
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
        weights = self.parallel.collect(trained_parameters(self.trained))
        if self.parallel.is_first:
            self._background.start(lambda: self.checkpoints.save_snapshot(done, weights))

    def _diverged(self, update: int, found: str) -> Diverged:
        """What to raise where update `update` was `found` to have no finite loss or gradient."""
        self._wait_until_written()
        latest = self.checkpoints.latest()
        good = f"the last good checkpoint is {latest}" if latest else "there is no checkpoint yet"
        return Diverged(
            f"{self.label}: update {update + 1} has {found}; {good}. "
            f"Lower the peak learning rate ({self.peak_learning_rate}), warm up longer "
            f"({self.config.warmup_fraction}) or clip ({self.config.clip_norm})."
        )
