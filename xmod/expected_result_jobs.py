"""Every job of what a person reads, with its files; as `xmod.expected_jobs`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from xmod.analysis.report.state import Job
from xmod.analysis.spec import with_synthetic_note
from xmod.analysis.tables.spec import LanguageTableSpec
from xmod.dag import Dag
from xmod.evaluated import evaluated_sets


def result_jobs(dag: Dag) -> Iterator[Job]:
    """The summary, claims, figures and tables."""
    yield from _summary(dag)
    yield from _pages(dag)
    yield from _shown(dag)


def _summary(dag: Dag) -> Iterator[Job]:
    """The tables that all else is drawn from; each is told what it holds, or nothing."""
    paths = dag.paths
    grid, metrics = paths.summary("grid.json"), paths.summary("metrics.csv")
    captions = paths.figure("captions", "md")
    stats = (
        paths.corpus(scope, iso, "stats.json")
        for scope in dag.scopes("corpora")
        for iso in dag.corpus_languages
    )
    yield Job(stage="summary", scope="grid.json", outputs=(grid,), log=paths.log("write_grid"),
              told=dag.grid_text(), told_in=grid)  # fmt: skip
    yield Job(
        stage="summary",
        scope="metrics.csv",
        outputs=(metrics, paths.summary("metrics.manifest.json")),
        inputs=(grid, *dag.perplexities(), *dag.tasks.all_selected()),
        log=paths.log("aggregate"),
    )
    yield Job(stage="summary", scope="curves.csv", outputs=(paths.summary("curves.csv"),),
              inputs=(grid, *dag.models.histories()), log=paths.log("gather_curves"))  # fmt: skip
    yield Job(stage="summary", scope="corpora.csv", outputs=(paths.summary("corpora.csv"),),
              inputs=tuple(stats), log=paths.log("count_corpora"))  # fmt: skip
    yield Job(stage="summary", scope="captions.md", outputs=(captions,),
              log=paths.log("write_captions"), told=dag.captions(), told_in=captions)  # fmt: skip


def _pages(dag: Dag) -> Iterator[Job]:
    """What the results say of the paper's claims, where they are judged, and what the paper's
    numbers say of each other, which needs neither."""
    paths = dag.paths
    if dag.config.claims:
        suffixes = ("md", "csv", "json", "manifest.json")
        summary = (paths.summary("metrics.csv"), paths.summary("grid.json"), dag.config.languages)
        yield Job(
            stage="claims",
            scope="claims.md",
            outputs=tuple(paths.page(f"claims.{suffix}") for suffix in suffixes),
            inputs=(dag.config.claims, *summary),
            log=paths.log("judge_claims"),
        )
    yield Job(
        stage="claims",
        scope="paper_audit.md",
        outputs=(paths.page("paper_audit.md"),),
        inputs=(dag.config.languages,),
        log=paths.log("audit_paper"),
    )


def _shown(dag: Dag) -> Iterator[Job]:
    """Figures and tables; their manifests say what they were told."""
    paths, sets = dag.paths, evaluated_sets(dag.config)
    grid = (paths.summary("grid.json"), dag.config.languages)
    for name in dag.architectures:
        yield Job(
            stage="figures",
            scope=name,
            outputs=_drawn(dag, name),
            inputs=(dag.config.languages,),
            log=paths.log("figures", name),
            told=dag.architecture_text(name),
            told_in=paths.figure(name, "job.json"),
        )
    for name in dag.config.figures:
        if name in dag.architectures:
            continue
        figure = with_synthetic_note(dag.catalogue.figure(name), sets)
        yield Job(
            stage="figures",
            scope=name,
            outputs=_drawn(dag, name),
            inputs=(dag.figure_data(name), *grid),
            log=paths.log("figures", name),
            told=json.dumps(figure.model_dump(mode="json")),
            told_in=paths.figure(name, "manifest.json"),
        )
    for name in dag.config.tables:
        spec = dag.catalogue.table(name)
        table = spec if isinstance(spec, LanguageTableSpec) else with_synthetic_note(spec, sets)
        suffixes = ("md", "tex", "csv", "manifest.json")
        yield Job(
            stage="tables",
            scope=name,
            outputs=tuple(paths.table(name, suffix) for suffix in suffixes),
            inputs=(paths.summary("metrics.csv"), *grid),
            log=paths.log("tables", name),
            told=json.dumps(table.model_dump(mode="json")),
            told_in=paths.table(name, "manifest.json"),
        )


def _drawn(dag: Dag, name: str) -> tuple[str, ...]:
    suffixes = ("pdf", "png", "csv", "manifest.json")
    return tuple(dag.paths.figure(name, suffix) for suffix in suffixes)
