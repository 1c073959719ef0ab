"""What the rules of tasks ask: which files their jobs read, and what they are told.

As in `xmod.dag`, of which this is the part about tasks; pure.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from xmod import jobs, task_jobs
from xmod.cells import Cell
from xmod.config import Config
from xmod.config_section import Engine, Section
from xmod.config_tasks import TaskConfig, TaskKind
from xmod.language_batches import LanguageBatch, any_of
from xmod.model_dag import by_engine
from xmod.paths import Paths
from xmod.task_jobs import Run, RunBatch

if TYPE_CHECKING:
    from xmod.dag import Dag

DATA_STAGES = ("tasks", "features", "added_features")
"""Those whose results cells share; the others' are of one cell."""


class TaskDag:
    """The tasks of a run, and the cells that are fine-tuned on each."""

    def __init__(self, dag: Dag) -> None:
        self._dag = dag
        self.config: Config = dag.config
        self.paths: Paths = dag.paths

    @cached_property
    def cells(self) -> dict[str, tuple[Cell, ...]]:
        """Task -> the cells that some experiment evaluates it on; tasks without any are absent."""
        found: dict[str, dict[str, Cell]] = {}
        for point in self._dag.grid.points:
            wanted = self.config.experiments[point.experiment].evaluate
            for name in self.config.tasks if wanted == "all" else wanted:
                found.setdefault(name, {})[point.cell.id] = point.cell
        return {name: tuple(found[name].values()) for name in self.config.tasks if name in found}

    def at(self, task: str, cell: Cell) -> TaskConfig:
        """The task as `cell` has it."""
        return self._dag.grid.configs[cell.id].tasks[task]

    def kind(self, task: str) -> TaskKind:
        """What kind of task it is, in every cell."""
        return self.config.tasks[task].kind

    # Cells and data, as a stage sees them

    def source_is_added(self, task: str, cell: Cell) -> bool:
        """Whether the cell was not pre-trained in the task's source language (Model 2)."""
        return self.at(task, cell).source not in self._dag.models.module_languages(cell)

    def finetuned(self, task: str, cell: Cell) -> Cell:
        """`cell`, as fine-tuning sees it: extension matters only where it added the source."""
        stage = "finetune_added" if self.source_is_added(task, cell) else "finetune"
        return cell.at(stage, task)

    def cell(self, stage: str, task: str, cell_id: str) -> Cell:
        """A cell of the whole grid that `stage` sees as `cell_id`."""
        return self._cells[stage, task][cell_id]

    @cached_property
    def _cells(self) -> dict[tuple[str, str], dict[str, Cell]]:
        """(stage, task) -> id -> the first cell that the stage sees so."""
        found: dict[tuple[str, str], dict[str, Cell]] = {}
        for task, cells in self.cells.items():
            for cell in cells:
                for stage, seen in (
                    ("finetune", self.finetuned(task, cell)),
                    ("evaluate", cell.at("evaluate", task)),
                ):
                    found.setdefault((stage, task), {}).setdefault(seen.id, cell)
        return found

    def cell_pattern(self, stage: str, task: str) -> str:
        """A regular expression of exactly the cells of a stage."""
        return any_of(self._cells[stage, task])

    def finetuned_by(self, engine: Engine, task: str) -> str:
        """A regular expression of exactly the cells that an engine fine-tunes; empty for none."""
        configs = self._dag.grid.configs
        cells = self._cells["finetune", task].items()
        return any_of(seen for seen, cell in cells if configs[cell.id].engine == engine)

    def finetunings(self, task: str) -> list[tuple[Engine, RunBatch, str]]:
        """The engines that fine-tune some cell on a task, with each batch of runs and its rule."""
        return [
            (engine, batch, f"{by_engine('finetune', engine)}_{task}_{batch.name}")
            for batch in self.run_batches("finetune", task)
            for engine in get_args(Engine)
            if self.finetuned_by(engine, task)
        ]

    def scopes(self, stage: str, task: str) -> dict[str, Cell]:
        """Scope -> a cell of that scope."""
        return self._scopes[stage, task]

    @cached_property
    def _scopes(self) -> dict[tuple[str, str], dict[str, Cell]]:
        found: dict[tuple[str, str], dict[str, Cell]] = {}
        for task, cells in self.cells.items():
            for stage in DATA_STAGES:
                scopes = found.setdefault((stage, task), {})
                for cell in cells:
                    scopes.setdefault(cell.scope(stage, task), cell)
        return found

    def run_batches(self, stage: str, task: str) -> list[RunBatch]:
        """A task's runs, in the jobs that fine-tune or evaluate them together."""
        return self._run_batches[stage, task]

    @cached_property
    def _run_batches(self) -> dict[tuple[str, str], list[RunBatch]]:
        sizes = self.config.jobs
        size = {
            "finetune": sizes.runs_per_job,
            "evaluate": sizes.evaluations_per_job or sizes.runs_per_job,
        }
        return {
            (stage, name): RunBatch.all_of(task, size=size[stage])
            for name, task in self.config.tasks.items()
            for stage in size
        }

    def languages(self, task: str) -> tuple[str, ...]:
        """Every language that some set of the task has, in table order."""
        return self._languages[task]

    @cached_property
    def _languages(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for name, task in self.config.tasks.items():
            wanted = {iso for data in task.sets.values() for iso in data.languages}
            found[name] = tuple(iso for iso in self._dag.table.isos if iso in wanted)
        return found

    def added(self, task: str, cell: Cell) -> tuple[str, ...]:
        """The languages that are added to a cell, of those that the task has."""
        return tuple(iso for iso in self._dag.added(cell) if iso in self.languages(task))

    def added_batches(self, task: str) -> list[LanguageBatch]:
        """Added languages that the task has; encoding is quick, so few jobs."""
        return [
            LanguageBatch.of(isos)
            for group in self._dag.added_groups
            if (isos := tuple(iso for iso in group if iso in self.languages(task)))
        ]

    def features(self, task: str, scope: str) -> list[str]:
        """What is encoded with the vocabulary that the cells share: every language."""
        return self._feature_files("features", task, scope, self.languages(task))

    def added_features(self, task: str, scope: str, batch: LanguageBatch) -> list[str]:
        """What is encoded with the vocabularies of a batch of added languages."""
        return self._feature_files("added_features", task, scope, batch.isos)

    def _feature_files(self, stage: str, task: str, scope: str, isos: Iterable[str]) -> list[str]:
        sets = self.config.tasks[task].sets
        return [
            self.paths.task_file(stage, task, scope, iso, name)
            for iso in isos
            for name in (
                *(f"{one}.features" for one, data in sets.items() if iso in data.languages),
                "manifest.json",
            )
        ]

    # Files of a job

    def task_inputs(self, task: str, scope: str) -> dict[str, Any]:
        """What reading a task's sets reads."""
        data = self.at(task, self.scopes("tasks", task)[scope]).sets
        named = [path for one in data.values() for path in one.files()]
        sources = self._dag.sources
        own = [path for path in named if not sources.is_known(path)]
        is_synthetic = any(one.format == "synthetic" for one in data.values())
        return {
            "files": [*filter(os.path.exists, own), *sources.stamps(named)],
            "packages": [self._dag.verified_packages] if is_synthetic else [],
        }

    def features_inputs(self, task: str, scope: str) -> dict[str, Any]:
        cell = self.scopes("features", task)[scope]
        return {
            "examples": self._examples(task, cell),
            "vocabulary": self.paths.vocabulary(cell.scope("vocabulary")),
        }

    def added_features_inputs(self, task: str, scope: str, batch: LanguageBatch) -> dict[str, Any]:
        cell = self.scopes("added_features", task)[scope]
        added_scope = cell.scope("added_vocabulary")
        return {
            "examples": self._examples(task, cell),
            "vocabularies": [self.paths.added_vocabulary(added_scope, iso) for iso in batch.isos],
        }

    def added_vocabularies(self, task: str, scope: str) -> str:
        """The folder of the vocabularies that come with added languages."""
        cell = self.scopes("added_features", task)[scope]
        return self.paths.added_vocabulary_folder(cell.scope("added_vocabulary"))

    def finetune_inputs(self, task: str, cell_id: str) -> dict[str, Any]:
        cell = self.cell("finetune", task, cell_id)
        inputs: dict[str, Any] = {
            "model": self._dag.models.path(cell),
            "vocabulary": self.paths.vocabulary(cell.scope("vocabulary")),
            "features": f"{self._source_folder(task, cell)}/train.features",
        }
        if self.source_is_added(task, cell):
            inputs |= self._extension(cell, self.at(task, cell).source)
        return inputs

    def finetune_extension(self, task: str, cell_id: str) -> str:
        """The options that name an added source language's extension; mostly none."""
        cell = self.cell("finetune", task, cell_id)
        if not self.source_is_added(task, cell):
            return ""
        return _options(self._extension(cell, self.at(task, cell).source))

    def _extension(self, cell: Cell, iso: str) -> dict[str, str]:
        """An added language's weights, and its vocabulary."""
        scope = cell.scope("added_vocabulary")
        return {
            "extension": self.paths.extension(cell.at("extend").id, iso),
            "extension_vocabulary": self.paths.added_vocabulary(scope, iso),
        }

    def finetuned_files(self, task: str, cell: str, batch: RunBatch) -> list[str]:
        """What fine-tuning a batch of runs writes."""
        names = ("model.safetensors", "history.csv", "manifest.json")
        return [
            self.paths.task_file("finetune", task, cell, run.name, name)
            for run in batch.runs
            for name in names
        ]

    def score_files(self, task: str, cell: str, batch: RunBatch) -> list[str]:
        """What evaluating a batch of runs writes, besides the predictions."""
        return [
            self.paths.task_file("evaluate", task, cell, run.name, name)
            for run in batch.runs
            for name in ("scores.json", "manifest.json")
        ]

    def evaluate_inputs(self, task: str, cell_id: str, batch: RunBatch) -> dict[str, Any]:
        """Of files that one job makes together the first: time grows with the number of inputs."""
        cell = self.cell("evaluate", task, cell_id)
        added = self.added(task, cell)
        finetuned = self.finetuned(task, cell).id
        return {
            "model": self._dag.models.path(cell),
            "vocabulary": self.paths.vocabulary(cell.scope("vocabulary")),
            "finetuned": [
                self.paths.task_file("finetune", task, finetuned, run.name, "model.safetensors")
                for run in batch.runs
            ],
            "extensions": [self.extension_list(task, cell_id)] if added else [],
            "examples": self._examples(task, cell),
            "baselines": self.paths.task_file(
                "tasks", task, cell.scope("tasks", task), "baselines.json"
            ),
            "features": self._shared_features(task, cell),
            "added_features": self._added_features(task, cell),
        }

    def extension_list(self, task: str, cell_id: str) -> str:
        """One file that stands for all extensions that the evaluations of a cell read."""
        return self.paths.task_file("evaluate", task, cell_id, "extensions.sha256")

    def listed_extensions(self, task: str, cell_id: str) -> list[str]:
        cell = self.cell("evaluate", task, cell_id)
        extended = cell.at("extend").id
        return [self.paths.extension(extended, iso) for iso in self.added(task, cell)]

    def finetuned_models(self) -> list[str]:
        """The weights of every run, of every task."""
        return [
            self.paths.task_file("finetune", task, cell_id, run.name, "model.safetensors")
            for (stage, task), cells in self._cells.items()
            if stage == "finetune"
            for cell_id in cells
            for run in Run.all_of(self.config.tasks[task])
        ]

    def scores(self, task: str) -> list[str]:
        """The scores of every run on every cell."""
        return [
            self.paths.task_file("evaluate", task, cell_id, run.name, "scores.json")
            for cell_id in self._cells["evaluate", task]
            for run in Run.all_of(self.config.tasks[task])
        ]

    def selected(self, task: str, file: str) -> list[str]:
        """The chosen runs' scores, or all candidates, of every cell."""
        return [
            self.paths.task_file("selection", task, cell_id, file)
            for cell_id in self._cells["evaluate", task]
        ]

    def all_selected(self) -> list[str]:
        """The chosen runs' scores, of every task and cell."""
        return [path for task in self.cells for path in self.selected(task, "scores.json")]

    def folder(self, stage: str, task: str, cell_id: str) -> str:
        """Where a job of `evaluate` finds what `stage` made for its cell."""
        cell = self.cell("evaluate", task, cell_id)
        if stage == "finetune":
            return self.paths.task_folder(stage, task, self.finetuned(task, cell).id)
        return self.paths.task_folder(stage, task, cell.scope(stage, task))

    def extensions(self, task: str, cell_id: str) -> str:
        """The options that name what comes with added languages; none without any."""
        cell = self.cell("evaluate", task, cell_id)
        if not self.added(task, cell):
            return ""
        folders = {
            "extensions": self.paths.extensions(cell.at("extend").id),
            "vocabularies": self.paths.added_vocabulary_folder(cell.scope("added_vocabulary")),
            "added_features": self.folder("added_features", task, cell_id),
        }
        return _options(folders)

    def _source_folder(self, task: str, cell: Cell) -> str:
        stage = "added_features" if self.source_is_added(task, cell) else "features"
        folder = self.paths.task_folder(stage, task, cell.scope(stage, task))
        return f"{folder}/{self.at(task, cell).source}"

    def _examples(self, task: str, cell: Cell) -> str:
        return self.paths.task_file("tasks", task, cell.scope("tasks", task), "manifest.json")

    def _shared_features(self, task: str, cell: Cell) -> str:
        source = self.at(task, cell).source
        scope = cell.scope("features", task)
        return self.paths.task_file("features", task, scope, source, "manifest.json")

    def _added_features(self, task: str, cell: Cell) -> list[str]:
        scope, added = cell.scope("added_features", task), self.added(task, cell)
        return [
            self.paths.task_file("added_features", task, scope, batch.isos[0], "manifest.json")
            for batch in self.added_batches(task)
            if any(iso in added for iso in batch.isos)
        ]

    # What a job is told

    def job_text(self, stage: str, task: str, name: str, part: str) -> str:
        """The text of `<stage>/<task>/<name>/<part>.json`."""
        is_data = stage in DATA_STAGES
        cell = self.scopes(stage, task)[name] if is_data else self.cell(stage, task, name)
        make = self._data_job if is_data else self._run_job
        return jobs.text(make(stage, task, cell, part))

    def _data_job(self, stage: str, task: str, cell: Cell, part: str) -> Section:
        config = self._dag.grid.configs[cell.id]
        if stage == "tasks":
            return task_jobs.read_job(config, task)
        isos = self.languages(task)
        if stage == "added_features":
            isos = next(b.isos for b in self.added_batches(task) if f"job-{b.name}" == part)
        return task_jobs.encode_job(config, task, isos)

    def _run_job(self, stage: str, task: str, cell: Cell, part: str) -> Section:
        config = self._dag.grid.configs[cell.id]
        runs = next(b.runs for b in self.run_batches(stage, task) if f"job-{b.name}" == part)
        if stage == "finetune":
            return task_jobs.finetune_job(
                self.finetuned(task, cell),
                config,
                task,
                source_is_added=self.source_is_added(task, cell),
                runs=runs,
            )
        return task_jobs.evaluate_job(
            cell.at("evaluate", task),
            config,
            task,
            languages=self._dag.models.module_languages(cell),
            added=self.added(task, cell),
            runs=runs,
        )


def _options(values: Mapping[str, str]) -> str:
    """`--key value ...`, as a shell reads it."""
    pairs = (f"--{key.replace('_', '-')} {shlex.quote(value)}" for key, value in values.items())
    return " ".join(pairs)
