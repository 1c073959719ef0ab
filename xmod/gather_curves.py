"""Join the training curves of all cells with the grid into curves.csv.

`python -m xmod.gather_curves --grid grid.json --histories pretrain/<cell>/history.csv ...
--output curves.csv`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.curves import read_history, write_curves
from xmod.analysis.records import read_grid
from xmod.command import run


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table and say of how many cells it is."""
    options = _parser().parse_args(arguments)
    histories = {path.parent.name: read_history(path) for path in options.histories}
    write_curves(options.output, read_grid(options.grid), histories)
    print(f"{options.output}: curves of {len(histories)} cells")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.gather_curves", description=__doc__)
    parser.add_argument("--grid", type=Path, required=True, help="grid.json")
    parser.add_argument(
        "--histories", type=Path, nargs="*", default=[], help="<cell>/history.csv, those there are"
    )
    parser.add_argument("--output", type=Path, required=True, help="curves.csv")
    return parser


if __name__ == "__main__":
    run(main)
