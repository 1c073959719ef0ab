"""Fine-tuning on a task: its updates, and its loss.

Shapes: B sequences, L length, C outputs, X starts and ends of all sequences.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from xmod.config_tasks import TaskKind
from xmod.data.prefetch import prefetched
from xmod.model.language_modules import Segment
from xmod.model.task_heads import TaskModel
from xmod.tasks.batches import EpochBatches, TaskBatch, make_batch
from xmod.tasks.features import Features
from xmod.tasks.ner import NO_TAG


class TaskUpdates:
    """The micro-batches of updates 0, 1, 2, ... of fine-tuning: a function of seed and number."""

    def __init__(
        self, features: Features, *, batch_sequences: int, micro_batch_sequences: int, seed: int
    ) -> None:
        """`micro_batch_sequences` are of the file's longest length; of shorter ones more fit."""
        self.next_update = 0
        self._features = features
        longest = int(features.lengths.max(initial=1))
        self._batches = EpochBatches(
            features.lengths,
            batch_size=batch_sequences,
            micro_batch_tokens=longest * min(micro_batch_sequences, batch_sequences),
            seed=seed,
        )
        self.updates_per_epoch = self._batches.updates_per_epoch

    def update(self, number: int) -> list[TaskBatch]:
        return list(map(partial(make_batch, self._features), self._batches.update(number)))

    @contextmanager
    def prefetched(self, *, stop: int) -> Iterator[Iterator[list[TaskBatch]]]:
        """Updates `next_update` ... `stop - 1`, made by a thread in advance."""
        with prefetched(self.update, start=self.next_update, stop=stop) as made:
            yield made


class TaskObjective:
    """Cross-entropy: of labels, of tags, or the mean of an answer's start and end."""

    def __init__(self, model: TaskModel, *, kind: TaskKind, language: str) -> None:
        self.kind, self.language = kind, language
        self._model = model

    def num_targets(self, batch: TaskBatch) -> int:
        """Labels, tagged tokens, or windows."""
        if self.kind == "ner":
            return int((batch.targets != NO_TAG).sum())
        return len(batch.rows)

    def num_tokens(self, batch: TaskBatch) -> int:
        """All that go through the model, padding among them."""
        return int(batch.ids.size)

    def loss(self, batch: TaskBatch, device: torch.device) -> Tensor:
        """Summed over the targets (a scalar)."""
        lengths_B = torch.from_numpy(batch.lengths).to(device)
        targets = torch.from_numpy(batch.targets).to(device)
        scores = self._model(
            torch.from_numpy(batch.ids).to(device),
            [Segment(self.language, len(batch.rows))],
            lengths_B,
        )
        return task_loss(self.kind, scores, targets, lengths_B)


def task_loss(kind: TaskKind, scores: Tensor, targets: Tensor, lengths_B: Tensor) -> Tensor:
    """Of a batch's scores, as the kind's head gives them: summed over the targets (a scalar)."""
    match kind:
        case "nli":
            return functional.cross_entropy(scores, targets, reduction="sum")
        case "ner":
            return functional.cross_entropy(
                scores.flatten(0, 1), targets.flatten(), ignore_index=NO_TAG, reduction="sum"
            )
        case "qa":
            return span_loss(scores, targets, lengths_B)


def span_loss(scores_BL2: Tensor, targets_B2: Tensor, lengths_B: Tensor) -> Tensor:
    """The mean of start's and end's cross-entropy over a window's tokens, summed over windows."""
    places_L = torch.arange(scores_BL2.shape[1], device=scores_BL2.device)
    is_padding_BL = places_L >= lengths_B[:, None]
    scores_BL2 = scores_BL2.masked_fill(is_padding_BL[..., None], -torch.inf)
    # Starts and ends one after another: in two dimensions a GPU's sum is not deterministic.
    scores_XL = scores_BL2.transpose(1, 2).flatten(0, 1)
    return functional.cross_entropy(scores_XL, targets_B2.flatten(), reduction="sum") / 2
