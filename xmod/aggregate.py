"""Join the scores of all cells with the grid into metrics.csv.

`python -m xmod.aggregate --grid grid.json --scores FILE ... --output metrics.csv`
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.aggregate import summarise, tabulate, write_metrics
from xmod.analysis.records import read_grid, read_scores
from xmod.command import run
from xmod.manifest import write_manifest


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table and say how much of the grid it covers."""
    started = time.time()
    options = _parser().parse_args(arguments)
    grid = read_grid(options.grid)
    tidy = tabulate(grid, read_scores(options.scores))
    write_metrics(options.output, tidy)
    write_manifest(
        options.output.with_suffix(".manifest.json"),
        stage="aggregate",
        config={},
        inputs=[options.grid, *options.scores],
        outputs=[options.output],
        started=started,
    )
    print(summarise(grid, tidy))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.aggregate", description=__doc__)
    parser.add_argument("--grid", type=Path, required=True, help="grid.json")
    parser.add_argument(
        "--scores", type=Path, nargs="*", default=[], help="score files, those there are so far"
    )
    parser.add_argument("--output", type=Path, required=True, help="metrics.csv")
    return parser


if __name__ == "__main__":
    run(main)
