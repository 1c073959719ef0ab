"""Fine-tune a cell on a task: `python -m xmod.finetune --job job.json ...` (section 3).

One job does one run or several, each by itself: the bits are the same either way.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from xmod.command import add_execution_arguments, execution_from, run
from xmod.engines.choice import trainer_of
from xmod.task_jobs import Run
from xmod.tasks.finetuning import TaskObjective
from xmod.tasks.start import Start, add_arguments
from xmod.training.loop import Execution, TrainingLoop


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.finetune", description=__doc__)
    add_arguments(parser)
    add_execution_arguments(parser)
    options = parser.parse_args(arguments)
    execution = execution_from(options)
    start = Start(options)
    engine = trainer_of(start.job.engine)
    for one in start.job.runs:
        train(start, one, engine, execution)


def train(start: Start, one: Run, engine: type[TrainingLoop[Any]], execution: Execution) -> None:
    """Train one run; write model, history and manifest."""
    started = time.time()
    job, model, checkpoints = start.job, start.model(one), start.checkpoints(one)
    updates = start.updates(one, micro_batch_sequences=execution.micro_batch_sequences)
    trainer = engine(
        label=f"{job.cell} on {job.task}, {one.name}",
        model=model,
        objective=TaskObjective(model, kind=job.kind, language=job.source),
        updates=updates,
        config=job.finetune,
        peak_learning_rate=one.learning_rate,
        budget_updates=one.epochs * updates.updates_per_epoch,
        seed=one.seed,
        execution=execution,
        checkpoints=checkpoints,
    )
    trainer.run()
    start.save(one, model, trainer, started=started)
    checkpoints.keep_last()


if __name__ == "__main__":
    run(main)
