"""Draw the architecture in the stages of one cell, or of several (X-MOD figures 1 and 3).

`python -m xmod.draw_architecture --job figure_1.json --languages config/languages.tsv
--output-prefix figures/figure_1` writes .pdf, .png and .csv.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.figures.architecture import draw, save
from xmod.architecture import ArchitectureJob
from xmod.command import run
from xmod.languages import read_languages
from xmod.manifest import write_manifest


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure and say where it is and of which cells."""
    started = time.time()
    options = _parser().parse_args(arguments)
    job, table = ArchitectureJob.read(options.job), read_languages(options.languages)
    save(draw(job, table, title_note=options.title_note), job, options.output_prefix)
    prefix: Path = options.output_prefix
    write_manifest(
        prefix.with_name(f"{prefix.name}.manifest.json"),
        stage="figure",
        config=job,
        inputs=[options.job, options.languages],
        outputs=[prefix.with_name(f"{prefix.name}.{suffix}") for suffix in ("pdf", "png", "csv")],
        started=started,
    )
    print(f"{options.output_prefix}: {', '.join(cell.cell for cell in job.cells)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.draw_architecture", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to draw: an ArchitectureJob")
    parser.add_argument("--languages", type=Path, required=True, help="config/languages.tsv")
    parser.add_argument("--output-prefix", type=Path, required=True, help="path without an ending")
    parser.add_argument("--title-note", default="", help="words beside the title, such as small")
    return parser


if __name__ == "__main__":
    run(main)
