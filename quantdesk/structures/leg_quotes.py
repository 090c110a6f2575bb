"""What the market says of each leg: prices, sizes, vols and Greeks, or why it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.structure import Leg, Structure
from quantdesk.market.market_data import FutureQuote, UnderlyingMarket
from quantdesk.market.quality import stale_rows

VOL_POINT = 0.01

GREEK_NAMES = ("delta", "delta_premium_adjusted", "gamma", "vega", "theta")
"""Names and units as in the chain's records: Black delta on the forward, the same less the mark in
coin, per USD, USD per vol point, USD per calendar day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegQuote:
    """One leg and its market. Prices in the quote currency; None where there is none.

    coins : of underlying the leg stands for, signed
    bid_iv, mark_iv, ask_iv, vol : fractions; `vol` is the one its Greeks are taken at
    greeks : of the whole leg, signed, by `GREEK_NAMES`; a value that is not known is left out
    problems : what is wrong with the quote, in words
    """

    leg: Leg
    coins: float
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    bid_iv: float | None = None
    mark_iv: float | None = None
    ask_iv: float | None = None
    vol: float | None = None
    greeks: dict[str, float]
    problems: tuple[str, ...] = ()

    @property
    def mid(self) -> Decimal | None:
        """Half way between bid and ask, None without both or where they cross."""
        if self.bid is None or self.ask is None or self.bid > self.ask:
            return None
        return (self.bid + self.ask) / 2

    @property
    def natural(self) -> Decimal | None:
        """What crossing the spread costs: the ask to buy, the bid to sell."""
        return self.ask if self.leg.quantity > 0 else self.bid

    @property
    def spread_vols(self) -> float | None:
        """Ask less bid in vol points."""
        if self.bid_iv is None or self.ask_iv is None:
            return None
        return (self.ask_iv - self.bid_iv) / VOL_POINT

    @property
    def touch_size(self) -> float | None:
        """Size at the price that `natural` takes."""
        return self.ask_size if self.leg.quantity > 0 else self.bid_size


def leg_quotes(structure: Structure, market: UnderlyingMarket) -> tuple[LegQuote, ...]:
    """The quote of each leg, in order. A leg the market does not know has problems, no prices."""
    wanted = {leg.instrument.name for leg in structure.legs}
    rows = {
        instrument.name: row
        for row, instrument in enumerate(market.chain.instruments)
        if instrument.name in wanted
    }
    stale = stale_rows(market.chain, market.as_of_ns) if rows else np.zeros(0, dtype=np.bool_)
    quotes = []
    for leg in structure.legs:
        row = rows.get(leg.instrument.name)
        if row is not None:
            quotes.append(_option(leg, market, row, is_stale=bool(stale[row])))
        elif leg.instrument.kind is InstrumentKind.SPOT:
            quotes.append(_spot(leg, market))
        else:
            quotes.append(_future(leg, market.futures.get(leg.instrument.name)))
    return tuple(quotes)


def _option(leg: Leg, market: UnderlyingMarket, row: int, *, is_stale: bool) -> LegQuote:
    chain, values = market.chain, market.values
    coins = float(leg.quantity * leg.instrument.unit_size)
    greeks = {name: _number(getattr(values, name)[row]) for name in GREEK_NAMES}
    bid, ask = _price(chain.bid[row]), _price(chain.ask[row])
    return LegQuote(
        leg=leg,
        coins=coins,
        bid=bid,
        ask=ask,
        mark=_price(chain.mark[row]),
        bid_size=_number(chain.bid_size[row]),
        ask_size=_number(chain.ask_size[row]),
        bid_iv=_number(values.bid_iv[row]),
        mark_iv=_number(values.mark_iv[row]),
        ask_iv=_number(values.ask_iv[row]),
        vol=_number(values.greeks_iv[row]),
        greeks={name: coins * value for name, value in greeks.items() if value is not None},
        problems=_problems(leg.instrument, bid, ask, is_stale=is_stale),
    )


def _future(leg: Leg, quote: FutureQuote | None) -> LegQuote:
    if quote is None:
        reason = f"{leg.instrument.name} is not quoted in this market"
        return LegQuote(leg=leg, coins=0.0, greeks={}, problems=(reason,))
    price = quote.mark
    if price is None and quote.bid is not None and quote.ask is not None:
        price = 0.5 * (quote.bid + quote.ask)
    if price is None:
        reason = f"{leg.instrument.name} has no mark"
        return LegQuote(leg=leg, coins=0.0, greeks={}, problems=(reason,))
    quantity = float(leg.quantity * leg.instrument.unit_size)
    coins = quantity / price if leg.instrument.is_inverse else quantity
    return LegQuote(
        leg=leg,
        coins=coins,
        bid=_decimal(quote.bid),
        ask=_decimal(quote.ask),
        mark=_decimal(price),
        # A future is worth nothing when it is entered, so its two deltas are one.
        greeks={"delta": coins, "delta_premium_adjusted": coins},
    )


def _spot(leg: Leg, market: UnderlyingMarket) -> LegQuote:
    coins = float(leg.quantity)
    price = _decimal(market.index_price)
    if price is None:
        reason = f"{market.underlying} has no index price"
        return LegQuote(leg=leg, coins=coins, greeks={}, problems=(reason,))
    # Counted in coin, coin that is held neither wins nor loses: its premium-adjusted delta is 0.
    greeks = {"delta": coins, "delta_premium_adjusted": 0.0}
    return LegQuote(leg=leg, coins=coins, bid=price, ask=price, mark=price, greeks=greeks)


def _problems(
    instrument: Instrument, bid: Decimal | None, ask: Decimal | None, *, is_stale: bool
) -> tuple[str, ...]:
    found = []
    if bid is None or ask is None:
        missing = [word for word, price in (("bid", bid), ("ask", ask)) if price is None]
        found.append(f"{instrument.name} has no {' and no '.join(missing)}")
    elif bid > ask:
        found.append(f"{instrument.name} is crossed: bid {bid:f} above ask {ask:f}")
    if is_stale:
        found.append(f"{instrument.name} is stale")
    return tuple(found)


def _number(value: float) -> float | None:
    number = float(value)
    return None if np.isnan(number) else number


def _price(value: float) -> Decimal | None:
    """A price of the chain as the exact number the venue wrote; 0 is no quote."""
    number = _number(value)
    return None if number is None or number == 0 else Decimal(repr(number))


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(float(value)))
