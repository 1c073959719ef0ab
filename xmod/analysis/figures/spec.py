"""How a figure is declared. A new axis gets its own plot by naming it here, e.g. as `hue`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xmod.analysis.spec import Mean, Names, Selection, Spread
from xmod.config_section import Section


class YAxis(Section):
    """The vertical axis."""

    label: str
    scale: Literal["linear", "log"] = "linear"
    share: Literal["all", "row", "span"] = "all"
    """`span`: each panel has its own position but the same extent, so slopes compare."""
    include: tuple[float, ...] = ()
    """Values that the axis must reach, such as 0 or chance level."""
    minimum_span: float = Field(default=0.15, gt=0.0)
    """Least extent, relative to the middle value: noise is not blown up to fill a panel."""


class Reference(Section):
    """A baseline drawn beside the data: another metric of the same stage, averaged alike."""

    metric: str
    label: str
    exponentiate: bool = False
    """Draw exp of the metric, before averaging: a perplexity from a negative log-likelihood."""


class FigureSpec(Selection):
    """One figure: which rows, what lies on which channel, what is averaged.

    Axes that vary and that no channel names become line styles and part of the legend: an
    axis is never averaged over unless `average_over` says so.
    """

    title: str
    caption: str
    x: str
    x_label: str
    hue: str | None = None
    style: str | None = None
    row: str | None = None
    column: str | None = None
    column_wrap: int | None = Field(default=None, ge=1)
    average_over: Names = ()
    mean: Mean = "arithmetic"
    spread: Spread = "std"
    """What the band around a line shows over seeds, where there are several."""
    y: YAxis
    references: tuple[Reference, ...] = ()
    order: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Column -> its values in the order to show them."""
    panel_inches: tuple[float, float] = (2.5, 1.9)

    @property
    def channels(self) -> dict[str, str]:
        """Channel -> the column on it, for the channels in use."""
        named = {name: getattr(self, name) for name in ("x", "hue", "style", "row", "column")}
        return {name: column for name, column in named.items() if column is not None}
