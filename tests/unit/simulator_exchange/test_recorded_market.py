"""The exchange on a real recorded chain: same tops of book, moved by its clock, to its expiry."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderType
from quantdesk.errors import InvalidInput
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import SimulatedVenue, load_sample
from quantdesk.simulator.board import Field
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.ledger import CLEARING
from quantdesk.simulator.exchange.listing import ListingState
from quantdesk.simulator.exchange.orders import OrderRequest
from quantdesk.simulator.exchange.recorded_market import (
    RecordedHost,
    RecordedMarket,
    exact,
    recorded_instruments,
)
from quantdesk.simulator.exchange.rules import VenueRules
from quantdesk.simulator.exchange.standard_fees import StandardFees
from tests.unit.simulator_exchange.venue import admitted

D = Decimal
S = 1_000_000_000
SAMPLE = load_sample("btc-2026-06-27")


class Recorded:
    """A simulated venue with its exchange, and the clock that moves both."""

    def __init__(self) -> None:
        self.clock = ManualClock(0)
        self.venue = SimulatedVenue(SAMPLE, clock=self.clock)
        self.market = RecordedMarket(self.venue)
        now_ns = self.venue.now_ns()
        self.exchange = Exchange(
            rules=VenueRules(venue="deribit"),
            instruments=recorded_instruments(self.venue),
            market=self.market,
            fees=StandardFees(as_of_ns=now_ns),
            margin=DeribitStandardMargin(as_of_ns=now_ns),
            now_ns=now_ns,
        )
        self.exchange.open_account("ann", deposits={"BTC": D(1_000)})
        self.host = RecordedHost(self.venue, self.exchange)

    def pass_time(self, seconds: int) -> None:
        """Move the clock and the host."""
        self.clock.advance_to(self.clock.now_ns() + seconds * S)
        self.host.advance()

    def assert_tops_agree(self) -> None:
        """Each open book's best levels are the board's published quote."""
        board = self.venue.board
        for row, name in enumerate(board.names):
            if not board.is_open[row]:
                continue
            book = self.exchange.book(name, 1)
            assert book is not None
            for levels, price, amount in (
                (book.bids, Field.BID, Field.BID_AMOUNT),
                (book.asks, Field.ASK, Field.ASK_AMOUNT),
            ):
                published = float(board.published[price, row])
                size = exact(board.published[amount, row])
                wanted = ((exact(published), size),) if published > 0 else ()
                assert levels == wanted, name


def test_every_book_opens_and_stays_at_the_published_quote() -> None:
    recorded = Recorded()
    recorded.assert_tops_agree()
    for seconds in (1, 5, 60, 600):
        recorded.pass_time(seconds)
        recorded.assert_tops_agree()


def test_first_expiry_is_delivered_on_the_boards_own_average() -> None:
    recorded = Recorded()
    exchange, board = recorded.exchange, recorded.venue.board
    expiry_ns = int(board.expiry_ns.min())
    names = [n for row, n in enumerate(board.names) if board.expiry_ns[row] == expiry_ns]
    traded = 0
    for name in names:
        book = exchange.book(name, 1)
        assert book is not None
        if book.asks:
            request = OrderRequest(
                instrument_name=name, side=Side.BUY, amount=D("0.7"), order_type=OrderType.MARKET
            )
            traded += bool(admitted(exchange.submit("ann", request)).fills)
    assert traded > 10
    left_s = (expiry_ns - recorded.venue.now_ns()) // S + 1
    recorded.pass_time(left_s - 900)
    recorded.pass_time(900)
    rows = [board.row_of[name] for name in names]
    assert {exchange.listings[name].state for name in names} == {ListingState.DELIVERED}
    assert exchange.deliveries["btc_usd", expiry_ns] == exact(board.delivery_price[rows[0]])
    assert exchange.positions("ann") == ()
    assert exchange.ledger.total("BTC") == 0
    assert abs(exchange.ledger.balance(CLEARING, "BTC")) <= traded * D("1e-8")
    recorded.assert_tops_agree()


def test_funding_of_a_board_without_perpetuals_is_refused() -> None:
    with pytest.raises(InvalidInput, match="perpetual"):
        Recorded().market.funding_rate("BTC-PERPETUAL", 0, 1)
