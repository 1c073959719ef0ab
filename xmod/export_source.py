"""What `python -m xmod.export` exports: which models, and where they lie among results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xmod.cells import Cell
from xmod.config_errors import ConfigError, suggest
from xmod.dag import Dag
from xmod.files import sha256_file
from xmod.interop.shapes import Exportable
from xmod.model.encoder import Encoder
from xmod.model.finetuning import FinetunedCell
from xmod.model.heads import MaskedLanguageModel
from xmod.model.storage import read_extension, read_finetuned, read_model
from xmod.strict_yaml import read_yaml
from xmod.task_jobs import Run
from xmod.tasks.examples import NER_TAGS, NLI_LABELS
from xmod.tasks.heads import HEADS
from xmod.tokenization.vocabulary import Vocabulary

LABELS = {"nli": NLI_LABELS, "ner": NER_TAGS, "qa": ()}
"""Kind of task -> what its outputs mean."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What of a run's results is exported."""

    dag: Dag
    cell: Cell
    language: str | None
    """An added one; None for those that the cell was pre-trained on."""
    task: str | None
    run: str
    """Of the task; empty without one."""

    @classmethod
    def of(cls, options: argparse.Namespace) -> Source:
        """Raises ConfigError for a cell, language, task or run that the configuration has not."""
        dag = Dag.load(read_yaml(options.configfile), origin=str(options.configfile))
        cells = {cell.id: cell for cell in dag.grid.trained}
        cell = cells[_one_of("--cell", options.cell, list(cells))]
        if options.language is not None:
            _one_of("--language", options.language, list(_added(dag, cell)))
        name = ""
        if options.task is not None:
            tasks = [task for task, found in dag.tasks.cells.items() if cell in found]
            task = dag.tasks.at(_one_of("--task", options.task, tasks), cell)
            runs = [one.name for one in Run.all_of(task)]
            only = runs[0] if len(runs) == 1 else None
            name = _one_of("--run", options.run or only, runs)
        return cls(dag=dag, cell=cell, language=options.language, task=options.task, run=name)

    @property
    def languages(self) -> tuple[str, ...]:
        """Those whose text the model takes."""
        return (self.language,) if self.language else self.dag.models.module_languages(self.cell)

    @property
    def codes(self) -> dict[str, str]:
        """As the released checkpoints call languages."""
        return {iso: self.dag.table[iso].released_code or iso for iso in self.languages}

    @property
    def others(self) -> tuple[str, ...]:
        """The added languages, where none is exported."""
        return () if self.language else _added(self.dag, self.cell)

    @property
    def is_released(self) -> bool:
        """Whether the authors pre-trained it."""
        return self.cell.at("pretrain").id in self.dag.models.released

    @property
    def labels(self) -> Sequence[str]:
        return () if self.task is None else LABELS[self.dag.tasks.at(self.task, self.cell).kind]

    # Models

    def vocabulary(self, language: str | None = None) -> Vocabulary:
        """That of the exported model, or of an added language."""
        added = language or self.language
        scope = self.cell.scope("added_vocabulary" if added else "vocabulary")
        paths = self.dag.paths
        path = paths.added_vocabulary(scope, added) if added else paths.vocabulary(scope)
        return Vocabulary.open(there(path))

    @property
    def base_path(self) -> Path:
        return there(self.dag.models.path(self.cell))

    def base(self) -> MaskedLanguageModel:
        shared = Vocabulary.open(there(self.dag.paths.vocabulary(self.cell.scope("vocabulary"))))
        return read_model(self.base_path, vocabulary=shared.fingerprint)

    def masked_model(self) -> MaskedLanguageModel:
        """The model before fine-tuning."""
        base = self.base()
        return self._extended(base, self.language) if self.language else base

    def _extended(self, base: MaskedLanguageModel, iso: str) -> MaskedLanguageModel:
        return read_extension(
            there(self.dag.paths.extension(self.cell.at("extend").id, iso)),
            base,
            language=iso,
            vocabulary=self.vocabulary(iso).fingerprint,
            base_sha256=sha256_file(self.base_path),
        )

    def model(self) -> Exportable:
        return self.masked_model() if self.task is None else self._finetuned(self.task)

    def _finetuned(self, name: str) -> Exportable:
        task, base = self.dag.tasks.at(name, self.cell), self.base()
        own = self.dag.models.module_languages(self.cell)
        encoders: dict[str, Encoder] = dict.fromkeys(own, base.encoder)
        for iso in {task.source, *self.languages} - set(own):
            encoders[iso] = self._extended(base, iso).encoder
        trained, head = read_finetuned(
            self.task_file("finetune", "model.safetensors"),
            task=name,
            run=self.run,
            base_sha256=sha256_file(self.base_path),
        )
        kind, num_outputs = HEADS[task.kind]
        cell = FinetunedCell(
            encoders,
            source=task.source,
            trained=trained,
            head=head,
            kind=kind,
            num_outputs=num_outputs,
        )
        return cell.model(self.languages[0])

    def task_file(self, stage: str, file: str) -> Path:
        assert self.task is not None
        seen = (
            self.dag.tasks.finetuned(self.task, self.cell)
            if stage == "finetune"
            else self.cell.at(stage, self.task)
        )
        return there(self.dag.paths.task_file(stage, self.task, seen.id, self.run, file))


def _added(dag: Dag, cell: Cell) -> tuple[str, ...]:
    """None to a cell that is only the base of others."""
    return dag.added(cell) if cell in dag.grid.cells else ()


def _one_of(option: str, given: str | None, choices: Sequence[str]) -> str:
    """`given`, where it is a choice; raises ConfigError with the choices where it is not."""
    if given is None:
        raise ConfigError(f"{option} is needed; legal: {', '.join(choices)}")
    if given not in choices:
        raise ConfigError(f"{option}: {given!r} is not there; {suggest(given, choices)}")
    return given


def there(path: str) -> Path:
    """Raises ConfigError where the file is not made yet."""
    if not Path(path).is_file():
        raise ConfigError(f"{path} is not there yet: run the configuration first")
    return Path(path)
