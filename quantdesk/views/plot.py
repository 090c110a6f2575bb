"""A plot as values: series, bands, whiskers, markers and guides over two axes.

Drawn as text by `views.plot_text`. Every part is told from the others by its pattern or symbol and
named in the legend; colour only helps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray

POINTS_MAX = 20_000
"""Points of one part; a terminal has a few hundred columns, so more are a caller's mistake."""


VALUE_MAX = 1e100
"""Larger values are not drawn, as if they were not there: no market number comes near."""


class PlotRole(StrEnum):
    """What a part of a plot is, for whoever gives it a look."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    BAND = "band"
    BID = "bid"
    ASK = "ask"
    MARKER = "marker"
    WARNING = "warning"
    GUIDE = "guide"
    AXIS = "axis"
    LABEL = "label"


class Stroke(StrEnum):
    """How a series is drawn: told apart without colour."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"


class Scale(StrEnum):
    """How values of an axis are written."""

    NUMBER = "number"
    PERCENT = "percent"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """A line through (x, y) points in order of x; NaN leaves a gap."""

    name: str
    x: FloatArray
    y: FloatArray
    role: PlotRole = PlotRole.FIRST
    stroke: Stroke = Stroke.SOLID

    def __post_init__(self) -> None:
        _check(self.name, self.x, self.y)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """The area between `low` and `high` over x, shaded by sparse dots; NaN leaves a gap."""

    name: str
    x: FloatArray
    low: FloatArray
    high: FloatArray
    role: PlotRole = PlotRole.BAND

    def __post_init__(self) -> None:
        _check(self.name, self.x, self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whiskers:
    """A vertical bar from `low` to `high` at each x, with a foot and a cap: a bid and its ask.

    One end alone (the other NaN) is drawn as that foot or cap. `role` is the foot's, `high_role`
    the cap's: a bid is told from an ask by its look too.
    """

    name: str
    x: FloatArray
    low: FloatArray
    high: FloatArray
    role: PlotRole = PlotRole.BID
    high_role: PlotRole = PlotRole.ASK

    def __post_init__(self) -> None:
        _check(self.name, self.x, self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Markers:
    """A symbol of one terminal cell at each (x, y)."""

    name: str
    x: FloatArray
    y: FloatArray
    symbol: str = "●"
    role: PlotRole = PlotRole.MARKER

    def __post_init__(self) -> None:
        _check(self.name, self.x, self.y)
        if len(self.symbol) != 1 or not self.symbol.isprintable():
            raise InvalidInput("symbol", self.symbol, "must be one printable character")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """A straight line through the whole plot at one value, named at its end: spot, zero, a strike.

    `is_vertical`: at an x; else at a y.
    """

    name: str
    value: float
    is_vertical: bool = True
    role: PlotRole = PlotRole.GUIDE

    def __post_init__(self) -> None:
        if not abs(self.value) <= VALUE_MAX:
            raise InvalidInput(
                "value",
                self.value,
                f"of guide {self.name!r} must be finite and up to {VALUE_MAX:g}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Name with unit ("strike, USD"), notation, and the range shown; None takes it from the data.

    `low` and `high` bound what is drawn; parts beyond them are cut at the edge.
    """

    name: str
    scale: Scale = Scale.NUMBER
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for field in ("low", "high"):
            value = getattr(self, field)
            if value is not None and not abs(value) <= VALUE_MAX:
                rule = f"of axis {self.name!r} must be finite and up to {VALUE_MAX:g}"
                raise InvalidInput(field, value, rule)
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise InvalidInput("low", self.low, f"of axis {self.name!r} must be below {self.high}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlotView:
    """Everything of one plot. Parts are drawn in this order: bands, guides, series, whiskers,
    markers; what comes later lies above. `empty` says why there is nothing to draw.
    """

    title: str
    x_axis: Axis
    y_axis: Axis
    bands: tuple[Band, ...] = ()
    guides: tuple[Guide, ...] = ()
    series: tuple[Series, ...] = ()
    whiskers: tuple[Whiskers, ...] = ()
    markers: tuple[Markers, ...] = ()
    empty: str = "nothing to draw"

    def x_range(self) -> tuple[float, float] | None:
        """Lowest and highest x shown; None where no part has a finite point."""
        drawn: tuple[Band | Series | Whiskers | Markers, ...] = (
            *self.bands,
            *self.series,
            *self.whiskers,
            *self.markers,
        )
        return _range([part.x for part in drawn], self.x_axis)

    def y_range(self) -> tuple[float, float] | None:
        """Lowest and highest y shown, of the points whose x is shown."""
        x_range = self.x_range()
        if x_range is None:
            return None
        parts: list[FloatArray] = []
        areas: tuple[Band | Whiskers, ...] = (*self.bands, *self.whiskers)
        lines: tuple[Series | Markers, ...] = (*self.series, *self.markers)
        for area in areas:
            inside = _inside(area.x, x_range)
            parts += [area.low[inside], area.high[inside]]
        for line in lines:
            parts.append(line.y[_inside(line.x, x_range)])
        return _range(parts, self.y_axis)


def is_drawable(value: float) -> bool:
    """Whether a value has a place on a plot."""
    return abs(value) <= VALUE_MAX


def _inside(x: FloatArray, bounds: tuple[float, float]) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return (x >= bounds[0]) & (x <= bounds[1])


def _range(parts: list[FloatArray], axis: Axis) -> tuple[float, float] | None:
    finite = [part[np.abs(part) <= VALUE_MAX] for part in parts]
    known = [part for part in finite if part.size]
    if not known:
        return None
    low = min(float(part.min()) for part in known) if axis.low is None else axis.low
    high = max(float(part.max()) for part in known) if axis.high is None else axis.high
    if high - low > max(abs(low), abs(high), 1e-90) * 1e-9:
        return low, high
    # One single value: some room around it, so that it stands in the middle.
    room = abs(low) * 0.05 or 1.0
    return low - room, low + room


def _check(name: str, x: FloatArray, *columns: FloatArray) -> None:
    if x.ndim != 1 or x.size > POINTS_MAX:
        raise InvalidInput("x", x.shape, f"of {name!r} must be one row of up to {POINTS_MAX:,}")
    for column in columns:
        if column.shape != x.shape:
            raise InvalidInput("y", column.shape, f"of {name!r} must have the shape {x.shape} of x")
