"""The task: our batches, a language each sequence, as fairseq's samples.

Shapes: B sequences, L length, M masked tokens.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary
from fairseq.tasks import LegacyFairseqTask, register_task

from xmod.data.batches import Batch
from xmod.engines.fairseq_weights import HEAD
from xmod.model.language_modules import SHARED_MODULE
from xmod.model.task_heads import AnyModel
from xmod.tasks.batches import TaskBatch
from xmod.tasks.finetuning import TaskObjective
from xmod.tokenization.vocabulary import PAD
from xmod.training.precision import ActualPrecision

Sample = dict[str, Any]


@register_task("xmod_cell")
class CellTask(LegacyFairseqTask):
    """Trains one of our models. Which batches come in which order is the caller's business."""

    precision: ActualPrecision = "float32"
    goal: TaskObjective | None = None
    """Of a fine-tuned model."""
    ours: AnyModel
    """The model whose weights training starts from."""

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        """None: the model that is to be trained is there already."""

    def __init__(self, args: Namespace) -> None:
        super().__init__(args)
        self._dictionary = Dictionary()

    def prepare(
        self, model: AnyModel, goal: TaskObjective | None, *, precision: ActualPrecision
    ) -> None:
        """Say what is trained, before fairseq builds its own model of it."""
        self.ours, self.goal, self.precision = model, goal, precision
        for number in range(len(self._dictionary), model.encoder.token_embeddings.num_embeddings):
            self._dictionary.add_symbol(f"id {number}")  # ids are ours; fairseq needs their number

    @property
    def source_dictionary(self) -> Dictionary:
        return self._dictionary

    @property
    def target_dictionary(self) -> Dictionary:
        return self._dictionary

    def max_positions(self) -> int:
        return self.ours.encoder.config.max_positions

    def sample(self, batch: Batch | TaskBatch) -> Sample:
        """A micro-batch as the criterions read it."""
        return self._text_sample(batch) if isinstance(batch, Batch) else self._task_sample(batch)

    def _text_sample(self, batch: Batch) -> Sample:
        """For fairseq's `masked_lm`: padding where nothing is predicted."""
        target_BL = np.full(batch.tokens.shape, PAD, dtype=np.int64)
        target_BL.reshape(-1)[batch.masked] = batch.targets
        languages = [language for language, number in batch.segments for _ in range(number)]
        return {
            "net_input": self.net_input(batch.tokens, languages),
            "target": torch.from_numpy(target_BL),
            "ntokens": batch.tokens.size,
            "nsentences": len(batch.tokens),
        }

    def _task_sample(self, batch: TaskBatch) -> Sample:
        """All of it in the task's language."""
        assert self.goal is not None
        return {
            "net_input": {
                **self.net_input(batch.ids, [self.goal.language] * len(batch.rows)),
                "classification_head_name": HEAD,
            },
            "target": torch.from_numpy(batch.targets),
            "lengths": torch.from_numpy(batch.lengths),
            "num_targets": self.goal.num_targets(batch),
            "ntokens": batch.ids.size,
            "nsentences": len(batch.rows),
        }

    def net_input(self, tokens_BL: Any, languages: list[str]) -> Sample:
        """A missing language would be English to fairseq, in silence: each sequence names its own.

        Raises ValueError for one that the model does not have.
        """
        encoder = self.ours.encoder
        for language in dict.fromkeys(languages):
            if language not in encoder.languages:
                raise ValueError(
                    f"no module for language {language!r}; this model's languages are "
                    f"{', '.join(encoder.languages)}"
                )
        is_shared = encoder.module_kind == "shared"
        keys = [f"for_{SHARED_MODULE if is_shared else language}" for language in languages]
        return {"src_tokens": torch.from_numpy(tokens_BL), "lang_id": keys}
