"""Make one page about a run that can be sent to a colleague: `python -m xmod.report ...`.

`python -m xmod.report --configfile config/small.yaml` writes results/small/report.html. It reads
files only, also half-way through a run; nothing is trained, and no result is touched.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.claims.judge import judge
from xmod.analysis.claims.spec import read_claims
from xmod.analysis.records import GridPoints
from xmod.analysis.report.claims import Claims, read_page, shown_claims
from xmod.analysis.report.costs import costs, totals
from xmod.analysis.report.notes import Notes
from xmod.analysis.report.overview import overview
from xmod.analysis.report.plan import Plan, TaskPlan
from xmod.analysis.report.provenance import manifests, provenance
from xmod.analysis.report.render import Page, render
from xmod.analysis.report.scores import LongTable, gather
from xmod.analysis.report.shown import pictures, tables
from xmod.analysis.report.state import Judge, clock
from xmod.analysis.report.texts import texts
from xmod.command import run
from xmod.dag import Dag
from xmod.expected_jobs import expected_jobs
from xmod.files import write_text_atomic
from xmod.jobs import code_digest
from xmod.strict_yaml import read_yaml
from xmod.task_jobs import Run


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page and say how much of the run it shows."""
    options = _parser().parse_args(arguments)
    plan = plan_of(options.configfile)
    output: Path = options.output or plan.root / "report.html"
    page = assemble(plan, Notes(options.snakemake), now=time.time())
    html = render(page)
    write_text_atomic(output, html)
    whole = page.overview.whole
    done = f"{whole.counts['done']} of {whole.total} jobs done"
    print(f"{output} written ({len(html.encode()) / 1e6:.1f} MB); {done}")


def plan_of(configfile: Path) -> Plan:
    """The configuration, expanded; raises ConfigError as the run itself would."""
    dag = Dag.load(read_yaml(configfile), origin=str(configfile))
    dag.check()
    return Plan(
        name=dag.config.name,
        root=Path(dag.paths.root),
        config_file=str(configfile),
        config_text=configfile.read_text(encoding="utf-8"),
        grid=GridPoints.model_validate(json.loads(dag.grid_text())),
        jobs=expected_jobs(dag),
        figures={
            name: dag.catalogue.architectures.get(name) or dag.catalogue.figure(name)
            for name in dag.config.figures
        },
        tables={name: dag.catalogue.table(name) for name in dag.config.tables},
        tasks={
            name: TaskPlan(
                choice=dag.config.tasks[name].select_by,
                runs=tuple(Run.all_of(dag.config.tasks[name])),
                sets=(*dag.config.tasks[name].tests, name),
            )
            for name in dag.tasks.cells
        },
        claims=read_claims(Path(dag.config.claims), dag.table) if dag.config.claims else None,
        languages=dag.table,
        code_digest=code_digest("."),
    )


def assemble(plan: Plan, notes: Notes, *, now: float) -> Page:
    """Everything that the page shows, as the files are now."""
    judged = Judge(plan.jobs, notes, now=now).judge_all()
    gathered = gather(plan, judged)
    found = tuple(manifests(plan.root))
    return Page(
        name=plan.name,
        made_at=clock(now),
        overview=overview(judged, plan.grid.cells),
        num_scores=len(gathered.scores.frame),
        problems=gathered.problems,
        claims=claims(plan, gathered.scores),
        audit=read_page(plan.root / "paper_audit.md"),
        pictures=pictures(plan, gathered, judged),
        tables=tables(plan, gathered),
        texts=texts(plan.root, plan.languages),
        costs=costs(plan.root, found),
        totals=totals(plan.root, found),
        provenance=provenance(found, code_digest=plan.code_digest),
        config_file=plan.config_file,
        config_text=plan.config_text,
        has_notes=notes.are_there,
    )


def claims(plan: Plan, scores: LongTable) -> Claims:
    """The claims of the configuration, by the scores so far."""
    if plan.claims is None:
        return Claims()
    findings = judge(plan.claims, scores.frame, plan.grid, plan.languages)
    return shown_claims(findings, plan.languages, is_draft=not scores.is_final)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--configfile", type=Path, required=True, help="that of the run")
    parser.add_argument(
        "--output", type=Path, help="the page; by itself results/<name>/report.html"
    )
    parser.add_argument(
        "--snakemake",
        type=Path,
        default=Path(".snakemake"),
        help="the folder of Snakemake's notes, which say what is running",
    )
    return parser


if __name__ == "__main__":
    run(main)
