"""What `python -m xmod.export` exports: where it lies among results, and what is known of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xmod.cells import Cell
from xmod.config_errors import ConfigError, suggest
from xmod.config_section import Section
from xmod.dag import Dag
from xmod.files import sha256_file
from xmod.interop.model_card import Card, LanguageRow
from xmod.interop.shapes import Exportable, head_name, module_codes
from xmod.model.encoder import Encoder
from xmod.model.finetuning import FinetunedCell
from xmod.model.heads import MaskedLanguageModel
from xmod.model.language_modules import SHARED_MODULE
from xmod.model.storage import read_extension, read_finetuned, read_model
from xmod.strict_yaml import read_yaml
from xmod.task_jobs import Run
from xmod.tasks.examples import NER_TAGS, NLI_LABELS
from xmod.tasks.heads import HEADS
from xmod.tokenization.vocabulary import Vocabulary

LABELS = {"nli": NLI_LABELS, "ner": NER_TAGS, "qa": ()}
"""Kind of task -> what its outputs mean."""
PLACES = ("corpora.folder", "pretrain.released")
"""Keys that name places of one's own machine, which a card keeps to itself."""


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
    def labels(self) -> Sequence[str]:
        return () if self.task is None else LABELS[self.dag.tasks.at(self.task, self.cell).kind]

    # Models

    def vocabulary(self, language: str | None = None) -> Vocabulary:
        """That of the exported model, or of an added language."""
        added = language or self.language
        scope = self.cell.scope("added_vocabulary" if added else "vocabulary")
        paths = self.dag.paths
        path = paths.added_vocabulary(scope, added) if added else paths.vocabulary(scope)
        return Vocabulary.open(_there(path))

    @property
    def base_path(self) -> Path:
        return _there(self.dag.models.path(self.cell))

    def base(self) -> MaskedLanguageModel:
        shared = Vocabulary.open(_there(self.dag.paths.vocabulary(self.cell.scope("vocabulary"))))
        return read_model(self.base_path, vocabulary=shared.fingerprint)

    def masked_model(self) -> MaskedLanguageModel:
        """The model before fine-tuning."""
        base = self.base()
        return self._extended(base, self.language) if self.language else base

    def _extended(self, base: MaskedLanguageModel, iso: str) -> MaskedLanguageModel:
        return read_extension(
            _there(self.dag.paths.extension(self.cell.at("extend").id, iso)),
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
            self._task_file("finetune", "model.safetensors"),
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

    def _task_file(self, stage: str, file: str) -> Path:
        assert self.task is not None
        seen = (
            self.dag.tasks.finetuned(self.task, self.cell)
            if stage == "finetune"
            else self.cell.at(stage, self.task)
        )
        return _there(self.dag.paths.task_file(stage, self.task, seen.id, self.run, file))

    # The card

    def card(self, model: Exportable) -> Card:
        kind = {"mlm": "masked-language model", "sentence": "sentence-pair classifier (NLI)"}
        kind |= {"token": "tagger of named entities", "span": "extractive question answerer"}
        head = head_name(model)
        name, parts = self.cell.id, [self.cell.id]
        parts += [f"+ {self.language}"] if self.language else []
        parts += [f"on {self.task}, {self.run}"] if self.task else []
        whose = self.dag.table[self.language].name if self.language else "its languages"
        return Card(
            title=" ".join(parts),
            what=f"The {kind[head]} of cell `{name}` for {whose}, as in X-MOD (Pfeiffer et al. "
            "2022), exported by `python -m xmod.export`.",
            head=head,
            has_modules=model.encoder.module_kind != "none",
            module_codes=list(module_codes(model.encoder, self.codes).values()),
            languages=list(self._rows(model.encoder)),
            settings=self._settings(),
            origin=self._origin(),
        )

    def _rows(self, encoder: Encoder) -> Iterator[LanguageRow]:
        scores, modules = dict(self._scores()), module_codes(encoder, self.codes)
        for iso in self.languages:
            yield LanguageRow(
                iso=iso,
                name=self.dag.table[iso].name,
                code=modules.get(iso, modules.get(SHARED_MODULE, "")),
                characters=self._characters(iso),
                scores={name: value for (one, name), value in scores.items() if one == iso},
            )

    def _characters(self, iso: str) -> int | None:
        """None where the text was not collected here, as for a released model."""
        path = Path(self.dag.paths.corpus(self.cell.scope("corpora"), iso, "stats.json"))
        if not path.is_file():
            return None
        return int(json.loads(path.read_text(encoding="utf-8"))["splits"]["train"]["characters"])

    def _scores(self) -> Iterator[tuple[tuple[str, str], float]]:
        """(language, what was measured) and its value; nothing where nothing was measured yet."""
        paths, cell = self.dag.paths, self.cell
        if self.task is None:
            path, metric = Path(paths.perplexity(cell.at("perplexity").id)), "perplexity"
        else:
            seen = cell.at("evaluate", self.task).id
            path = Path(paths.task_file("evaluate", self.task, seen, self.run, "scores.json"))
            metric = ""
        if not path.is_file():
            return
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        metric = metric or found["metric"]
        for record in found["records"]:
            if record["metric"] == metric and record["group"] != "source":
                stage, of = record["stage"], record["task"]
                of = "development" if stage == "development" else of
                name = metric if self.task is None else f"{of}, {metric}"
                yield (record["language"], name), record["value"]

    def _settings(self) -> dict[str, Any]:
        config = self.dag.grid.configs[self.cell.id]
        found = {
            "variant": self.cell.variant,
            "language_set": self.cell.language_set,
            "budget_updates": self.cell.budget_updates,
            "seed": config.seed,
        }
        sections: dict[str, Section] = {
            "corpora": config.corpora,
            "model": config.model,
            "pretrain": config.pretrain,
        }
        if self.language:
            sections["extend"] = config.extend
        if self.task:
            sections[f"tasks.{self.task}.finetune"] = config.tasks[self.task].finetune
        for name, section in sections.items():
            found |= {
                f"{name}.{key}": value for key, value in section.model_dump(mode="json").items()
            }
        return {key: value for key, value in found.items() if key not in PLACES}

    def _origin(self) -> dict[str, Any]:
        """What the manifests say; an intermediate checkpoint's lies with the whole training's."""
        pretrained = self.cell.at("pretrain").id
        paths = [self.dag.paths.pretrained(pretrained, "manifest.json")]
        if self.language:
            extended = self.cell.at("extend").id
            paths.append(self.dag.paths.extension(extended, self.language, "manifest.json"))
        if self.task:
            paths.append(str(self._task_file("finetune", "manifest.json")))
        found: dict[str, Any] = {}
        for path in (Path(one) for one in paths):
            manifest = json.loads(_there(str(path)).read_text(encoding="utf-8"))
            for key in ("git_commit", "finished_at"):
                found[f"{manifest['stage']}.{key}"] = manifest[key]
            found[f"{manifest['stage']}.sha256"] = manifest["outputs"][0]["sha256"]
        return found


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


def _there(path: str) -> Path:
    if not Path(path).is_file():
        raise ConfigError(f"{path} is not there yet: run the configuration first")
    return Path(path)
