"""Small chains for the tests of this folder, priced by the textbook formula in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from statistics import NormalDist

from quantdesk.domain.events import InstrumentsListed, QuoteUpdate, VenueGreeks
from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.domain.times import expiry_code, parse_instant
from quantdesk.market.state import MarketReading, MarketState

NOW = parse_instant("2026-06-27T09:30:00Z")
SEP = parse_instant("2026-09-25T08:00:00Z")
DEC = parse_instant("2026-12-25T08:00:00Z")
YEAR_NS = 365 * 86_400 * 1_000_000_000
NORMAL = NormalDist()


def option(
    strike: int, kind: OptionType, expiry_ns: int = SEP, *, inverse: bool = True
) -> Instrument:
    """A listed option of BTC."""
    letter = "C" if kind is OptionType.CALL else "P"
    coin = "BTC" if inverse else "BTC_USDC"
    money = "BTC" if inverse else "USDC"
    return Instrument(
        venue="deribit",
        name=f"{coin}-{expiry_code(expiry_ns)}-{strike}-{letter}",
        kind=InstrumentKind.OPTION,
        underlying="BTC",
        settlement=Settlement.INVERSE if inverse else Settlement.LINEAR,
        quote_currency=money,
        settlement_currency=money,
        index_name="btc_usd",
        contract_size=Decimal(1),
        ticks=TickScheme(tick=Decimal("0.0001"), steps=((Decimal("0.005"), Decimal("0.0005")),)),
        amount_min=Decimal("0.1"),
        amount_step=Decimal("0.1"),
        expiry_ns=expiry_ns,
        strike=Decimal(strike),
        option_type=kind,
    )


def future(name: str = "BTC-PERPETUAL", expiry_ns: int | None = None) -> Instrument:
    """An inverse future or perpetual of BTC."""
    return Instrument(
        venue="deribit",
        name=name,
        kind=InstrumentKind.PERPETUAL if expiry_ns is None else InstrumentKind.FUTURE,
        underlying="BTC",
        settlement=Settlement.INVERSE,
        quote_currency="USD",
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size=Decimal(10),
        ticks=TickScheme(tick=Decimal("0.5")),
        amount_min=Decimal(10),
        amount_step=Decimal(10),
        expiry_ns=expiry_ns,
    )


def textbook_price(
    kind: OptionType, forward: float, strike: float, years: float, vol: float
) -> float:
    """Undiscounted Black (1976), straight from the paper."""
    s = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / s + s / 2
    call = forward * NORMAL.cdf(d1) - strike * NORMAL.cdf(d1 - s)
    return call if kind is OptionType.CALL else call - forward + strike


def quote(
    instrument: Instrument,
    *,
    forward: float | None = 60_000.0,
    vol: float = 0.5,
    width: float = 0.02,
    now_ns: int = NOW,
) -> QuoteUpdate:
    """A ticker whose mark is the textbook value at `vol`, bid and ask at vol ∓ width."""
    assert instrument.expiry_ns is not None
    assert instrument.option_type is not None
    years = (instrument.expiry_ns - now_ns) / YEAR_NS
    reference = 60_000.0 if forward is None else forward

    def at(sigma: float) -> Decimal:
        assert instrument.option_type is not None
        value = textbook_price(
            instrument.option_type, reference, float(instrument.strike or 0), years, sigma
        )
        return Decimal(repr(value / reference if instrument.is_inverse else value))

    return QuoteUpdate(
        venue="deribit",
        instrument_name=instrument.name,
        event_ns=now_ns,
        recv_ns=now_ns,
        bid=at(vol - width),
        ask=at(vol + width),
        bid_size=Decimal(5),
        ask_size=Decimal(7),
        mark=at(vol),
        forward=None if forward is None else Decimal(repr(forward)),
        forward_index=None if forward is None else "SYN.BTC",
        index_price=Decimal("59950.5"),
        venue_mark_iv=vol,
        venue_greeks=VenueGreeks(delta=0.5),
    )


def listing(*instruments: Instrument, now_ns: int = NOW) -> InstrumentsListed:
    """The venue's list of BTC."""
    return InstrumentsListed(
        venue="deribit",
        underlying="BTC",
        event_ns=now_ns,
        recv_ns=now_ns,
        instruments=tuple(instruments),
    )


def ladder(expiry_ns: int = SEP) -> list[Instrument]:
    """Calls and puts from 50,000 to 70,000 by 2,500."""
    return [
        option(strike, kind, expiry_ns)
        for strike in range(50_000, 70_001, 2_500)
        for kind in (OptionType.CALL, OptionType.PUT)
    ]


def market_of(strikes: Sequence[int], *, expiries: Sequence[int] = (SEP,)) -> MarketReading:
    """Calls and puts of these strikes and expiries, quoted at 50 ± 2 vol points."""
    listed = [
        option(strike, kind, expiry_ns)
        for expiry_ns in expiries
        for strike in strikes
        for kind in (OptionType.CALL, OptionType.PUT)
    ]
    state = MarketState()
    state.apply(listing(*listed))
    for instrument in listed:
        state.apply(quote(instrument))
    reading = state.read_book("deribit", "BTC")
    assert reading is not None
    return reading
