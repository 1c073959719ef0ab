"""Pre-train one cell with fairseq: `python -m xmod.pretrain_fairseq --job job.json ...`.

As `xmod.pretrain`, with the same job, batches and first weights, the same files in the end, and
fairseq's model, trainer and optimizer in between (docs/fairseq.md).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from xmod.command import add_execution_arguments, execution_from, run
from xmod.data.updates import open_updates
from xmod.engines.fairseq_start import import_fairseq
from xmod.jobs import PretrainJob, check_engine, text
from xmod.manifest import write_manifest
from xmod.model.counts import parameter_counts
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import initialise
from xmod.model.storage import save_model
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.checkpoint import CheckpointFolder, identity


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.pretrain_fairseq", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to train: a PretrainJob")
    parser.add_argument("--vocabulary", type=Path, required=True, help="SentencePiece model")
    parser.add_argument("--tokens", type=Path, required=True, help="folder of token files")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")
    parser.add_argument("--output", type=Path, required=True, help="folder of the result")
    add_execution_arguments(parser)
    pretrain(parser.parse_args())


def pretrain(arguments: argparse.Namespace) -> None:
    """Train the cell to its budget; write model, history and manifest."""
    started = time.time()
    import_fairseq()
    from xmod.engines.fairseq_training import FairseqTraining

    execution = execution_from(arguments)
    job = PretrainJob.read(arguments.job)
    check_engine(job.cell, job.engine, has="fairseq")
    vocabulary = Vocabulary.open(arguments.vocabulary)
    updates = open_updates(
        arguments.tokens,
        vocabulary,
        sizes=job.sizes,
        alpha=job.pretrain.sampling_alpha,
        config=job.pretrain,
        seed=job.seed,
        micro_batch_sequences=execution.micro_batch_sequences,
    )
    data = json.dumps(updates.state_dict(), sort_keys=True)
    model = MaskedLanguageModel(
        job.model,
        module_kind=job.modules,
        languages=job.languages,
        vocabulary_size=vocabulary.size,
    )
    initialise(model, job.model, torch.Generator().manual_seed(job.seed))
    # Which weights are kept changes nothing of the training, which goes on from its last state.
    told = text(job.model_copy(update={"checkpoints": {}}))
    checkpoints = CheckpointFolder(
        arguments.checkpoints, identity(told, vocabulary.fingerprint, data)
    )
    training = FairseqTraining(
        label=job.cell,
        model=model,
        kind=None,
        sample=lambda task, batch: task.pretraining_sample(batch),
        num_tokens=lambda batch: int(batch.tokens.size),
        updates=updates,
        config=job.pretrain,
        peak_learning_rate=job.pretrain.peak_learning_rate,
        budget_updates=job.budget_updates,
        seed=job.seed,
        execution=execution,
        checkpoints=checkpoints,
        history_path=checkpoints.place / "history.csv",
        snapshots=frozenset(job.checkpoints.values()),
    )
    training.run()
    output: Path = arguments.output
    path = output / "model.safetensors"
    save_model(path, model, cell=job.cell, vocabulary=vocabulary.fingerprint)
    intermediate = [output / folder / "model.safetensors" for folder in job.checkpoints]
    for other, update in zip(intermediate, job.checkpoints.values(), strict=True):
        training.take_snapshot(update)
        save_model(other, model, cell=job.cell, vocabulary=vocabulary.fingerprint)
    training.progress.write_history(output / "history.csv")
    write_manifest(
        output / "manifest.json",
        stage="pretrain",
        config=job,
        inputs=[arguments.job, arguments.vocabulary],
        outputs=[path, *intermediate, output / "history.csv"],
        started=started,
        extra={
            "data_digest": identity(data),
            "parameters": parameter_counts(model)._asdict(),
            **training.account(),
        },
    )
    checkpoints.keep_last()


if __name__ == "__main__":
    run(main)
