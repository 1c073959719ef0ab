"""The audit of the paper's numbers as a page for readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xmod.analysis.audit import Audit
from xmod.analysis.names import display
from xmod.analysis.published import AVERAGE, Published
from xmod.languages import LanguageTable


def markdown(found: Audit, *, num_numbers: int, table: LanguageTable) -> str:
    """What disagrees first, then what was compared and agrees."""
    sections = [
        *_introduction(found, num_numbers),
        *_section(
            "Averages that their languages do not give",
            ["average", "printed", "recomputed", "difference", "remark"],
            [
                [
                    f"{_of(one.average, table)}, over {one.num_languages} languages",
                    f"{one.average.value:.1f}",
                    f"{one.recomputed:.2f}",
                    f"{one.average.value - one.recomputed:+.2f}",
                    one.remark or "nothing printed explains it",
                ]
                for one in found.wrong_averages
            ],
        ),
        *_section(
            "Numbers that two tables print differently",
            ["number", "printed", "and", "difference", "remark"],
            [
                [
                    _of(pair.one, table, with_table=False),
                    f"{pair.one.value:.1f} in table {pair.one.table}",
                    f"{pair.other.value:.1f} in table {pair.other.table}",
                    f"{pair.one.value - pair.other.value:+.1f}",
                    "; ".join(_remarks(pair.remark, changes=pair.changes_the_better))
                    or "nothing printed tells which is right",
                ]
                for pair in found.contradictions
            ],
        ),
        *_section(
            "Averages over such a number",
            ["average", "printed", "of its languages as printed", "with the other table's number"],
            [
                [
                    _of(one.average, table),
                    f"{one.average.value:.1f}",
                    f"{one.as_printed:.2f}",
                    f"{one.corrected:.2f}",
                ]
                for one in found.consequences
            ],
        ),
        *_section(
            "All that was compared",
            ["what", "compared", "agree", "disagree"],
            [
                [
                    one.what,
                    str(one.num_compared),
                    str(one.num_agreeing),
                    str(one.num_compared - one.num_agreeing),
                ]
                for one in found.checks
            ],
        ),
    ]
    return "\n".join(sections) + "\n"


def _introduction(found: Audit, num_numbers: int) -> Iterator[str]:
    yield "# The paper's printed numbers against each other"
    yield ""
    yield f"The {num_numbers} numbers that X-MOD (Pfeiffer et al. 2022) prints in tables 2, 3 and"
    yield "5 to 8, recomputed where other printed numbers allow it. They are printed to a tenth:"
    yield "a difference that rounding can make is none. Which runs were made does not matter here."
    yield ""
    for kind in ("averages", "numbers"):
        checks = [one for one in found.checks if one.what.startswith(kind)]
        compared = sum(one.num_compared for one in checks)
        agreeing = sum(one.num_agreeing for one in checks)
        what = "averages recomputed" if kind == "averages" else "numbers printed in two tables"
        yield f"- {compared} {what}: {agreeing} agree, **{compared - agreeing} do not**."
    yield ""
    yield "By their captions all tables are of the same two models, pre-trained on 60 languages for"
    yield "265k updates (that of table 8 leaves the updates out). Averages of two tables are"
    yield "compared where they are over the same languages."


def _section(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = list(rows)
    yield from ("", f"## {title}", "")
    if not lines:
        yield "None."
        return
    for line in (header, ["---"] * len(header), *lines):
        yield f"| {' | '.join(line)} |"


def _remarks(remark: str, *, changes: bool) -> Iterator[str]:
    if remark:
        yield remark
    if changes:
        yield "which model is better differs"


def _of(one: Published, table: LanguageTable, *, with_table: bool = True) -> str:
    """`table 2, NER F1 of X-MOD, Arabic`; of an average without a language."""
    names = [display(column, getattr(one, column), table) for column in ("task", "metric")]
    words = [f"{' '.join(names)} of {display('variant', one.variant, table)}"]
    if with_table:
        words.insert(0, f"table {one.table}")
    if one.language != AVERAGE:
        words.append(display("language", one.language, table))
    return ", ".join(words)
