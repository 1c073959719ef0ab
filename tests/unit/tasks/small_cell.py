"""A tiny cell on disk with two added languages and a task's sets, as earlier stages leave them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tests.unit.data.token_streams import small_vocabulary
from tests.unit.model.helpers import randomise
from tests.unit.shapes import model_config
from tests.unit.tokenization.texts import SYLLABLES
from xmod import encode_task, evaluate, finetune
from xmod.config_section import ModuleKind
from xmod.config_tasks import FinetuneConfig, TaskKind
from xmod.files import sha256_file
from xmod.jobs import text
from xmod.model import MaskedLanguageModel, add_language, initialise
from xmod.model.storage import save_extension, save_model
from xmod.task_jobs import EncodeJob, EvaluateJob, FinetuneJob, Run
from xmod.tasks.examples import (
    NER_TAGS,
    NLI_LABELS,
    Answer,
    Example,
    NerExample,
    NliExample,
    QaExample,
    write_examples,
)

PRETRAINED = ("en", "sw", "to")
ADDED = {"fi": 2, "ka": 3}
"""Each with the seed of its vocabulary."""
NAME = "xmod.test.three.8"
SETS = {"train": ("en",), "development": ("en", "sw", "fi"), "test": ("en", "sw", "to", "fi", "ka")}
SETTINGS = {"max_length": 24, "stride": 6, "max_question_tokens": 4}
BASELINE = {
    **{"set": "test", "language": "sw", "baseline": "majority_label"},
    **{"metric": "accuracy", "value": 40.0},
}
RUN = Run(learning_rate=0.01, epochs=2, seed=1)
TRAINS: dict[ModuleKind, tuple[Any, ...]] = {
    "language": ("embeddings", "positions", "modules"),
    "shared": ("embeddings", "positions"),
    "none": ("embeddings", "positions"),
}


@dataclass(frozen=True, kw_only=True)
class SmallCell:
    """Where everything is, and the commands on it."""

    folder: Path
    kind: TaskKind
    source: str = "en"
    modules: ModuleKind = "language"

    @property
    def finetuned(self) -> Path:
        return self.folder / "finetuned"

    def features(self, iso: str) -> Path:
        return self.folder / ("added_features" if iso in ADDED else "features") / iso

    def finetune(
        self,
        *runs: Run,
        output: Path | None = None,
        checkpoints: Path | None = None,
        config: FinetuneConfig | None = None,
    ) -> Path:
        """Run the command; returns the folder of its results."""
        output = output or self.finetuned
        job = FinetuneJob(
            cell=NAME,
            variant="xmod",
            task="task",
            kind=self.kind,
            source=self.source,
            source_is_added=self.source in ADDED,
            finetune=config or FinetuneConfig(batch_sequences=8, precision="float32"),
            runs=runs or (RUN,),
        )
        finetune.main(
            [
                *self._common("finetune", text(job)),
                *(self._extension() if self.source in ADDED else ()),
                *("--features", str(self.features(self.source) / "train.features")),
                *("--checkpoints", str(checkpoints or output / "checkpoints")),
                *("--micro-batch-sequences", "8", "--checkpoint-seconds", "0"),
                *("--output", str(output)),
            ]
        )
        return output

    def evaluate(self, *runs: Run, **changes: Any) -> list[dict[str, Any]]:
        """Run the command; returns the first run's scores file. `changes` are of the job."""
        job = EvaluateJob(
            cell=NAME,
            variant="xmod",
            task="task",
            kind=self.kind,
            source=self.source,
            languages=PRETRAINED,
            added=tuple(ADDED),
            sets={name: isos for name, isos in SETS.items() if name != "train"},
            mlqa_sets=(),
            max_answer_tokens=5,
            controls=("source_module", "other_module") if self.modules == "language" else (),
            runs=runs or (RUN,),
        ).model_copy(update=changes)
        output = self.folder / "evaluated"
        evaluate.main(
            [
                *self._common("evaluate", text(job)),
                *("--finetuned", str(self.finetuned)),
                *("--extensions", str(self.folder / "extensions")),
                *("--vocabularies", str(self.folder / "vocabularies")),
                *("--examples", str(self.folder / "examples")),
                *("--features", str(self.folder / "features")),
                *("--added-features", str(self.folder / "added_features")),
                *("--baselines", str(self.folder / "baselines.json")),
                *("--output", str(output)),
            ]
        )
        scores = json.loads((output / job.runs[0].name / "scores.json").read_text("utf-8"))
        records: list[dict[str, Any]] = scores["records"]
        return records

    def _common(self, name: str, job: str) -> list[str]:
        path = self.folder / f"{name}.json"
        path.write_text(job, encoding="utf-8")
        return [
            *("--job", str(path), "--model", str(self.folder / "model.safetensors")),
            *("--vocabulary", str(self.folder / "spm.model")),
            *("--device", "cpu", "--threads", "1"),
        ]

    def _extension(self) -> list[str]:
        return [
            *("--extension", str(self.folder / f"extensions/{self.source}/extension.safetensors")),
            *("--extension-vocabulary", str(self.folder / f"vocabularies/{self.source}/spm.model")),
        ]


def make_cell(
    folder: Path, kind: TaskKind, *, source: str = "en", modules: ModuleKind = "language"
) -> SmallCell:
    """Everything that fine-tuning and evaluation read."""
    vocabulary = small_vocabulary()
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary.save(folder / "spm.model")
    shape = model_config(width=16, bottleneck=8)
    base = MaskedLanguageModel(
        shape, module_kind=modules, languages=PRETRAINED, vocabulary_size=vocabulary.size
    )
    initialise(base, shape, torch.Generator().manual_seed(1))
    randomise(base)
    path = folder / "model.safetensors"
    save_model(path, base, cell=NAME, vocabulary=vocabulary.fingerprint)
    for iso, seed in ADDED.items():
        own = small_vocabulary(seed)
        own.save(folder / f"vocabularies/{iso}/spm.model")
        generator = torch.Generator().manual_seed(seed)
        extended = add_language(base, iso, own.size, generator, [], TRAINS[modules])
        save_extension(
            folder / f"extensions/{iso}/extension.safetensors",
            extended,
            language=iso,
            vocabulary=own.fingerprint,
            base_sha256=sha256_file(path),
        )
    cell = SmallCell(folder=folder, kind=kind, source=source, modules=modules)
    _write_sets(cell)
    return cell


def _write_sets(cell: SmallCell) -> None:
    sets = {**SETS, "train": (cell.source,)}
    for name, languages in sets.items():
        for iso in languages:
            made = examples(cell.kind, 24 if name == "train" else 6, seed=f"{name}.{iso}")
            write_examples(cell.folder / f"examples/{name}/{iso}.jsonl", made)
    (cell.folder / "baselines.json").write_text(json.dumps({"records": [BASELINE]}))
    for isos, options in (
        (PRETRAINED, ("--vocabulary", str(cell.folder / "spm.model"))),
        (tuple(ADDED), ("--each-vocabulary", str(cell.folder / "vocabularies"))),
    ):
        job = EncodeJob(
            task="task",
            kind=cell.kind,
            sets={name: tuple(i for i in of if i in isos) for name, of in sets.items()},
            settings=SETTINGS if cell.kind == "qa" else {"max_length": SETTINGS["max_length"]},
        )
        path = cell.folder / "encode.json"
        path.write_text(text(job), encoding="utf-8")
        encode_task.main(
            [
                *("--job", str(path), "--examples", str(cell.folder / "examples"), *options),
                *("--output", str(cell.features(isos[0]).parent)),
            ]
        )


def examples(kind: TaskKind, count: int, *, seed: str) -> list[Example]:
    """Of random words, their labels by the words: something that can be learned."""
    rng = random.Random(seed)
    makers = {"nli": _pair, "ner": _sentence, "qa": _question}
    return [makers[kind](str(number), rng) for number in range(count)]


def words(rng: random.Random, low: int, high: int) -> list[str]:
    return ["".join(rng.choices(SYLLABLES, k=2)) for _ in range(rng.randint(low, high))]


def _pair(name: str, rng: random.Random) -> NliExample:
    """The premise's first syllable says the label."""
    label = rng.randrange(len(NLI_LABELS))
    premise = [SYLLABLES[label], *words(rng, 0, 2)]
    return NliExample(name, " ".join(premise), " ".join(words(rng, 1, 2)), NLI_LABELS[label])


def _sentence(name: str, rng: random.Random) -> NerExample:
    found = words(rng, 1, 6)
    tags = [NER_TAGS[1 + 2 * (len(word) % 3)] if "ka" in word else "O" for word in found]
    return NerExample(name, ("kaka", *found), ("B-PER", *tags))


def _question(name: str, rng: random.Random) -> QaExample:
    context: Sequence[str] = words(rng, 6, 14)
    answer = rng.choice(context)
    whole = " ".join(context)
    return QaExample(name, answer, whole, (Answer(whole.index(answer), answer),))
