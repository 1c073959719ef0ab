"""Where the time of a run went: `python -m xmod.timings --results results/small ...`.

Counts the jobs that ended after `--since`: what they trained, what else they did, and how much
of the cores' time was neither: Snakemake's own, and waiting for one another. Writes
`summary/timings.csv`, one row a stage, and prints it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xmod.command import run
from xmod.files import write_text_atomic
from xmod.training.progress import duration


@dataclass
class Stage:
    """What the jobs of one stage took."""

    num_jobs: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.timings", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results/<name>")
    parser.add_argument("--since", type=float, required=True, help="when the run began: date +%%s")
    parser.add_argument("--cores", default="all", help="as given to Snakemake")
    arguments = parser.parse_args()
    cores = (os.cpu_count() or 1) if arguments.cores == "all" else int(arguments.cores)
    stages = measure(arguments.results, since=arguments.since)
    if not stages:
        print("Nothing was to be done: all results are there.")
        return
    wall = time.time() - arguments.since
    write_text_atomic(arguments.results / "summary/timings.csv", as_csv(stages))
    Console().print(as_table(stages))
    print(sentence(stages, wall=wall, cores=cores))


def measure(results: Path, *, since: float) -> dict[str, Stage]:
    """The stages whose jobs ended after `since`, by the files that Snakemake and training left."""
    stages: dict[str, Stage] = defaultdict(Stage)
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        if path.stat().st_mtime >= since:
            stage = stages[path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")]
            stage.num_jobs += 1
            stage.seconds += _seconds(path)
    for name in ("pretrain", "extend"):
        for path in sorted((results / name).rglob("manifest.json")):
            if path.stat().st_mtime >= since:
                manifest = json.loads(path.read_text(encoding="utf-8"))
                stages[name].training_seconds += manifest["training_seconds"]
    for stage in stages.values():  # a job that was resumed trained before this run, too
        stage.training_seconds = min(stage.training_seconds, stage.seconds)
    return dict(stages)


def as_csv(stages: dict[str, Stage]) -> str:
    """One row a stage."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("stage", "num_jobs", "seconds", "training_seconds"))
    writer.writerows(_rows(stages))
    return buffer.getvalue()


def as_table(stages: dict[str, Stage]) -> Table:
    """The same for a terminal."""
    table = Table("stage", title="Time of the jobs", title_justify="left")
    for column in ("jobs", "seconds", "of which training"):
        table.add_column(column, justify="right")
    for name, num_jobs, seconds, training in _rows(stages):
        table.add_row(name, str(num_jobs), f"{seconds:.0f}", f"{training:.0f}" if training else "")
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


def _rows(stages: dict[str, Stage]) -> Iterator[tuple[str, int, float, float]]:
    for name, stage in stages.items():
        yield name, stage.num_jobs, round(stage.seconds, 1), round(stage.training_seconds, 1)


def _seconds(path: Path) -> float:
    with path.open(encoding="utf-8") as stream:
        return sum(float(row["s"]) for row in csv.DictReader(stream, delimiter="\t"))


if __name__ == "__main__":
    run(main)
