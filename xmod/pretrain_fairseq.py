"""Pre-train one cell with fairseq: `python -m xmod.pretrain_fairseq --job job.json ...`.

As `xmod.pretrain`, with the same job, batches and first weights, the same files in the end, and
fairseq's model, trainer and optimizer in between (docs/fairseq.md).
"""

from __future__ import annotations

import argparse
import time

from xmod.command import add_execution_arguments, execution_from, run
from xmod.engines.fairseq_start import import_fairseq
from xmod.jobs import PretrainJob, check_engine
from xmod.training.start import Start, add_arguments


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.pretrain_fairseq", description=__doc__)
    add_arguments(parser)
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
    start = Start(arguments, job, micro_batch_sequences=execution.micro_batch_sequences)
    model = start.model(job.languages)
    training = FairseqTraining(
        label=job.cell,
        model=model,
        kind=None,
        sample=lambda task, batch: task.pretraining_sample(batch),
        num_tokens=lambda batch: int(batch.tokens.size),
        updates=start.updates,
        config=job.pretrain,
        peak_learning_rate=job.pretrain.peak_learning_rate,
        budget_updates=job.budget_updates,
        seed=job.seed,
        execution=execution,
        checkpoints=start.checkpoints,
        history_path=start.checkpoints.place / "history.csv",
        snapshots=frozenset(job.checkpoints.values()),
    )
    training.run()
    start.save(
        model,
        training.progress,
        take_snapshot=training.take_snapshot,
        started=started,
        account=training.account(),
    )


if __name__ == "__main__":
    run(main)
