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
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "✓": r"$\checkmark$",
    "±": r"$\pm$",
}
FOLDED_SIZE = r"\centering\scriptsize\setlength{\tabcolsep}{3pt}"
LATEX_ALIGN = {"left": "l", "right": "r", "center": "c", "wide": r"p{0.72\linewidth}"}
MARKDOWN_ALIGN = {"left": ":--", "right": "--:", "center": ":-:", "wide": ":--"}


@dataclass(frozen=True, kw_only=True)
class Span:
    """A run of text in one style."""

    text: str
    bold: bool = False
    italic: bool = False
    underlined: bool = False


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
    header = "| " + " | ".join(_escape_markdown(column.label) for column in table.columns) + " |"
    rule = "| " + " | ".join(MARKDOWN_ALIGN[column.align] for column in table.columns) + " |"
    body = ["| " + " | ".join(map(_markdown_cell, row)) + " |" for row in table.rows]
    notes = [f"{note}\n" for note in table.notes]
    return "\n".join([f"## {title}\n", header, rule, *body, "", f"{caption}\n", *notes])


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
    star = "*" if table.folds > 1 else ""
    return "\n".join(
        [
            "% needs \\usepackage{booktabs} and \\usepackage{amssymb}",
            f"\\begin{{table{star}}}[t]",
            r"\centering\small" if table.folds == 1 else FOLDED_SIZE,
            r"\begin{tabular}{@{}" + r"@{\qquad}".join([block] * table.folds) + "@{}}",
            r"\toprule",
            _latex_row(heads * table.folds),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            f"\\caption{{{words}}}",
            f"\\label{{tab:{label}}}",
            f"\\end{{table{star}}}",
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
    ):
        text = f"\\{command}{{{text}}}" if wanted and text else text
    return text


def _markdown_cell(cell: Cell) -> str:
    return "".join(map(_markdown_span, cell))


def _markdown_span(span: Span) -> str:
    text = _escape_markdown(span.text)
    for wanted, left, right in (
        (span.italic, "*", "*"),
        (span.bold, "**", "**"),
        (span.underlined, "<u>", "</u>"),
    ):
        text = f"{left}{text}{right}" if wanted and text else text
    return text


def _escape_markdown(text: str) -> str:
    for sign in ("\\", "|", "*", "_"):
        text = text.replace(sign, "\\" + sign)
    return text.replace("<", "&lt;")
