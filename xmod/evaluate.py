"""Measure fine-tuned models in every language: `python -m xmod.evaluate --job job.json ...`.

A model that was fine-tuned in the source language meets each language with that language's own
module, and with its own vocabulary, embeddings and positions where it was added (section 3).
Predictions are kept, so that any score can be made again.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xmod.command import add_device_arguments, run
from xmod.config_tasks import Control
from xmod.files import sha256_file, write_json_atomic
from xmod.manifest import write_manifest
from xmod.model.device import device_name, use_device
from xmod.model.encoder import Encoder
from xmod.model.finetuning import FinetunedCell
from xmod.model.heads import MaskedLanguageModel
from xmod.model.storage import ModelFileError, read_extension, read_finetuned, read_model
from xmod.model.task_heads import TaskModel
from xmod.task_jobs import EvaluateJob, Run
from xmod.tasks.baselines import read_baselines
from xmod.tasks.examples import Example, read_examples
from xmod.tasks.features import Features
from xmod.tasks.heads import HEADS
from xmod.tasks.predicting import predict
from xmod.tasks.predictions import write_predictions
from xmod.tasks.scoring import METRICS, decode, score
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.precision import resolve


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.evaluate", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to do: an EvaluateJob")
    parser.add_argument("--model", type=Path, required=True, help="the pre-trained model")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its vocabulary")
    parser.add_argument("--finetuned", type=Path, required=True, help="<run>/model.safetensors")
    parser.add_argument("--extensions", type=Path, help="<iso>/extension.safetensors")
    parser.add_argument("--vocabularies", type=Path, help="<iso>/spm.model, if added")
    parser.add_argument("--examples", type=Path, required=True, help="<set>/<iso>.jsonl")
    parser.add_argument("--features", type=Path, required=True, help="<iso>/<set>.features")
    parser.add_argument("--added-features", type=Path, help="<iso>/<set>.features")
    parser.add_argument(
        "--baselines", type=Path, required=True, help="what the sets give away, to stand beside"
    )
    parser.add_argument("--output", type=Path, required=True, help="<run>/scores.json")
    add_device_arguments(parser)
    options = parser.parse_args(arguments)
    evaluation = Evaluation(options, EvaluateJob.read(options.job))
    for one in evaluation.job.runs:
        evaluation.measure(one)


@dataclass(frozen=True, kw_only=True)
class LanguageSet:
    """A set of examples in one language, as text and as features."""

    name: str
    language: str
    examples: list[Example]
    features: Features


class Evaluation:
    """One cell in all its languages, and the sets that its fine-tuned models are given."""

    def __init__(self, arguments: argparse.Namespace, job: EvaluateJob) -> None:
        """Raises ValueError where a file is missing or is not what belongs to the cell."""
        given = (arguments.extensions, arguments.vocabularies, arguments.added_features)
        if job.added and None in given:
            raise ValueError(
                f"{arguments.job}: added is {list(job.added)}, which needs --extensions, "
                "--vocabularies and --added-features"
            )
        self.arguments, self.job = arguments, job
        self.device = use_device(arguments.device, threads=arguments.threads)
        vocabulary = Vocabulary.open(arguments.vocabulary)
        base = read_model(arguments.model, vocabulary=vocabulary.fingerprint)
        self.precision = resolve("auto", device=self.device, width=base.encoder.config.width)
        self.base_sha256 = sha256_file(arguments.model)
        self.encoders: dict[str, Encoder] = dict.fromkeys(self.job.languages, base.encoder)
        self.vocabularies = dict.fromkeys(self.job.languages, vocabulary)
        for iso in self.job.added:
            self.vocabularies[iso] = Vocabulary.open(arguments.vocabularies / iso / "spm.model")
            self.encoders[iso] = self._extended(base, iso)
        self.baselines = read_baselines(arguments.baselines)
        self.sets = [
            self._read_set(name, iso) for name, isos in self.job.sets.items() for iso in isos
        ]

    def _extended(self, base: MaskedLanguageModel, iso: str) -> Encoder:
        return read_extension(
            self.arguments.extensions / iso / "extension.safetensors",
            base,
            language=iso,
            vocabulary=self.vocabularies[iso].fingerprint,
            base_sha256=self.base_sha256,
        ).encoder

    def _read_set(self, name: str, iso: str) -> LanguageSet:
        is_added = iso in self.job.added
        folder = self.arguments.added_features if is_added else self.arguments.features
        path = self.arguments.examples / name / f"{iso}.jsonl"
        features = Features.open(
            folder / iso / f"{name}.features",
            kind=self.job.kind,
            vocabulary=self.vocabularies[iso],
            language=iso,
        )
        features.check_examples(path)
        examples = list(read_examples(path, self.job.kind))
        return LanguageSet(name=name, language=iso, examples=examples, features=features)

    def measure(self, one: Run) -> None:
        """Measure one fine-tuned model; write its predictions, scores and manifest."""
        started = time.time()
        output: Path = self.arguments.output / one.name
        shutil.rmtree(output / "predictions", ignore_errors=True)  # of controls given up since
        path = self.arguments.finetuned / one.name / "model.safetensors"
        cell = self._finetuned(path, one)
        records = [
            record
            for iso in dict.fromkeys(data.language for data in self.sets)
            for control, model in self._models(cell, iso)
            for data in self.sets
            if data.language == iso
            for record in self._records(
                one, data, self._scores(model, data, control, one), f"_{control}" if control else ""
            )
        ]
        records += [
            record
            for data in self.sets
            for name, scores in self.baselines.get((data.name, data.language), {}).items()
            for record in self._records(one, data, scores, f"_{name}")
        ]
        write_json_atomic(
            output / "scores.json",
            {
                "cell": self.job.cell,
                "metric": METRICS[self.job.kind][0],
                "run": one.model_dump(),
                "records": records,
            },
        )
        write_manifest(
            output / "manifest.json",
            stage="evaluate",
            config=self.job,
            inputs=[self.arguments.job, path],
            outputs=[output / "scores.json", *sorted(output.glob("predictions/*.gz"))],
            started=started,
            extra={
                "run": one.model_dump(),
                "base_sha256": self.base_sha256,
                "device": device_name(self.device),
                "precision": self.precision,
                "num_threads": self.arguments.threads,
            },
        )

    def _finetuned(self, path: Path, one: Run) -> FinetunedCell:
        trained, head = read_finetuned(
            path, task=self.job.task, run=one.name, base_sha256=self.base_sha256
        )
        kind, num_outputs = HEADS[self.job.kind]
        try:
            return FinetunedCell(
                self.encoders,
                source=self.job.source,
                trained=trained,
                head=head,
                kind=kind,
                num_outputs=num_outputs,
                device=self.device,
            )
        except ValueError as error:
            raise ModelFileError(f"{path} does not fit cell {self.job.cell}: {error}") from error

    def _models(self, cell: FinetunedCell, iso: str) -> Iterator[tuple[Control | None, TaskModel]]:
        """The model for a language, then with the module of each control."""
        yield None, cell.model(iso)
        for control in self.job.controls:
            other = self._other(iso, control)
            if other is not None:
                yield control, cell.model_with_module_of(iso, other)

    def _other(self, iso: str, control: Control) -> str | None:
        """Whose module a control takes; None where it would be the language's own."""
        if control == "source_module":
            return self.job.source if iso != self.job.source else None
        return next((one for one in self.job.languages if one not in (iso, self.job.source)), None)

    def _scores(
        self, model: TaskModel, data: LanguageSet, control: Control | None, one: Run
    ) -> dict[str, float]:
        """Every metric of a set; its predictions are written."""
        logits = predict(model, data.features, language=data.language, precision=self.precision)
        predictions = list(
            decode(
                data.features,
                data.examples,
                logits,
                max_answer_tokens=self.job.max_answer_tokens,
            )
        )
        name = ".".join(filter(None, (data.name, data.language, control)))
        folder = self.arguments.output / one.name / "predictions"
        write_predictions(folder / f"{name}.jsonl.gz", predictions)
        mlqa_language = data.language if data.name in self.job.mlqa_sets else None
        return score(self.job.kind, data.examples, predictions, mlqa_language=mlqa_language)

    def _records(
        self, one: Run, data: LanguageSet, scores: Mapping[str, float], suffix: str
    ) -> Iterator[dict[str, Any]]:
        is_development = data.name == "development"
        for metric, value in scores.items():
            for group in self._groups(data.language):
                yield {
                    "stage": "development" if is_development else "evaluate",
                    "task": self.job.task if is_development else data.name,
                    "metric": f"{metric}{suffix}",
                    "language": data.language,
                    "group": group,
                    "seed": one.seed,
                    "value": value,
                }

    def _groups(self, iso: str) -> Iterator[str]:
        """The source language counts among those like it, and by itself (figure 4)."""
        if iso == self.job.source:
            yield "source"
        yield "added" if iso in self.job.added else "pretrained"


if __name__ == "__main__":
    run(main)
