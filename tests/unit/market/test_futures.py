"""Futures and perpetuals on the desk: the quotes beside a chain, and what they do to forwards."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.events import FutureUpdate, InstrumentStateChanged
from quantdesk.market.state import MarketState

from .chains import DEC, NOW, SEP, future, ladder, listing, quote


def update(
    name: str, expiry_ns: int | None, mid: float | None, *, now_ns: int = NOW
) -> FutureUpdate:
    return FutureUpdate(
        venue="deribit",
        instrument_name=name,
        underlying="BTC",
        event_ns=now_ns,
        recv_ns=now_ns,
        expiry_ns=expiry_ns,
        bid=None if mid is None else Decimal(repr(mid - 1)),
        ask=None if mid is None else Decimal(repr(mid + 1)),
        mark=None if mid is None else Decimal(repr(mid)),
    )


PERPETUAL = future("BTC-PERPETUAL", None)
DATED = future("BTC-25SEP26", SEP)


@pytest.fixture
def market() -> MarketState:
    state = MarketState()
    state.apply(listing(*ladder(SEP), *ladder(DEC), PERPETUAL, DATED))
    for instrument in ladder(SEP) + ladder(DEC):
        state.apply(quote(instrument, forward=None))
    return state


def test_perpetual_and_dated_future_are_quoted_beside_the_chain(market: MarketState) -> None:
    market.apply(update("BTC-PERPETUAL", None, 60_005.0))
    market.apply(update("BTC-25SEP26", SEP, 60_400.0))
    quotes = market.futures("deribit", "BTC")
    assert list(quotes) == ["BTC-25SEP26", "BTC-PERPETUAL"]
    perpetual = quotes["BTC-PERPETUAL"]
    assert perpetual.instrument == PERPETUAL
    assert (perpetual.bid, perpetual.mark, perpetual.ask) == (60_004.0, 60_005.0, 60_006.0)


def test_absent_sides_stay_absent(market: MarketState) -> None:
    market.apply(update("BTC-PERPETUAL", None, None))
    perpetual = market.futures("deribit", "BTC")["BTC-PERPETUAL"]
    assert (perpetual.bid, perpetual.ask, perpetual.mark) == (None, None, None)


def test_unchanged_futures_are_the_same_mapping(market: MarketState) -> None:
    market.apply(update("BTC-PERPETUAL", None, 60_005.0))
    assert market.futures("deribit", "BTC") is market.futures("deribit", "BTC")


def test_late_update_of_a_future_is_counted_and_dropped(market: MarketState) -> None:
    market.apply(update("BTC-PERPETUAL", None, 60_005.0))
    market.apply(update("BTC-PERPETUAL", None, 59_000.0, now_ns=NOW - 1))
    assert market.futures("deribit", "BTC")["BTC-PERPETUAL"].mark == 60_005.0
    assert market.counters["quote older than the last"] == 1


def test_future_moves_the_forward_of_its_own_expiry_only(market: MarketState) -> None:
    before = market.read_book("deribit", "BTC")
    market.apply(update("BTC-25SEP26", SEP, 60_400.0))
    after = market.read_book("deribit", "BTC")
    assert before is not None
    assert after is not None
    assert after.forwards[0].price == 60_400.0
    assert after.forwards[1] is before.forwards[1]


def test_perpetual_leaves_the_chain_as_it_was(market: MarketState) -> None:
    before = market.read_book("deribit", "BTC")
    market.apply(update("BTC-PERPETUAL", None, 60_005.0))
    assert market.read_book("deribit", "BTC") is before


def test_future_that_is_not_listed_has_no_quote_to_trade(market: MarketState) -> None:
    market.apply(update("BTC-25DEC26", DEC, 60_900.0))
    assert market.futures("deribit", "BTC") == {}


def test_future_that_leaves_the_market_leaves_the_board(market: MarketState) -> None:
    market.apply(update("BTC-25SEP26", SEP, 60_400.0))
    market.apply(
        InstrumentStateChanged(
            venue="deribit",
            instrument_name="BTC-25SEP26",
            event_ns=NOW,
            recv_ns=NOW,
            state="delivered",
            is_listed=False,
        )
    )
    assert market.futures("deribit", "BTC") == {}


def test_list_without_a_future_takes_it_from_the_board(market: MarketState) -> None:
    market.apply(update("BTC-25SEP26", SEP, 60_400.0))
    market.apply(update("BTC-PERPETUAL", None, 60_005.0))
    market.apply(listing(*ladder(SEP), PERPETUAL))
    assert list(market.futures("deribit", "BTC")) == ["BTC-PERPETUAL"]


def test_contract_with_new_law_is_shown_with_it(market: MarketState) -> None:
    market.apply(update("BTC-PERPETUAL", None, 60_005.0))
    changed = replace(PERPETUAL, amount_min=Decimal(100))
    market.apply(listing(*ladder(SEP), changed, DATED))
    assert market.futures("deribit", "BTC")["BTC-PERPETUAL"].instrument is changed
