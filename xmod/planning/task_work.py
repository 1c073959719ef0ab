"""What the jobs of tasks do: their data, fine-tuning and evaluation."""

from __future__ import annotations

import math
from collections.abc import Collection

from xmod.analysis.report.state import Job
from xmod.cells import Cell
from xmod.config_tasks import TaskKind
from xmod.planning.facts import Sequences
from xmod.planning.flops import EVERYTHING, Head, Part, pass_flops
from xmod.planning.memory import training_gigabytes
from xmod.planning.parameters import encoder_body_count, part_counts
from xmod.planning.work import WEIGHT_BYTES, Scene, Work, read_told
from xmod.task_jobs import EvaluateJob, FinetuneJob

TASK_HEADS: dict[TaskKind, tuple[Head, int]] = {
    "nli": ("sentence", 3),
    "ner": ("token", 7),
    "qa": ("token", 2),
}
"""As xmod.tasks.heads has them, which lies in a room with tensors."""
PREDICTION_BYTES, SCORE_BYTES = 6, 60_000
"""Of a packed prediction, and of a run's scores and manifest: config/small.yaml's."""


def data(run: Scene, job: Job) -> Work:
    """Reading a task's sets, what they give away, and their features in the shared vocabulary."""
    stage = "features" if job.stage == "features" else "tasks"
    cell = run.dag.tasks.scopes(stage, job.task)[job.scope]
    return _examples(run, job.task, cell, run.dag.tasks.languages(job.task))


def added_features(run: Scene, job: Job) -> Work:
    cell = run.dag.tasks.scopes("added_features", job.task)[job.scope]
    batches = run.dag.tasks.added_batches(job.task)
    isos = next(batch.isos for batch in batches if batch.name == job.part)
    return _examples(run, job.task, cell, isos)


def _examples(run: Scene, task: str, cell: Cell, isos: Collection[str]) -> Work:
    """Of every set, in those of `isos` that it has."""
    return Work(
        examples=sum(
            run.facts.sequences(task, cell, name, iso).num_sequences
            for name, one in run.dag.tasks.at(task, cell).sets.items()
            for iso in one.languages
            if iso in isos
        )
    )


def finetune(run: Scene, job: Job) -> Work:
    told, model = read_told(job, FinetuneJob), run.model(job)
    cell = run.dag.tasks.cell("finetune", told.task, job.scope)
    train = run.facts.sequences(told.task, cell, "train", told.source)
    trains = EVERYTHING - set(told.finetune.freezes)
    epochs = sum(one.epochs for one in told.runs)
    flops = epochs * _task_pass(run, job, told.kind, train, trains)
    vocabulary_size = run.facts.vocabulary_size(cell.scope("vocabulary"))
    parts = part_counts(model, vocabulary_size)
    trained = encoder_body_count(model) + sum(
        parts[part] for part in parts if part not in told.finetune.freezes
    )
    frozen = sum(parts[part] for part in told.finetune.freezes)
    updates = math.ceil(train.num_sequences / told.finetune.batch_sequences)
    return Work(
        updates=epochs * updates,
        tokens=epochs * train.num_tokens,
        flops=flops,
        num_pieces=len(told.runs),
        disk_gb=2 * len(told.runs) * trained * WEIGHT_BYTES / 1e9,
        memory_gb=training_gigabytes(
            model, trained=trained, frozen=frozen, active=trained + frozen,
            num_sequences=min(run.micro_batch_sequences, told.finetune.batch_sequences),
            length=run.dag.tasks.at(told.task, cell).max_length,
        ),
    )  # fmt: skip


def evaluate(run: Scene, job: Job) -> Work:
    told = read_told(job, EvaluateJob)
    place = (told.task, job.scope)
    if place not in run.evaluations:  # the same for all of a cell's runs
        run.evaluations[place] = _evaluation(run, job, told)
    once, num_runs = run.evaluations[place], len(told.runs)
    return Work(
        tokens=num_runs * once.tokens,
        flops=num_runs * once.flops,
        num_pieces=num_runs,
        disk_gb=num_runs * once.disk_gb,
    )


def _evaluation(run: Scene, job: Job, told: EvaluateJob) -> Work:
    """Of one run, in every set and language."""
    cell = run.dag.tasks.cell("evaluate", told.task, job.scope)
    flops = tokens = predictions = 0.0
    for name, isos in told.sets.items():
        for iso in isos:
            one = run.facts.sequences(told.task, cell, name, iso)
            # A control is measured where its module is not the language's own.
            passes = 1 + sum(
                control != "source_module" or iso != told.source for control in told.controls
            )
            flops += passes * _task_pass(run, job, told.kind, one, ())
            tokens += passes * one.num_tokens
            predictions += passes * one.num_sequences
    disk = predictions * PREDICTION_BYTES + SCORE_BYTES
    return Work(tokens=tokens, flops=flops, disk_gb=disk / 1e9)


def _task_pass(
    run: Scene, job: Job, kind: TaskKind, data: Sequences, trains: Collection[Part]
) -> float:
    """Arithmetic of one pass of a set through a cell's model with the task's head."""
    head, num_outputs = TASK_HEADS[kind]
    return pass_flops(
        run.model(job),
        has_modules=run.modules(job) != "none",
        head=head,
        num_outputs=num_outputs,
        num_tokens=data.num_tokens,
        length=data.length,
        num_read=data.num_sequences if head == "sentence" else data.num_tokens,
        trains=trains,
    )
