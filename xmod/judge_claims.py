"""Judge the declared claims of the paper by what is in metrics.csv so far.

`python -m xmod.judge_claims --claims config/claims.yaml --grid grid.json --metrics metrics.csv
--languages config/languages.tsv --output claims.md` writes the page, and beside it the
same as .csv and .json.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.aggregate import read_metrics
from xmod.analysis.claims.judge import judge
from xmod.analysis.claims.render import SUFFIXES, write
from xmod.analysis.claims.spec import read_claims
from xmod.analysis.records import read_grid
from xmod.command import run
from xmod.languages import read_languages
from xmod.manifest import write_manifest


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the claims and say how many hold."""
    started = time.time()
    options = _parser().parse_args(arguments)
    grid, table = read_grid(options.grid), read_languages(options.languages)
    declared = read_claims(options.claims, table)
    findings = judge(declared, read_metrics(options.metrics, grid), grid, table)
    prefix: Path = options.output.with_suffix("")
    write(findings, prefix, method=declared.method, table=table, title_note=options.title_note)
    write_manifest(
        prefix.with_name(f"{prefix.name}.manifest.json"),
        stage="claims",
        config=declared,
        inputs=[options.claims, options.grid, options.metrics],
        outputs=[prefix.with_name(f"{prefix.name}.{suffix}") for suffix in SUFFIXES],
        started=started,
    )
    counts = Counter(finding.verdict for finding in findings)
    told = ", ".join(f"{verdict}: {number}" for verdict, number in counts.items())
    print(f"{options.output}: {told}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.judge_claims", description=__doc__)
    parser.add_argument("--claims", type=Path, required=True, help="config/claims.yaml")
    parser.add_argument("--grid", type=Path, required=True, help="grid.json")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv")
    parser.add_argument("--languages", type=Path, required=True, help="config/languages.tsv")
    parser.add_argument("--output", type=Path, required=True, help="the page, a path ending in .md")
    parser.add_argument("--title-note", default="", help="words beside the title, such as small")
    return parser


if __name__ == "__main__":
    run(main)
