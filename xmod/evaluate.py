"""Measure fine-tuned models in every language: `python -m xmod.evaluate --job job.json ...`.

A model that was fine-tuned in the source language meets each language with that language's own
module, and with its own vocabulary, embeddings and positions where it was added (section 3).
Predictions are kept, so that any score can be made again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xmod.command import add_device_arguments, run
from xmod.config_tasks import Control
from xmod.files import sha256_file, write_json_atomic
from xmod.manifest import write_manifest
from xmod.model.device import device_name, use_device
from xmod.model.encoder import Encoder
from xmod.model.finetuning import with_module_of, with_trained
from xmod.model.storage import read_extension, read_finetuned, read_model
from xmod.model.task_heads import TaskModel
from xmod.task_jobs import EvaluateJob, Run
from xmod.tasks.examples import Example, read_examples
from xmod.tasks.features import Features
from xmod.tasks.kinds import HEADS, METRICS, decode, score
from xmod.tasks.predicting import predict
from xmod.tasks.predictions import write_predictions
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.precision import resolve


def main() -> None:
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
    parser.add_argument("--output", type=Path, required=True, help="<run>/scores.json")
    add_device_arguments(parser)
    evaluation = Evaluation(parser.parse_args())
    for one in evaluation.job.runs:
        evaluation.measure(one)


class Evaluation:
    """One cell in all its languages, and the examples that its fine-tuned models are given."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.job = EvaluateJob.read(arguments.job)
        self.device = use_device(arguments.device, threads=arguments.threads)
        vocabulary = Vocabulary.open(arguments.vocabulary)
        self.base = read_model(arguments.model, vocabulary=vocabulary.fingerprint)
        self.base_sha256 = sha256_file(arguments.model)
        self.encoders: dict[str, Encoder] = dict.fromkeys(self.job.languages, self.base.encoder)
        self.features: dict[tuple[str, str], Features] = {}
        self.examples: dict[tuple[str, str], list[Example]] = {}
        for iso in dict.fromkeys(iso for isos in self.job.sets.values() for iso in isos):
            self._prepare(iso, vocabulary)
        self.precision = resolve("auto", device=self.device, width=self.base.encoder.config.width)

    def _prepare(self, iso: str, vocabulary: Vocabulary) -> None:
        """Read the language's encoder, where it was added, and its examples and features."""
        if iso in self.job.added:
            vocabulary = Vocabulary.open(self.arguments.vocabularies / iso / "spm.model")
            self.encoders[iso] = read_extension(
                self.arguments.extensions / iso / "extension.safetensors",
                self.base,
                language=iso,
                vocabulary=vocabulary.fingerprint,
                base_sha256=self.base_sha256,
            ).encoder
        for name, isos in self.job.sets.items():
            if iso not in isos:
                continue
            folder = (
                self.arguments.added_features if iso in self.job.added else self.arguments.features
            )
            path = folder / iso / f"{name}.features"
            self.features[name, iso] = Features.open(
                path, kind=self.job.kind, vocabulary=vocabulary, language=iso
            )
            examples = self.arguments.examples / name / f"{iso}.jsonl"
            self.examples[name, iso] = list(read_examples(examples, self.job.kind))

    def measure(self, one: Run) -> None:
        """Measure one fine-tuned model; write its predictions, scores and manifest."""
        started = time.time()
        output: Path = self.arguments.output / one.name
        path = self.arguments.finetuned / one.name / "model.safetensors"
        encoder, head = read_finetuned(
            path, task=self.job.task, run=one.name, base_sha256=self.base_sha256
        )
        records = [
            record
            for iso in dict.fromkeys(iso for _, iso in self.features)
            for record in self._records(one, iso, TrainedModel(self, encoder, head), output)
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

    def _records(
        self, one: Run, iso: str, trained: TrainedModel, output: Path
    ) -> Iterator[dict[str, Any]]:
        """Every metric of a language: of its own module, then of each control's."""
        for control in (None, *self.job.controls):
            model = trained.of(iso, control)
            if model is None:
                continue
            for name in self.job.sets:
                if (name, iso) not in self.features:
                    continue
                scores = self._scores(model, name, iso, control, output)
                for metric, value in scores.items():
                    for group in self._groups(iso):
                        yield {
                            "stage": "development" if name == "development" else "evaluate",
                            "task": self.job.task if name == "development" else name,
                            "metric": f"{metric}_{control}" if control else metric,
                            "language": iso,
                            "group": group,
                            "seed": one.seed,
                            "value": value,
                        }

    def _groups(self, iso: str) -> Iterator[str]:
        """The source language counts among those like it, and by itself (figure 4)."""
        if iso == self.job.source:
            yield "source"
        yield "added" if iso in self.job.added else "pretrained"

    def _scores(
        self, model: TaskModel, name: str, iso: str, control: Control | None, output: Path
    ) -> dict[str, float]:
        features, examples = self.features[name, iso], self.examples[name, iso]
        predictions = list(
            decode(
                features,
                examples,
                predict(model, features, language=iso, precision=self.precision),
                max_answer_tokens=self.job.max_answer_tokens,
            )
        )
        suffix = f".{control}" if control else ""
        write_predictions(output / "predictions" / f"{name}.{iso}{suffix}.jsonl.gz", predictions)
        mlqa_language = iso if name in self.job.mlqa_sets else None
        return score(self.job.kind, examples, predictions, mlqa_language=mlqa_language)


class TrainedModel:
    """A fine-tuned model, in any language."""

    def __init__(self, evaluation: Evaluation, encoder: Any, head: Any) -> None:
        self._evaluation = evaluation
        self._encoder = encoder
        self._head = head

    def of(self, iso: str, control: Control | None) -> TaskModel | None:
        """The model for `iso`; under a control with another module, or None where there is none."""
        job = self._evaluation.job
        own = self._evaluation.encoders[iso]
        trained = with_trained(
            own, self._encoder, keeps=("embeddings", "positions") if iso in job.added else ()
        )
        if control is not None:
            other = self._other(iso, control)
            if other is None:
                return None
            trained = with_module_of(trained, iso, self._evaluation.encoders[other], other)
        head, num_outputs = HEADS[job.kind]
        model = TaskModel(trained, kind=head, num_outputs=num_outputs)
        model.head.load_state_dict(self._head)
        return model.to(self._evaluation.device).eval()

    def _other(self, iso: str, control: Control) -> str | None:
        """Whose module a control takes; None where it would be the language's own."""
        job = self._evaluation.job
        if control == "source_module":
            return job.source if iso != job.source else None
        return next((one for one in job.languages if one not in (iso, job.source)), None)


if __name__ == "__main__":
    run(main)
