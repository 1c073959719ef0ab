"""Pre-train one cell: `python -m xmod.pretrain --job job.json ...` (X-MOD sections 3 and 4)."""

from __future__ import annotations

import argparse
import os
import time

from xmod.command import add_execution_arguments, execution_from, run
from xmod.data.sampling import sampling_probabilities
from xmod.engines.choice import trainer_of
from xmod.jobs import PretrainJob
from xmod.training.loop import Execution
from xmod.training.objective import MaskedLanguageModelling
from xmod.training.parallel import Alone
from xmod.training.placement import Placement
from xmod.training.ranks import LAUNCHERS, Place, Ranks, joined
from xmod.training.start import Start, add_arguments
from xmod.training.together import Together


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.pretrain", description=__doc__)
    add_arguments(parser)
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
    if ranks is not None and job.engine != "torch":
        raise ValueError(
            f"the job of cell {job.cell} is for engine: {job.engine}, which trains in one process; "
            "leave --distributed out"
        )
    engine = trainer_of(job.engine)
    placement = placement_of(job, ranks, arguments.module_shards)
    start = Start(
        arguments,
        job,
        micro_batch_sequences=execution.micro_batch_sequences,
        by_language=ranks is not None,
    )
    languages = job.languages if ranks is None else placement.languages(ranks.rank)
    model = start.model(languages)
    trainer = engine(
        label=job.cell,
        model=model,
        objective=MaskedLanguageModelling(model),
        updates=start.updates,
        config=job.pretrain,
        peak_learning_rate=job.pretrain.peak_learning_rate,
        budget_updates=job.budget_updates,
        seed=job.seed,
        execution=execution,
        checkpoints=start.checkpoints,
        snapshots=frozenset(job.checkpoints.values()),
        parallel=(
            Alone() if ranks is None else Together(ranks, placement, model.to(execution.device))
        ),
    )
    trainer.run()
    joined_tensors = (
        trainer.parallel.collect(model.state_dict()) if placement.num_shards > 1 else None
    )
    if not trainer.parallel.is_first:
        return
    if joined_tensors is not None:
        model = start.model(job.languages)
        model.load_state_dict(joined_tensors)
    start.save(model, trainer, started=started)


def placement_of(job: PretrainJob, ranks: Ranks | None, num_shards: int) -> Placement:
    """Where the modules are; a variant without modules of languages has nothing to place."""
    return Placement.balanced(
        sampling_probabilities(job.sizes, alpha=job.pretrain.sampling_alpha),
        num_ranks=1 if ranks is None else ranks.size,
        num_shards=num_shards if job.modules == "language" else 1,
    )


if __name__ == "__main__":
    run(main)
