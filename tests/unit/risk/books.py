"""Books and markets for the tests of this folder, made of the recorded BTC sample or by formula."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np

import quantdesk as qd
from quantdesk.domain.events import FutureUpdate, IndexUpdate, MarketEvent, QuoteUpdate
from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
)
from quantdesk.domain.position import Position
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.runtime.desk import Desk
from quantdesk.snapshot import Environment, LinkState
from tests.unit.market.chains import DEC, NOW, SEP, future, listing, option, quote

FORWARDS = {SEP: 60_500.0, DEC: 61_500.0}
INDEX = 60_000.0


@cache
def sample_market() -> MarketData:
    """The shipped recorded BTC chain with the simulator's futures."""
    return qd.sample("deribit-2026-06-27").snapshot.market()


def only(market: MarketData) -> UnderlyingMarket:
    """The one underlying of a market."""
    (one,) = market.markets
    return one


def spot() -> Instrument:
    """The coin itself."""
    return replace(
        future(),
        name="BTC_USDC",
        kind=InstrumentKind.SPOT,
        settlement=Settlement.LINEAR,
        quote_currency="USDC",
        settlement_currency="USDC",
        contract_size=Decimal(1),
    )


def made_market(
    *, inverse: bool = True, vol: float = 0.5, index: float | None = INDEX, discount: float = 1.0
) -> MarketData:
    """Calls and puts at eleven strikes of two expiries, each with its own forward, one vol.

    Prices of linear options are `discount` times their Black value.
    """
    instruments = [
        option(strike, kind, expiry, inverse=inverse)
        for expiry in (SEP, DEC)
        for strike in range(40_000, 90_001, 5_000)
        for kind in OptionType
    ]
    futures = [future("BTC-25SEP26", SEP), future()] if inverse else []
    return _desk_market([*instruments, *futures], vol=vol, index=index, discount=discount)


def _desk_market(
    instruments: Iterable[Instrument], *, vol: float, index: float | None, discount: float
) -> MarketData:
    instruments = tuple(instruments)
    desk = Desk(environment=Environment.REPLAY, source="made for a test")
    desk.add_link("made", "deribit", LinkState.FILE)
    events: list[MarketEvent] = [listing(*instruments)]
    for instrument in instruments:
        if instrument.kind is InstrumentKind.OPTION:
            assert instrument.expiry_ns is not None
            ticker = quote(instrument, forward=FORWARDS[instrument.expiry_ns], vol=vol)
            events.append(
                replace(
                    _discounted(ticker, discount),
                    index_price=None if index is None else Decimal(repr(index)),
                )
            )
            continue
        price = INDEX if instrument.expiry_ns is None else FORWARDS[instrument.expiry_ns]
        events.append(
            FutureUpdate(
                venue="deribit",
                instrument_name=instrument.name,
                underlying="BTC",
                event_ns=NOW,
                recv_ns=NOW,
                expiry_ns=instrument.expiry_ns,
                mark=Decimal(repr(price)),
            )
        )
    if index is not None:
        events.append(
            IndexUpdate(
                venue="deribit",
                index_name="btc_usd",
                event_ns=NOW,
                recv_ns=NOW,
                price=Decimal(repr(index)),
            )
        )
    desk.apply("made", NOW, tuple(events))
    return desk.snapshot(NOW).market()


def _discounted(ticker: QuoteUpdate, discount: float) -> QuoteUpdate:
    if discount == 1.0:
        return ticker
    factor = Decimal(repr(discount))
    assert ticker.bid is not None
    assert ticker.ask is not None
    assert ticker.mark is not None
    return replace(
        ticker, bid=ticker.bid * factor, ask=ticker.ask * factor, mark=ticker.mark * factor
    )


def position(instrument: Instrument, quantity: str | float, strategy: str = "") -> Position:
    """A position of so much."""
    return Position(instrument=instrument, quantity=Decimal(str(quantity)), strategy=strategy)


def named(market: MarketData, name: str) -> Instrument:
    """A listed option or future of the one underlying."""
    one = only(market)
    found: Mapping[str, Instrument] = {each.name: each for each in one.chain.instruments}
    return found[name] if name in found else one.futures[name].instrument


def random_book(market: MarketData, size: int, seed: int = 3) -> tuple[Position, ...]:
    """Options of the chain that can be marked, long and short, some more than once, and futures."""
    one = only(market)
    random = np.random.default_rng(seed)
    usable = [
        instrument
        for instrument, mark in zip(one.chain.instruments, one.chain.mark.tolist(), strict=True)
        if mark > 0
    ]
    picks = random.integers(0, len(usable), size)
    lots = random.integers(1, 60, size) * random.choice([-1, 1], size)
    book = [
        position(usable[pick], str(Decimal(lot) / 10), strategy=f"tag {pick % 3}")
        for pick, lot in zip(picks.tolist(), lots.tolist(), strict=True)
    ]
    book += [position(quote.instrument, 10_000) for quote in list(one.futures.values())[:2]]
    return tuple(book)
