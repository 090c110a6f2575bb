"""The delta hedge of a structure: one leg of the underlying that brings its delta to nothing.

Two deltas, two hedges: against the premium-adjusted delta the value counted in coin stands still,
against the Black delta the value counted in USD does.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from enum import Enum

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.structure import Leg, Structure
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.anchors import plain
from quantdesk.structures.leg_quotes import leg_quotes
from quantdesk.structures.resolve import future_price
from quantdesk.structures.spot import spot_of

HEDGED = "delta-hedged"
"""What a structure with its hedge is called."""


class HedgeDelta(Enum):
    """Which delta is brought to nothing."""

    BLACK = "black"
    PREMIUM_ADJUSTED = "premium-adjusted"


def hedge_leg(
    structure: Structure, market: UnderlyingMarket, instrument: Instrument, delta: HedgeDelta
) -> Leg:
    """The leg of `instrument` that flattens `delta` of `structure`, to the nearest lot.

    Raises InvalidInput where a leg has no such delta, where the hedge has no price, and where what
    is to be hedged is below its smallest lot.
    """
    name = "delta" if delta is HedgeDelta.BLACK else "delta_premium_adjusted"
    if instrument.kind is InstrumentKind.SPOT and delta is HedgeDelta.PREMIUM_ADJUSTED:
        rule = "held coin has no premium-adjusted delta: hedge it with a perpetual or future"
        raise InvalidInput("held_as", instrument.name, rule)
    total = 0.0
    for number, quote in enumerate(leg_quotes(structure, market), start=1):
        if name not in quote.greeks:
            rule = f"of {quote.leg.instrument.name} is not known; linear options have black alone"
            raise InvalidInput(f"leg {number} {delta.value} delta", None, rule)
        total += quote.greeks[name]
    coins = Decimal(repr(-total))
    size = coins * future_price(market, instrument) if instrument.is_inverse_future else coins
    amount = size / instrument.unit_size
    lots = (amount / instrument.amount_step).to_integral_value()
    quantity = plain(lots * instrument.amount_step)
    if abs(quantity) < instrument.amount_min:
        rule = f"is below the smallest lot of {instrument.name}, {instrument.amount_min:f}"
        raise InvalidInput("delta", round(total, 8), rule)
    return Leg(instrument=instrument, quantity=quantity)


def hedge_instrument(structure: Structure, market: UnderlyingMarket, held_as: str) -> Instrument:
    """The listed perpetual, the dated future of the structure's last expiry, or the coin itself.

    Raises InvalidInput where it is not listed here.
    """
    if held_as == "spot":
        return spot_of(market)
    expiries = [leg.instrument.expiry_ns for leg in structure.legs if leg.instrument.expiry_ns]
    wanted = {"perpetual": InstrumentKind.PERPETUAL, "future": InstrumentKind.FUTURE}.get(held_as)
    if wanted is None:
        raise InvalidInput("hedge", held_as, "must be perpetual, future or spot")
    for quote in market.futures.values():
        instrument = quote.instrument
        fits = wanted is InstrumentKind.PERPETUAL or instrument.expiry_ns == max(expiries)
        if instrument.kind is wanted and fits:
            return instrument
    raise InvalidInput("hedge", held_as, f"no such {market.underlying} contract is listed here")


def hedged(
    structure: Structure,
    market: UnderlyingMarket,
    *,
    held_as: str = "perpetual",
    delta: HedgeDelta | None = None,
) -> Structure:
    """`structure` with its hedge as the last leg.

    delta : premium-adjusted for coin-settled options and Black for linear ones where not given
    """
    if delta is None:
        is_inverse = any(
            leg.instrument.is_inverse and leg.instrument.kind is InstrumentKind.OPTION
            for leg in structure.legs
        )
        delta = (
            HedgeDelta.PREMIUM_ADJUSTED if is_inverse and held_as != "spot" else HedgeDelta.BLACK
        )
    instrument = hedge_instrument(structure, market, held_as)
    leg = hedge_leg(structure, market, instrument, delta)
    name = f"{HEDGED} {structure.name}".strip()
    return replace(structure, legs=(*structure.legs, leg), name=name)
