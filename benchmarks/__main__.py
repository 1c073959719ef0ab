"""`python -m benchmarks [--quick]`: run every benchmark and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import (
    data_loading,
    distributed,
    peers,
    task_encoding,
    task_speed,
    training_speed,
)
from benchmarks.report import Table, machine, markdown, show

BENCHMARKS = [training_speed, distributed, peers, task_speed, data_loading, task_encoding]
"""Each has `run(*, quick: bool) -> list[Table]`; the tables come in this order."""

OUTPUT = Path("docs/benchmarks.md")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps, no base size")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    machine_line = machine()
    tables: list[Table] = []
    for benchmark in BENCHMARKS:
        for table in benchmark.run(quick=arguments.quick):
            show(table)
            tables.append(table)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(
        markdown(tables, machine_line, is_quick=arguments.quick), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
