"""Profit curves of a structure under moves of vol, skew, term and rate, by a named smile rule.

A curve of `structures.curves` plus what full revaluation says the moves change at each price; with
no move it is that curve, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from quantdesk.domain.structure import Structure
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.risk.prepare import prepare
from quantdesk.risk.revaluation import PreparedBook
from quantdesk.risk.scenario import SmileRule, VolRule
from quantdesk.risk.scenarios import ScenarioAxes, ScenarioResults, run_scenarios
from quantdesk.risk.valuation import as_positions, value_positions
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.curves import Curve, date_curve, horizon_curve

NS_PER_DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Moves on top of the market; vol, skew, term and basis as in `risk.scenario.Move`."""

    vol: float = 0.0
    skew: float = 0.0
    term: float = 0.0
    basis: float = 0.0
    smile: SmileRule = SmileRule.STICKY_STRIKE

    @property
    def is_still(self) -> bool:
        """Whether it changes nothing."""
        return self == STILL


STILL = WhatIf()


def what_if_curve(
    analysis: StructureAnalysis,
    market: UnderlyingMarket,
    prices: FloatArray,
    at_ns: int,
    what_if: WhatIf = STILL,
) -> Curve:
    """Profit by index price (n,) at a date from the market's moment to the horizon.

    Raises InvalidInput for a date outside, and where a leg has no price, or no vol to be moved.
    """
    horizon = analysis.horizon
    is_last = at_ns == horizon.expiry_ns or horizon.expiry_ns is None
    if is_last:
        base = horizon_curve(analysis, market, prices)
    else:
        base = date_curve(analysis, market, prices, at_ns)
    if what_if.is_still or base.is_exact:
        return base
    prepared = prepared_structure(analysis.structure, market)
    days = (base.at_ns - analysis.as_of_ns) / NS_PER_DAY
    moved = _profits(prepared, analysis, prices, days, what_if)
    still = _profits(prepared, analysis, prices, days, STILL)
    return replace(
        base,
        coin=base.coin + (moved.pnl_coin - still.pnl_coin)[0],
        usd=base.usd + (moved.pnl_usd - still.pnl_usd)[0],
    )


def prepared_structure(structure: Structure, market: UnderlyingMarket) -> PreparedBook:
    """`structure` ready for scenarios; legs at their own vols, which move along the market's
    surface where there is one. Raises InvalidInput where a leg can not be valued.
    """
    book = value_positions(as_positions(structure), MarketData(markets=(market,), source=""))
    if book.excluded:
        reasons = "; ".join(one.reason for one in book.excluded)
        raise InvalidInput("legs", reasons, "must all have a value to be moved")
    key = (market.venue, market.underlying)
    return prepare(book, surfaces={} if market.surface is None else {key: market.surface})


def _profits(
    prepared: PreparedBook,
    analysis: StructureAnalysis,
    prices: FloatArray,
    days: float,
    what_if: WhatIf,
) -> ScenarioResults:
    """P&L against now at each of `prices`."""
    index = float(analysis.index)
    axes = ScenarioAxes(
        spot=tuple(float(price) / index - 1.0 for price in prices),
        vol=(what_if.vol,),
        days=(days,),
        basis=(what_if.basis,),
        rule=VolRule(smile=what_if.smile),
        skew=what_if.skew,
        term=what_if.term,
    )
    index_prices = dict.fromkeys(prepared.underlyings, index)
    return run_scenarios(prepared, axes.scenarios(), index_prices=index_prices, drivers=0)
