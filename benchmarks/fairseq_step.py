"""A step of the fairseq engine; imported where fairseq may be missing, called where it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.models import languages_of, our_model
from benchmarks.pretraining import batches
from benchmarks.shapes import Precision, Shape, Step
from xmod.config_training import TrainingConfig
from xmod.data.batches import Batch
from xmod.engines.fairseq_start import build_trainer, import_fairseq
from xmod.training.objective import MaskedLanguageModelling


def fairseq_training(shape: Shape, precision: Precision) -> Step:
    """fairseq's trainer on one micro-batch an update, the languages in turn."""
    trainer, arrays, turn = _trainer(shape, precision), batches(shape), 0

    def step() -> int:
        nonlocal turn
        sample = _sample(trainer, arrays, languages_of(shape)[turn % shape.num_languages])
        trainer.train_step([sample])
        turn += 1
        return shape.num_sequences * shape.length

    return step


def fairseq_loss(shape: Shape) -> Callable[[int], object]:
    """fairseq's loss of the language of a number; autocast, if any, is the caller's."""
    trainer, arrays, languages = _trainer(shape, "float32"), batches(shape), languages_of(shape)
    trainer.model.eval()
    return lambda number: trainer.criterion(
        trainer.model, _sample(trainer, arrays, languages[number])
    )[0]


def _trainer(shape: Shape, precision: Precision) -> Any:
    import_fairseq()
    model = our_model(shape)
    return build_trainer(
        model,
        objective=MaskedLanguageModelling(model),
        config=TrainingConfig(),
        precision=precision,
        peak_learning_rate=1e-3,
        budget_updates=1_000_000,
        seed=1,
        device=torch.device("cpu"),
    )


def _sample(trainer: Any, arrays: tuple[Tensor, Tensor, Tensor], language: str) -> dict[str, Any]:
    tokens, masked, targets = arrays
    sample: dict[str, Any] = trainer.task.sample(
        Batch(
            tokens=tokens.numpy(),
            segments=((language, len(tokens)),),
            masked=masked.numpy(),
            targets=targets.numpy(),
        )
    )
    return sample
