"""A figure's files: the picture as PDF and PNG, and the plotted numbers as CSV.

The bytes depend on the numbers and the declaration only: no date, no program version.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from xmod.analysis.figures import style
from xmod.analysis.figures.prepare import Plotted
from xmod.analysis.figures.spec import FigureSpec
from xmod.files import atomic_path, write_text_atomic


def save(figure: Figure, plotted: Plotted, spec: FigureSpec, prefix: Path) -> tuple[Path, ...]:
    """Write `prefix`.pdf, .png and .csv; returns their paths."""
    return save_with_numbers(
        figure, plotted.frame, prefix, title=spec.title, caption=spec.caption, rc=style.RC
    )


def save_with_numbers(
    figure: Figure,
    numbers: pd.DataFrame,
    prefix: Path,
    *,
    title: str,
    caption: str,
    rc: dict[RcKeyType, Any],
) -> tuple[Path, ...]:
    """Write a figure and its numbers; their bytes say nothing of when or where."""
    pdf, png, table = (prefix.with_name(prefix.name + end) for end in (".pdf", ".png", ".csv"))
    words = {"pdf": "Subject", "png": "Description"}
    dates = {"pdf": {"CreationDate": None}, "png": {"Software": None}}
    with mpl.rc_context(rc):
        for path, kind in ((pdf, "pdf"), (png, "png")):
            metadata = {"Title": title, words[kind]: caption, **dates[kind]}
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata)
    write_text_atomic(table, numbers_as_csv(numbers))
    return pdf, png, table


def numbers_as_csv(frame: pd.DataFrame) -> str:
    """The plotted numbers, exactly: floats by repr, true and false in small letters."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in frame.itertuples(index=False):
        writer.writerow(_text(value) for value in row)
    return stream.getvalue()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(float(value)) if isinstance(value, float) else str(value)
