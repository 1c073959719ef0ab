"""The learning rate of the torch engine, update for update.

fairseq's own `polynomial_decay` is one update behind: its first has the rate 0, and is for nothing.

Without `from __future__ import annotations`: fairseq reads the types of the settings.
"""

from dataclasses import dataclass, field
from typing import List  # noqa: UP035 - the one spelling of a list that fairseq reads

from fairseq.dataclass import FairseqDataclass
from fairseq.optim import FairseqOptimizer
from fairseq.optim.lr_scheduler import FairseqLRScheduler, register_lr_scheduler
from omegaconf import II

from xmod.training.optimizer import learning_rate


@dataclass
class CellScheduleConfig(FairseqDataclass):
    """The budget and the peak are options of fairseq's."""

    warmup_fraction: float = field(
        default=0.0, metadata={"help": "share of the updates that warm up"}
    )
    max_update: int = II("optimization.max_update")
    lr: List[float] = II("optimization.lr")  # noqa: RUF009, UP006


@register_lr_scheduler("xmod_cell", dataclass=CellScheduleConfig)
class CellSchedule(FairseqLRScheduler):
    """Linear up to the peak, then linear down."""

    def __init__(self, cfg: CellScheduleConfig, optimizer: FairseqOptimizer) -> None:
        super().__init__(cfg, optimizer)
        self.step_update(0)

    def step_update(self, num_updates: int) -> float:
        """Set the rate of the update that comes after `num_updates`; after the last, its own."""
        rate = learning_rate(
            min(num_updates, self.cfg.max_update - 1),
            budget_updates=self.cfg.max_update,
            peak=self.cfg.lr[0],
            warmup_fraction=self.cfg.warmup_fraction,
        )
        self.optimizer.set_lr(rate)
        return rate
