"""Every job that a configuration asks for, with its files: what `xmod.report` holds the results to.

The rules say the same to Snakemake; `tests/workflow/test_report.py` holds both together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xmod.analysis.report.state import Job
from xmod.dag import Dag
from xmod.expected_entry import entry
from xmod.expected_result_jobs import result_jobs
from xmod.expected_task_jobs import TaskJobs
from xmod.paths import VOCABULARY_FILES

BESIDE = ("history.csv", "manifest.json")
"""What training leaves beside weights."""


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
        for batch in dag.texts.collected:
            if set(batch.isos) & set(dag.corpus_languages):
                stamps, text = dag.sources.corpus_stamps(batch.isos), dag.text_files(batch.isos)
                read = (*dag.package_inputs, *stamps, *text)
                files = dag.paths.corpora(scope, batch.isos)
                yield entry(dag, "corpora", scope, files, read, part=batch.name)


def _vocabularies(dag: Dag) -> Iterator[Job]:
    """Of the vocabularies that cells share, and the token files in them."""
    paths = dag.paths
    for scope in dag.scopes("vocabulary"):
        files = [paths.vocabulary(scope, file) for file in VOCABULARY_FILES]
        read = (*dag.given_vocabulary(scope), *dag.vocabulary_corpora(scope))
        yield entry(dag, "vocabulary", scope, files, read)
    for scope in dag.scopes("vocabulary"):
        languages = _read_in(dag, "vocabulary", scope)
        for batch in dag.texts.encoded:
            if languages & set(batch.isos):
                corpora = dag.corpora("vocabulary", scope, batch.isos)
                files = paths.token_files(scope, batch.isos)
                read = (paths.vocabulary(scope), *corpora)
                yield entry(dag, "tokens", scope, files, read, part=batch.name)


def _added_vocabularies(dag: Dag) -> Iterator[Job]:
    """Of each added language: its vocabulary, and its token files."""
    paths = dag.paths
    for scope in dag.scopes("added_vocabulary"):
        languages = _read_in(dag, "added_vocabulary", scope)
        for batch in dag.added_batches:
            if languages & set(batch.isos):
                corpora = dag.corpora("added_vocabulary", scope, batch.isos)
                files = paths.added_vocabulary_files(scope, batch.isos)
                yield entry(dag, "added_vocabulary", scope, files, corpora, part=batch.name)
                models = (paths.added_vocabulary(scope, iso) for iso in batch.isos)
                files = paths.added_token_files(scope, batch.isos)
                read = (*models, *corpora)
                yield entry(dag, "added_tokens", scope, files, read, part=batch.name)


def _read_in(dag: Dag, stage: str, scope: str) -> set[str]:
    """The languages that some cell of a scope reads in that scope's vocabularies."""
    cells = [cell for cell in dag.grid.cells if cell.scope(stage) == scope]
    read = dag.read_languages if stage == "vocabulary" else dag.added
    return {iso for cell in cells for iso in read(cell)}


def _models(dag: Dag) -> Iterator[Job]:
    """Pre-training, released checkpoints, and modules trained on top of other cells' models."""
    paths, models = dag.paths, dag.models
    for training in models.pretrainings:
        for cell in training.cells:
            files = [paths.pretrained(cell, file) for file in ("model.safetensors", *BESIDE)]
            files += models.checkpoint_files(cell, training.checkpoints)
            cells = (*_seen_as(dag, "pretrain", cell), *_based_on(dag, cell))
            yield entry(dag, "pretrain", cell, files, models.pretrain_inputs(cell), cells=cells)
    for cell in models.released:
        yield _made(dag, "import_released", cell, models.released_inputs(cell))
    for batch in models.adapter_batches:
        for cell in batch.cells:
            names = ("adapter.safetensors", *BESIDE)
            files = [paths.adapter(cell, iso, file) for file in names for iso in batch.isos]
            read, cells = models.adapt_inputs(cell, batch), _seen_as(dag, "pretrain", cell)
            yield entry(dag, "adapt", cell, files, read, part=batch.name, cells=cells)
    for cell in dict.fromkeys(cell for batch in models.adapter_batches for cell in batch.cells):
        yield _made(dag, "join_adapters", cell, models.join_inputs(cell))


def _made(dag: Dag, rule: str, cell: str, inputs: Mapping[str, Any]) -> Job:
    """A cell's model that is made of files, without training."""
    files = (dag.paths.pretrained(cell), dag.paths.pretrained(cell, "manifest.json"))
    return entry(dag, rule, cell, files, inputs, cells=_seen_as(dag, "pretrain", cell))


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
            names = ("extension.safetensors", *BESIDE)
            files = [paths.extension(cell, iso, file) for file in names for iso in batch.isos]
            read, cells = dag.extend_inputs(cell, batch), _seen_as(dag, "extend", cell)
            yield entry(dag, "extend", cell, files, read, part=batch.name, cells=cells)
    for cell in dag.stage_ids("perplexity"):
        files = [paths.perplexity(cell), paths.perplexity(cell, "manifest.json")]
        read, cells = dag.perplexity_inputs(cell), _seen_as(dag, "perplexity", cell)
        yield entry(dag, "perplexity", cell, files, read, cells=cells)
