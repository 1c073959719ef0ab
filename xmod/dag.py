"""What the rules ask: which files a job reads, what it is told, which languages go together.

Everything is looked up here so that the rules hold no logic. Pure: the only files read are the
language table and the list of packages.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xmod import checks, jobs
from xmod.analysis.catalogue import Catalogue, read_catalogue
from xmod.architecture import ArchitectureJob, CellArchitecture, cell_architecture
from xmod.budgets import available_languages, text_files
from xmod.cells import UPSTREAM, Cell
from xmod.config import Config, parse
from xmod.config_errors import ConfigError
from xmod.evaluated import evaluated_sets
from xmod.files import sha256_file
from xmod.grid import Grid, Point, expand
from xmod.language_batches import LanguageBatch, any_of, each_once
from xmod.language_sets import added_languages, language_set
from xmod.languages import LanguageTable, read_languages
from xmod.launch import Launch
from xmod.model_dag import ModelDag
from xmod.paths import PACKAGES_TABLE, Paths
from xmod.source_dag import SourceDag
from xmod.strict_yaml import read_yaml
from xmod.task_dag import TaskDag
from xmod.text_dag import TextDag


@dataclass(frozen=True)
class Dag:
    """A whole run: its configuration, grid and paths, and the lookups between them."""

    config: Config
    table: LanguageTable
    grid: Grid
    paths: Paths
    origin: str
    """The configuration's file, for messages."""

    @classmethod
    def load(cls, raw: Mapping[str, Any], *, origin: str, files: Iterable[str | Path] = ()) -> Dag:
        """Check a raw configuration and expand it; raises ConfigError, or another ValueError.

        `files` are those that `raw` was read from: Snakemake does not see a key that is there
        twice.
        """
        for file in files:
            read_yaml(Path(file))
        config = parse(raw, origin=origin)
        if not Path(config.languages).is_file():
            raise ConfigError(f"{origin}: languages: no file {config.languages!r}")
        if config.corpora.listed_in == "folder" and (missing := checks.no_folder(config)):
            raise ConfigError(f"{origin}: {missing}")
        table = read_languages(Path(config.languages))
        paths = Paths(f"{config.results}/{config.name}")
        if mistake := checks.own_counts(config, paths):
            raise ConfigError(f"{origin}: {mistake}")
        return cls(config, table, expand(raw, table, origin=origin), paths, origin)

    # Languages

    @cached_property
    def available_languages(self) -> tuple[str, ...]:
        """Every language that has text."""
        return available_languages(self.config, self.table)

    def vocabulary_languages(self, scope: str) -> tuple[str, ...]:
        """The languages that the vocabulary of `scope` is trained on; none where it is given."""
        vocabulary = self._config_of("vocabulary", scope).vocabulary
        if vocabulary.model is not None:
            return ()
        if vocabulary.language_set is not None:
            return language_set(self.config, self.table, vocabulary.language_set)
        return self.available_languages

    @cached_property
    def added_by_cell(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        return jobs.added_by_cell(self.grid, self.config, self.table)

    @cached_property
    def corpus_languages(self) -> tuple[str, ...]:
        """Every language that some job reads, in table order."""
        needed = {
            iso for scope in self.scopes("vocabulary") for iso in self.vocabulary_languages(scope)
        }
        for cell in self.grid.cells:
            needed.update(self.read_languages(cell), self.added(cell))
        return tuple(iso for iso in self.table.isos if iso in needed)

    def batches(self, isos: Sequence[str]) -> list[LanguageBatch]:
        """`isos` in jobs of `jobs.languages_per_job` languages."""
        size = self.config.jobs.languages_per_job
        chunks = [tuple(isos[start : start + size]) for start in range(0, len(isos), size)]
        return [LanguageBatch.of(chunk) for chunk in chunks]

    @cached_property
    def added_groups(self) -> list[tuple[str, ...]]:
        """Every added language, with those that some experiment adds together."""
        return each_once(map(self.added_at, self.grid.points))

    def added_at(self, point: Point) -> tuple[str, ...]:
        """The languages that a point's experiment adds to its cell."""
        experiment = self.config.experiments[point.experiment]
        return added_languages(self.config, self.table, point.cell.language_set, experiment)

    @cached_property
    def added_batches(self) -> list[LanguageBatch]:
        """Added languages in jobs that make their vocabularies and token files."""
        return list(itertools.chain(*map(self.batches, self.added_groups)))

    @cached_property
    def extension_batches(self) -> list[LanguageBatch]:
        """Added languages in jobs, with the cells that each job is done for."""
        cells_of: dict[tuple[str, ...], list[str]] = {}
        for cell, groups in self.added_by_cell.items():
            for batch in itertools.chain(*map(self.batches, groups)):
                cells_of.setdefault(batch.isos, []).append(cell)
        return [LanguageBatch.of(isos, cells=cells) for isos, cells in cells_of.items()]

    # Cells, as a stage sees them

    def cell(self, stage: str, cell_id: str) -> Cell:
        """A cell of the whole grid that `stage` sees as `cell_id`."""
        return self._cells[stage][cell_id]

    @cached_property
    def _cells(self) -> dict[str, dict[str, Cell]]:
        """Stage -> id -> the first cell that the stage sees so."""
        found: dict[str, dict[str, Cell]] = {stage: {} for stage in UPSTREAM}
        for stage, cells in found.items():
            for cell in self.grid.trained if stage == "pretrain" else self.grid.cells:
                cells.setdefault(cell.at(stage).id, cell)
        return found

    def stage_ids(self, stage: str) -> list[str]:
        return list(self._cells[stage])

    def scopes(self, stage: str) -> dict[str, Cell]:
        """Scope -> a cell of that scope."""
        return self._scopes[stage]

    @cached_property
    def _scopes(self) -> dict[str, dict[str, Cell]]:
        found: dict[str, dict[str, Cell]] = {stage: {} for stage in UPSTREAM}
        for stage, cells in found.items():
            for cell in self.grid.cells:
                cells.setdefault(cell.scope(stage), cell)
        return found

    def _config_of(self, stage: str, scope: str) -> Config:
        return self.grid.configs[self.scopes(stage)[scope].id]

    @cached_property
    def sources(self) -> SourceDag:
        return SourceDag(self)

    @cached_property
    def texts(self) -> TextDag:
        return TextDag(self)

    @cached_property
    def models(self) -> ModelDag:
        return ModelDag(self)

    @property
    def launch(self) -> Launch:
        return Launch(self.config.distributed)

    @cached_property
    def tasks(self) -> TaskDag:
        return TaskDag(self)

    def languages(self, cell: Cell) -> tuple[str, ...]:
        """The languages that a cell is pre-trained on."""
        return language_set(self.config, self.table, cell.language_set)

    def read_languages(self, cell: Cell) -> tuple[str, ...]:
        """Those of them whose text some job reads: of a released cell, what is measured."""
        is_released = cell.at("pretrain").id in self.models.released
        return self.measured(cell) if is_released else self.languages(cell)

    def measured(self, cell: Cell) -> tuple[str, ...]:
        return jobs.measured_languages(self.grid.configs[cell.id], self.table, cell)

    def added(self, cell: Cell) -> tuple[str, ...]:
        """The languages that are added to a cell, in table order."""
        isos = set(itertools.chain(*self.added_by_cell[cell.at("extend").id]))
        return tuple(iso for iso in self.table.isos if iso in isos)

    # Files of a job

    @cached_property
    def verified_packages(self) -> str:
        """A stamp: the packages of the table, as it is now, are there and have their hashes."""
        digest = sha256_file(Path(PACKAGES_TABLE))[:12]
        return f"{self.config.packages}/verified-{digest}"

    def text_facts(self, isos: Sequence[str]) -> list[str]:
        """What the language table says that decides a language's text."""
        return [
            f"{one.iso} {one.script} {dict(one.codes)}" for one in map(self.table.__getitem__, isos)
        ]

    def text_files(self, isos: Sequence[str]) -> list[str]:
        """The text that `files` has of `isos`: inputs, so that changed text is seen."""
        if self.config.corpora.source != "files":
            return []
        return text_files(self.config.corpora, isos)

    @property
    def package_inputs(self) -> list[str]:
        return [self.verified_packages] if self.config.corpora.source == "embedded" else []

    def extend_inputs(self, cell_id: str, batch: LanguageBatch) -> dict[str, Any]:
        cell = self.cell("extend", cell_id)
        scope = cell.scope("added_vocabulary")
        return {
            "model": self.models.path(cell),
            "vocabulary": self.paths.vocabulary(cell.scope("vocabulary")),
            "vocabularies": [self.paths.added_vocabulary(scope, iso) for iso in batch.isos],
            "tokens": self.paths.added_tokens(scope, batch.isos, "train"),
        }

    def perplexity_inputs(self, cell_id: str) -> dict[str, Any]:
        cell = self.cell("perplexity", cell_id)
        scope, added_scope = cell.scope("vocabulary"), cell.scope("added_vocabulary")
        extend_id, added = cell.at("extend").id, self.added(cell)
        return {
            "model": self.models.path(cell),
            "vocabulary": self.paths.vocabulary(scope),
            "tokens": self.paths.tokens(scope, self.measured(cell), "heldout"),
            "extensions": [self.paths.extension(extend_id, iso) for iso in added],
            "vocabularies": [self.paths.added_vocabulary(added_scope, iso) for iso in added],
            "added_tokens": self.paths.added_tokens(added_scope, added, "heldout"),
        }

    def given_vocabulary(self, scope: str) -> list[str]:
        """What says that the SentencePiece model is there: its source's stamp, or itself."""
        model = self._config_of("vocabulary", scope).vocabulary.model
        if model is not None and self.sources.is_known(model):
            return self.sources.stamps([model])
        return [model] if model is not None and Path(model).is_file() else []

    def vocabulary_corpora(self, scope: str) -> list[str]:
        """The text files that the shared vocabulary of `scope` is trained on."""
        return self.corpora("vocabulary", scope, self.vocabulary_languages(scope))

    def corpora(self, stage: str, scope: str, isos: Sequence[str]) -> list[str]:
        """The text files of `isos` that `stage` reads in its `scope`."""
        return self.paths.corpora(self.scopes(stage)[scope].scope("corpora"), isos)

    def corpora_folder(self, stage: str, scope: str) -> str:
        return self.paths.corpora_folder(self.scopes(stage)[scope].scope("corpora"))

    def token_folder(self, stage: str, cell_id: str) -> str:
        return self.paths.token_folder(self.cell(stage, cell_id).scope("vocabulary"))

    def added_vocabulary_folder(self, stage: str, cell_id: str) -> str:
        scope = self.cell(stage, cell_id).scope("added_vocabulary")
        return self.paths.added_vocabulary_folder(scope)

    def added_token_folder(self, stage: str, cell_id: str) -> str:
        return self.paths.added_token_folder(self.cell(stage, cell_id).scope("added_vocabulary"))

    def extensions_folder(self, stage: str, cell_id: str) -> str:
        return self.paths.extensions(self.cell(stage, cell_id).at("extend").id)

    def trained(self) -> list[str]:
        """Every file of weights that is an end of its own, not only a way to scores.

        Snakemake does not make again what only finished results were made from, so that a job that
        fails when it is run again would be forgotten.
        """
        found = [self.paths.pretrained(cell) for cell in self.stage_ids("pretrain")]
        for batch in self.models.adapter_batches:
            found += [self.paths.adapter(cell, batch.isos[0]) for cell in batch.cells]
        for batch in self.extension_batches:
            found += [self.paths.extension(cell, batch.isos[0]) for cell in batch.cells]
        return found + self.tasks.finetuned_models()

    def perplexities(self) -> list[str]:
        return [self.paths.perplexity(cell) for cell in self.stage_ids("perplexity")]

    # What a job is told

    def job_text(self, stage: str, name: str, part: str) -> str:
        """The text of `<stage>/<name>/<part>.json`."""
        if stage in ("corpora", "vocabulary", "added_vocabulary"):
            return self._data_job_text(stage, self._config_of(stage, name))
        if stage in ("pretrain", "adapt", "join"):
            return self.models.job_text(stage, name, part)
        cell = self.cell(stage, name)
        config = self.grid.configs[cell.id]
        if stage == "perplexity":
            return jobs.text(jobs.perplexity_job(cell, config, self.table, self.added(cell)))
        batch = next(b for b in self.extension_batches if f"job-{b.name}" == part)
        return jobs.text(jobs.extend_job(cell, config, self.table, batch.isos))

    def _data_job_text(self, stage: str, config: Config) -> str:
        if stage == "corpora":
            corpora = config.corpora
            if self.sources.has_corpus:
                corpora = corpora.model_copy(update={"folder": self.sources.corpus_folder})
            return jobs.text(corpora, without=frozenset({"sizes", "counts"}))
        if stage == "vocabulary":
            return jobs.text(config.vocabulary.model_copy(update={"language_set": None}))
        return jobs.text(config.extend.vocabulary)

    def grid_text(self) -> str:
        return jobs.text(jobs.grid_record(self.grid, self.config, self.table))

    @cached_property
    def catalogue(self) -> Catalogue:
        return read_catalogue(Path(self.config.catalogue))

    def figure_text(self, name: str) -> str:
        """A figure's declaration: a change of it draws the figure anew, and nothing else."""
        return self.catalogue.figure(name).model_dump_json()

    @property
    def figure_pattern(self) -> str:
        """A regular expression of exactly the figures that are drawn from results."""
        return any_of(self.catalogue.figures) or "(?!)"

    def figure_data(self, name: str) -> str:
        """The long table that a figure shows."""
        is_of_curves = self.catalogue.figure(name).is_of_curves
        return self.paths.summary("curves.csv" if is_of_curves else "metrics.csv")

    @cached_property
    def architectures(self) -> list[str]:
        """The figures that are drawn from cells' configurations."""
        return [name for name in self.config.figures if name in self.catalogue.architectures]

    def architecture_text(self, name: str) -> str:
        """What is drawn: of each variant the first cell that the declaration fits."""
        spec = self.catalogue.architecture(name)
        cells = [
            next(
                point.cell
                for point in self.grid.points
                if point.experiment == spec.experiment and spec.fits(dict(point.axes), variant)
            )
            for variant in spec.variants
        ]
        return jobs.text(
            ArchitectureJob(
                title=spec.title,
                caption=spec.caption,
                stages=spec.stages,
                cells=tuple(map(self._architecture, cells)),
            )
        )

    def _architecture(self, cell: Cell) -> CellArchitecture:
        return cell_architecture(
            cell,
            self.grid.configs[cell.id],
            self.table,
            added=self.added(cell),
            tasks=[task for task, cells in self.tasks.cells.items() if cell in cells],
        )

    def table_text(self, name: str) -> str:
        return self.catalogue.table(name).model_dump_json()

    def captions(self) -> str:
        """What each figure shows, and where the tables are."""
        config = self.config
        return self.catalogue.captions(config.figures, config.tables, evaluated_sets(config))

    def check(self) -> None:
        """Raise ConfigError, with the file to mend, for what the grid alone does not find out."""
        checks.check(self)

    def missing_data(self, *, uses_conda: bool = False) -> list[str]:
        """What a run would not find: a message each. A run can be planned without it."""
        return checks.missing_data(self, uses_conda=uses_conda)
