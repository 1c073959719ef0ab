"""Check the paper's printed numbers against each other.

`python -m xmod.audit_paper --languages config/languages.tsv --output paper_audit.md` writes a page
of the averages that do not fit, and of the numbers that two tables print differently.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xmod.analysis.audit import audit
from xmod.analysis.audit_page import markdown
from xmod.analysis.published import published
from xmod.command import run
from xmod.files import write_text_atomic
from xmod.languages import read_languages


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page and say how much disagrees."""
    options = _parser().parse_args(arguments)
    numbers = published()
    found = audit(numbers)
    page = markdown(found, num_numbers=len(numbers), table=read_languages(options.languages))
    write_text_atomic(options.output, page)
    print(
        f"{options.output}: {len(found.wrong_averages)} averages and {len(found.contradictions)} "
        "numbers disagree"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.audit_paper", description=__doc__)
    parser.add_argument("--languages", type=Path, required=True, help="config/languages.tsv")
    parser.add_argument("--output", type=Path, required=True, help="a Markdown page")
    return parser


if __name__ == "__main__":
    run(main)
