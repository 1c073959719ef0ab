"""What a run does now: `python -m xmod.status [--configfile FILE] [--watch]`.

Reads files only, from any shell, whether or not a Snakemake runs: stages, cells with update, loss
and time left, jobs at work with their Slurm job, and what failed, with the log's last line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from xmod.analysis.status.page import page, record
from xmod.analysis.status.work import Looker
from xmod.command import run
from xmod.dag import Dag
from xmod.expected_jobs import expected_jobs
from xmod.strict_yaml import read_yaml

WIDTH = 100
"""Columns where the output is no terminal."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    looker = looker_at(options.configfile, snakemake=options.snakemake)
    if options.json:
        print(json.dumps(record(looker.look(now=time.time())), indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if options.watch is None:
        console.print(page(looker.look(now=time.time())))
        return
    with contextlib.suppress(KeyboardInterrupt):  # a person has seen enough
        _watch(looker, console, seconds=options.watch)


def _watch(looker: Looker, console: Console, *, seconds: float) -> None:
    """Show the run again and again, on a screen of its own that is given back at the end."""
    with console.screen() if console.is_terminal else contextlib.nullcontext() as screen:
        while True:
            shown = page(looker.look(now=time.time()), is_watched=True)
            if screen:
                screen.update(shown)
            else:
                console.print(shown)
            time.sleep(seconds)


def looker_at(configfile: Path, *, snakemake: Path) -> Looker:
    """The jobs of a configuration; raises ConfigError as the run itself would."""
    dag = Dag.load(read_yaml(configfile), origin=str(configfile))
    return Looker(
        name=dag.config.name,
        root=Path(dag.paths.root),
        jobs=expected_jobs(dag),
        cells=tuple(dict.fromkeys(cell.id for cell in dag.grid.cells)),
        snakemake=snakemake,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.status", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/small.yaml"), help="that of the run"
    )
    parser.add_argument(
        "--watch", type=float, nargs="?", const=10.0, metavar="SECONDS", help="again every so often"
    )
    parser.add_argument("--json", action="store_true", help="all of it, for a program")
    parser.add_argument(
        "--snakemake",
        type=Path,
        default=Path(".snakemake"),
        help="the folder of Snakemake's notes, of the checkout that runs",
    )
    return parser


if __name__ == "__main__":
    run(main)
