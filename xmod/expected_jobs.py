"""Every job that a configuration asks for, with its files: what `xmod.report` holds the results to.

The rules say the same to Snakemake; `tests/workflow/test_report.py` holds both together.
"""

from __future__ import annotations

from collections.abc import Iterator

from xmod.analysis.report.state import Job
from xmod.dag import Dag
from xmod.expected_result_jobs import result_jobs
from xmod.expected_task_jobs import TaskJobs, flat
from xmod.paths import VOCABULARY_FILES


def expected_jobs(dag: Dag) -> tuple[Job, ...]:
    """The jobs in the order of the stages."""
    tasks = (TaskJobs(dag, name) for name in dag.tasks.cells)
    return (
        *_corpora(dag),
        *_vocabularies(dag),
        *_added_vocabularies(dag),
        *_models(dag),
        *_measured(dag),
        *(job for task in tasks for job in task.jobs()),
        *result_jobs(dag),
    )


def _corpora(dag: Dag) -> Iterator[Job]:
    for scope in dag.scopes("corpora"):
        for batch in dag.batches(dag.available_languages):
            if set(batch.isos) & set(dag.corpus_languages):
                yield Job(
                    stage="corpora",
                    scope=scope,
                    part=batch.name,
                    outputs=tuple(dag.paths.corpora(scope, batch.isos)),
                    inputs=(
                        *dag.package_inputs,
                        *dag.sources.corpus_stamps(batch.isos),
                        *dag.text_files(batch.isos),
                    ),
                    log=dag.paths.log("corpora", scope, batch.name),
                    benchmark=dag.paths.benchmark("corpora", scope, batch.name),
                    told=dag.job_text("corpora", scope, "job"),
                    told_in=dag.paths.job("corpora", scope, f"job-{batch.name}"),
                )


def _vocabularies(dag: Dag) -> Iterator[Job]:
    """Of the vocabularies that cells share, and the token files in them."""
    for scope in dag.scopes("vocabulary"):
        yield Job(
            stage="vocabulary",
            scope=scope,
            outputs=tuple(dag.paths.vocabulary(scope, file) for file in VOCABULARY_FILES),
            inputs=(*dag.given_vocabulary(scope), *dag.vocabulary_corpora(scope)),
            log=dag.paths.log("vocabulary", scope),
            benchmark=dag.paths.benchmark("vocabulary", scope),
            told=dag.job_text("vocabulary", scope, "job"),
            told_in=dag.paths.job("vocabulary", scope),
        )
    for scope in dag.scopes("vocabulary"):
        read = _read_in(dag, "vocabulary", scope)
        for batch in dag.batches(dag.available_languages):
            if read & set(batch.isos):
                yield Job(
                    stage="tokens",
                    scope=scope,
                    part=batch.name,
                    outputs=tuple(dag.paths.token_files(scope, batch.isos)),
                    inputs=(
                        dag.paths.vocabulary(scope),
                        *dag.corpora("vocabulary", scope, batch.isos),
                    ),
                    log=dag.paths.log("tokens", scope, batch.name),
                    benchmark=dag.paths.benchmark("tokens", scope, batch.name),
                )


def _added_vocabularies(dag: Dag) -> Iterator[Job]:
    """Of each added language: its vocabulary, and its token files."""
    paths = dag.paths
    for scope in dag.scopes("added_vocabulary"):
        read = _read_in(dag, "added_vocabulary", scope)
        for batch in dag.added_batches:
            if not read & set(batch.isos):
                continue
            corpora = dag.corpora("added_vocabulary", scope, batch.isos)
            yield Job(
                stage="added vocabulary",
                scope=scope,
                part=batch.name,
                outputs=tuple(paths.added_vocabulary_files(scope, batch.isos)),
                inputs=tuple(corpora),
                log=paths.log("added_vocabulary", scope, batch.name),
                benchmark=paths.benchmark("added_vocabulary", scope, batch.name),
                told=dag.job_text("added_vocabulary", scope, "job"),
                told_in=paths.job("added_vocabulary", scope, f"job-{batch.name}"),
            )
            models = (paths.added_vocabulary(scope, iso) for iso in batch.isos)
            yield Job(
                stage="added tokens",
                scope=scope,
                part=batch.name,
                outputs=tuple(paths.added_token_files(scope, batch.isos)),
                inputs=(*models, *corpora),
                log=paths.log("added_tokens", scope, batch.name),
                benchmark=paths.benchmark("added_tokens", scope, batch.name),
            )


def _read_in(dag: Dag, stage: str, scope: str) -> set[str]:
    """The languages that some cell of a scope reads in that scope's vocabularies."""
    cells = [cell for cell in dag.grid.cells if cell.scope(stage) == scope]
    read = dag.read_languages if stage == "vocabulary" else dag.added
    return {iso for cell in cells for iso in read(cell)}


def _models(dag: Dag) -> Iterator[Job]:
    """Pre-training, and modules that are trained on top of other cells' models."""
    paths, models = dag.paths, dag.models
    for training in models.pretrainings:
        for cell in training.cells:
            files = ("model.safetensors", "history.csv", "manifest.json")
            yield Job(
                stage="pretrain",
                scope=cell,
                cells=(*_seen_as(dag, "pretrain", cell), *_based_on(dag, cell)),
                outputs=(
                    *(paths.pretrained(cell, file) for file in files),
                    *models.checkpoint_files(cell, training.checkpoints),
                ),
                inputs=flat(models.pretrain_inputs(cell)),
                log=paths.log("pretrain", cell),
                benchmark=paths.benchmark("pretrain", cell),
                told=dag.job_text("pretrain", cell, "job"),
                told_in=paths.job("pretrain", cell),
            )
    for cell in models.released:
        yield Job(
            stage="import released",
            scope=cell,
            cells=_seen_as(dag, "pretrain", cell),
            outputs=(paths.pretrained(cell), paths.pretrained(cell, "manifest.json")),
            inputs=flat(models.released_inputs(cell)),
            log=paths.log("import_released", cell),
            benchmark=paths.benchmark("import_released", cell),
            told=dag.job_text("pretrain", cell, "job"),
            told_in=paths.job("pretrain", cell),
        )
    for batch in models.adapter_batches:
        for cell in batch.cells:
            files = ("adapter.safetensors", "history.csv", "manifest.json")
            yield Job(
                stage="adapt",
                scope=cell,
                part=batch.name,
                cells=_seen_as(dag, "pretrain", cell),
                outputs=tuple(
                    paths.adapter(cell, iso, file) for file in files for iso in batch.isos
                ),
                inputs=flat(models.adapt_inputs(cell, batch)),
                log=paths.log("adapt", cell, batch.name),
                benchmark=paths.benchmark("adapt", cell, batch.name),
                told=dag.job_text("adapt", cell, f"job-{batch.name}"),
                told_in=paths.job("adapt", cell, f"job-{batch.name}"),
            )
    for cell in dict.fromkeys(cell for batch in models.adapter_batches for cell in batch.cells):
        yield Job(
            stage="join adapters",
            scope=cell,
            cells=_seen_as(dag, "pretrain", cell),
            outputs=(paths.pretrained(cell), paths.pretrained(cell, "manifest.json")),
            inputs=flat(models.join_inputs(cell)),
            log=paths.log("join_adapters", cell),
            benchmark=paths.benchmark("join_adapters", cell),
            told=dag.job_text("join", cell, "job"),
            told_in=paths.job("pretrain", cell),
        )


def _seen_as(dag: Dag, stage: str, seen: str) -> tuple[str, ...]:
    """The grid's cells that `stage` sees as `seen`."""
    return tuple(cell.id for cell in dag.grid.cells if cell.at(stage).id == seen)


def _based_on(dag: Dag, seen: str) -> tuple[str, ...]:
    """The grid's cells that are trained on top of a pre-trained one."""
    return tuple(name for name, base in dag.grid.bases.items() if base.at("pretrain").id == seen)


def _measured(dag: Dag) -> Iterator[Job]:
    """Added languages, and perplexity."""
    paths = dag.paths
    for batch in dag.extension_batches:
        for cell in batch.cells:
            files = ("extension.safetensors", "history.csv", "manifest.json")
            yield Job(
                stage="extend",
                scope=cell,
                part=batch.name,
                cells=_seen_as(dag, "extend", cell),
                outputs=tuple(
                    paths.extension(cell, iso, file) for file in files for iso in batch.isos
                ),
                inputs=flat(dag.extend_inputs(cell, batch)),
                log=paths.log("extend", cell, batch.name),
                benchmark=paths.benchmark("extend", cell, batch.name),
                told=dag.job_text("extend", cell, f"job-{batch.name}"),
                told_in=paths.job("extend", cell, f"job-{batch.name}"),
            )
    for cell in dag.stage_ids("perplexity"):
        yield Job(
            stage="perplexity",
            scope=cell,
            cells=_seen_as(dag, "perplexity", cell),
            outputs=(paths.perplexity(cell), paths.perplexity(cell, "manifest.json")),
            inputs=flat(dag.perplexity_inputs(cell)),
            log=paths.log("perplexity", cell),
            benchmark=paths.benchmark("perplexity", cell),
            told=dag.job_text("perplexity", cell, "job"),
            told_in=paths.job("perplexity", cell),
        )
