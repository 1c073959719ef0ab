"""A language's own parameters, trained on its text alone on top of a model that stays as it is.

Each language by itself, so that none sees another: `xmod.extend` and `xmod.adapt` say what is
trained, and how it is kept.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xmod.config_training import TrainingConfig
from xmod.data.batches import Batch
from xmod.data.updates import open_updates
from xmod.files import sha256_file
from xmod.jobs import AdaptJob, ExtendJob, text
from xmod.manifest import write_manifest
from xmod.model.heads import MaskedLanguageModel
from xmod.model.storage import read_model
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.checkpoint import CheckpointFolder, identity
from xmod.training.loop import Execution
from xmod.training.objective import MaskedLanguageModelling
from xmod.training.trainer import Trainer


def add_arguments(parser: argparse.ArgumentParser, *, output: str) -> None:
    """The files of a job that trains languages one by one."""
    parser.add_argument("--job", type=Path, required=True, help="what to train")
    parser.add_argument("--model", type=Path, required=True, help="the pre-trained model")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its vocabulary")
    parser.add_argument("--tokens", type=Path, required=True, help="<iso>/train.tokens")
    parser.add_argument("--checkpoints", type=Path, required=True, help="its own, to resume from")
    parser.add_argument("--output", type=Path, required=True, help=f"<iso>/{output}")


@dataclass(frozen=True)
class Base:
    """The pre-trained model that languages are trained on top of."""

    path: Path
    sha256: str
    """Of its file, which is hashed once: the paper's models have gigabytes."""
    vocabulary: Vocabulary
    model: MaskedLanguageModel

    @classmethod
    def read(cls, path: Path, vocabulary_path: Path) -> Base:
        vocabulary = Vocabulary.open(vocabulary_path)
        model = read_model(path, vocabulary=vocabulary.fingerprint)
        return cls(path, sha256_file(path), vocabulary, model)


class OneLanguage:
    """One language to be trained on top of one model, on its text."""

    def __init__(
        self,
        iso: str,
        base: Base,
        arguments: argparse.Namespace,
        execution: Execution,
        *,
        job: AdaptJob | ExtendJob,
        alone: AdaptJob | ExtendJob,
        config: TrainingConfig,
        vocabulary: Vocabulary,
        vocabulary_path: Path,
    ) -> None:
        """`alone` is the job as it would be with this language only: the others change nothing.

        Raises ValueError on files that are damaged or not what belongs to the model.
        """
        self.iso, self.base = iso, base
        self.vocabulary = vocabulary
        self.output: Path = arguments.output / iso
        self._job, self._config, self._execution = job, config, execution
        self._inputs = [arguments.job, vocabulary_path]
        self._updates = open_updates(
            arguments.tokens,
            self.vocabulary,
            sizes={iso: 1.0},
            alpha=1.0,
            config=config,
            seed=job.seed,
            micro_batch_sequences=execution.micro_batch_sequences,
        )
        self._data = json.dumps(self._updates.state_dict(), sort_keys=True)
        name = identity(text(alone), base.sha256, self.vocabulary.fingerprint, self._data)
        self._checkpoints = CheckpointFolder(arguments.checkpoints / iso, name)

    def train(
        self, model: MaskedLanguageModel, *, label: str, budget_updates: int
    ) -> Trainer[Batch]:
        """Train what requires gradients of the base with the language's own parameters."""
        trainer = Trainer(
            label=label,
            model=model,
            objective=MaskedLanguageModelling(model),
            updates=self._updates,
            config=self._config,
            peak_learning_rate=self._config.peak_learning_rate,
            budget_updates=budget_updates,
            seed=self._job.seed,
            execution=self._execution,
            checkpoints=self._checkpoints,
        )
        trainer.run()
        return trainer

    def finish(
        self, weights: Path, trainer: Trainer[Batch], *, stage: str, started: float, **about: Any
    ) -> None:
        """Write history and manifest beside the weights, once these are written."""
        history = self.output / "history.csv"
        trainer.progress.write_history(history)
        write_manifest(
            self.output / "manifest.json",
            stage=stage,
            config=self._job,
            inputs=self._inputs,
            outputs=[weights, history],
            started=started,
            extra={
                "language": self.iso,
                "base": {"path": str(self.base.path), "sha256": self.base.sha256},
                **about,
                "data_digest": identity(self._data),
                **trainer.account(),
            },
        )
        self._checkpoints.keep_last()
