"""The pieces that figures of the architecture are drawn with. Coordinates are inches.

Hue says what is shared (that of SHARED) and what is one language's own (that of X-MOD), filling
says what is trained: both are told apart in greyscale and by colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from xmod.analysis.figures import style
from xmod.analysis.figures.stages import PartState
from xmod.analysis.figures.words import inches

Colour = tuple[float, float, float] | str
Point = tuple[float, float]

HUES = {
    "shared": style.COLOURS["variant"]["shared"],
    "modular": style.COLOURS["variant"]["xmod"],
}
FILLS = {"shared": 0.55, "modular": 1.0}
"""How much of its hue a trained part has: less of the lighter one, for dark words to be read."""
HATCH = 0.16
"""And the lines of a frozen part's ground."""
ROUNDING = 0.03
BESIDE_WORDS = 0.025
"""Least room between a part's words and its edge."""
BADGE = 0.048
"""Radius of the mark of new weights."""
FRAME_FILL, FRAME_EDGE = "#f6f6f6", "#d9d9d9"
FAINT_LINE = "#b5b5b5"


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def top(self) -> float:
        return self.bottom + self.height

    @property
    def center(self) -> float:
        return self.left + self.width / 2

    @property
    def middle(self) -> float:
        return self.bottom + self.height / 2

    def split(self, shares: Sequence[float], *, gap: float) -> list[Box]:
        """Boxes side by side, `gap` apart, whose widths are as `shares`."""
        room = self.width - gap * (len(shares) - 1)
        boxes, left = [], self.left
        for share in shares:
            width = room * share / sum(shares)
            boxes.append(Box(left=left, bottom=self.bottom, width=width, height=self.height))
            left += width + gap
        return boxes


def put_part(ax: Axes, box: Box, words: str, state: PartState, *, size: float) -> None:
    """A part of the model with its name, set smaller where it is long; nothing where absent."""
    if state.training is None:
        return
    hue = HUES[state.sharing]
    is_frozen = state.training == "frozen"
    fill = "white" if is_frozen else mixed(hue, FILLS[state.sharing])
    _rectangle(ax, box, face=fill, edge="none")
    if is_frozen:
        _rectangle(ax, box, face="none", edge=mixed(hue, HATCH), hatch="//////")
    _rectangle(ax, box, face="none", edge=mixed(hue, 0.75))
    room = box.width - 2 * BESIDE_WORDS
    fitting = size * min(1.0, room / max(inches(words, size), 1e-6))
    ink = "white" if state.sharing == "modular" and not is_frozen else style.INK
    ax.text(box.center, box.middle, words, ha="center", va="center_baseline", fontsize=fitting,
            color=ink, zorder=4)  # fmt: skip
    if state.training == "new":
        put_badge(ax, (box.right - 0.035, box.top), hue)


def put_badge(ax: Axes, place: Point, colour: Colour) -> None:
    """The mark of weights that begin in this stage: a plus in a circle."""
    x, y = place
    ax.add_patch(Circle(place, BADGE, facecolor="white", edgecolor=colour, linewidth=0.7, zorder=5))
    arm = 0.55 * BADGE
    ax.plot([x - arm, x + arm], [y, y], color=colour, linewidth=0.9, zorder=6)
    ax.plot([x, x], [y - arm, y + arm], color=colour, linewidth=0.9, zorder=6)


def put_frame(ax: Axes, box: Box) -> None:
    """What is repeated: the layer."""
    _rectangle(ax, box, face=FRAME_FILL, edge=FRAME_EDGE, rounding=0.06, zorder=0.5)


def put_line(
    ax: Axes,
    points: Sequence[Point],
    *,
    arrow: bool = False,
    faint: bool = False,
    dashed: bool = False,
) -> None:
    """A way through `points`; the text's own way is dark, others are faint."""
    ax.add_patch(
        FancyArrowPatch(
            path=Path(list(points)),
            arrowstyle="-|>,head_length=2.4,head_width=1.5" if arrow else "-",
            mutation_scale=1.0,
            color=FAINT_LINE if faint else style.INK,
            linewidth=0.7 if faint else 0.8,
            linestyle=(0, (2.2, 1.6)) if dashed else "-",
            joinstyle="miter",
            capstyle="butt",
            shrinkA=0,
            shrinkB=0,
            zorder=1.0 if faint else 2.0,
        )
    )


def mixed(colour: str, share: float) -> Colour:
    """`colour` thinned with white."""
    red, green, blue = (1 - share + share * part for part in to_rgb(colour))
    return red, green, blue


def _rectangle(
    ax: Axes,
    box: Box,
    *,
    face: Colour,
    edge: Colour,
    hatch: str | None = None,
    rounding: float = ROUNDING,
    zorder: float = 3.0,
) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (box.left, box.bottom),
            box.width,
            box.height,
            boxstyle=f"round,pad=0,rounding_size={rounding}",
            facecolor=face,
            edgecolor=edge,
            linewidth=0.0 if hatch else 0.8,
            hatch=hatch,
            zorder=zorder,
        )
    )
