"""Events that no chain holds pass through the market's state without a trace."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    FundingUpdate,
    MarketEvent,
    MarkPrice,
    MarkPrices,
    PublicTrade,
    VolIndexUpdate,
)
from quantdesk.domain.instrument import OptionType, Side
from quantdesk.market.state import MarketState

from .chains import NOW, SEP, listing, option

NAME = option(60_000, OptionType.CALL).name
LEVELS = ((Decimal("0.1"), Decimal(1)),)
MARK = MarkPrice(instrument_name=NAME, event_ns=NOW, mark=Decimal("0.1"), venue_mark_iv=0.5)

EVENTS: list[MarketEvent] = [
    BookSnapshot(
        venue="deribit",
        instrument_name=NAME,
        event_ns=NOW,
        recv_ns=NOW,
        change_id=1,
        bids=LEVELS,
        asks=(),
    ),
    BookChange(
        venue="deribit",
        instrument_name=NAME,
        event_ns=NOW,
        recv_ns=NOW,
        first_id=2,
        change_id=2,
        previous_id=1,
        bids=LEVELS,
        asks=(),
    ),
    PublicTrade(
        venue="deribit",
        instrument_name=NAME,
        event_ns=NOW,
        recv_ns=NOW,
        trade_id="1",
        price=Decimal("0.1"),
        amount=Decimal(1),
        side=Side.BUY,
    ),
    MarkPrices(venue="deribit", index_name="btc_usd", event_ns=NOW, recv_ns=NOW, marks=(MARK,)),
    VolIndexUpdate(
        venue="deribit", index_name="btc_usd", event_ns=NOW, recv_ns=NOW, volatility=0.5
    ),
    FundingUpdate(venue="deribit", instrument_name="BTC-PERPETUAL", event_ns=NOW, recv_ns=NOW),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_that_no_chain_holds_changes_nothing(event: MarketEvent) -> None:
    market = MarketState()
    market.apply(listing(option(60_000, OptionType.CALL, SEP)))
    before = market.read_book("deribit", "BTC")
    market.apply(event)
    assert before is not None
    assert market.read_book("deribit", "BTC") is before
    assert not market.counters
