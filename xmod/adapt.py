"""Train modules on top of a pre-trained cell: `python -m xmod.adapt --job job.json ...`.

Adapters, as X-MOD section 6.2 compares with: each language's module is trained on that language
by itself, with all else frozen.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from xmod.command import add_execution_arguments, execution_from, run
from xmod.data.updates import open_updates
from xmod.files import sha256_file
from xmod.jobs import AdaptJob, text
from xmod.manifest import write_manifest
from xmod.model.storage import read_model, save_adapter
from xmod.model.transfer import add_adapter
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.checkpoint import CheckpointFolder, identity
from xmod.training.loop import Trainer
from xmod.training.objective import MaskedLanguageModelling


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.adapt", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to train: an AdaptJob")
    parser.add_argument("--model", type=Path, required=True, help="the base's model")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its vocabulary")
    parser.add_argument("--tokens", type=Path, required=True, help="<iso>/train.tokens")
    parser.add_argument("--checkpoints", type=Path, required=True, help="its own, to resume from")
    parser.add_argument("--output", type=Path, required=True, help="<iso>/adapter.safetensors")
    add_execution_arguments(parser)
    adaptation = Adaptation(parser.parse_args())
    for iso in adaptation.job.languages:
        adaptation.train(iso)


class Adaptation:
    """A model, and the text of the languages whose modules are trained on top of it."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.job = AdaptJob.read(arguments.job)
        self.execution = execution_from(arguments)
        self.vocabulary = Vocabulary.open(arguments.vocabulary)
        self.base = read_model(arguments.model, vocabulary=self.vocabulary.fingerprint)
        self.base_sha256 = sha256_file(arguments.model)

    def train(self, iso: str) -> None:
        """Train one language's modules; write them, history and manifest."""
        started = time.time()
        job, config = self.job, self.job.adapters
        updates = open_updates(
            self.arguments.tokens,
            self.vocabulary,
            sizes={iso: 1.0},
            alpha=1.0,
            config=config,
            seed=job.seed,
            micro_batch_sequences=self.execution.micro_batch_sequences,
        )
        data = json.dumps(updates.state_dict(), sort_keys=True)
        model = add_adapter(self.base, iso, torch.Generator().manual_seed(job.seed))
        checkpoints = CheckpointFolder(
            self.arguments.checkpoints / iso,
            identity(
                text(job.model_copy(update={"languages": (iso,)})),
                *(self.base_sha256, self.vocabulary.fingerprint, data),
            ),
        )
        trainer = Trainer(
            label=f"{job.cell}, adapter of {iso}",
            model=model,
            encoder=model.encoder,
            objective=MaskedLanguageModelling(model),
            updates=updates,
            config=config,
            peak_learning_rate=config.peak_learning_rate,
            budget_updates=job.budget_updates,
            seed=job.seed,
            execution=self.execution,
            checkpoints=checkpoints,
            history_path=checkpoints.place / "history.csv",
        )
        trainer.run()
        output: Path = self.arguments.output / iso
        path = output / "adapter.safetensors"
        save_adapter(path, model, language=iso, base_sha256=self.base_sha256)
        trainer.progress.write_history(output / "history.csv")
        write_manifest(
            output / "manifest.json",
            stage="adapt",
            config=job,
            inputs=[self.arguments.job, self.arguments.vocabulary],
            outputs=[path, output / "history.csv"],
            started=started,
            extra={
                "language": iso,
                "base": {"path": str(self.arguments.model), "sha256": self.base_sha256},
                "data_digest": identity(data),
                **trainer.account(),
            },
        )
        checkpoints.keep_last()


if __name__ == "__main__":
    run(main)
