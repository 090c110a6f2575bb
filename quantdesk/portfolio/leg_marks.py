"""What each leg of a book is marked at, looked up in a market by venue and instrument name.

One rule for margin, profit and import, so that no two reports mark one leg differently. Knows no
formula of any venue; a model's price is asked for where a recording holds vols and no marks, and to
tell a mark that was rounded to 0 from none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from quantdesk import pricing
from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput, PricingError
from quantdesk.market.market_data import FutureQuote, MarketData, UnderlyingMarket
from quantdesk.market.quoted_vols import quoted_vol
from quantdesk.market.valuation import GreeksSource

VENUE_MARK = "venue mark"
VENUE_MARK_ROUNDED = "venue mark, rounded to 0"
MID = "mid of bid and ask"
FORWARD_OF_EXPIRY = "forward of its expiry"
INDEX = "index"

_MODEL_SOURCES = {
    # Without a mark this is a vol that the file holds in place of prices.
    GreeksSource.MARK: "model at the recorded vol",
    GreeksSource.TWIN: "model at the vol of the strike's other side",
    GreeksSource.VENUE_IV: "model at the recorded vol",
    GreeksSource.MID: "model at the mid vol",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMark:
    """Prices of one instrument at one moment.

    mark : quote currency; above 0, or 0 where the venue rounds an option's worth to nothing;
        `mark_source` says whose it is
    event_ns : instant of the quote behind the mark, 0 where it has none of its own
    forward : USD per coin, of the option's own expiry; None for futures
    index : USD per coin; None where the market has none
    """

    mark: Decimal
    mark_source: str
    event_ns: int
    forward: Decimal | None
    forward_source: str
    index: Decimal | None
    index_source: str

    @property
    def is_venue_mark(self) -> bool:
        """Whether the venue itself says it."""
        return self.mark_source in (VENUE_MARK, VENUE_MARK_ROUNDED)


class LegMarks:
    """Instruments and marks of `market`, found by (venue, name)."""

    def __init__(self, market: MarketData) -> None:
        self.market = market
        self._options: dict[tuple[str, str], tuple[UnderlyingMarket, int]] = {}
        self._futures: dict[tuple[str, str], tuple[UnderlyingMarket, FutureQuote]] = {}
        for one in market.markets:
            for row, instrument in enumerate(one.chain.instruments):
                self._options[(one.venue, instrument.name)] = (one, row)
            for name, quote in one.futures.items():
                self._futures[(one.venue, name)] = (one, quote)

    def instrument(self, venue: str, name: str) -> Instrument | None:
        """The instrument as the market lists it, None where it does not."""
        option = self._options.get((venue, name))
        if option is not None:
            return option[0].chain.instruments[option[1]]
        future = self._futures.get((venue, name))
        return None if future is None else future[1].instrument

    def market_of(self, instrument: Instrument) -> UnderlyingMarket | None:
        """The market that lists `instrument`, or that lists others like it; None without one."""
        key = (instrument.venue, instrument.name)
        found = self._options.get(key) or self._futures.get(key)
        if found is not None:
            return found[0]
        for underlying in _chain_names(instrument):
            market = self.market.find(instrument.venue, underlying)
            if market is not None and _is_alike(market, instrument):
                return market
        return None

    def option_row(self, instrument: Instrument) -> tuple[UnderlyingMarket, int] | None:
        """The market that lists an option and its row in that chain; None where none does."""
        return self._options.get((instrument.venue, instrument.name))

    def as_of_ns(self, venue: str) -> int | None:
        """The latest moment of the markets of `venue`, None where there is none."""
        moments = [one.as_of_ns for one in self.market.markets if one.venue == venue]
        return max(moments, default=None)

    def mark(self, instrument: Instrument) -> LegMark:
        """What `instrument` is marked at.

        Raises InvalidInput, which names what is missing, where it can not be marked: not listed,
        expired, no quote, no forward, a mark of 0 that no vol bears out.
        """
        market = self.market_of(instrument)
        if market is None:
            rule = f"of {instrument.name} has no market of {instrument.underlying} here"
            raise InvalidInput("venue", instrument.venue, rule)
        _require_alive(instrument, market.as_of_ns)
        key = (instrument.venue, instrument.name)
        option = self._options.get(key)
        if option is not None:
            return _option_mark(market, option[1])
        if instrument.is_future:
            future = self._futures.get(key)
            return _future_mark(market, instrument, None if future is None else future[1])
        rule = f"is not listed by {instrument.venue} at {format_instant(market.as_of_ns)}"
        raise InvalidInput("instrument_name", instrument.name, rule)


def _chain_names(instrument: Instrument) -> Iterator[str]:
    """Names that a chain beside `instrument` may have: "BTC_USDC" before "BTC" for linear ones."""
    if not instrument.is_inverse:
        yield f"{instrument.underlying}_{instrument.settlement_currency}"
    yield instrument.underlying


def _is_alike(market: UnderlyingMarket, instrument: Instrument) -> bool:
    """Whether a market's own contracts are settled like `instrument`: forward and index are one."""
    listed = market.chain.instruments
    if instrument.kind is InstrumentKind.SPOT:
        # Held coin is on the index itself, whatever its options are settled in.
        return True
    return not listed or listed[0].settlement_currency == instrument.settlement_currency


def _require_alive(instrument: Instrument, as_of_ns: int) -> None:
    expiry_ns = instrument.expiry_ns
    if expiry_ns is not None and expiry_ns <= as_of_ns:
        rule = f"of {instrument.name} must be later than {format_instant(as_of_ns)}"
        raise InvalidInput("expiry", format_instant(expiry_ns), rule)


def exact(value: float | None) -> Decimal | None:
    """`value` as the decimal it was written as; None for None, NaN and infinities."""
    if value is None or not math.isfinite(value):
        return None
    return Decimal(repr(float(value)))


def _option_mark(market: UnderlyingMarket, row: int) -> LegMark:
    chain = market.chain
    instrument = chain.instruments[row]
    forward = market.forwards.get(int(chain.expiry_ns[row]))
    price = None if forward is None else exact(forward.price)
    if forward is None or price is None or price <= 0:
        found = None if price is None else f"{price:f}"
        rule = f"of {instrument.name} is missing: nothing at its expiry gives one"
        raise InvalidInput("forward", found, rule)
    mark, source = exact(float(chain.mark[row])), VENUE_MARK
    if mark is None:
        mark, source = _model_price(market, row)
    if mark is None:
        rule = f"of {instrument.name} is missing: no mark, no two-sided quote, no recorded vol"
        raise InvalidInput("mark", None, rule)
    if mark < 0:
        rule = f"of {instrument.name} must not be below 0 to value or margin it"
        raise InvalidInput("mark", f"{mark:f}", rule)
    if not mark and source == VENUE_MARK:
        _require_rounded(market, row)
        mark, source = Decimal(0), VENUE_MARK_ROUNDED
    return LegMark(
        mark=mark,
        mark_source=source,
        event_ns=int(chain.event_ns[row]),
        forward=price,
        forward_source=forward.source,
        index=exact(market.index_price),
        index_source=market.index_source,
    )


def _require_rounded(market: UnderlyingMarket, row: int) -> None:
    """Refuse a mark of 0 that is no rounded price: of an option without a vol, or worth a tick."""
    chain, vol = market.chain, quoted_vol(market, row)
    instrument = chain.instruments[row]
    price = _price_at(market, row, vol)
    tick = float(instrument.ticks.tick)
    if price is None:
        rule = f"of {instrument.name} must be above 0: no vol says that it was rounded to 0"
    elif price >= tick:
        rule = (
            f"of {instrument.name} must be above 0: at its vol of {vol * 100:.4g} % it is worth "
            f"{price:.6g}, which is a tick of {tick:g} or more"
        )
    else:
        return
    raise InvalidInput("mark", 0, rule)


def _model_price(market: UnderlyingMarket, row: int) -> tuple[Decimal | None, str]:
    """Price at the vol that the row's Greeks are taken at, in the option's quote currency."""
    values = market.values
    source = _MODEL_SOURCES.get(GreeksSource(int(values.greeks_source[row])))
    price = None if source is None else _price_at(market, row, float(values.greeks_iv[row]))
    return (None, "") if source is None or price is None else (exact(price), source)


def _price_at(market: UnderlyingMarket, row: int, vol: float) -> float | None:
    """What a row is worth at `vol`, quote currency; None where nothing says."""
    values, chain = market.values, market.chain
    forward, years = float(values.forward[row]), float(values.years[row])
    if not (math.isfinite(forward) and math.isfinite(vol) and years > 0):
        return None
    try:
        usd = pricing.price_one(
            bool(chain.is_call[row]), forward, float(chain.strike[row]), years, vol
        )
    except PricingError:
        return None
    per_coin = usd / forward if chain.is_inverse[row] else usd * float(values.discount[row])
    return per_coin * float(chain.price_coins[row])


def _future_mark(
    market: UnderlyingMarket, instrument: Instrument, quote: FutureQuote | None
) -> LegMark:
    mark, source, event_ns = _future_price(market, instrument, quote)
    if mark is None:
        rule = f"of {instrument.name} is missing: no quote, and no {source} to stand in for it"
        raise InvalidInput("mark", None, rule)
    if mark <= 0:
        rule = f"of {instrument.name} must be above 0 to value or margin it"
        raise InvalidInput("mark", float(mark) or 0, rule)
    return LegMark(
        mark=mark,
        mark_source=source,
        event_ns=event_ns,
        forward=None,
        forward_source="",
        index=exact(market.index_price),
        index_source=market.index_source,
    )


def _future_price(
    market: UnderlyingMarket, instrument: Instrument, quote: FutureQuote | None
) -> tuple[Decimal | None, str, int]:
    if quote is not None:
        mark = exact(quote.mark)
        if mark is not None:
            return mark, VENUE_MARK, quote.event_ns
        bid, ask = exact(quote.bid), exact(quote.ask)
        # Of a quote that is crossed or has nothing on one side the middle is no price.
        if bid is not None and ask is not None and 0 < bid <= ask:
            return (bid + ask) / 2, MID, quote.event_ns
    if instrument.expiry_ns is None:
        return exact(market.index_price), INDEX, 0
    forward = market.forwards.get(instrument.expiry_ns)
    return None if forward is None else exact(forward.price), FORWARD_OF_EXPIRY, 0
