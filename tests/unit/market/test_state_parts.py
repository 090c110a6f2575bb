"""Market state fed in parts: book, mark, statistics and open interest each on their own clock."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from quantdesk.domain.events import (
    DayStats,
    MarkUpdate,
    OpenInterestUpdate,
    TopOfBook,
    VenueGreeks,
)
from quantdesk.domain.instrument import OptionType
from quantdesk.market.state import SAMPLED_LAG_NS, MarketState

from .chains import NOW, SEP, listing, option, quote

COLUMNS = (
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "mark",
    "last",
    "volume",
    "open_interest",
    "index_price",
    "venue_mark_iv",
    "venue_delta",
)
NAME = option(60_000, OptionType.CALL, inverse=False).name


@pytest.fixture
def market() -> MarketState:
    state = MarketState()
    state.apply(listing(option(60_000, OptionType.CALL, SEP, inverse=False)))
    return state


def row(market: MarketState) -> dict[str, float]:
    """The only row's columns by name, NaN left out."""
    reading = market.read_book("deribit", "BTC")
    assert reading is not None
    found = {name: float(getattr(reading.chain, name)[0]) for name in COLUMNS}
    return {name: value for name, value in found.items() if not np.isnan(value)}


def book(bid: str | None, *, at_ns: int = NOW, is_sampled: bool = False) -> TopOfBook:
    return TopOfBook(
        venue="deribit",
        instrument_name=NAME,
        event_ns=at_ns,
        recv_ns=at_ns,
        bid=None if bid is None else Decimal(bid),
        bid_size=None if bid is None else Decimal(2),
        is_sampled=is_sampled,
    )


def mark(value: str, *, at_ns: int = NOW) -> MarkUpdate:
    return MarkUpdate(
        venue="deribit",
        instrument_name=NAME,
        event_ns=at_ns,
        recv_ns=at_ns,
        mark=Decimal(value),
        index_price=Decimal(60_000),
        venue_mark_iv=0.5,
        venue_greeks=VenueGreeks(delta=0.6),
    )


def stats(*, at_ns: int = NOW) -> DayStats:
    return DayStats(
        venue="deribit",
        instrument_name=NAME,
        event_ns=at_ns,
        recv_ns=at_ns,
        last=Decimal(90),
        volume=Decimal(7),
    )


def test_each_part_replaces_its_own_columns_only(market: MarketState) -> None:
    interest = OpenInterestUpdate(
        venue="deribit", instrument_name=NAME, event_ns=NOW, recv_ns=NOW, open_interest=Decimal(5)
    )
    for event in (book("100"), mark("101"), stats(), interest):
        market.apply(event)
    assert row(market) == {
        "bid": 100.0,
        "bid_size": 2.0,
        "mark": 101.0,
        "index_price": 60_000.0,
        "venue_mark_iv": 0.5,
        "venue_delta": 0.6,
        "last": 90.0,
        "volume": 7.0,
        "open_interest": 5.0,
    }


def test_part_without_a_value_takes_the_value_away(market: MarketState) -> None:
    market.apply(book("100"))
    market.apply(book(None, at_ns=NOW + 1))
    assert row(market) == {}


def test_part_is_late_only_against_its_own_kind(market: MarketState) -> None:
    market.apply(mark("101", at_ns=NOW + 10))
    market.apply(book("100", at_ns=NOW))
    market.apply(mark("99", at_ns=NOW + 9))
    assert (row(market)["bid"], row(market)["mark"]) == (100.0, 101.0)
    assert market.counters["quote older than the last"] == 1


def test_sampled_book_stands_in_until_a_direct_one_comes(market: MarketState) -> None:
    market.apply(book("100", is_sampled=True))
    assert row(market)["bid"] == 100.0
    market.apply(book("101", at_ns=NOW - 1))
    assert row(market)["bid"] == 101.0


def test_sampled_book_gives_way_to_a_direct_one_within_the_lag(market: MarketState) -> None:
    market.apply(book("101"))
    market.apply(book("100", at_ns=NOW + SAMPLED_LAG_NS - 1, is_sampled=True))
    assert row(market)["bid"] == 101.0
    market.apply(book("102", at_ns=NOW + SAMPLED_LAG_NS, is_sampled=True))
    assert row(market)["bid"] == 102.0


def test_parts_of_an_unlisted_option_are_counted(market: MarketState) -> None:
    unlisted = option(99_000, OptionType.CALL).name
    market.apply(
        DayStats(venue="deribit", instrument_name=unlisted, event_ns=NOW, recv_ns=NOW, last=None)
    )
    assert market.counters["quote of an unlisted instrument"] == 1


def test_order_of_parts_survives_a_new_list(market: MarketState) -> None:
    market.apply(mark("101"))
    strikes = (50_000, 60_000)
    market.apply(listing(*(option(k, OptionType.CALL, inverse=False) for k in strikes)))
    market.apply(mark("99", at_ns=NOW - 1))
    reading = market.read_book("deribit", "BTC")
    assert reading is not None
    assert reading.chain.mark.tolist()[1] == 101.0
    assert market.counters["quote older than the last"] == 1


def test_parts_alone_make_a_valued_row(market: MarketState) -> None:
    whole = quote(option(60_000, OptionType.CALL, SEP, inverse=False))
    assert whole.mark is not None
    market.apply(mark(str(whole.mark)))
    reading = market.read_book("deribit", "BTC")
    assert reading is not None
    assert reading.index_price == 60_000.0
    assert reading.forwards[0].source == "delta (1 rows)"
    assert market.coverage("deribit", "BTC") == (0, 1)


def test_option_is_quoted_once_its_book_was_heard_of(market: MarketState) -> None:
    market.apply(mark("2000"))
    assert market.coverage("deribit", "BTC") == (0, 1)
    market.apply(book("1990", is_sampled=True))
    assert market.coverage("deribit", "BTC") == (1, 1)


def test_whole_ticker_quotes_an_option_at_once(market: MarketState) -> None:
    market.apply(quote(option(60_000, OptionType.CALL, SEP, inverse=False)))
    assert market.coverage("deribit", "BTC") == (1, 1)
