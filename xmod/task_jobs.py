"""What the jobs of a task's stages are told: reading its sets, encoding, fine-tuning, evaluating.

As in `xmod.jobs`: everything a result depends on, resolved, and nothing else.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from xmod.cells import Cell, format_value
from xmod.config import Config
from xmod.config_section import Engine, Section
from xmod.config_tasks import Control, FinetuneConfig, TaskConfig, TaskDataConfig, TaskKind


class Run(Section):
    """One fine-tuning run: a setting of the task's grid, and a seed."""

    learning_rate: float
    epochs: int
    seed: int

    @property
    def name(self) -> str:
        """`learning_rate=0.0003+epochs=5+seed=1`: a folder's name."""
        return "+".join(f"{key}={format_value(value)}" for key, value in self)

    @classmethod
    def all_of(cls, task: TaskConfig) -> list[Self]:
        """Every run of a task; those of a further seed come last."""
        return [
            cls(learning_rate=rate, epochs=epochs, seed=seed)
            for seed, rate, epochs in itertools.product(
                range(1, task.seeds + 1), task.learning_rates, task.epochs
            )
        ]


@dataclass(frozen=True, kw_only=True)
class RunBatch:
    """Fine-tuning runs that one job does; named by them, so that further runs rename none."""

    name: str
    runs: tuple[Run, ...]

    @classmethod
    def all_of(cls, task: TaskConfig, *, size: int) -> list[Self]:
        """Every run of a task, `size` a job."""
        runs = Run.all_of(task)
        chunks = [tuple(runs[first : first + size]) for first in range(0, len(runs), size)]
        return [cls(name=_batch_name(chunk), runs=chunk) for chunk in chunks]


def _batch_name(runs: Sequence[Run]) -> str:
    """`learning-rate-0-0003-epochs-5-seed-1`; of several the first, their number and a digest."""
    name = re.sub(r"[^a-z0-9]+", "-", runs[0].name)
    if len(runs) == 1:
        return name
    digest = hashlib.sha256(" ".join(run.name for run in runs).encode()).hexdigest()[:6]
    return f"{name}-and-{len(runs) - 1}-more-{digest}"


class ReadJob(Section):
    """A task's sets, to be read from their files or made."""

    task: str
    kind: TaskKind
    sets: dict[str, TaskDataConfig]


class EncodeJob(Section):
    """A task's sets, to be encoded with one vocabulary."""

    task: str
    kind: TaskKind
    sets: dict[str, tuple[str, ...]]
    """Set -> its languages."""
    settings: dict[str, int]


class FinetuneJob(Section):
    """Runs of one cell on one task."""

    cell: str
    variant: str
    task: str
    kind: TaskKind
    source: str
    source_is_added: bool
    finetune: FinetuneConfig
    runs: tuple[Run, ...]
    engine: Engine = "torch"


class EvaluateJob(Section):
    """Fine-tuned models of one cell, to be measured in every language of the cell."""

    cell: str
    variant: str
    task: str
    kind: TaskKind
    source: str
    languages: tuple[str, ...]
    """The pre-trained ones, among which another one's module is found."""
    added: tuple[str, ...]
    """Those that the task has."""
    sets: dict[str, tuple[str, ...]]
    """Set -> the languages that it is measured in, pre-trained and added."""
    mlqa_sets: tuple[str, ...]
    """The sets that are scored by MLQA's rules; others of QA by SQuAD's."""
    max_answer_tokens: int
    controls: tuple[Control, ...]
    runs: tuple[Run, ...]


def read_job(config: Config, name: str) -> ReadJob:
    task = config.tasks[name]
    return ReadJob(task=name, kind=task.kind, sets=task.sets)


def encode_job(config: Config, name: str, languages: Sequence[str]) -> EncodeJob:
    """Every set in those of `languages` that it has; sets that have none are left out."""
    task = config.tasks[name]
    sets = {
        set_name: tuple(iso for iso in data.languages if iso in languages)
        for set_name, data in task.sets.items()
    }
    return EncodeJob(
        task=name,
        kind=task.kind,
        sets={set_name: isos for set_name, isos in sets.items() if isos},
        settings=task.encoding,
    )


def finetune_job(
    cell: Cell, config: Config, name: str, *, source_is_added: bool, runs: tuple[Run, ...]
) -> FinetuneJob:
    """`cell` is as the stage sees it."""
    task = config.tasks[name]
    return FinetuneJob(
        cell=cell.id,
        variant=cell.variant,
        task=name,
        kind=task.kind,
        source=task.source,
        source_is_added=source_is_added,
        finetune=task.finetune,
        runs=runs,
        engine=config.engine,
    )


def evaluate_job(
    cell: Cell,
    config: Config,
    name: str,
    *,
    languages: tuple[str, ...],
    added: tuple[str, ...],
    runs: tuple[Run, ...],
) -> EvaluateJob:
    """`cell` is as the stage sees it."""
    task = config.tasks[name]
    has_own_modules = config.variants[cell.variant].modules == "language"
    measured = {set_name: data for set_name, data in task.sets.items() if set_name != "train"}
    return EvaluateJob(
        cell=cell.id,
        variant=cell.variant,
        task=name,
        kind=task.kind,
        source=task.source,
        languages=languages,
        added=added,
        sets={
            set_name: tuple(iso for iso in data.languages if iso in (*languages, *added))
            for set_name, data in measured.items()
        },
        mlqa_sets=tuple(one for one, data in measured.items() if data.format == "mlqa"),
        max_answer_tokens=task.max_answer_tokens,
        controls=task.controls if has_own_modules else (),
        runs=runs,
    )
