"""A table as Markdown, LaTeX (booktabs) and CSV. Knows nothing of what is in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xmod.files import write_text_atomic

Align = Literal["left", "right", "center", "wide"]

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "✓": r"$\checkmark$",
    "±": r"$\pm$",
}
LATEX_COLUMN, LATEX_PAGE = 219.0, 455.0
"""Points across a column and a page of the ACL's style, in whose 11pt sizes are counted."""
LATEX_LETTER, LATEX_DIGIT, LATEX_SIGN, LATEX_RAISED = 0.56, 0.5, 0.36, 0.35
"""How wide a letter, a digit, a sign and what is raised are, in sizes of the type around them."""
LATEX_BOLD = 1.12
"""How much wider bold type is."""


@dataclass(frozen=True, kw_only=True)
class LatexSize:
    """A type size, and the room between columns that goes with it; both in points."""

    command: str
    letters: float
    between: float
    room: float

    @property
    def star(self) -> str:
        return "*" if self.room == LATEX_PAGE else ""

    @property
    def setting(self) -> str:
        return rf"\centering\{self.command}\setlength{{\tabcolsep}}{{{self.between:g}pt}}"


LATEX_SIZES = (
    LatexSize(command="small", letters=10, between=6, room=LATEX_COLUMN),
    LatexSize(command="footnotesize", letters=9, between=3, room=LATEX_COLUMN),
    LatexSize(command="small", letters=10, between=6, room=LATEX_PAGE),
    LatexSize(command="footnotesize", letters=9, between=4, room=LATEX_PAGE),
    LatexSize(command="scriptsize", letters=8, between=2.5, room=LATEX_PAGE),
    LatexSize(command="scriptsize", letters=8, between=1.5, room=LATEX_PAGE),
    LatexSize(command="tiny", letters=6, between=1, room=LATEX_PAGE),
)
"""From the best to the smallest."""
LATEX_ALIGN = {"left": "l", "right": "r", "center": "c", "wide": r"p{0.72\linewidth}"}
RULES = {"left": ":--", "right": "--:", "center": ":-:", "wide": ":--"}


@dataclass(frozen=True, kw_only=True)
class Span:
    """A run of text in one style."""

    text: str
    bold: bool = False
    italic: bool = False
    underlined: bool = False
    raised: bool = False
    """Small and above the line: a footnote's mark."""


Cell = tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column's heading and alignment."""

    label: str
    align: Align = "left"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table for readers (`rows`) and the same facts for programs (`records`)."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    record_columns: tuple[str, ...]
    records: tuple[tuple[str, ...], ...]
    rules: tuple[int, ...] = ()
    """Rows that start a new part: LaTeX draws a line above them."""
    notes: tuple[str, ...] = ()
    folds: int = 1
    """LaTeX sets the rows in so many blocks side by side."""


def plain(text: str) -> Cell:
    """A cell of unstyled text."""
    return (Span(text=text),)


def markdown(table: Table, *, title: str, caption: str) -> str:
    """GitHub's Markdown: a heading, the table, its caption and notes."""
    header = [_escape_markdown(column.label) for column in table.columns]
    body = [list(map(_markdown_cell, row)) for row in table.rows]
    aligns = [column.align for column in table.columns]
    widths = [
        0 if align == "wide" else max(3, *map(len, texts))
        for align, *texts in zip(aligns, header, *body, strict=True)
    ]
    rule = [RULES[align].replace("-", "-" * max(width - 2, 1), 1)
            for align, width in zip(aligns, widths, strict=True)]  # fmt: skip
    lines = [
        "| " + " | ".join(map(_padded, cells, aligns, widths)) + " |"
        for cells in (header, rule, *body)
    ]
    notes = [f"{note}\n" for note in table.notes]
    return "\n".join([f"## {title}\n", *lines, "", f"{caption}\n", *notes])


def latex(table: Table, *, title: str, caption: str, label: str) -> str:
    """A LaTeX table float; needs the packages booktabs and amssymb."""
    folds = _fold(table)
    block = "".join(LATEX_ALIGN[column.align] for column in table.columns)
    heads = [r"\textbf{" + escape_latex(column.label) + "}" for column in table.columns]
    body = []
    for index, blocks in enumerate(folds):
        if index in table.rules and table.folds == 1:
            body.append(r"\midrule")
        body.append(_latex_row([cell for row in blocks for cell in map(_latex_cell, row)]))
    words = " ".join([f"\\textbf{{{escape_latex(title)}.}}", escape_latex(caption)])
    words = " ".join([words, *map(escape_latex, table.notes)])
    size = _latex_size(table)
    return "\n".join(
        [
            "% needs \\usepackage{booktabs} and \\usepackage{amssymb}",
            f"\\begin{{table{size.star}}}[t]",
            size.setting,
            r"\begin{tabular}{@{}" + r"@{\qquad}".join([block] * table.folds) + "@{}}",
            r"\toprule",
            _latex_row(heads * table.folds),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            f"\\caption{{{words}}}",
            f"\\label{{tab:{label}}}",
            f"\\end{{table{size.star}}}",
            "",
        ]
    )


def records_csv(table: Table) -> str:
    """The table's facts, one row a record."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.record_columns)
    writer.writerows(table.records)
    return stream.getvalue()


def write(table: Table, prefix: Path, *, title: str, caption: str) -> tuple[Path, ...]:
    """Write `prefix`.md, .tex and .csv; returns their paths."""
    texts = {
        ".md": markdown(table, title=title, caption=caption),
        ".tex": latex(table, title=title, caption=caption, label=prefix.name),
        ".csv": records_csv(table),
    }
    paths = {end: prefix.with_name(prefix.name + end) for end in texts}
    for end, path in paths.items():
        write_text_atomic(path, texts[end])
    return tuple(paths.values())


def escape_latex(text: str) -> str:
    """`text` with every character that LaTeX would take as a command escaped."""
    return "".join(LATEX_ESCAPES.get(sign, sign) for sign in text)


def _fold(table: Table) -> list[list[tuple[Cell, ...]]]:
    """The rows cut into `folds` blocks set side by side; the last block may be shorter."""
    if not table.rows:
        return []
    height = -(-len(table.rows) // table.folds)
    empty = (plain(""),) * len(table.columns)
    blocks = [table.rows[start : start + height] for start in range(0, len(table.rows), height)]
    return [
        [block[index] if index < len(block) else empty for block in blocks]
        for index in range(height)
    ]


def _latex_size(table: Table) -> LatexSize:
    """The largest in which the table fits; text that breaks over lines is set across the page."""
    if any(column.align == "wide" for column in table.columns):
        return next(size for size in LATEX_SIZES if size.star)
    heads = ((Span(text=column.label, bold=True),) for column in table.columns)
    columns = zip(heads, *table.rows, strict=True)
    wide = sum(max(sum(map(_latex_width, cell)) for cell in cells) for cells in columns)
    for size in LATEX_SIZES:
        points = wide * size.letters + 2 * len(table.columns) * size.between
        if points * table.folds <= size.room:
            return size
    return LATEX_SIZES[-1]


def _latex_width(span: Span) -> float:
    """In sizes of the type."""
    if span.raised:
        return LATEX_RAISED * len(span.text)
    return (LATEX_BOLD if span.bold else 1.0) * sum(
        LATEX_DIGIT if sign.isdigit() else LATEX_LETTER if sign.isalpha() else LATEX_SIGN
        for sign in span.text
    )


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_cell(cell: Cell) -> str:
    return "".join(map(_latex_span, cell))


def _latex_span(span: Span) -> str:
    text = escape_latex(span.text)
    for wanted, command in (
        (span.italic, "textit"),
        (span.bold, "textbf"),
        (span.underlined, "underline"),
        (span.raised, "textsuperscript"),
    ):
        text = f"\\{command}{{{text}}}" if wanted and text else text
    return text


def _padded(text: str, align: Align, width: int) -> str:
    return text.rjust(width) if align == "right" else text.ljust(width)


def _markdown_cell(cell: Cell) -> str:
    return "".join(map(_markdown_span, cell))


def _markdown_span(span: Span) -> str:
    text = _escape_markdown(span.text)
    for wanted, left, right in (
        (span.italic, "*", "*"),
        (span.bold, "**", "**"),
        (span.underlined, "<u>", "</u>"),
        (span.raised, "<sup>", "</sup>"),
    ):
        text = f"{left}{text}{right}" if wanted and text else text
    return text


def _escape_markdown(text: str) -> str:
    for sign in ("\\", "|", "*", "_"):
        text = text.replace(sign, "\\" + sign)
    return text.replace("<", "&lt;")
