"""Add languages to a pre-trained cell: `python -m xmod.extend --job job.json ...` (section 3).

Each language is added to the same pre-trained model by itself, so no language sees another.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from xmod.command import add_execution_arguments, execution_from, run
from xmod.data.batches import UpdateBatches
from xmod.data.updates import open_updates
from xmod.files import sha256_file
from xmod.jobs import ExtendJob, text
from xmod.manifest import write_manifest
from xmod.model.heads import MaskedLanguageModel
from xmod.model.storage import read_model, save_extension
from xmod.model.transfer import add_language
from xmod.tokenization.overlap import overlap
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.checkpoint import CheckpointFolder, identity
from xmod.training.loop import Execution, Trainer
from xmod.training.objective import MaskedLanguageModelling


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.extend", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to add: an ExtendJob")
    parser.add_argument("--model", type=Path, required=True, help="the pre-trained model")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its vocabulary")
    parser.add_argument("--vocabularies", type=Path, required=True, help="<iso>/spm.model")
    parser.add_argument("--tokens", type=Path, required=True, help="<iso>/train.tokens")
    parser.add_argument("--checkpoints", type=Path, required=True, help="its own, to resume from")
    parser.add_argument("--output", type=Path, required=True, help="<iso>/extension.safetensors")
    add_execution_arguments(parser)
    arguments = parser.parse_args()
    job = ExtendJob.read(arguments.job)
    execution = execution_from(arguments)
    base = Base.read(arguments.model, arguments.vocabulary)
    additions = [Addition(job, iso, base, arguments, execution) for iso in job.updates]
    for addition in additions:
        addition.train()


@dataclass(frozen=True)
class Base:
    """The pre-trained model that languages are added to."""

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


class Addition:
    """One language that is added to one model."""

    def __init__(
        self,
        job: ExtendJob,
        iso: str,
        base: Base,
        arguments: argparse.Namespace,
        execution: Execution,
    ) -> None:
        self.job, self.iso, self.base, self.execution = job, iso, base, execution
        self.vocabulary_path: Path = arguments.vocabularies / iso / "spm.model"
        self.vocabulary = Vocabulary.open(self.vocabulary_path)
        self.updates = self._open_updates(arguments.tokens)
        self.output: Path = arguments.output / iso
        self.job_path: Path = arguments.job
        self.data = json.dumps(self.updates.state_dict(), sort_keys=True)
        name = identity(
            text(job.model_copy(update={"updates": {iso: job.updates[iso]}})),
            base.sha256,
            self.vocabulary.fingerprint,
            self.data,
        )
        self.checkpoints = CheckpointFolder(arguments.checkpoints / iso, name)

    def train(self) -> None:
        """Train what the variant trains; write extension, history and manifest."""
        started = time.time()
        shared = overlap(self.vocabulary, old=self.base.vocabulary)
        model = add_language(
            self.base.model,
            self.iso,
            self.vocabulary.size,
            torch.Generator().manual_seed(self.job.seed),
            copy=shared.pairs.tolist(),
            trains=self.job.trains,
        )
        trainer = Trainer(
            label=f"{self.job.cell} + {self.iso}",
            model=model,
            encoder=model.encoder,
            objective=MaskedLanguageModelling(model),
            updates=self.updates,
            config=self.job.extend,
            peak_learning_rate=self.job.extend.peak_learning_rate,
            budget_updates=self.job.updates[self.iso],
            seed=self.job.seed,
            execution=self.execution,
            checkpoints=self.checkpoints,
            history_path=self.checkpoints.place / "history.csv",
        )
        trainer.run()
        path = self.output / "extension.safetensors"
        save_extension(
            path,
            model,
            language=self.iso,
            vocabulary=self.vocabulary.fingerprint,
            base_sha256=self.base.sha256,
        )
        trainer.progress.write_history(self.output / "history.csv")
        write_manifest(
            self.output / "manifest.json",
            stage="extend",
            config=self.job,
            inputs=[self.job_path, self.vocabulary_path],
            outputs=[path, self.output / "history.csv"],
            started=started,
            extra={
                "language": self.iso,
                "base": {"path": str(self.base.path), "sha256": self.base.sha256},
                "overlapping_pieces": shared.num_pieces,
                "num_pieces": shared.num_new_pieces,
                "data_digest": identity(self.data),
                **trainer.account(),
            },
        )
        self.checkpoints.keep_last()

    def _open_updates(self, tokens: Path) -> UpdateBatches:
        return open_updates(
            tokens,
            self.vocabulary,
            sizes={self.iso: 1.0},
            alpha=1.0,
            config=self.job.extend,
            seed=self.job.seed,
            micro_batch_sequences=self.execution.micro_batch_sequences,
        )


if __name__ == "__main__":
    run(main)
