"""Choose each cell's setting of a task: `python -m xmod.select_runs --task nli ...`.

Writes the chosen runs' scores, one run a seed, and all candidates beside them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.candidates import RunScores, by_cell, candidates, choose, write_candidates
from xmod.analysis.records import read_json
from xmod.command import run
from xmod.files import write_json_atomic


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.select_runs", description=__doc__)
    parser.add_argument("--task", required=True, help="the task's name")
    parser.add_argument(
        "--by",
        choices=("pretrained", "source"),
        required=True,
        help="judge by the development scores of these languages",
    )
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="of every run")
    parser.add_argument("--output", type=Path, required=True, help="<cell>/scores.json")
    options = parser.parse_args(arguments)
    runs = by_cell(read_json(path, RunScores) for path in options.scores)
    for cell, members in runs.items():
        settings = candidates(members, by=options.by)
        chosen = choose(settings)
        folder = options.output / cell
        write_candidates(folder / "candidates.csv", settings, chosen)
        write_json_atomic(
            folder / "scores.json",
            {
                "cell": cell,
                "task": options.task,
                "records": [
                    record.model_dump() for member in chosen.runs for record in member.records
                ],
            },
        )
        rate, epochs = chosen.setting
        print(f"{cell}: learning rate {rate}, {epochs} epochs ({chosen.mean:.2f} in development)")


if __name__ == "__main__":
    run(main)
