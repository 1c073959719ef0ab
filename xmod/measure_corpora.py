"""Counts the embedded text of every language, and writes the counts where they are shown.

    python -m xmod.measure_corpora --packages cache

Rewrites the column `embedded_kchars` of the language table and the counts table in the
documentation. Run it after a change to a package's version, to a source or to the cleaning.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.config_sources import CorporaConfig
from xmod.data.collecting import Collected, Collector
from xmod.data.packages import read_packages
from xmod.data.sources import EmbeddedSource, SourceError
from xmod.data.sources.udhr import ARTICLES
from xmod.data.splitting import Splitter
from xmod.files import write_text_atomic
from xmod.languages import COLUMNS, PACKAGE_SOURCES, LanguageTable, read_languages
from xmod.paths import SPLITS

BEGIN = "<!-- counts: written by `python -m xmod.measure_corpora` -->"
END = "<!-- end of counts -->"


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, and rewrite the table and the document."""
    parser = argparse.ArgumentParser(prog="python -m xmod.measure_corpora", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--packages", type=Path, required=True, help="folder of the package cache")
    parser.add_argument("--packages-table", type=Path, default=Path("config/packages.tsv"))
    parser.add_argument("--languages-table", type=Path, default=Path("config/languages.tsv"))
    parser.add_argument("--document", type=Path, default=Path("docs/data.md"))
    options = parser.parse_args(arguments)
    table = read_languages(options.languages_table)
    source = EmbeddedSource(
        options.packages, table=read_packages(options.packages_table), languages=table.languages
    )
    counts = measure(table, source)
    rewrite_column(options.languages_table, "embedded_kchars", kilo_characters(counts))
    rewrite_document(options.document, counts_table(table, counts))


def measure(table: LanguageTable, source: EmbeddedSource) -> dict[str, Collected | None]:
    """What each language yields without a cap; None where it yields nothing."""
    config = CorporaConfig(
        sizes="embedded_kchars",
    )
    splitter = Splitter(
        salt=config.salt, heldout_fraction=config.heldout_fraction, closed_keys=ARTICLES
    )
    collector = Collector(
        source, splitter=splitter, heldout_fraction=config.heldout_fraction, cap=None
    )
    counts: dict[str, Collected | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for language in table:
            try:
                counts[language.iso] = collector.collect(language, Path(folder))
            except SourceError as error:
                print(f"note: {error}", file=sys.stderr)
                counts[language.iso] = None
    return counts


def kilo_characters(counts: dict[str, Collected | None]) -> dict[str, int]:
    """Thousands of characters of each language, both splits."""
    return {
        iso: round(sum(count.characters for count in one.total.values()) / 1000) if one else 0
        for iso, one in counts.items()
    }


def rewrite_column(path: Path, column: str, values: dict[str, int]) -> None:
    """Replace one column of the language table, leaving everything else as it is."""
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    index = COLUMNS.index(column)
    lines = [header]
    for row in rows:
        cells = row.split("\t")
        cells[index] = str(values[cells[0]])
        lines.append("\t".join(cells))
    write_text_atomic(path, "\n".join(lines) + "\n")


def counts_table(table: LanguageTable, counts: dict[str, Collected | None]) -> str:
    """A Markdown table: characters by split, KB, and thousands of characters by source."""
    head = ["iso", "language", "train", "held out", "KB", *PACKAGE_SOURCES, "lines", "dropped"]
    rows = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for language in table:
        one = counts[language.iso]
        if one is None:
            continue
        by_source = [
            sum(
                one.by_source[split][name].characters
                for split in SPLITS
                if name in one.by_source[split]
            )
            for name in PACKAGE_SOURCES
        ]
        rows.append(
            [
                language.iso,
                language.name,
                *(f"{one.total[split].characters:,}" for split in SPLITS),
                f"{sum(count.bytes for count in one.total.values()) / 1000:,.0f}",
                *(f"{number / 1000:.1f}" if number else "" for number in by_source),
                f"{sum(count.lines for count in one.total.values()):,}",
                f"{one.drops.total():,}",
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def rewrite_document(path: Path, text: str) -> None:
    """Replace what stands between the two marks of a document; raises ValueError without them."""
    document = path.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if between.search(document) is None:
        raise ValueError(f"{path} must have the lines {BEGIN!r} and {END!r}")
    write_text_atomic(path, between.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", document))


if __name__ == "__main__":
    run(main)
