"""What fine-tuning starts from and leaves behind, whichever engine trains in between."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from xmod.files import sha256_file
from xmod.jobs import text
from xmod.manifest import write_manifest
from xmod.model.encoder import Encoder
from xmod.model.finetuning import copy_to_train
from xmod.model.storage import read_extension, read_model, save_finetuned
from xmod.model.task_heads import TaskModel, initialise_head
from xmod.task_jobs import FinetuneJob, Run
from xmod.tasks.batches import TaskBatch
from xmod.tasks.features import Features
from xmod.tasks.finetuning import TaskUpdates
from xmod.tasks.heads import HEADS
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.checkpoint import CheckpointFolder, identity
from xmod.training.loop import TrainingLoop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The files of a fine-tuning job."""
    parser.add_argument("--job", type=Path, required=True, help="what to do: a FinetuneJob")
    parser.add_argument("--model", type=Path, required=True, help="the pre-trained model")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its vocabulary")
    parser.add_argument(
        "--extension", type=Path, help="where the source language was added: its extension"
    )
    parser.add_argument(
        "--extension-vocabulary", type=Path, help="and the vocabulary that came with it"
    )
    parser.add_argument("--features", type=Path, required=True, help="the training set")
    parser.add_argument("--checkpoints", type=Path, required=True, help="its own, to resume from")
    parser.add_argument("--output", type=Path, required=True, help="<run>/model.safetensors")


class Start:
    """A cell in its source language, and the training set: what all runs start from."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Raises ValueError where a file is missing or is not what belongs to the cell."""
        job = FinetuneJob.read(arguments.job)
        if job.source_is_added != (arguments.extension is not None):
            raise ValueError(
                f"{arguments.job}: source_is_added is {job.source_is_added}; --extension is given "
                "exactly where the source language was added"
            )
        self.arguments, self.job = arguments, job
        vocabulary = Vocabulary.open(arguments.vocabulary)
        model = read_model(arguments.model, vocabulary=vocabulary.fingerprint)
        self.base_sha256 = sha256_file(arguments.model)
        if job.source_is_added:
            vocabulary = Vocabulary.open(arguments.extension_vocabulary)
            model = read_extension(
                arguments.extension,
                model,
                language=job.source,
                vocabulary=vocabulary.fingerprint,
                base_sha256=self.base_sha256,
            )
        self.encoder: Encoder = model.encoder
        self.features = Features.open(
            arguments.features, kind=job.kind, vocabulary=vocabulary, language=job.source
        )
        self.inputs = {
            "base_sha256": self.base_sha256,
            "features_sha256": sha256_file(arguments.features),
            "extension_sha256": sha256_file(arguments.extension) if job.source_is_added else "",
        }

    def model(self, one: Run) -> TaskModel:
        """The weights that a run begins with: the cell's own, of which some train, and a head's."""
        head, num_outputs = HEADS[self.job.kind]
        encoder = copy_to_train(self.encoder, freezes=self.job.finetune.freezes)
        model = TaskModel(encoder, kind=head, num_outputs=num_outputs)
        initialise_head(model, seed=one.seed)
        return model

    def updates(self, one: Run, *, micro_batch_sequences: int) -> TaskUpdates:
        return TaskUpdates(
            self.features,
            batch_sequences=self.job.finetune.batch_sequences,
            micro_batch_sequences=micro_batch_sequences,
            seed=one.seed,
        )

    def checkpoints(self, one: Run) -> CheckpointFolder:
        """A run's own, which no change of another run touches."""
        return CheckpointFolder(
            self.arguments.checkpoints / one.name,
            identity(
                text(self.job.model_copy(update={"runs": (one,)})),
                json.dumps(self.inputs, sort_keys=True),
            ),
        )

    def save(
        self, one: Run, model: TaskModel, trainer: TrainingLoop[TaskBatch], *, started: float
    ) -> None:
        """Write what a run has trained: model, history and manifest."""
        output: Path = self.arguments.output / one.name
        save_finetuned(
            output / "model.safetensors",
            model,
            cell=self.job.cell,
            task=self.job.task,
            run=one.name,
            base_sha256=self.base_sha256,
        )
        trainer.progress.write_history(output / "history.csv")
        write_manifest(
            output / "manifest.json",
            stage="finetune",
            config=self.job,
            inputs=[self.arguments.job],
            outputs=[output / "model.safetensors", output / "history.csv"],
            started=started,
            extra={"run": one.model_dump(), **self.inputs, **trainer.account()},
        )
