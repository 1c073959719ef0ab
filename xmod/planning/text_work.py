"""What the jobs of text do: collecting, vocabularies and token files."""

from __future__ import annotations

from xmod.analysis.report.state import Job
from xmod.cells import Cell
from xmod.planning.work import Scene, Work

ADDED_CHARACTERS, CHARACTER_BYTES = 20_000_000, 2
"""That an added language's vocabulary is trained on, at most (xmod.train_vocabulary)."""
COUNT_BYTES = 16
"""Of a piece of the vocabulary: how often it is in either split."""


def corpora(run: Scene, job: Job) -> Work:
    isos = _isos(run, job)
    megabytes = sum(map(run.facts.text_megabytes, isos))
    return Work(megabytes=megabytes, disk_gb=megabytes / 1e3, num_pieces=len(isos))


def vocabulary(run: Scene, job: Job) -> Work:
    characters = run.dag.config.vocabulary.characters_per_language
    isos = run.dag.vocabulary_languages(job.scope)
    return Work(megabytes=sum(_sampled(run, iso, characters) for iso in isos))


def tokens(run: Scene, job: Job) -> Work:
    cell = run.dag.scopes("vocabulary")[job.scope]
    return _encoded(run, job, cell, run.facts.vocabulary_size(job.scope))


def added_vocabulary(run: Scene, job: Job) -> Work:
    isos = _isos(run, job)
    megabytes = sum(_sampled(run, iso, ADDED_CHARACTERS) for iso in isos)
    return Work(megabytes=megabytes, num_pieces=len(isos))


def added_tokens(run: Scene, job: Job) -> Work:
    cell = run.dag.scopes("added_vocabulary")[job.scope]
    first = _isos(run, job)[0]
    return _encoded(run, job, cell, run.facts.added_vocabulary_size(job.scope, first))


def _encoded(run: Scene, job: Job, cell: Cell, vocabulary_size: int) -> Work:
    isos = _isos(run, job)
    token_bytes = 2 if vocabulary_size <= 2**16 else 4
    return Work(
        megabytes=sum(map(run.facts.text_megabytes, isos)),
        num_pieces=len(isos),
        disk_gb=sum(
            run.facts.training_tokens(cell, iso) * token_bytes + COUNT_BYTES * vocabulary_size
            for iso in isos
        )
        / 1e9,
    )


def _sampled(run: Scene, iso: str, characters: int) -> float:
    """Megabytes of a language's text of which so many characters are taken."""
    return min(run.facts.text_megabytes(iso), characters * CHARACTER_BYTES / 1e6)


def _isos(run: Scene, job: Job) -> tuple[str, ...]:
    """The languages of a job of text, whose part is named by them."""
    dag = run.dag
    batches = (*dag.texts.collected, *dag.texts.encoded, *dag.added_batches)
    return next(batch.isos for batch in batches if batch.name == job.part)
