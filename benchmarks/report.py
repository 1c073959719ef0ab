"""Tables on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True, kw_only=True)
class Table:
    """One benchmark's outcome: every row has a cell for every column."""

    title: str
    explanation: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def explanation(docstring: str | None) -> str:
    """The second paragraph of a module's docstring, in a line."""
    return " ".join((docstring or "").split("\n\n")[1].split())


def main(run: Callable[..., list[Table]]) -> None:
    """Run one benchmark and show its tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer steps, no base size")
    for table in run(quick=parser.parse_args().quick):
        show(table)


def show(table: Table) -> None:
    rich = RichTable(*table.columns, title=table.title)
    for row in table.rows:
        rich.add_row(*row)
    Console().print(rich)


def markdown(tables: Sequence[Table], machine_line: str, *, is_quick: bool) -> str:
    lines = ["# Benchmarks", "", "Written by `make bench`.", "", machine_line, ""]
    if is_quick:
        lines += ["From a `--quick` run: fewer steps, and not every size.", ""]
    for table in tables:
        lines += [f"## {table.title}", "", table.explanation, ""]
        lines += [_row(table.columns), _row(["---"] * len(table.columns))]
        lines += [_row(row) for row in table.rows]
        lines.append("")
    return "\n".join(lines)


def machine() -> str:
    """The machine and the versions, in a line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    busy = os.getloadavg()[0]
    return (
        f"Machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"{busy:.1f} processes running at the start. "
        f"Python {platform.python_version()}, {packages}."
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
