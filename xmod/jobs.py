"""What each stage's job is told: everything its result depends on, resolved, and nothing else.

A rule carries a job's text as a parameter and writes it to a file, so a change of the
configuration re-runs exactly the jobs whose text it changes. What only affects speed (threads,
devices, the size of micro-batches) is never in it: it changes rounding, and where dropout drops.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from xmod.budgets import extension_updates, language_sizes
from xmod.cells import Cell, base_cell, checkpoint_updates
from xmod.config import Config, ModelConfig, PerplexityConfig
from xmod.config_errors import ConfigError
from xmod.config_section import Engine, ModuleKind, Section, Trainable
from xmod.config_training import AdaptersConfig, ExtendConfig, PretrainConfig
from xmod.evaluated import evaluated_sets
from xmod.grid import Grid
from xmod.language_sets import added_languages, language_set, module_languages
from xmod.languages import LanguageTable


class PretrainJob(Section):
    """One cell to pre-train."""

    cell: str
    variant: str
    modules: ModuleKind
    languages: tuple[str, ...]
    sizes: dict[str, float]
    """n_l of each language."""
    budget_updates: int
    seed: int
    model: ModelConfig
    pretrain: PretrainConfig
    checkpoints: dict[str, int] = Field(default_factory=dict)
    """Folder of an intermediate checkpoint -> the update after which it is taken."""
    engine: Engine = "torch"


class ReleasedJob(Section):
    """One cell to be made of a released checkpoint."""

    cell: str
    path: str
    """The checkpoint: as it stands, or with `.tar.gz` after it."""
    languages: dict[str, str]
    """Language -> its code in the checkpoint."""
    model: ModelConfig
    recipe_version: int = 1
    """Bump by hand when the code changes what is made of a checkpoint: cells are then stale."""


class AdaptJob(Section):
    """Modules to train on top of one cell's model, each on its language."""

    cell: str
    base: str
    """The cell of the model."""
    languages: tuple[str, ...]
    budget_updates: int
    seed: int
    adapters: AdaptersConfig


class JoinJob(Section):
    """A model and the modules that were trained on top of it, to become one model."""

    cell: str
    base: str
    languages: tuple[str, ...]


class ExtendJob(Section):
    """Languages to add to one pre-trained cell, each by itself."""

    cell: str
    variant: str
    trains: tuple[Trainable, ...]
    updates: dict[str, int]
    """Language -> its number of updates."""
    seed: int
    extend: ExtendConfig


class PerplexityJob(Section):
    """The languages whose held-out text one cell is measured on."""

    cell: str
    variant: str
    pretrained: tuple[str, ...]
    added: tuple[str, ...]
    seed: int
    sequence_length: int
    mask_probability: float
    perplexity: PerplexityConfig


def pretrain_job(
    cell: Cell, config: Config, table: LanguageTable, checkpoints: Mapping[str, int]
) -> PretrainJob:
    languages = language_set(config, table, cell.language_set)
    return PretrainJob(
        cell=cell.at("pretrain").id,
        variant=cell.variant,
        modules=config.variants[cell.variant].modules,
        languages=languages,
        sizes=language_sizes(config, table, languages),
        budget_updates=cell.budget_updates,
        seed=config.seed,
        model=config.model,
        # Where released checkpoints are is no business of a cell that is trained.
        pretrain=config.pretrain.model_copy(update={"released": PretrainConfig().released}),
        checkpoints=dict(checkpoints),
        engine=config.engine,
    )


def released_job(cell: Cell, config: Config, table: LanguageTable) -> ReleasedJob:
    """Raises ConfigError for a language that no released checkpoint has a code for."""
    languages = language_set(config, table, cell.language_set)
    codes = {iso: table[iso].released_code or "" for iso in languages}
    if without := [iso for iso, code in codes.items() if not code]:
        raise ConfigError(
            f"pretrain.from: cell {cell.id} has {', '.join(without)}, without a released_code in "
            f"{table.source}; take the language out of the set, or train the cell"
        )
    return ReleasedJob(
        cell=cell.at("pretrain").id,
        path=released_path(cell, config),
        languages=codes,
        model=config.model,
    )


def released_path(cell: Cell, config: Config) -> str:
    """Where a cell's released checkpoint should be."""
    return config.pretrain.released.replace("{cell}", cell.name)


def adapt_job(cell: Cell, config: Config, languages: tuple[str, ...]) -> AdaptJob:
    """Raises ValueError for a cell whose modules are trained with the rest of it."""
    base = _base(cell, config)
    return AdaptJob(
        cell=cell.at("pretrain").id,
        base=base.id,
        languages=languages,
        budget_updates=cell.budget_updates - base.budget_updates,
        seed=config.seed,
        # Which languages have one is no business of theirs.
        adapters=config.adapters.model_copy(update={"language_set": None}),
    )


def join_job(cell: Cell, config: Config, table: LanguageTable) -> JoinJob:
    """Raises ValueError for a cell whose modules are trained with the rest of it."""
    return JoinJob(
        cell=cell.at("pretrain").id,
        base=_base(cell, config).id,
        languages=module_languages(config, table, cell.language_set),
    )


def _base(cell: Cell, config: Config) -> Cell:
    base = base_cell(cell, config)
    if base is None:
        raise ValueError(f"cell {cell.id} is trained on top of no other")
    return base


def extend_job(
    cell: Cell, config: Config, table: LanguageTable, languages: tuple[str, ...]
) -> ExtendJob:
    updates = checkpoint_updates(config, cell.budget_updates)
    return ExtendJob(
        cell=cell.at("extend").id,
        variant=cell.variant,
        trains=config.variants[cell.variant].extension_trains,
        updates={
            iso: extension_updates(config, table, cell_updates=updates, iso=iso)
            for iso in languages
        },
        seed=config.seed,
        extend=config.extend,
    )


def perplexity_job(
    cell: Cell, config: Config, table: LanguageTable, added: tuple[str, ...]
) -> PerplexityJob:
    return PerplexityJob(
        cell=cell.at("perplexity").id,
        variant=cell.variant,
        pretrained=measured_languages(config, table, cell),
        added=added,
        seed=config.seed,
        sequence_length=config.pretrain.sequence_length,
        mask_probability=config.pretrain.mask_probability,
        perplexity=config.perplexity,
    )


def measured_languages(config: Config, table: LanguageTable, cell: Cell) -> tuple[str, ...]:
    """The pre-trained languages whose perplexity is measured: `perplexity.language_set`'s."""
    languages = module_languages(config, table, cell.language_set)
    only = config.perplexity.language_set
    if only is None:
        return languages
    measured = language_set(config, table, only)
    return tuple(iso for iso in languages if iso in measured)


def added_by_cell(
    grid: Grid, config: Config, table: LanguageTable
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Extension cell id -> the languages that are added to it, a group an experiment.

    A group holds what its experiment adds beyond those before it, so that a further experiment
    leaves the groups that are there, and the jobs that add them, as they are.
    """
    groups: dict[str, list[tuple[str, ...]]] = {}
    for point in grid.points:
        experiment = config.experiments[point.experiment]
        languages = added_languages(config, table, point.cell.language_set, experiment)
        language_sizes(grid.configs[point.cell.id], table, languages)
        found = groups.setdefault(point.cell.at("extend").id, [])
        new = tuple(iso for iso in languages if iso not in itertools.chain(*found))
        if new:
            found.append(new)
    return {cell: tuple(found) for cell, found in groups.items()}


def grid_record(grid: Grid, config: Config, table: LanguageTable) -> dict[str, Any]:
    """The points, their axes and cells, and what they are evaluated on: `summary/grid.json`."""
    return {
        "axes": [key for key, _ in grid.points[0].axes] if grid.points else [],
        "points": [
            {
                "experiment": point.experiment,
                "cell": point.cell.id,
                "axes": dict(point.axes),
                "budget_updates": point.cell.budget_updates,
                "num_languages": len(language_set(config, table, point.cell.language_set)),
                "languages": language_set(config, table, point.cell.language_set),
                "added": added_languages(
                    config, table, point.cell.language_set, config.experiments[point.experiment]
                ),
            }
            for point in grid.points
        ],
        "sets": [one.model_dump() for one in evaluated_sets(config)],
    }


def text(job: Section | Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> str:
    """A job as JSON: the parameter that Snakemake compares.

    Without what is at its default, so that a new key leaves the jobs that do not use it as they
    are, but always with every `recipe_version`, lest a bump of it in the code go unseen. Who
    changes another default bumps that. `without` are keys that the job does not depend on.
    """
    return json.dumps(_stated(job, without) if isinstance(job, Section) else job)


def _stated(section: Section, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What of a section is not at its default, in the order of its fields, and its recipes."""
    differing = section.model_dump(mode="json", exclude_defaults=True)
    stated: dict[str, Any] = {}
    for name in section.fields_by_key().keys() - without:
        value = section.at(name)
        if isinstance(value, Section):
            inner = _stated(value)
            if inner or name in differing:
                stated[name] = inner
        elif name in differing or name == "recipe_version":
            stated[name] = differing.get(name, value)
    return {name: stated[name] for name in section.fields_by_key() if name in stated}


def code_digest(*names: str) -> str:
    """A digest of package files and folders: a parameter of the cheap stages' rules.

    Snakemake does not see that a module changed; with this it does. Training has a
    `recipe_version` instead, so that tidying its code does not retrain a week of cells.
    """
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for name in names:
        place = package / name
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for file in files:
            digest.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
