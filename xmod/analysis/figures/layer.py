"""A panel of the architecture's figures: a cell's layer in one stage, from its text to its head.

All panels of a figure have their parts at the same heights. Coordinates are inches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes

from xmod.analysis.figures import style
from xmod.analysis.figures.boxes import Box, put_frame, put_line, put_part
from xmod.analysis.figures.stages import Part, Stage
from xmod.analysis.names import display
from xmod.architecture import CellArchitecture
from xmod.languages import LanguageTable

Level = Literal[
    "text",
    "embeddings",
    "embedding_norm",
    "attention",
    "attention_norm",
    "feed_forward",
    "output_norm",
    "module",
    "module_norm",
    "head",
]
HEIGHTS: dict[Level, tuple[float, float]] = {
    "text": (0.0, 0.13),
    "embeddings": (0.11, 0.19),
    "embedding_norm": (0.07, 0.16),
    "attention": (0.26, 0.21),
    "attention_norm": (0.09, 0.16),
    "feed_forward": (0.17, 0.21),
    "output_norm": (0.09, 0.16),
    "module": (0.26, 0.21),
    "module_norm": (0.21, 0.16),
    "head": (0.29, 0.19),
}
"""From below: the room below each level, and its height."""
OF_MODULES: tuple[Level, ...] = ("module", "module_norm")
PARTS_OF: dict[Level, tuple[Part, str]] = {
    "embedding_norm": ("embedding_norm", "norm"),
    "attention": ("attention", "multi-head attention"),
    "attention_norm": ("attention_norm", "add & norm"),
    "feed_forward": ("feed_forward", "feed-forward"),
    "output_norm": ("output_norm", "add & norm"),
    "module_norm": ("output_norm", "add & norm"),
}
"""Level -> the part in its one box, and its name there."""

SIZE, SMALL = 7.5, 7.0
"""Points: of the words in boxes, and of those beside."""
FRAME, FRAME_BELOW, FRAME_ABOVE = 0.07, 0.15, 0.09
"""Between the layer's frame and its parts: beside, below, above."""
RESIDUAL = 0.11
"""Room on the left for the ways around parts, where they are drawn."""
NOTES = 0.6
"""And on the right for numbers."""
BETWEEN_MODULES = 0.035
MOST_NAMED = 4
"""Pre-trained languages up to here are all named."""
ELLIPSIS, ELLIPSIS_SHARE = "…", 0.6
"""For modules that are left out, and its width beside a module's."""

Levels = Mapping[Level, tuple[float, float]]
"""Each level's lower and upper end."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Where a panel is, and whether it says how wide parts are and what goes around them."""

    left: float
    width: float
    is_detailed: bool

    @property
    def frame_right(self) -> float:
        return self.left + self.width - (NOTES if self.is_detailed else 0.0)

    @property
    def column(self) -> tuple[float, float]:
        """The left and right end of the parts."""
        left = self.left + FRAME + (RESIDUAL if self.is_detailed else 0.0)
        return left, self.frame_right - FRAME


def levels_of(stages: Iterable[Stage], *, bottom: float) -> dict[Level, tuple[float, float]]:
    """Where the levels are, from `bottom` on; modules have none where no stage has any."""
    has_modules = any(stage.parts["module"].training for stage in stages)
    found: dict[Level, tuple[float, float]] = {}
    for level, (room, height) in HEIGHTS.items():
        if has_modules or level not in OF_MODULES:
            found[level] = (bottom + room, bottom + room + height)
            bottom += room + height
    return found


def named_modules(cell: CellArchitecture, stage: Stage) -> list[str]:
    """The languages whose modules are drawn, with an ellipsis for those between them."""
    pretrained = cell.languages
    named = {pretrained[0], pretrained[-1], stage.language}
    if stage.language not in pretrained[1:-1]:
        named.add(pretrained[1 % len(pretrained)])
    shown: list[str] = []
    for iso in stage.modules:
        if iso in named or iso not in pretrained or len(pretrained) <= MOST_NAMED:
            shown.append(iso)
        elif shown[-1] != ELLIPSIS:
            shown.append(ELLIPSIS)
    return shown


def draw_layer(
    ax: Axes,
    panel: Panel,
    cell: CellArchitecture,
    stage: Stage,
    levels: Levels,
    table: LanguageTable,
) -> None:
    """Draw one stage of `cell`."""
    layer = _Layer(ax, panel, cell, stage, levels)
    layer.draw_input(display("language", stage.language, table))
    layer.draw_parts()
    layer.draw_modules()
    layer.draw_way()
    if panel.is_detailed:
        layer.draw_residuals()
        layer.draw_notes()


class _Layer:
    """One panel being drawn."""

    def __init__(
        self, ax: Axes, panel: Panel, cell: CellArchitecture, stage: Stage, levels: Levels
    ) -> None:
        self.ax, self.panel, self.cell, self.stage = ax, panel, cell, stage
        left, right = panel.column
        self.boxes = {
            level: Box(left=left, bottom=low, width=right - left, height=high - low)
            for level, (low, high) in levels.items()
        }
        self.center = (left + right) / 2
        self.has_modules = stage.parts["module"].training is not None
        self.top = self.boxes["module_norm" if "module_norm" in levels else "output_norm"]
        """The layer's uppermost level in this figure, also where this stage has no modules."""

    def draw_input(self, language: str) -> None:
        text, embeddings = self.boxes["text"], self.boxes["embeddings"]
        self.ax.text(text.left, text.middle, f"{language} text", ha="left", va="center",
                     fontsize=SMALL, style="italic")  # fmt: skip
        tokens, positions = embeddings.split((1.0, 1.15), gap=0.04)
        norm = self.boxes["embedding_norm"].bottom
        put_part(self.ax, tokens, "tokens", self.stage.parts["embeddings"], size=SIZE)
        put_part(self.ax, positions, "positions", self.stage.parts["positions"], size=SIZE)
        for box in (tokens, positions):
            put_line(self.ax, [(box.center, box.top), (box.center, norm)])
        x = tokens.center  # positions are the same, whatever the text
        put_line(self.ax, [(x, text.top), (x, embeddings.bottom)], arrow=True)

    def draw_parts(self) -> None:
        """The layer's frame, and every level of one box."""
        low, high = self.boxes["attention"].bottom - FRAME_BELOW, self.top.top + FRAME_ABOVE
        left, right = self.panel.left, self.panel.frame_right
        put_frame(self.ax, Box(left=left, bottom=low, width=right - left, height=high - low))
        count = self.cell.model.num_layers
        repeats = f"× {count} layer{'s' if count > 1 else ''}"
        self.ax.text(right, high + 0.03, repeats, ha="right", va="bottom", fontsize=SMALL)
        for level, (part, name) in PARTS_OF.items():
            if level != "module_norm" or self.has_modules:
                put_part(self.ax, self.boxes[level], name, self.stage.parts[part], size=SIZE)
        is_of_task = self.stage.name in ("finetune", "transfer")
        name = "task head" if is_of_task else "masked LM head"
        put_part(self.ax, self.boxes["head"], name, self.stage.parts["head"], size=SIZE)

    def draw_modules(self) -> None:
        """One for all, or side by side with the way through the one of the stage's language."""
        if not self.has_modules:
            return
        level, states = self.boxes["module"], self.stage.parts
        if not self.stage.modules:
            put_part(self.ax, level, "shared module", states["module"], size=SIZE)
            self._up("output_norm", "module")
            self._up("module", "module_norm")
            return
        names = named_modules(self.cell, self.stage)
        shares = [ELLIPSIS_SHARE if name == ELLIPSIS else 1.0 for name in names]
        boxes = level.split(shares, gap=BETWEEN_MODULES)
        low, high = level.bottom - 0.12, level.top + 0.09
        for name, box in zip(names, boxes, strict=True):
            if name == ELLIPSIS:
                self.ax.text(box.center, box.middle, name, ha="center", va="center", fontsize=SIZE)
                continue
            is_own = name == self.stage.language
            put_part(self.ax, box, name, states["module" if is_own else "other_modules"], size=SIZE)
            x, faint = box.center, not is_own
            below, above = self.boxes["output_norm"].top, self.boxes["module_norm"].bottom
            put_line(
                self.ax,
                [(self.center, below), (self.center, low), (x, low), (x, level.bottom)],
                arrow=True,
                faint=faint,
            )
            put_line(
                self.ax,
                [(x, level.top), (x, high), (self.center, high), (self.center, above)],
                arrow=True,
                faint=faint,
            )

    def draw_way(self) -> None:
        """The text's way through levels of one box."""
        self._up("embedding_norm", "attention")
        self._up("attention", "attention_norm")
        self._up("attention_norm", "feed_forward")
        self._up("feed_forward", "output_norm")
        self._up("module_norm" if self.has_modules else "output_norm", "head")

    def draw_residuals(self) -> None:
        """What goes around attention, feed-forward and module, to be added after each."""
        around: list[tuple[Level, float, Level]] = [
            ("attention", 0.09, "attention_norm"),
            ("feed_forward", 0.085, "output_norm"),
        ]
        if self.has_modules:
            around.append(("module", 0.19, "module_norm"))
        for level, below, norm in around:
            start = self.boxes[level].bottom - below
            end = self.boxes[norm]
            left = end.left - RESIDUAL + 0.02
            points = [
                (self.center, start),
                (left, start),
                (left, end.middle),
                (end.left, end.middle),
            ]
            put_line(self.ax, points, arrow=True)

    def draw_notes(self) -> None:
        """How wide everything is, and that the last norm is the one before it."""
        model = self.cell.model
        notes: dict[Level, str] = {
            "embeddings": f"embeddings,\n{model.width} wide",
            "attention": f"{model.num_heads} heads",
            "feed_forward": f"{model.feed_forward} wide",
        }
        if self.has_modules:
            count = len(self.stage.modules) or 1
            notes["module"] = f"{count} module{'s' if count > 1 else ''},\n{model.bottleneck} wide"
            notes["module_norm"] = "same norm"
            ends = [self.boxes[level] for level in ("output_norm", "module_norm")]
            lane = ends[0].right + 0.035
            points = [(box.right, box.middle) for box in ends]
            points[1:1] = [(lane, box.middle) for box in ends]
            put_line(self.ax, points, dashed=True)
        for level, note in notes.items():
            x = self.panel.frame_right + 0.05
            self.ax.text(x, self.boxes[level].middle, note, ha="left", va="center",
                         fontsize=SMALL, color=style.FAINT, linespacing=1.1)  # fmt: skip

    def _up(self, below: Level, above: Level) -> None:
        points = [(self.center, self.boxes[below].top), (self.center, self.boxes[above].bottom)]
        put_line(self.ax, points, arrow=True)
