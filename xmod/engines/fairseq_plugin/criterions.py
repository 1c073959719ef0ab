"""Losses: fairseq's own for pre-training, those of our tasks for fine-tuning.

Both compute in the precision of the torch engine, by autocast: fairseq's `--bf16` flattens all
parameters into one, and a language absent from an update would move (docs/fairseq.md).
"""

from __future__ import annotations

import math
from typing import Any

from fairseq import metrics
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.criterions.masked_lm import MaskedLmConfig, MaskedLmLoss
from fairseq.dataclass import FairseqDataclass
from torch import Tensor

from xmod.engines.fairseq_plugin.task import CellTask, Sample
from xmod.tasks.finetuning import task_loss
from xmod.training.precision import computing

Outcome = tuple[Tensor, int, dict[str, Any]]
"""The sum of the losses, their number, and what is logged."""


@register_criterion("xmod_masked_lm", dataclass=MaskedLmConfig)
class CellMaskedLm(MaskedLmLoss):
    """fairseq's masked language modelling."""

    def __init__(self, cfg: MaskedLmConfig, task: CellTask) -> None:
        super().__init__(cfg, task)
        self.precision = task.precision

    def forward(self, model: Any, sample: Sample, reduce: bool = True) -> Outcome:
        with computing(self.precision, device=sample["target"].device):
            outcome: Outcome = super().forward(model, sample, reduce)
        return outcome


@register_criterion("xmod_task", dataclass=FairseqDataclass)
class CellTaskLoss(FairseqCriterion):
    """The loss of a task of ours, as `TaskObjective` has it."""

    def __init__(self, task: CellTask) -> None:
        super().__init__(task)
        assert task.goal is not None
        self.kind, self.precision = task.goal.kind, task.precision

    @classmethod
    def build_criterion(cls, _cfg: FairseqDataclass, task: CellTask) -> CellTaskLoss:
        return cls(task)

    def forward(self, model: Any, sample: Sample, _reduce: bool = True) -> Outcome:
        target = sample["target"]
        with computing(self.precision, device=target.device):
            scores = model(**sample["net_input"])[0].float()
            loss = task_loss(self.kind, scores, target, sample["lengths"])
        logged = {"loss": loss.data, "sample_size": sample["num_targets"]}
        logged |= {key: sample[key] for key in ("ntokens", "nsentences")}
        return loss, sample["num_targets"], logged

    @staticmethod
    def reduce_metrics(logging_outputs: list[dict[str, Any]]) -> None:
        """In bits, as fairseq logs every loss."""
        total, number = (
            sum(log[key] for log in logging_outputs) for key in ("loss", "sample_size")
        )
        metrics.log_scalar("loss", total / number / math.log(2), number, round=3)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        return True
