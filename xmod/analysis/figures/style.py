"""Colours, markers, dashes and type, in one place.

The variants' colours differ in lightness as well as in hue and each has its own marker, so
that they are told apart in greyscale and by colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.typing import RcKeyType

from xmod.analysis.names import ORDER, is_number

COLOURS = {
    "variant": {
        "xmod": "#0b3c8c",
        "shared": "#e8770e",
        "shared_nm": "#1b9e77",
        "adapters": "#a8579f",
    },
}

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.6)), (0, (1.2, 1.4)), (0, (5, 1.4, 1.2, 1.4)))
PALETTE = ("#0b3c8c", "#e8770e", "#1b9e77", "#a8579f", "#56b4e9", "#8c6d1f", "#555555")
INK, FAINT, GRID, ALERT = "#222222", "#6b6b6b", "#e3e3e3", "#a3261b"

REFERENCE: dict[str, Any] = {"color": FAINT, "linewidth": 0.9}
REFERENCE_DASHES: tuple[Any, ...] = (":", (0, (6, 1.5, 1, 1.5)), (0, (3, 3)))
REFERENCE_AT_CATEGORY: dict[str, Any] = {
    **{"color": FAINT, "linestyle": "none", "marker": "_"},
    **{"markersize": 11.0, "markeredgewidth": 1.0},
}

RC: dict[RcKeyType, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9.0,
    "axes.edgecolor": "#8a8a8a",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 9.0,
    "pdf.fonttype": 42,
    "savefig.dpi": 240,
}


def colours(column: str, values: Sequence[str]) -> dict[str, Any]:
    """Value -> colour: fixed for known values, a sequence for numbers, a palette otherwise."""
    fixed = COLOURS.get(column, {})
    if len(values) > 1 and all(is_number(value) for value in values):
        import seaborn  # here: it loads scipy.stats, a third of a figure's time

        sequence = seaborn.color_palette("viridis", len(values) + 1)  # its last one is too light
        return dict(zip(values, sequence[:-1], strict=True))
    spare = [colour for colour in PALETTE if colour not in fixed.values()] or list(PALETTE)
    unknown = [value for value in values if value not in fixed]
    return {
        value: fixed[value] if value in fixed else spare[unknown.index(value) % len(spare)]
        for value in values
    }


def markers(column: str, values: Sequence[str]) -> dict[str, str]:
    """Value -> marker; a known value has the same one in every figure."""
    known = ORDER.get(column, ())
    places = {value: index for index, value in enumerate(known)}
    rest = [value for value in values if value not in places]
    places |= {value: len(known) + index for index, value in enumerate(rest)}
    return {value: MARKERS[places[value] % len(MARKERS)] for value in values}
