"""What pre-training starts from and leaves behind, whichever engine trains in between."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from xmod.data.batches import Batch
from xmod.data.updates import open_updates
from xmod.jobs import PretrainJob, text
from xmod.manifest import write_manifest
from xmod.model.counts import parameter_counts
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import initialise
from xmod.model.storage import save_model
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.checkpoint import CheckpointFolder, identity
from xmod.training.loop import TrainingLoop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The files of a pre-training job."""
    parser.add_argument("--job", type=Path, required=True, help="what to train: a PretrainJob")
    parser.add_argument("--vocabulary", type=Path, required=True, help="SentencePiece model")
    parser.add_argument("--tokens", type=Path, required=True, help="folder of token files")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")
    parser.add_argument("--output", type=Path, required=True, help="folder of the result")


class Start:
    """A cell's first weights, its text in updates, and where it is resumed from."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        job: PretrainJob,
        *,
        micro_batch_sequences: int,
        by_language: bool = False,
    ) -> None:
        """`by_language` as `open_updates` has it. Raises ValueError on files that are damaged or
        not what belongs to the cell."""
        self.arguments, self.job = arguments, job
        self.vocabulary = Vocabulary.open(arguments.vocabulary)
        self.updates = open_updates(
            arguments.tokens,
            self.vocabulary,
            sizes=job.sizes,
            alpha=job.pretrain.sampling_alpha,
            config=job.pretrain,
            seed=job.seed,
            micro_batch_sequences=micro_batch_sequences,
            by_language=by_language,
        )
        self._data = json.dumps(self.updates.state_dict(), sort_keys=True)
        # Which weights are kept changes nothing of the training, which goes on from its last state.
        told = text(job.model_copy(update={"checkpoints": {}}))
        self.checkpoints = CheckpointFolder(
            arguments.checkpoints, identity(told, self.vocabulary.fingerprint, self._data)
        )

    def model(self, languages: Sequence[str]) -> MaskedLanguageModel:
        """A model with the weights that the job's seed gives, and modules of `languages`."""
        model = MaskedLanguageModel(
            self.job.model,
            module_kind=self.job.modules,
            languages=languages,
            vocabulary_size=self.vocabulary.size,
        )
        initialise(model, self.job.model, torch.Generator().manual_seed(self.job.seed))
        return model

    def save(
        self, model: MaskedLanguageModel, trainer: TrainingLoop[Batch], *, started: float
    ) -> None:
        """Write the trained model, intermediate checkpoints, history and manifest."""
        output: Path = self.arguments.output
        path = output / "model.safetensors"
        self._save_model(path, model)
        intermediate = [output / folder / "model.safetensors" for folder in self.job.checkpoints]
        for other, update in zip(intermediate, self.job.checkpoints.values(), strict=True):
            trainer.take_snapshot(update, model)
            self._save_model(other, model)
        trainer.progress.write_history(output / "history.csv")
        write_manifest(
            output / "manifest.json",
            stage="pretrain",
            config=self.job,
            inputs=[self.arguments.job, self.arguments.vocabulary],
            outputs=[path, *intermediate, output / "history.csv"],
            started=started,
            extra={
                "data_digest": identity(self._data),
                "parameters": parameter_counts(model)._asdict(),
                **trainer.account(),
            },
        )
        self.checkpoints.keep_last()

    def _save_model(self, path: Path, model: MaskedLanguageModel) -> None:
        save_model(path, model, cell=self.job.cell, vocabulary=self.vocabulary.fingerprint)
