"""Join the scores of all cells with the grid into metrics.csv.

`python -m xmod.aggregate --grid grid.json --scores FILE ... --output metrics.csv`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.aggregate import summarise, tabulate, write_metrics
from xmod.analysis.records import read_grid, read_scores
from xmod.command import run


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table and say how much of the grid it covers."""
    options = _parser().parse_args(arguments)
    grid = read_grid(options.grid)
    tidy = tabulate(grid, read_scores(options.scores))
    write_metrics(options.output, tidy)
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
