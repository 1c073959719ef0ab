"""Make one declared table, with whatever is there so far.

`python -m xmod.make_table --table table_1 --figures config/figures.yaml
--languages config/languages.tsv --output-prefix tables/table_1` writes .md, .tex and .csv.
Tables of metrics also need `--grid grid.json --metrics metrics.csv`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from xmod.analysis.aggregate import read_metrics
from xmod.analysis.catalogue import read_catalogue
from xmod.analysis.records import GridPoints, read_grid
from xmod.analysis.spec import with_synthetic_note
from xmod.analysis.tables import languages
from xmod.analysis.tables.by_language import by_language_table
from xmod.analysis.tables.metrics import metric_table
from xmod.analysis.tables.render import Table, write
from xmod.analysis.tables.spec import ByLanguageSpec, LanguageTableSpec, MetricTableSpec
from xmod.command import run
from xmod.config_errors import ConfigError
from xmod.languages import LanguageTable, read_languages
from xmod.manifest import write_manifest


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the table and say where it is."""
    started = time.time()
    options = _parser().parse_args(arguments)
    spec = read_catalogue(options.figures).table(options.table)
    known = read_languages(options.languages)
    if isinstance(spec, LanguageTableSpec):
        table = languages.BY_KIND[spec.kind](known)
    elif options.grid is None or options.metrics is None:
        raise ConfigError("a table of metrics needs --grid and --metrics")
    else:
        grid = read_grid(options.grid)
        spec = with_synthetic_note(spec, grid.sets)
        table = _of_metrics(read_metrics(options.metrics, grid), grid, known, spec)
    write(table, options.output_prefix, title=spec.title, caption=spec.caption)
    prefix: Path = options.output_prefix
    write_manifest(
        prefix.with_name(f"{prefix.name}.manifest.json"),
        stage="table",
        config=spec,
        inputs=[file for file in (options.grid, options.metrics) if file is not None],
        outputs=[prefix.with_name(f"{prefix.name}.{suffix}") for suffix in ("md", "tex", "csv")],
        started=started,
    )
    print(" ".join([f"{options.output_prefix}: {len(table.rows)} rows.", *table.notes]))


def _of_metrics(
    frame: pd.DataFrame,
    grid: GridPoints,
    known: LanguageTable,
    spec: MetricTableSpec | ByLanguageSpec,
) -> Table:
    if isinstance(spec, MetricTableSpec):
        return metric_table(frame, grid, known, spec)
    return by_language_table(frame, grid, known, spec)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.make_table", description=__doc__)
    parser.add_argument("--table", required=True, help="a name under tables")
    parser.add_argument("--figures", type=Path, required=True, help="config/figures.yaml")
    parser.add_argument("--languages", type=Path, required=True, help="config/languages.tsv")
    parser.add_argument("--grid", type=Path, help="grid.json")
    parser.add_argument("--metrics", type=Path, help="metrics.csv")
    parser.add_argument("--output-prefix", type=Path, required=True, help="path without an ending")
    return parser


if __name__ == "__main__":
    run(main)
