"""Gather the corpora's counts into one table: `python -m xmod.count_corpora`.

One row a language, split and source (`all` for their sum), and one a language and reason for
which lines were dropped. A language's first row says what share of the first letters of its file
is in its script.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xmod.command import run
from xmod.files import write_text_atomic

COLUMNS = (
    *("corpora", "language", "split", "source", "documents", "lines", "characters", "bytes"),
    "script_share",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.count_corpora", description=__doc__)
    parser.add_argument("--stats", type=Path, nargs="+", required=True, help="stats.json files")
    parser.add_argument("--output", type=Path, required=True, help="the table, as CSV")
    arguments = parser.parse_args()
    write_text_atomic(arguments.output, corpora_table(arguments.stats))


def corpora_table(paths: Sequence[Path]) -> str:
    """The counts of the given stats.json files as CSV, in their order."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for path in paths:
        scope = {"corpora": path.parents[1].name}
        stats = json.loads(path.read_text(encoding="utf-8"))
        writer.writerows({**scope, **row} for row in _rows(stats))
    return buffer.getvalue()


def _rows(stats: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for split, counts in stats["splits"].items():
        row = {"language": stats["language"], "split": split}
        share = stats.get("script_share") if split == "train" else None
        yield {**counts, **row, "source": "all", "script_share": share}
        for source, part in counts["sources"].items():
            yield {**part, **row, "source": source}
    for reason, number in stats["dropped"].items():
        yield {
            "language": stats["language"],
            "split": "dropped",
            "source": reason,
            "lines": number,
        }


if __name__ == "__main__":
    run(main)
