"""Fine-tune a cell with fairseq: `python -m xmod.finetune_fairseq --job job.json ...`.

As `xmod.finetune`, with the same job, batches, first weights and files (docs/fairseq.md).
"""

from __future__ import annotations

import argparse
import time

from xmod.command import add_execution_arguments, execution_from, run
from xmod.engines.fairseq_start import import_fairseq
from xmod.task_jobs import Run
from xmod.tasks.start import Start, add_arguments
from xmod.training.loop import Execution


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.finetune_fairseq", description=__doc__)
    add_arguments(parser)
    add_execution_arguments(parser)
    options = parser.parse_args()
    import_fairseq()
    execution = execution_from(options)
    start = Start(options, engine="fairseq")
    for one in start.job.runs:
        train(start, one, execution)


def train(start: Start, one: Run, execution: Execution) -> None:
    """Train one run; write model, history and manifest."""
    from xmod.engines.fairseq_training import FairseqTraining

    started = time.time()
    job, model, checkpoints = start.job, start.model(one), start.checkpoints(one)
    updates = start.updates(one, micro_batch_sequences=execution.micro_batch_sequences)
    training = FairseqTraining(
        label=f"{job.cell} on {job.task}, {one.name}",
        model=model,
        kind=job.kind,
        sample=lambda task, batch: task.finetuning_sample(batch, language=job.source),
        num_tokens=lambda batch: int(batch.ids.size),
        updates=updates,
        config=job.finetune,
        peak_learning_rate=one.learning_rate,
        budget_updates=one.epochs * updates.updates_per_epoch,
        seed=one.seed,
        execution=execution,
        checkpoints=checkpoints,
        history_path=checkpoints.place / "history.csv",
    )
    training.run()
    start.save(one, model, training.progress, started=started, account=training.account())
    checkpoints.keep_last()


if __name__ == "__main__":
    run(main)
