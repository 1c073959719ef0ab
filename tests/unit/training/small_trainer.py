"""A trainer on a tiny model and tiny token files, as the commands put it together."""

from __future__ import annotations

import csv
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.unit.data.token_streams import small_vocabulary, token_file
from tests.unit.shapes import model_config
from xmod.config import ModelConfig
from xmod.config_section import ModuleKind
from xmod.config_training import TrainingConfig
from xmod.data.updates import open_updates
from xmod.model import MaskedLanguageModel, initialise
from xmod.tokenization.vocabulary import END, FIRST_PIECE
from xmod.training.checkpoint import CheckpointFolder
from xmod.training.loop import Execution
from xmod.training.objective import MaskedLanguageModelling
from xmod.training.trainer import Trainer

SIZES = {"en": 50.0, "sw": 50.0, "to": 4.0}
"""So that Tongan is absent from most updates."""
TRAINING: dict[str, Any] = {
    "sequence_length": 16,
    "batch_sequences": 32,
    "sequences_per_draw": 4,
    "peak_learning_rate": 0.003,
    "warmup_fraction": 0.25,
    "precision": "float32",
}
BUDGET = 8
LABEL = "xmod.test.three.8"


def write_token_files(folder: Path) -> Path:
    """`<folder>/<iso>/train.tokens` of every language in SIZES, each with a rhythm of its own."""
    for step, iso in enumerate(SIZES, start=3):
        ids = [FIRST_PIECE + 10 * step + (at * step + at // 7) % 20 for at in range(1500)]
        token_file(folder, [*ids, END], language=iso)
    return folder


def small_shape(dropout: float) -> ModelConfig:
    return model_config(dropout=dropout, attention_dropout=dropout, width=16, bottleneck=8)


def training_config(**changes: object) -> TrainingConfig:
    return TrainingConfig.model_validate({**TRAINING, **changes})


def make_trainer(
    tokens: Path,
    work: Path,
    *,
    seed: int = 1,
    dropout: float = 0.0,
    micro_batch_sequences: int = 32,
    module_kind: ModuleKind = "language",
    config: TrainingConfig | None = None,
) -> Trainer:
    """A trainer that has done nothing yet; it saves a checkpoint after every update in `work`."""
    vocabulary = small_vocabulary()
    shape = small_shape(dropout)
    model = MaskedLanguageModel(
        shape, module_kind=module_kind, languages=list(SIZES), vocabulary_size=vocabulary.size
    )
    initialise(model, shape, torch.Generator().manual_seed(seed))
    config = config or training_config()
    return Trainer(
        label=LABEL,
        model=model,
        objective=MaskedLanguageModelling(model),
        updates=open_updates(
            tokens,
            vocabulary,
            sizes=SIZES,
            alpha=1.0,
            config=config,
            seed=seed,
            micro_batch_sequences=micro_batch_sequences,
        ),
        config=config,
        peak_learning_rate=config.peak_learning_rate,
        budget_updates=BUDGET,
        seed=seed,
        execution=Execution(
            device=torch.device("cpu"),
            num_threads=1,
            micro_batch_sequences=micro_batch_sequences,
            checkpoint_seconds=0.0,
        ),
        checkpoints=CheckpointFolder(work / "checkpoints", "identity"),
    )


def after_each_update(trainer: Trainer, call: Callable[[int], None]) -> None:
    """Have `call(number of finished updates)` called in the midst of training."""
    count = trainer.progress.count

    def counted(update: int, **values: object) -> None:
        count(update, **values)  # type: ignore[arg-type]
        call(update)

    trainer.progress.count = counted  # type: ignore[method-assign]


def stop_after(trainer: Trainer, update: int, number: int = signal.SIGTERM) -> None:
    """Have the signal arrive while an update is under way."""
    after_each_update(trainer, lambda done: signal.raise_signal(number) if done == update else None)


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def losses(trainer: Trainer) -> list[str]:
    """The losses in the history, as written: equal digits, equal bits."""
    with trainer.checkpoints.history_path.open(encoding="utf-8", newline="") as stream:
        return [row["loss"] for row in csv.DictReader(stream)]
