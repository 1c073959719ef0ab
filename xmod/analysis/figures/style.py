"""Colours, markers, order and display names, in one place.

The variants' colours differ in lightness as well as in hue and each has its own marker, so
that they are told apart in greyscale and by colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import seaborn
from matplotlib.typing import RcKeyType

from xmod.languages import LanguageTable

ORDER = {
    "variant": ("xmod", "shared", "shared_nm", "adapters"),
    "budget": ("equal_steps", "equal_examples"),
    "group": ("source", "pretrained", "added"),
}

NAMES = {
    "variant": {
        "xmod": "X-MOD",
        "shared": "SHARED",
        "shared_nm": "shared, no module",
        "adapters": "adapters",
    },
    "budget": {
        "equal_steps": "Equal update steps",
        "equal_examples": "Equal examples per language",
    },
    "group": {
        "source": "Source language",
        "pretrained": "Pre-trained languages",
        "added": "Added languages",
    },
    "metric": {
        "perplexity": "perplexity",
        "nll": "right context, right module",
        "shuffled_nll": "context shuffled",
        "wrong_module_nll": "wrong module",
        "unigram_nll": "unigram",
    },
}

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

REFERENCE: dict[str, Any] = {"color": FAINT, "linewidth": 0.9, "linestyle": ":"}
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


def ordered(column: str, values: Iterable[str], wanted: Sequence[str] = ()) -> list[str]:
    """`values` in display order: as wanted, else as known here, else by number or name."""
    known = tuple(wanted) or ORDER.get(column, ())

    def rank(value: str) -> tuple[int, float, str]:
        return (known.index(value) if value in known else len(known), *_natural(value))

    return sorted(dict.fromkeys(values), key=rank)


def display(column: str, value: str, table: LanguageTable) -> str:
    """How a value is shown to a reader."""
    if column == "language" and value in table:
        return table[value].name
    if column in NAMES:
        return NAMES[column].get(value, value)
    return f"{axis_name(column)} {value}"


def axis_name(column: str) -> str:
    """The readable end of a config key: pretrain.sampling_alpha -> sampling alpha."""
    return column.rpartition(".")[2].replace("_", " ")


def colours(column: str, values: Sequence[str]) -> dict[str, Any]:
    """Value -> colour: fixed for known values, a sequence for numbers, a palette otherwise."""
    fixed = COLOURS.get(column, {})
    if len(values) > 1 and all(_is_number(value) for value in values):
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


def is_numeric(values: Iterable[str]) -> bool:
    """Whether all values are numbers, so that a position on an axis means something."""
    return all(_is_number(value) for value in values)


def _natural(value: str) -> tuple[float, str]:
    return (float(value), value) if _is_number(value) else (float("inf"), value)


def _is_number(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return number == number and abs(number) != float("inf")
