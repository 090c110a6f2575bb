"""The exchange on a real recorded chain: its books are what is published, through an expiry too."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderType
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator.board import Field
from quantdesk.simulator.contracts import exact
from quantdesk.simulator.exchange.ledger import CLEARING
from quantdesk.simulator.exchange.listing import ListingState
from quantdesk.simulator.exchange.orders import OrderRequest
from quantdesk.simulator.exchange.trading import OrderResult
from quantdesk.simulator.venue import SimulatedVenue

S = 1_000_000_000


def pass_time(venue: SimulatedVenue, clock: ManualClock, seconds: int) -> None:
    clock.advance_to(clock.now_ns() + seconds * S)
    venue.advance()


def assert_tops_are_published(venue: SimulatedVenue) -> None:
    """Each open book's best levels are the board's published quote."""
    board = venue.board
    for row, name in enumerate(board.names):
        if not board.is_open[row]:
            continue
        book = venue.exchange.book(name, 1)
        assert book is not None
        for levels, price, amount in (
            (book.bids, Field.BID, Field.BID_AMOUNT),
            (book.asks, Field.ASK, Field.ASK_AMOUNT),
        ):
            published = float(board.published[price, row])
            size = exact(float(board.published[amount, row]))
            wanted = ((exact(published), size),) if published > 0 else ()
            assert levels == wanted, name


def test_every_book_opens_and_stays_at_the_published_quote(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    assert_tops_are_published(venue)
    for seconds in (1, 5, 60, 600):
        pass_time(venue, clock, seconds)
        assert_tops_are_published(venue)


def test_first_expiry_is_delivered_whole_and_leaves_nobody_a_position(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    exchange, board = venue.exchange, venue.board
    exchange.open_account("ann", deposits={"BTC": Decimal(1_000)})
    expiry_ns = int(board.expiry_ns.min())
    names = [n for row, n in enumerate(board.names) if board.expiry_ns[row] == expiry_ns]
    traded = 0
    for name in names:
        book = exchange.book(name, 1)
        assert book is not None
        if book.asks:
            request = OrderRequest(
                instrument_name=name,
                side=Side.BUY,
                amount=Decimal("0.7"),
                order_type=OrderType.MARKET,
            )
            result = exchange.submit("ann", request)
            assert isinstance(result, OrderResult), result
            traded += bool(result.fills)
    assert traded > 10
    pass_time(venue, clock, (expiry_ns - venue.now_ns()) // S + 1 - 900)
    pass_time(venue, clock, 900)
    rows = [board.row_of[name] for name in names]
    assert {exchange.listings[name].state for name in names} == {ListingState.DELIVERED}
    assert exchange.deliveries["btc_usd", expiry_ns] == exact(float(board.delivery_price[rows[0]]))
    assert exchange.positions("ann") == ()
    assert exchange.ledger.total("BTC") == 0
    assert abs(exchange.ledger.balance(CLEARING, "BTC")) <= traded * Decimal("1e-8")
    assert_tops_are_published(venue)
