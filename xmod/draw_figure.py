"""Draw one declared figure from metrics.csv, with whatever is there so far.

`python -m xmod.draw_figure --figure figure_2a --figures config/figures.yaml --grid grid.json
--metrics metrics.csv --languages config/languages.tsv --output-prefix figures/figure_2a`
writes .pdf, .png and .csv. A figure of curves has curves.csv for metrics.csv.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.aggregate import read_metrics
from xmod.analysis.catalogue import read_catalogue
from xmod.analysis.figures.draw import draw
from xmod.analysis.figures.prepare import prepare
from xmod.analysis.figures.save import save
from xmod.analysis.records import read_grid
from xmod.analysis.spec import with_synthetic_note
from xmod.command import run
from xmod.languages import read_languages
from xmod.manifest import write_manifest


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure and say where it is and how complete."""
    started = time.time()
    options = _parser().parse_args(arguments)
    grid, table = read_grid(options.grid), read_languages(options.languages)
    spec = with_synthetic_note(read_catalogue(options.figures).figure(options.figure), grid.sets)
    plotted = prepare(read_metrics(options.metrics, grid), grid, table, spec)
    figure = draw(plotted, spec, table, title_note=options.title_note)
    save(figure, plotted, spec, options.output_prefix)
    prefix: Path = options.output_prefix
    write_manifest(
        prefix.with_name(f"{prefix.name}.manifest.json"),
        stage="figure",
        config=spec,
        inputs=[options.grid, options.metrics],
        outputs=[prefix.with_name(f"{prefix.name}.{suffix}") for suffix in ("pdf", "png", "csv")],
        started=started,
    )
    print(f"{options.output_prefix}: {plotted.num_complete} of {plotted.num_cells} cells")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.draw_figure", description=__doc__)
    parser.add_argument("--figure", required=True, help="a name under figures")
    parser.add_argument("--figures", type=Path, required=True, help="config/figures.yaml")
    parser.add_argument("--grid", type=Path, required=True, help="grid.json")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv or curves.csv")
    parser.add_argument("--languages", type=Path, required=True, help="config/languages.tsv")
    parser.add_argument("--output-prefix", type=Path, required=True, help="path without an ending")
    parser.add_argument("--title-note", default="", help="words beside the title, such as small")
    return parser


if __name__ == "__main__":
    run(main)
