"""A step of fine-tuning, and of evaluation, ours and transformers'.

The task is natural language inference. Its pairs are random tokens; their lengths are like
XNLI's and the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.models import languages_of, our_model, their_model
from benchmarks.shapes import ModelContender, Shape, Step
from xmod.config_tasks import FinetuneConfig
from xmod.model.device import keep_freed_memory
from xmod.model.finetuning import copy_to_train
from xmod.model.task_heads import TaskModel, initialise_head
from xmod.tasks.batches import TaskBatch, evaluation_batches, make_batch
from xmod.tasks.examples import NLI_LABELS
from xmod.tasks.features import FORMAT_VERSION, FeatureIndex, Features
from xmod.tasks.finetuning import TaskObjective, TaskUpdates
from xmod.tasks.predicting import BATCH_TOKENS, predict
from xmod.tokenization.vocabulary import PAD
from xmod.training.optimizer import build_optimizer
from xmod.training.precision import computing

NUM_TEST: Final = 5010
"""Pairs of XNLI's test set."""
NUM_TRAIN: Final = 3200
"""Two of the pools that training sorts by length."""
MEAN_LENGTH, SHORTEST, LONGEST = 40, 10, 128
_SPREAD: Final = 0.5
"""Standard deviation of the lengths' logarithm."""
EXAMPLE_BATCH: Final = 8
"""Of transformers' examples: `per_device_eval_batch_size`."""
EXAMPLE_BATCHES: Final = 4
"""Timed in a step: every sequence takes equally long there."""
CONFIG: Final = FinetuneConfig()


@dataclass(frozen=True, kw_only=True)
class TaskContender(ModelContender):
    """Batches of a task, as we make them or as transformers' examples do."""

    padding: Literal["by length", "to 128"] = "by length"

    @property
    def way(self) -> str:
        return self.precision + (", padded to 128" if self.padding == "to 128" else "")


class FineTuning(TaskContender):
    """Embeddings, positions and modules are frozen; a step's work is its tokens, less padding."""

    def our_step(self) -> Step:
        keep_freed_memory()  # as training does
        model = _our_classifier(self.shape).train()
        source = languages_of(self.shape)[0]
        objective = TaskObjective(model, kind="nli", language=source)
        optimizer = build_optimizer(model.parameters(), CONFIG)
        updates = _updates(self.shape)

        def step() -> int:
            batch = next(updates)
            with computing(self.precision, device="cpu"):
                loss = objective.loss(batch, torch.device("cpu")) / objective.num_targets(batch)
                torch.autograd.backward(loss)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return int(batch.lengths.sum())

        return step

    def their_step(self) -> Step:
        model = _their_classifier(self.shape).train()
        model.freeze_embeddings_and_language_adapters()
        optimizer = build_optimizer(model.parameters(), CONFIG)
        updates = _updates(self.shape)

        def step() -> int:
            batch = next(updates)
            labels = torch.from_numpy(batch.targets)
            ids_BL = _padded(batch.ids) if self.padding == "to 128" else batch.ids
            with computing(self.precision, device="cpu"):
                loss = model(**_their_inputs(ids_BL), labels=labels).loss
                torch.autograd.backward(loss)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return int(batch.lengths.sum())

        return step


@dataclass(frozen=True, kw_only=True)
class Evaluation(TaskContender):
    """A step's work is its sequences."""

    num_batches: int
    """Of those that evaluation makes of the test set, evenly spaced."""

    def our_step(self) -> Step:
        keep_freed_memory()  # as evaluation does
        model = _our_classifier(self.shape).eval()
        features = _sample(self.shape, self.num_batches)
        language = languages_of(self.shape)[0]

        def step() -> int:
            predict(model, features, language=language, precision=self.precision)
            return len(features)

        return step

    def their_step(self) -> Step:
        model = _their_classifier(self.shape).eval()
        features = _sample(self.shape, self.num_batches)
        if self.padding == "to 128":
            batches = _example_batches(features)
        else:
            rows = evaluation_batches(features.lengths, max_tokens=BATCH_TOKENS)
            batches = [make_batch(features, rows_B).ids for rows_B in rows]

        @torch.inference_mode()
        def step() -> int:
            with computing(self.precision, device="cpu"):
                for ids_BL in batches:
                    model(**_their_inputs(ids_BL)).logits.float().numpy()
            return sum(map(len, batches))

        return step


def _our_classifier(shape: Shape) -> TaskModel:
    encoder = copy_to_train(our_model(shape).encoder, freezes=CONFIG.freezes)
    model = TaskModel(encoder, kind="sentence", num_outputs=len(NLI_LABELS))
    initialise_head(model, seed=1)
    return model


def _their_classifier(shape: Shape) -> Any:
    model = their_model(shape, "XmodForSequenceClassification", num_labels=len(NLI_LABELS))
    model.set_default_language(languages_of(shape)[0])
    return model


def _their_inputs(ids_BL: NDArray[np.int64]) -> dict[str, Tensor]:
    ids = torch.from_numpy(ids_BL)
    return {"input_ids": ids, "attention_mask": (ids != PAD).long()}


def _updates(shape: Shape) -> cycle[TaskBatch]:
    """An epoch of updates of one micro-batch each, in a circle, made in advance."""
    updates = TaskUpdates(
        _features(shape, _lengths(NUM_TRAIN)),
        batch_sequences=CONFIG.batch_sequences,
        micro_batch_sequences=CONFIG.batch_sequences,
        seed=1,
    )
    return cycle(
        [batch for number in range(updates.updates_per_epoch) for batch in updates.update(number)]
    )


def _sample(shape: Shape, num_batches: int) -> Features:
    """The sequences of so many batches of the test set, in a random order."""
    lengths_N = _lengths(NUM_TEST)
    batches = evaluation_batches(lengths_N, max_tokens=BATCH_TOKENS)
    places = [(2 * number + 1) * len(batches) // (2 * num_batches) for number in range(num_batches)]
    rows = np.concatenate([batches[place] for place in places])
    return _features(shape, lengths_N[np.random.default_rng(1).permutation(rows)])


def _example_batches(features: Features) -> list[NDArray[np.int64]]:
    """The first batches as transformers' examples make them."""
    rows = np.arange(EXAMPLE_BATCHES * EXAMPLE_BATCH)
    return np.split(_padded(make_batch(features, rows).ids), EXAMPLE_BATCHES)


def _padded(ids_BL: NDArray[np.int64]) -> NDArray[np.int64]:
    """As run_xnli.py pads."""
    return np.pad(ids_BL, ((0, 0), (0, LONGEST - ids_BL.shape[1])), constant_values=PAD)


def _lengths(number: int) -> NDArray[np.int64]:
    """Tokens of pairs."""
    mean = np.log(MEAN_LENGTH) - _SPREAD**2 / 2
    drawn = np.random.default_rng(1).lognormal(mean, _SPREAD, number)
    return np.clip(np.rint(drawn), SHORTEST, LONGEST).astype(np.int64)


def _features(shape: Shape, lengths_N: NDArray[np.int64]) -> Features:
    """Pairs of random tokens, with random labels."""
    random = np.random.default_rng(2)
    num_tokens = int(lengths_N.sum())
    index = FeatureIndex(
        format_version=FORMAT_VERSION,
        kind="nli",
        language=languages_of(shape)[0],
        vocabulary_fingerprint="made up",
        vocabulary_size=shape.vocabulary_size,
        examples_sha256="made up",
        settings={"max_length": LONGEST},
        counts={"num_examples": len(lengths_N)},
        num_sequences=len(lengths_N),
        num_tokens=num_tokens,
        num_unknown=0,
    )
    arrays = {
        "offsets": np.concatenate(([0], np.cumsum(lengths_N))),
        "ids": random.integers(5, shape.vocabulary_size, num_tokens, dtype=np.int32),
        "sequence.label": random.integers(0, len(NLI_LABELS), len(lengths_N), dtype=np.int32),
    }
    return Features(Path("made up"), index, arrays)
