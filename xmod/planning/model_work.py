"""What the jobs of models do: pre-training, adapters, added languages and perplexity."""

from __future__ import annotations

from typing import cast

from xmod.analysis.report.state import Job
from xmod.jobs import AdaptJob, ExtendJob, PerplexityJob, PretrainJob
from xmod.planning.flops import EVERYTHING, Part, pass_flops
from xmod.planning.memory import training_gigabytes
from xmod.planning.parameters import body_count, parameter_counts, part_counts
from xmod.planning.work import WEIGHT_BYTES, Scene, Work, mlm_flops, read_told, tokens_of


def pretrain(run: Scene, job: Job) -> Work:
    told = read_told(job, PretrainJob)
    vocabulary_size = _vocabulary_size(run, job.scope)
    counts = parameter_counts(
        told.model,
        modules=told.modules,
        num_languages=len(told.languages),
        vocabulary_size=vocabulary_size,
    )
    tokens = tokens_of(told.pretrain, told.budget_updates)
    copies = 2 + 2 * len(told.checkpoints)  # the model, its last checkpoint; so of each share
    return Work(
        updates=told.budget_updates,
        tokens=tokens,
        flops=mlm_flops(told.model, told.modules != "none", vocabulary_size, told.pretrain,
                        tokens=tokens, trains=EVERYTHING),
        num_languages=len(told.languages),
        disk_gb=copies * counts.total * WEIGHT_BYTES / 1e9,
        parameters=counts,
        memory_gb=training_gigabytes(
            told.model, trained=counts.total, frozen=0, active=counts.active,
            num_sequences=run.micro_batch_sequences, length=told.pretrain.sequence_length,
            masked=told.pretrain.mask_probability, vocabulary_size=vocabulary_size,
        ),
    )  # fmt: skip


def adapt(run: Scene, job: Job) -> Work:
    told = read_told(job, AdaptJob)
    model = run.model(job)
    vocabulary_size = _vocabulary_size(run, job.scope)
    parts = part_counts(model, vocabulary_size)
    counts = parameter_counts(
        model, modules="language", num_languages=1, vocabulary_size=vocabulary_size
    )
    num_languages = len(told.languages)
    tokens = num_languages * tokens_of(told.adapters, told.budget_updates)
    return Work(
        updates=num_languages * told.budget_updates,
        tokens=tokens,
        flops=mlm_flops(model, True, vocabulary_size, told.adapters, tokens=tokens,
                        trains={"modules"}),
        num_pieces=num_languages,
        num_languages=num_languages,
        disk_gb=2 * num_languages * parts["modules"] * WEIGHT_BYTES / 1e9,
        parameters=counts,
        memory_gb=training_gigabytes(
            model, trained=parts["modules"], frozen=counts.total - parts["modules"],
            active=counts.active, num_sequences=run.micro_batch_sequences,
            length=told.adapters.sequence_length, masked=told.adapters.mask_probability,
            vocabulary_size=vocabulary_size,
        ),
    )  # fmt: skip


def join(run: Scene, job: Job) -> Work:
    cell = run.dag.cell("pretrain", job.scope)
    counts = parameter_counts(
        run.dag.grid.configs[cell.id].model,
        modules="language",
        num_languages=len(run.dag.models.module_languages(cell)),
        vocabulary_size=_vocabulary_size(run, job.scope),
    )
    return Work(disk_gb=counts.total * WEIGHT_BYTES / 1e9, parameters=counts)


def extend(run: Scene, job: Job) -> Work:
    told, model, modules = read_told(job, ExtendJob), run.model(job), run.modules(job)
    scope = run.dag.cell("extend", job.scope).scope("added_vocabulary")
    trains = cast("set[Part]", set(told.trains))
    flops, disk, tokens, memory = 0.0, 0.0, 0.0, 0.0
    for iso, updates in told.updates.items():
        vocabulary_size = run.facts.added_vocabulary_size(scope, iso)
        parts = part_counts(model, vocabulary_size)
        here = tokens_of(told.extend, updates)
        tokens += here
        flops += mlm_flops(model, modules != "none", vocabulary_size, told.extend, tokens=here,
                           trains=trains)  # fmt: skip
        saved = sum(parts[part] for part in {*told.trains, "embeddings"})
        disk += 2 * saved * WEIGHT_BYTES / 1e9
        body = body_count(model)
        memory = max(memory, training_gigabytes(
            model, trained=saved, frozen=body, active=saved + body,
            num_sequences=run.micro_batch_sequences, length=told.extend.sequence_length,
            masked=told.extend.mask_probability, vocabulary_size=vocabulary_size,
        ))  # fmt: skip
    return Work(
        updates=sum(told.updates.values()),
        tokens=tokens,
        flops=flops,
        num_pieces=len(told.updates),
        num_languages=len(told.updates),
        disk_gb=disk,
        memory_gb=memory,
    )


def perplexity(run: Scene, job: Job) -> Work:
    told, model, modules = read_told(job, PerplexityJob), run.model(job), run.modules(job)
    cell = run.dag.cell("perplexity", job.scope)
    length, settings = told.sequence_length, told.perplexity
    scope = cell.scope("added_vocabulary")
    flops = tokens = 0.0
    for iso in (*told.pretrained, *told.added):
        is_added = iso in told.added
        vocabulary_size = (
            run.facts.added_vocabulary_size(scope, iso)
            if is_added
            else run.facts.vocabulary_size(cell.scope("vocabulary"))
        )
        # The text as it is, with its context shuffled, and through another module
        passes = settings.mask_rounds * (3 if modules == "language" and not is_added else 2)
        text = run.facts.heldout_tokens(cell, iso, is_added=is_added)
        here = passes * min(settings.max_sequences * length, text)
        tokens += here
        flops += pass_flops(
            model, has_modules=modules != "none", head="mlm", num_outputs=vocabulary_size,
            num_tokens=here, length=length, num_read=here * told.mask_probability,
        )  # fmt: skip
    return Work(tokens=tokens, flops=flops, num_pieces=len(told.pretrained) + len(told.added))


def _vocabulary_size(run: Scene, pretrained: str) -> int:
    scope = run.dag.cell("pretrain", pretrained).scope("vocabulary")
    return run.facts.vocabulary_size(scope)
