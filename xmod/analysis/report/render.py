"""The page: all that a report found, as one HTML file that asks the network nothing."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xmod.analysis.report.claims import Claims
from xmod.analysis.report.facts import Facts, grouped
from xmod.analysis.report.overview import Overview
from xmod.analysis.report.provenance import Provenance
from xmod.analysis.report.shown import Picture, ShownTable
from xmod.analysis.tables.render import Cell

SYMBOLS = {"done": "✓", "running": "▸", "stale": "↻", "failed": "✕", "missing": "·"}
LONG_TABLE = 30
"""Rows from which on a table is folded away until it is asked for."""
PNG_SCALE = 2
"""Pixels of a figure's PNG that make one of the page's, so that it is sharp on any screen."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the template shows."""

    name: str
    made_at: str
    overview: Overview
    num_scores: int
    problems: tuple[str, ...]
    claims: Claims
    audit: str
    """HTML; empty where there is no audit."""
    pictures: tuple[Picture, ...]
    tables: tuple[ShownTable, ...]
    texts: tuple[Facts, ...]
    costs: tuple[Facts, ...]
    totals: Mapping[str, str]
    """Label -> a number worth seeing first."""
    provenance: Provenance
    config_file: str
    config_text: str
    has_notes: bool
    """Whether Snakemake's notes were there to be read."""


def render(page: Page) -> str:
    """The page as HTML; every text in it is escaped, but for what was rendered from Markdown."""
    environment = Environment(
        loader=PackageLoader("xmod.analysis.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(spans=spans, picture=picture, grouped=grouped)
    style = resources.files("xmod.analysis.report").joinpath("style.css")
    html: str = environment.get_template("template.html.j2").render(
        page=page,
        style=Markup(style.read_text(encoding="utf-8")),
        symbols=SYMBOLS,
        long_table=LONG_TABLE,
    )
    return html


def spans(cell: Cell) -> Markup:
    """A table's cell, in its styles."""
    html = Markup()
    for span in cell:
        text = Markup.escape(span.text)
        for wanted, tag in (
            (span.italic, "i"),
            (span.bold, "b"),
            (span.underlined, "u"),
            (span.raised, "sup"),
        ):
            if wanted and text:
                text = Markup(f"<{tag}>") + text + Markup(f"</{tag}>")
        html += text
    return html


def picture(png: bytes, title: str) -> Markup:
    """An image with its bytes within, and its size, so that nothing moves while it loads."""
    width, height = struct.unpack(">II", png[16:24])  # of the first chunk, IHDR
    return Markup('<img src="data:image/png;base64,{}" width="{}" height="{}" alt="{}">').format(
        base64.b64encode(png).decode(), width // PNG_SCALE, height // PNG_SCALE, title
    )
