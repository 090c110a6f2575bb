"""A structure's profit curves as a plot, as slices in a table and as the sentences between.

Rounds, words and places; the curves are handed in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from quantdesk.domain.times import expiry_code
from quantdesk.market.chain import FloatArray
from quantdesk.risk.scenario import SmileRule
from quantdesk.risk.what_if import NS_PER_DAY, WhatIf
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.curves import Curve, sigma_band
from quantdesk.structures.payoff import Numeraire
from quantdesk.views.builder import price_text
from quantdesk.views.cells import Cell, Role
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.plot import (
    Axis,
    Guide,
    Markers,
    PlotRole,
    PlotView,
    Scale,
    Series,
    Stroke,
)
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import LineKind, TableColumn, TableLine, TableView, table_view
from quantdesk.views.time_text import clock_text

COIN_DECIMALS, USD_DECIMALS = 6, 2
PERCENTS = (-50, -40, -30, -25, -20, -15, -10, -5, -2, 0, 2, 5, 10, 15, 20, 25, 30, 40, 50)
SIGMAS = (-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
BANDS = (1.0, 2.0)
SAME = 1e-9
"""Prices closer than this share of each other are one line of the table."""

SMILE_WORDS = {
    SmileRule.STICKY_STRIKE: "sticky strike: a strike keeps its vol",
    SmileRule.STICKY_DELTA: "sticky delta: a moneyness K/F keeps its vol",
    SmileRule.SURFACE: "surface's own: its skew carries on",
}


class Slices(Enum):
    """At which prices the table cuts the curves."""

    PERCENT = "percent"
    SIGMA = "sigma"
    STRIKE = "strike"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayoffCurves:
    """Curves of one structure on the same prices (n,), ascending.

    today, chosen : revalued;  last : at the horizon
    """

    analysis: StructureAnalysis
    prices: FloatArray
    today: Curve
    chosen: Curve
    last: Curve
    what_if: WhatIf


SPOT = "spot"
"""Key of the line at the index price."""


def slice_prices(analysis: StructureAnalysis, slices: Slices) -> tuple[tuple[str, float], ...]:
    """Key and price of each line that the table shows, ascending; the index is one of them.

    A key says what the line is about, so that it stays itself while the index moves.
    """
    index = float(analysis.index)
    match slices:
        case Slices.PERCENT:
            found = [(f"{n} %", index * (1 + n / 100)) for n in PERCENTS]
        case Slices.SIGMA:
            step = sigma_step(analysis)
            found = [(f"{n} σ", index * math.exp(n * step)) for n in SIGMAS if step]
        case Slices.STRIKE:
            summary = analysis.payoff.get(Numeraire.USD)
            breakevens = () if summary is None else summary.breakevens
            found = [(f"strike {strike}", strike) for strike in analysis.horizon.strikes]
            found += [(f"breakeven {n}", price) for n, price in enumerate(breakevens)]
    kept: list[tuple[str, float]] = [(SPOT, index)]
    for key, price in found:
        if all(abs(price - other) > SAME * other for _, other in kept):
            kept.append((key, price))
    return tuple(sorted(kept, key=lambda line: line[1]))


def sigma_step(analysis: StructureAnalysis) -> float:
    """σ√T to the horizon, 0 where no vol or no expiry is known."""
    horizon = analysis.horizon
    if horizon.last_vol is None or horizon.years <= 0:
        return 0.0
    return horizon.last_vol * math.sqrt(horizon.years)


def payoff_plot(curves: PayoffCurves, *, in_coin: bool) -> PlotView:
    """Today, chosen date and expiry over price, with σ bands, strikes, breakevens and spot."""
    analysis = curves.analysis
    index = float(analysis.index)
    unit = analysis.underlying if in_coin else "USD"
    lines = [(curves.last, PlotRole.FIRST, Stroke.SOLID)]
    if curves.chosen.at_ns not in (curves.today.at_ns, curves.last.at_ns):
        lines.append((curves.chosen, PlotRole.THIRD, Stroke.DOTTED))
    if curves.today.at_ns != curves.last.at_ns:
        lines.append((curves.today, PlotRole.SECOND, Stroke.DASHED))
    series = tuple(
        Series(
            name=curve_name(curve, curves),
            x=curves.prices,
            y=curve.coin if in_coin else curve.usd,
            role=role,
            stroke=stroke,
        )
        for curve, role, stroke in lines
    )
    values = np.concatenate([each.y for each in series])
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    low, high = low - 0.06 * (high - low or 1.0), high + 0.06 * (high - low or 1.0)
    summary = analysis.payoff.get(Numeraire.COIN if in_coin else Numeraire.USD)
    strikes = _shown(analysis.horizon.strikes, curves)
    breakevens = _shown(() if summary is None else summary.breakevens, curves)
    return PlotView(
        title=f"Profit in {unit}{'' if in_coin else ', premium at the entry index'}, before fees",
        x_axis=Axis(name="index, USD", low=float(curves.prices[0]), high=float(curves.prices[-1])),
        y_axis=Axis(name=unit, scale=Scale.SIGNED, low=low, high=high),
        guides=(
            Guide(name="", value=0.0, is_vertical=False),
            *_sigma_guides(curves),
            Guide(name="spot", value=index, role=PlotRole.LABEL),
        ),
        series=series,
        markers=(
            Markers(name="strike", x=strikes, y=np.full(strikes.size, low), symbol="^"),
            Markers(
                name="breakeven",
                x=breakevens,
                y=np.zeros(breakevens.size),
                symbol="x",
                role=PlotRole.WARNING,
            ),
        ),
        empty="no curve",
    )


def curve_name(curve: Curve, curves: PayoffCurves) -> str:
    """What the legend calls a curve: which date, and whether it is exact."""
    if curve is curves.last:
        code = curves.analysis.horizon.code
        return f"at {code} ({'exact' if curve.is_exact else 'model'})" if code else "at any date"
    if curve is curves.today:
        return "today"
    return moment_text(curve.at_ns)


def moment_text(at_ns: int) -> str:
    """A date as venues write one, with its time: "14JUL26 08:00"."""
    return f"{expiry_code(at_ns)} {clock_text(at_ns)[:5]}"


def _sigma_guides(curves: PayoffCurves) -> list[Guide]:
    """The edges of the 1σ and 2σ bands that the plot reaches, each with its name."""
    horizon, index = curves.analysis.horizon, float(curves.analysis.index)
    guides = []
    for sigmas, edges in zip(BANDS, sigma_band(horizon, index, BANDS), strict=False):
        for sign, edge in zip("-+", edges, strict=True):
            if curves.prices[0] <= edge <= curves.prices[-1]:
                name = f"{sign}{sigmas:g}σ"
                guides.append(Guide(name=name, value=edge, role=PlotRole.BAND))
    return guides


def _shown(prices: Sequence[float], curves: PayoffCurves) -> FloatArray:
    """Those of `prices` that the plot reaches."""
    first, last = curves.prices[0], curves.prices[-1]
    return np.array([price for price in prices if first <= price <= last], dtype=np.float64)


def slice_view(curves: PayoffCurves, slices: Slices, *, in_coin: bool) -> TableView:
    """Profit at chosen prices on each date; the line of the index is marked."""
    analysis = curves.analysis
    index, step = float(analysis.index), sigma_step(analysis)
    unit = analysis.underlying if in_coin else "USD"
    columns = (
        TableColumn(key="price", title="Index", unit="USD", says="index price"),
        TableColumn(key="move", title="Move", unit="%", says="from the index now"),
        TableColumn(key="sigma", title="Move", unit="σ", says="in σ√T to the horizon"),
        TableColumn(key="today", title="Today", unit=unit, says="profit today"),
        TableColumn(
            key="chosen",
            title=curve_name(curves.chosen, curves),
            unit=unit,
            says="profit at the chosen date",
        ),
        TableColumn(
            key="last",
            title=f"At {analysis.horizon.code or 'any date'}",
            unit=unit,
            says="profit at the horizon",
        ),
        TableColumn(key="mark", title="", says="what this price is"),
    )
    decimals = COIN_DECIMALS if in_coin else USD_DECIMALS
    lines = []
    for key, price in slice_prices(analysis, slices):
        place = int(np.argmin(np.abs(curves.prices - price)))
        is_spot = key == SPOT
        profits = [
            float((curve.coin if in_coin else curve.usd)[place])
            for curve in (curves.today, curves.chosen, curves.last)
        ]
        lines.append(
            TableLine(
                key=key,
                cells=(
                    Cell(price_text(price), Role.STRIKE),
                    Cell(f"{100 * (price / index - 1):+.1f}", Role.SIZE),
                    Cell(f"{math.log(price / index) / step:+.2f}" if step else DASH, Role.SIZE),
                    *(_profit_cell(profit, decimals) for profit in profits),
                    Cell(_price_words(analysis, price, is_spot=is_spot), Role.LABEL),
                ),
                kind=LineKind.CHOSEN if is_spot else LineKind.PLAIN,
            )
        )
    return table_view(columns, lines, fixed=1)


def _price_words(analysis: StructureAnalysis, price: float, *, is_spot: bool) -> str:
    words = ["spot"] if is_spot else []
    if any(abs(price - strike) <= SAME * price for strike in analysis.horizon.strikes):
        words.append("strike")
    summary = analysis.payoff.get(Numeraire.USD)
    if summary and any(abs(price - one) <= SAME * price for one in summary.breakevens):
        words.append("breakeven USD")
    return ", ".join(words)


def _profit_cell(value: float, decimals: int) -> Cell:
    text = number_text(value, decimals)
    if text != DASH and value > 0:
        text = f"+{text}"
    return Cell(text, Role.GAIN if value > 0 else Role.LOSS if value < 0 else Role.VALUE)


def what_if_lines(curves: PayoffCurves) -> tuple[str, str]:
    """Which date and moves the curves are drawn with, and the rule of vol: two sentences."""
    what_if, analysis = curves.what_if, curves.analysis
    ahead = (curves.chosen.at_ns - analysis.as_of_ns) / NS_PER_DAY
    date = moment_text(curves.chosen.at_ns)
    moves = (
        f"vol {_pt(what_if.vol)} · skew {_signed(what_if.skew, 2)} · term {_pt(what_if.term)} · "
        f"rate {_signed(what_if.basis * 100, 0)} %"
    )
    sigma = analysis.horizon.last_vol
    law = "" if sigma is None else f" · σ {sigma:.2%} of {analysis.horizon.last_code}"
    first = f"date {date} (+{ahead:.1f}d) · {moves}"
    return safe_text(first, 200), f"{SMILE_WORDS[what_if.smile]}{law}"


def _pt(vol: float) -> str:
    return f"{_signed(vol * 100, 0)} pt"


def _signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}" if value else "0"
