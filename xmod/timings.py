"""Where the time of a run went: `python -m xmod.timings --configfile FILE ...`.

Counts the jobs that ended after `--since`: what they trained, what else they did, and how much
of the cores' time was neither: Snakemake's own, and waiting for one another. Writes
`summary/timings.csv`, one row a stage and one for the run, and prints it.

When a job ended is the time of the file in which Snakemake noted how long it took. Without
`--since` all jobs are counted, of however many runs, and the run's time is that in which some job
ran: what lay between two runs is not known.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xmod.command import run
from xmod.config import parse
from xmod.files import write_text_atomic
from xmod.strict_yaml import read_yaml
from xmod.training.progress import duration

RUN = "run"
"""The name of the row that stands for all stages."""

Span = tuple[float, float]
"""When a job began and ended."""


@dataclass
class Stage:
    """What the jobs of one stage took."""

    num_jobs: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0
    spans: list[Span] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of timings.csv."""

    stage: str
    num_jobs: int
    seconds: float
    """Of the jobs, added up: two at a time count twice."""
    share: float
    """Of all jobs' seconds."""
    training_seconds: float
    """Of `seconds`, those in training."""
    wall_seconds: float
    """By the clock: of a stage, while some job of it ran; of the run, from beginning to end."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.timings", description=__doc__)
    parser.add_argument("--configfile", type=Path, required=True, help="what was run")
    parser.add_argument("--since", type=float, help="when the run began: date +%%s")
    parser.add_argument("--cores", default="all", help="as given to Snakemake")
    arguments = parser.parse_args()
    cores = (os.cpu_count() or 1) if arguments.cores == "all" else int(arguments.cores)
    config = parse(read_yaml(arguments.configfile), origin=str(arguments.configfile))
    results = Path(config.results) / config.name
    stages = measure(results, since=arguments.since or 0.0)
    if not stages:
        print("No text, model or score had to be made; figures and tables are up to date.")
        return
    began = arguments.since
    wall = covered(_all_spans(stages)) if began is None else time.time() - began
    rows = summarise(stages, wall=wall)
    write_text_atomic(results / "summary/timings.csv", as_csv(rows))
    Console().print(as_table(rows))
    print(sentence(stages, wall=wall, cores=cores))


def measure(results: Path, *, since: float) -> dict[str, Stage]:
    """The stages whose jobs ended after `since`, by the files that Snakemake and training left."""
    stages: dict[str, Stage] = defaultdict(Stage)
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        if path.stat().st_mtime >= since:
            stage = stages[path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")]
            seconds, ended = _seconds(path), path.stat().st_mtime
            stage.num_jobs += 1
            stage.seconds += seconds
            stage.spans.append((max(ended - seconds, since), ended))
    for name in ("pretrain", "adapt", "extend", "finetune"):
        for path in sorted((results / name).rglob("manifest.json")):
            if path.stat().st_mtime >= since:
                manifest = json.loads(path.read_text(encoding="utf-8"))
                # A model that was joined with its adapters was not trained.
                stages[name].training_seconds += manifest.get("training_seconds", 0.0)
    for stage in stages.values():  # a job that was resumed trained before this run, too
        stage.training_seconds = min(stage.training_seconds, stage.seconds)
    return dict(stages)


def covered(spans: Iterable[Span]) -> float:
    """Seconds in which at least one of the spans lasted."""
    total, until = 0.0, 0.0
    for began, ended in sorted(spans):
        total += max(ended - max(began, until), 0.0)
        until = max(until, ended)
    return total


def summarise(stages: Mapping[str, Stage], *, wall: float) -> list[Row]:
    """A row a stage, and one of the run, which took `wall` seconds."""
    seconds = sum(stage.seconds for stage in stages.values())
    rows = [
        Row(
            stage=name,
            num_jobs=stage.num_jobs,
            seconds=stage.seconds,
            share=stage.seconds / seconds if seconds else 0.0,
            training_seconds=stage.training_seconds,
            wall_seconds=covered(stage.spans),
        )
        for name, stage in stages.items()
    ]
    run = Row(
        stage=RUN,
        num_jobs=sum(row.num_jobs for row in rows),
        seconds=seconds,
        share=sum(row.share for row in rows),
        training_seconds=sum(row.training_seconds for row in rows),
        wall_seconds=wall,
    )
    return [*rows, run]


def as_csv(rows: Sequence[Row]) -> str:
    """A header and the rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(one.name for one in fields(Row))
    for row in rows:
        values = (getattr(row, one.name) for one in fields(Row))
        writer.writerow(round(one, 3) if isinstance(one, float) else one for one in values)
    return buffer.getvalue()


def as_table(rows: Sequence[Row]) -> Table:
    """The same for a terminal."""
    table = Table("stage", title="Time of the jobs", title_justify="left")
    for column in ("jobs", "seconds", "share", "of which training", "by the clock"):
        table.add_column(column, justify="right")
    for row in rows:
        if row.stage == RUN:
            table.add_section()
        training = f"{row.training_seconds:.0f}" if row.training_seconds else ""
        numbers = (str(row.num_jobs), f"{row.seconds:.0f}", f"{row.share:.0%}", training)
        table.add_row(row.stage, *numbers, f"{row.wall_seconds:.0f}")
    return table


def sentence(stages: dict[str, Stage], *, wall: float, cores: int) -> str:
    """How the cores' time divides into training, other work, and neither."""
    total = wall * cores
    training = sum(stage.training_seconds for stage in stages.values())
    work = sum(stage.seconds for stage in stages.values())
    return (
        f"{duration(wall)} on {cores} cores: {training / total:.0%} training, "
        f"{(work - training) / total:.0%} start-up, data and evaluation, "
        f"{max(total - work, 0) / total:.0%} Snakemake, small jobs and idle cores"
    )


def _all_spans(stages: Mapping[str, Stage]) -> Iterator[Span]:
    for stage in stages.values():
        yield from stage.spans


def _seconds(path: Path) -> float:
    with path.open(encoding="utf-8") as stream:
        return sum(float(row["s"]) for row in csv.DictReader(stream, delimiter="\t"))


if __name__ == "__main__":
    run(main)
