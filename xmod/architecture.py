"""What of a cell's resolved configuration decides its layer, and who trains what when.

The job of drawing it: figure 1 shows one cell, figure 3 sets cells side by side. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from xmod.budgets import extension_updates
from xmod.cells import Cell, base_cell, checkpoint_updates
from xmod.config import Config, ModelConfig
from xmod.config_section import ModuleKind, Section, Trainable
from xmod.config_tasks import TaskConfig
from xmod.language_sets import module_languages
from xmod.languages import LanguageTable

StageName = Literal["pretrain", "adapt", "extend", "finetune", "transfer"]
"""`adapt`: modules for pre-trained languages, afterwards; `transfer`: zero-shot in a target."""


class Finetuning(Section):
    """How tasks are fine-tuned: those that freeze alike, in the same source language."""

    tasks: tuple[str, ...]
    source: str
    freezes: tuple[Trainable, ...]


class CellArchitecture(Section):
    """One cell: its shape and languages, and what each stage trains."""

    cell: str
    variant: str
    modules: ModuleKind
    adapter_updates: int | None = None
    """Updates of each pre-trained language's module where pre-training has none; null where
    modules are pre-trained."""
    model: ModelConfig
    languages: tuple[str, ...]
    budget_updates: int
    """Of pre-training."""
    extension_trains: tuple[Trainable, ...]
    extension_updates: dict[str, int]
    """Added language -> its updates."""
    finetunings: tuple[Finetuning, ...]


class ArchitectureJob(Section):
    """One figure: the stages of one cell in detail, or of several side by side."""

    title: str
    caption: str
    stages: tuple[StageName, ...]
    cells: tuple[CellArchitecture, ...]


def cell_architecture(
    cell: Cell,
    config: Config,
    table: LanguageTable,
    *,
    added: tuple[str, ...],
    tasks: Collection[str],
) -> CellArchitecture:
    """The architecture of `cell`, to which `added` are added and which `tasks` are done on."""
    variant = config.variants[cell.variant]
    base = base_cell(cell, config)
    updates = checkpoint_updates(config, cell.budget_updates)
    return CellArchitecture(
        cell=cell.id,
        variant=cell.variant,
        modules=variant.modules,
        adapter_updates=None if base is None else cell.budget_updates - base.budget_updates,
        model=config.model,
        languages=module_languages(config, table, cell.language_set),
        budget_updates=(base or cell).budget_updates,
        extension_trains=variant.extension_trains,
        extension_updates={
            iso: extension_updates(config, table, cell_updates=updates, iso=iso) for iso in added
        },
        finetunings=_finetunings({name: config.tasks[name] for name in tasks}),
    )


def _finetunings(tasks: Mapping[str, TaskConfig]) -> tuple[Finetuning, ...]:
    """One for each way in which `tasks` are fine-tuned: mostly one for all."""
    named: dict[tuple[str, tuple[Trainable, ...]], list[str]] = {}
    for name, task in tasks.items():
        key = (task.source, tuple(sorted(set(task.finetune.freezes))))
        named.setdefault(key, []).append(name)
    return tuple(
        Finetuning(tasks=tuple(names), source=source, freezes=freezes)
        for (source, freezes), names in named.items()
    )
