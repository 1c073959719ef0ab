"""Training by fairseq's trainer: its steps, our batches, checkpoints, history and manners.

Shapes: B sequences, L length.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import torch

from xmod.config_tasks import TaskKind
from xmod.config_training import OptimizerConfig
from xmod.engines.fairseq_start import build_trainer, precision_of
from xmod.engines.fairseq_weights import take_from_fairseq
from xmod.model.device import device_name
from xmod.model.heads import MaskedLanguageModel
from xmod.model.task_heads import TaskModel
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.interruption import Interrupted, StopRequest
from xmod.training.loop import Diverged, Execution
from xmod.training.objective import B, Updates
from xmod.training.progress import Progress
from xmod.training.state import restore, trained_parameters, training_tensors


@dataclass(kw_only=True)
class FairseqTraining(Generic[B]):
    """Trains `model` for `budget_updates` updates, as `xmod.training.loop.Trainer` does.

    A checkpoint is one of ours, so nothing that could be pickled code is ever loaded, fairseq's
    own checkpoints included, and PyTorch's safe loading stays on.
    """

    label: str
    model: MaskedLanguageModel | TaskModel
    kind: TaskKind | None
    """Of a model with a task's head."""
    sample: Callable[[Any, B], dict[str, Any]]
    """A micro-batch as fairseq's task makes a sample of it."""
    num_tokens: Callable[[B], int]
    updates: Updates[B]
    config: OptimizerConfig
    peak_learning_rate: float
    budget_updates: int
    seed: int
    execution: Execution
    checkpoints: CheckpointFolder
    history_path: Path
    snapshots: Collection[int] = ()

    def __post_init__(self) -> None:
        self.trainer = build_trainer(
            self.model,
            kind=self.kind,
            config=self.config,
            peak_learning_rate=self.peak_learning_rate,
            budget_updates=self.budget_updates,
            seed=self.seed,
            execution=self.execution,
        )
        self.progress = Progress(self.label, self.budget_updates, self.history_path)

    def run(self) -> None:
        """Train to the end of the budget, from the newest checkpoint; `model` has the weights then.

        Raises Interrupted when a signal asked to stop, and Diverged on a loss or gradient that
        is not finite; neither loses a finished checkpoint.
        """
        first = self._resume()
        self.updates.next_update = first
        last_save = time.monotonic()
        with (
            StopRequest() as stop,
            self.updates.prefetched(stop=self.budget_updates) as batches,
        ):
            for update, batch in enumerate(batches, start=first):
                self._step(update, batch)
                done = update + 1
                if done in self.snapshots:
                    self.checkpoints.save_snapshot(done, trained_parameters(self.trainer.model))
                late = time.monotonic() - last_save >= self.execution.checkpoint_seconds
                if late or stop.signal_number is not None or done == self.budget_updates:
                    self._save(done)
                    last_save = time.monotonic()
                if stop.signal_number is not None:
                    raise Interrupted(stop.signal_number, done)
        take_from_fairseq(self.trainer.model, self.model)

    def take_snapshot(self, update: int) -> None:
        """Give `model` the weights after `update` updates."""
        self.checkpoints.load_snapshot(update, self.trainer.model)
        take_from_fairseq(self.trainer.model, self.model)

    def account(self) -> dict[str, Any]:
        """What a manifest says of the training."""
        from importlib.metadata import version

        return {
            "engine": f"fairseq {version('fairseq')}",
            "precision": precision_of(self.config, self.model, self.execution),
            "device": device_name(self.execution.device),
            "num_threads": self.execution.num_threads,
            "micro_batch_sequences": self.execution.micro_batch_sequences,
            "training_seconds": round(self.progress.seconds, 3),
            "training_tokens": self.progress.tokens,
        }

    def _step(self, update: int, batches: list[B]) -> None:
        from fairseq import metrics

        samples = [self.sample(self.trainer.task, batch) for batch in batches]
        rate = self.trainer.get_lr()
        try:
            with metrics.aggregate(new_root=True) as measured:
                # Else it gives up an update that the memory is too small for, and says nothing.
                self.trainer.train_step(samples, raise_oom=True)
        except FloatingPointError as error:
            raise Diverged(self._divergence(update)) from error
        loss = float(measured["loss"].avg) * math.log(2)
        if not math.isfinite(loss):
            raise Diverged(self._divergence(update))
        self.progress.count(
            update + 1,
            loss=loss,
            gradient_norm=float(measured["gnorm"].avg),
            rate=rate,
            tokens=sum(map(self.num_tokens, batches)),
        )

    def _resume(self) -> int:
        missing = [u for u in self.snapshots if not self.checkpoints.has_snapshot(u)]
        optimizer = self.trainer.optimizer.optimizer
        found = self.checkpoints.read_latest(before=min(missing, default=None))
        if found is None:
            return 0
        state, tensors = found
        restore(tensors, self.trainer.model, optimizer)
        for entry in optimizer.state.values():
            entry["step"] = int(entry["step"])
        self.progress.resume(**state["progress"])
        self.trainer.set_num_updates(int(state["update"]))
        return int(state["update"])

    def _save(self, done: int) -> None:
        state: dict[str, Any] = {"progress": self.progress.state()}
        optimizer = self.trainer.optimizer.optimizer
        with _steps_as_tensors(optimizer):
            tensors = training_tensors(
                self.trainer.model, optimizer if done < self.budget_updates else None
            )
            self.checkpoints.save(done, tensors=tensors, state=state)
        self.progress.write_history()

    def _divergence(self, update: int) -> str:
        latest = self.checkpoints.latest()
        good = f"the last good checkpoint is {latest}" if latest else "there is no checkpoint yet"
        return (
            f"{self.label}: update {update + 1} has a loss or a gradient that is not finite; "
            f"{good}. Lower the peak learning rate ({self.peak_learning_rate}), warm up longer "
            f"({self.config.warmup_fraction}) or clip ({self.config.clip_norm})."
        )


@contextmanager
def _steps_as_tensors(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """fairseq's Adam counts a parameter's steps in a plain number; a checkpoint holds tensors."""
    counts = {parameter: entry["step"] for parameter, entry in optimizer.state.items()}
    for parameter, count in counts.items():
        optimizer.state[parameter]["step"] = torch.tensor(count)
    try:
        yield
    finally:
        for parameter, count in counts.items():
            optimizer.state[parameter]["step"] = count
