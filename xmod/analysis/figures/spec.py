"""How a figure is declared. A new axis gets its own plot by naming it here, e.g. as `hue`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from xmod.analysis.records import UPDATE, axis_text
from xmod.analysis.spec import AxisValues, Baseline, Mean, Names, Selection, Spread
from xmod.architecture import StageName
from xmod.config_section import AxisValue, Section


class YAxis(Section):
    """The vertical axis."""

    label: str | dict[str, str]
    """Of every row of panels, or one for each value of `row`."""
    scale: Literal["linear", "log"] = "linear"
    share: Literal["all", "row", "span"] = "all"
    """`span`: each panel has its own position but the same extent as the others of its row, so
    that slopes compare."""
    include: tuple[float, ...] = ()
    """Values that the axis must reach, such as 0 or chance level."""
    within: tuple[float, float] | None = None
    """What values cannot leave, such as 0 and 100: the axis does not either."""
    minimum_span: float = Field(default=0.15, gt=0.0)
    """Least extent, relative to the middle value: noise is not blown up to fill a panel."""


class Reference(Baseline):
    """A baseline drawn beside the data, averaged alike."""

    optional: bool = False
    """Left out where it was not measured, instead of an error."""
    exponentiate: bool = False
    """Draw exp of the metric, before averaging: a perplexity from a negative log-likelihood."""


class FigureSpec(Selection):
    """One figure: which rows, what lies on which channel, what is averaged.

    Axes that vary and that no channel names become line styles and part of the legend: an
    axis is never averaged over unless `average_over` says so.
    """

    x: str
    """`update` for a curve along pre-training."""
    x_label: str
    x_scale: Literal["linear", "log"] = "linear"
    """Of an axis of numbers."""
    hue: str | None = None
    style: str | None = None
    row: str | None = None
    column: str | None = None
    column_wrap: int | None = Field(default=None, ge=1)
    average_over: Names = ()
    """Columns, in the order in which they are averaged: with [language, task] each task counts
    alike, however many languages it has."""
    mean: Mean = "arithmetic"
    spread: Spread = "std"
    """What the band around a line shows over seeds, where there are several."""
    y: YAxis
    references: tuple[Reference, ...] = ()
    order: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Column -> its values in the order to show them."""
    direct_labels: bool = False
    """Name lines at their ends, in the last column of panels, where there is room for words; a
    legend names what has no end there."""
    panel_inches: tuple[float, float] = (2.5, 1.9)

    @model_validator(mode="after")
    def _labels_are_of_rows(self) -> FigureSpec:
        if isinstance(self.y.label, dict) and self.row is None:
            raise ValueError("y.label: one for each value of row needs a row")
        return self

    @property
    def is_of_curves(self) -> bool:
        """Whether it shows curves.csv, what is measured along training, and not metrics.csv."""
        return self.x == UPDATE

    @property
    def channels(self) -> dict[str, str]:
        """Channel -> the column on it, for the channels in use."""
        named = {name: getattr(self, name) for name in ("x", "hue", "style", "row", "column")}
        return {name: column for name, column in named.items() if column is not None}


class ArchitectureSpec(Section):
    """A figure of the architecture: of cells' configurations, not of results."""

    title: str
    caption: str
    experiment: str
    variants: Names = Field(min_length=1)
    """What is drawn side by side: of each the first cell of the experiment that `where` fits."""
    where: dict[str, AxisValues] = Field(default_factory=dict)
    """Axis -> the values on it."""
    stages: tuple[StageName, ...] = Field(min_length=1)
    """Those that are shown, of those that the cell has."""

    def fits(self, axes: Mapping[str, AxisValue], variant: str) -> bool:
        """Whether a point at `axes` is one that may be drawn for `variant`."""
        return axes["variant"] == variant and all(
            axis_text(axes[axis]) in map(axis_text, values) for axis, values in self.where.items()
        )
