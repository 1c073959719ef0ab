"""Pre-train one cell: `python -m xmod.pretrain --job job.json ...` (X-MOD sections 3 and 4)."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from xmod.command import add_execution_arguments, execution_from, run
from xmod.data.sampling import sampling_probabilities
from xmod.data.updates import open_updates
from xmod.jobs import PretrainJob, check_engine, text
from xmod.manifest import write_manifest
from xmod.model.counts import parameter_counts
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import initialise
from xmod.model.storage import save_model
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.checkpoint import CheckpointFolder, identity
from xmod.training.loop import Execution, Trainer
from xmod.training.objective import MaskedLanguageModelling
from xmod.training.parallel import Alone
from xmod.training.placement import Placement
from xmod.training.ranks import LAUNCHERS, Place, Ranks, joined
from xmod.training.together import Together


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.pretrain", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to train: a PretrainJob")
    parser.add_argument("--vocabulary", type=Path, required=True, help="SentencePiece model")
    parser.add_argument("--tokens", type=Path, required=True, help="folder of token files")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")
    parser.add_argument("--output", type=Path, required=True, help="folder of the result")
    add_execution_arguments(parser)
    add_distributed_arguments(parser)
    arguments = parser.parse_args()
    if arguments.distributed is None:
        pretrain(arguments, execution_from(arguments), None)
        return
    place = Place.read(arguments.distributed, os.environ)
    execution = execution_from(arguments, local_rank=place.local_rank)
    with joined(place, execution.device) as ranks:
        pretrain(arguments, execution, ranks)


def add_distributed_arguments(parser: argparse.ArgumentParser) -> None:
    """Who else trains the cell; changes no more than rounding and where dropout drops."""
    parser.add_argument(
        "--distributed",
        choices=LAUNCHERS,
        help="what started this and further processes that train together; left out, this is alone",
    )
    parser.add_argument(
        "--module-shards",
        type=int,
        default=1,
        help="so many processes have all language modules between them; 1: each has all of them",
    )


def pretrain(arguments: argparse.Namespace, execution: Execution, ranks: Ranks | None) -> None:
    """Train the cell to its budget, with other ranks if there are; the first one writes model,
    history and manifest."""
    started = time.time()
    job = PretrainJob.read(arguments.job)
    check_engine(job.cell, job.engine, has="torch")
    placement = placement_of(job, ranks, arguments.module_shards)
    vocabulary = Vocabulary.open(arguments.vocabulary)
    updates = open_updates(
        arguments.tokens,
        vocabulary,
        sizes=job.sizes,
        alpha=job.pretrain.sampling_alpha,
        config=job.pretrain,
        seed=job.seed,
        micro_batch_sequences=execution.micro_batch_sequences,
        by_language=ranks is not None,
    )
    data = json.dumps(updates.state_dict(), sort_keys=True)
    languages = job.languages if ranks is None else placement.languages(ranks.rank)
    model = build_model(job, vocabulary, languages).to(execution.device)
    # Which weights are kept changes nothing of the training, which goes on from its last state.
    training = text(job.model_copy(update={"checkpoints": {}}))
    checkpoints = CheckpointFolder(
        arguments.checkpoints, identity(training, vocabulary.fingerprint, data)
    )
    trainer = Trainer(
        label=job.cell,
        model=model,
        encoder=model.encoder,
        objective=MaskedLanguageModelling(model),
        updates=updates,
        config=job.pretrain,
        peak_learning_rate=job.pretrain.peak_learning_rate,
        budget_updates=job.budget_updates,
        seed=job.seed,
        execution=execution,
        checkpoints=checkpoints,
        history_path=checkpoints.place / "history.csv",
        snapshots=frozenset(job.checkpoints.values()),
        parallel=Alone() if ranks is None else Together(ranks, placement, model),
    )
    trainer.run()
    joined_tensors = (
        trainer.parallel.collect(model.state_dict()) if placement.num_shards > 1 else None
    )
    if not trainer.parallel.is_first:
        return
    if joined_tensors is not None:
        model = build_model(job, vocabulary, job.languages)
        model.load_state_dict(joined_tensors)
    output: Path = arguments.output
    save_model(
        output / "model.safetensors", model, cell=job.cell, vocabulary=vocabulary.fingerprint
    )
    intermediate = [output / folder / "model.safetensors" for folder in job.checkpoints]
    for path, update in zip(intermediate, job.checkpoints.values(), strict=True):
        checkpoints.load_snapshot(update, model)
        save_model(path, model, cell=job.cell, vocabulary=vocabulary.fingerprint)
    trainer.progress.write_history(output / "history.csv")
    write_manifest(
        output / "manifest.json",
        stage="pretrain",
        config=job,
        inputs=[arguments.job, arguments.vocabulary],
        outputs=[output / "model.safetensors", *intermediate, output / "history.csv"],
        started=started,
        extra={
            "data_digest": identity(data),
            "parameters": parameter_counts(model)._asdict(),
            **trainer.account(),
        },
    )
    checkpoints.keep_last()


def placement_of(job: PretrainJob, ranks: Ranks | None, num_shards: int) -> Placement:
    """Where the modules are; a variant without modules of languages has nothing to place."""
    return Placement.balanced(
        sampling_probabilities(job.sizes, alpha=job.pretrain.sampling_alpha),
        num_ranks=1 if ranks is None else ranks.size,
        num_shards=num_shards if job.modules == "language" else 1,
    )


def build_model(
    job: PretrainJob, vocabulary: Vocabulary, languages: Sequence[str]
) -> MaskedLanguageModel:
    """A model with the weights that the job's seed gives, and modules of `languages`."""
    model = MaskedLanguageModel(
        job.model,
        module_kind=job.modules,
        languages=languages,
        vocabulary_size=vocabulary.size,
    )
    initialise(model, job.model, torch.Generator().manual_seed(job.seed))
    return model


if __name__ == "__main__":
    run(main)
