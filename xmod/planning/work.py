"""What a job has to do, and what of the run it is looked up in.

A job is told everything that its result depends on (`xmod.jobs`), so nothing is derived twice.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from xmod.analysis.report.state import Job
from xmod.config import ModelConfig
from xmod.config_section import ModuleKind, Section
from xmod.config_training import TrainingConfig
from xmod.planning.facts import Facts
from xmod.planning.flops import Part, pass_flops
from xmod.planning.parameters import ParameterCounts

if TYPE_CHECKING:
    from xmod.dag import Dag

WEIGHT_BYTES = 4
"""Of a weight on disk: models are saved in float32."""
Told = TypeVar("Told", bound=Section)


@dataclass(frozen=True, kw_only=True)
class Work:
    """Of one job; what it does not do is 0."""

    updates: int = 0
    tokens: float = 0.0
    """That go through a model."""
    flops: float = 0.0
    megabytes: float = 0.0
    """Of text that is read, in the stages without a model."""
    examples: float = 0.0
    """That are read or encoded, in the stages of tasks without a model."""
    num_pieces: int = 1
    """Languages or runs, each of which begins anew."""
    num_languages: int = 0
    """That are trained together, or one after another."""
    disk_gb: float = 0.0
    """Of the files that stay, kept checkpoints among them."""
    parameters: ParameterCounts | None = None
    memory_gb: float = 0.0
    """Of the device, in training."""

    @property
    def amount(self) -> float:
        """What a stage's time grows with, in the stage's own unit."""
        return self.flops or self.megabytes or self.examples


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The run that jobs belong to."""

    dag: Dag
    facts: Facts
    micro_batch_sequences: int
    evaluations: dict[tuple[str, str], Work] = field(default_factory=dict)
    """(task, cell) -> the work of evaluating one run, once it was added up."""

    def model(self, job: Job) -> ModelConfig:
        """The shape of the model of a job's cells."""
        return self.dag.grid.configs[job.cells[0]].model

    def modules(self, job: Job) -> ModuleKind:
        """What modules that model has."""
        config = self.dag.grid.configs[job.cells[0]]
        return config.variants[config.variant].modules


def read_told(job: Job, kind: type[Told]) -> Told:
    """What a job is told, with the defaults that its text leaves out."""
    return kind.model_validate(json.loads(job.told))


def tokens_of(training: TrainingConfig, updates: int) -> int:
    """That so many updates train on; sequences are packed, so all are full."""
    return updates * training.batch_sequences * training.sequence_length


def mlm_flops(
    model: ModelConfig, has_modules: bool, vocabulary_size: int, training: TrainingConfig,
    *, tokens: float, trains: Collection[Part],
) -> float:  # fmt: skip
    return pass_flops(
        model,
        has_modules=has_modules,
        head="mlm",
        num_outputs=vocabulary_size,
        num_tokens=tokens,
        length=training.sequence_length,
        num_read=tokens * training.mask_probability,
        trains=trains,
    )
