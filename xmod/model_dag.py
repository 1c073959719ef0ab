"""What the rules that train cells ask: which files they read and make, and what they are told.

As in `xmod.dag`, of which this is the part about how a cell's model comes about: by pre-training,
as an intermediate checkpoint of it, or by training modules on top of another cell; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xmod import jobs
from xmod.cells import Cell, checkpoint_updates, format_value
from xmod.config_section import Engine
from xmod.language_batches import LanguageBatch, any_of
from xmod.language_sets import module_languages
from xmod.paths import Paths, released_files

if TYPE_CHECKING:
    from xmod.dag import Dag


def by_engine(stage: str, engine: Engine) -> str:
    """What the names of a stage's rules begin with: `finetune`, `finetune_fairseq`."""
    return stage if engine == "torch" else f"{stage}_{engine}"


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Cells that one engine pre-trains and saves at the same checkpoints, its further outputs."""

    engine: Engine
    checkpoints: tuple[str, ...]
    """Their folders, `checkpoint=0.5` for that after half of the updates."""
    cells: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the rule: `pretrain`, `pretrain_checkpoint_0_25_0_5`, `pretrain_fairseq`."""
        shares = [one.partition("=")[2].replace(".", "_") for one in self.checkpoints]
        first = by_engine("pretrain", self.engine)
        return "_".join((first, "checkpoint", *shares)) if shares else first

    @property
    def cell_pattern(self) -> str:
        return any_of(self.cells)


class ModelDag:
    """How the models of a run's cells come about."""

    def __init__(self, dag: Dag) -> None:
        self._dag = dag
        self.paths: Paths = dag.paths

    def path(self, cell: Cell) -> str:
        """The model that a cell is, for the stages after its training."""
        folder = cell.at("pretrain").id
        config = self._dag.grid.configs[cell.id]
        if config.checkpoint == 1.0:
            return self.paths.pretrained(folder)
        return self.paths.intermediate(folder, _checkpoint_name(config.checkpoint))

    def job(self, cell: Cell) -> jobs.PretrainJob:
        config = self._dag.grid.configs[cell.id]
        wanted = self._checkpoints.get(cell.at("pretrain").id, {})
        return jobs.pretrain_job(cell, config, self._dag.table, wanted)

    @cached_property
    def _checkpoints(self) -> dict[str, dict[str, int]]:
        """Pre-trained cell -> the checkpoints of it that some experiment takes, in their order."""
        wanted: dict[str, dict[str, int]] = {}
        for cell in self._dag.grid.cells:
            config = self._dag.grid.configs[cell.id]
            if config.checkpoint < 1.0:
                updates = checkpoint_updates(config, cell.budget_updates)
                name = _checkpoint_name(config.checkpoint)
                wanted.setdefault(cell.at("pretrain").id, {})[name] = updates
        return {
            cell: dict(sorted(found.items(), key=lambda item: item[1]))
            for cell, found in wanted.items()
        }

    @cached_property
    def pretrainings(self) -> list[Pretraining]:
        """The cells that are pre-trained, by engine and the checkpoints saved on the way."""
        cells: dict[tuple[Engine, tuple[str, ...]], list[str]] = {("torch", ()): []}
        for cell in self._dag.stage_ids("pretrain"):
            if cell not in self._bases and cell not in self.released:
                engine = self._dag.grid.configs[self._dag.cell("pretrain", cell).id].engine
                names = tuple(self._checkpoints.get(cell, ()))
                cells.setdefault((engine, names), []).append(cell)
        return [
            Pretraining(engine=engine, checkpoints=names, cells=tuple(found))
            for (engine, names), found in cells.items()
            if found
        ]

    def histories(self) -> list[str]:
        """Of every pre-training."""
        cells = (cell for training in self.pretrainings for cell in training.cells)
        return [self.paths.pretrained(cell, "history.csv") for cell in cells]

    @cached_property
    def released(self) -> dict[str, Cell]:
        """The cells that are made of released checkpoints, by their ids."""
        cells = (self._dag.cell("pretrain", name) for name in self._dag.stage_ids("pretrain"))
        configs = self._dag.grid.configs
        return {
            cell.at("pretrain").id: cell
            for cell in cells
            if configs[cell.id].pretrain.from_ == "released"
        }

    @property
    def released_pattern(self) -> str:
        return any_of(self.released)

    def released_path(self, cell_id: str) -> str:
        cell = self.released[cell_id]
        return jobs.released_path(cell, self._dag.grid.configs[cell.id])

    def released_inputs(self, cell_id: str) -> dict[str, Any]:
        """The checkpoint's files, once they are there."""
        scope = self.released[cell_id].scope("vocabulary")
        return {
            "vocabulary": self.paths.vocabulary(scope),
            "checkpoint": released_files(self.released_path(cell_id)),
        }

    def checkpoint_files(self, cell: str, names: Sequence[str]) -> list[str]:
        return [self.paths.intermediate(cell, name) for name in names]

    def pretrain_inputs(self, cell_id: str) -> dict[str, Any]:
        cell = self._dag.cell("pretrain", cell_id)
        return self._training_inputs(cell, self._dag.languages(cell))

    # Modules that are trained on top of another cell's model

    @cached_property
    def _bases(self) -> dict[str, Cell]:
        """The cells that are trained on top of others, as pre-training sees both."""
        grid = self._dag.grid
        cells = {cell.id: cell for cell in grid.cells}
        return {cells[name].at("pretrain").id: base for name, base in grid.bases.items()}

    @property
    def joined_pattern(self) -> str:
        """A regular expression of exactly the cells that are trained on top of others."""
        return any_of(self._bases)

    def module_languages(self, cell: Cell) -> tuple[str, ...]:
        """The pre-trained languages that a cell has a model for."""
        return self._languages[cell.id]

    @cached_property
    def _languages(self) -> dict[str, tuple[str, ...]]:
        grid, table = self._dag.grid, self._dag.table
        return {
            cell.id: module_languages(grid.configs[cell.id], table, cell.language_set)
            for cell in grid.trained
        }

    @cached_property
    def adapter_batches(self) -> list[LanguageBatch]:
        """Languages whose modules one job trains, with the cells that it trains them for."""
        cells_of: dict[tuple[str, ...], list[str]] = {}
        for cell_id in self._bases:
            for batch in self._dag.batches(
                self.module_languages(self._dag.cell("pretrain", cell_id))
            ):
                cells_of.setdefault(batch.isos, []).append(cell_id)
        return [LanguageBatch.of(isos, cells=cells) for isos, cells in cells_of.items()]

    def adapt_inputs(self, cell_id: str, batch: LanguageBatch) -> dict[str, Any]:
        cell = self._dag.cell("pretrain", cell_id)
        model = self.paths.pretrained(self._bases[cell_id].id)
        return {"model": model, **self._training_inputs(cell, batch.isos)}

    def join_inputs(self, cell_id: str) -> dict[str, Any]:
        cell = self._dag.cell("pretrain", cell_id)
        return {
            "model": self.paths.pretrained(self._bases[cell_id].id),
            "vocabulary": self.paths.vocabulary(cell.scope("vocabulary")),
            "adapters": [self.paths.adapter(cell_id, iso) for iso in self.module_languages(cell)],
        }

    def _training_inputs(self, cell: Cell, languages: Sequence[str]) -> dict[str, Any]:
        scope = cell.scope("vocabulary")
        return {
            "vocabulary": self.paths.vocabulary(scope),
            "tokens": self.paths.tokens(scope, languages, "train"),
        }

    # What a job is told

    def job_text(self, stage: str, cell_id: str, part: str = "job") -> str:
        """The text of `<stage>/<cell>/<part>.json`; of `join` that of the joined model."""
        cell = self._dag.cell("pretrain", cell_id)
        config = self._dag.grid.configs[cell.id]
        if stage == "pretrain" and cell_id in self.released:
            return jobs.text(jobs.released_job(cell, config, self._dag.table))
        if stage == "pretrain":
            return jobs.text(self.job(cell))
        if stage == "join":
            return jobs.text(jobs.join_job(cell, config, self._dag.table))
        batch = next(b for b in self.adapter_batches if f"job-{b.name}" == part)
        return jobs.text(jobs.adapt_job(cell, config, batch.isos))


def _checkpoint_name(share: float) -> str:
    return f"checkpoint={format_value(share)}"
