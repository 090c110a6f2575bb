"""Whole small economies at random: options, future and perpetual, house and clients, to the end.

Checked on the way: a position is the sum of its fills, cash the sum of its statement, and nothing
is made or lost. At the end, when everything has expired: what one side made the other side lost.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderType, TimeInForce
from quantdesk.simulator.exchange.ledger import CLEARING, FEES, HOUSE, OUTSIDE, EntryKind
from quantdesk.simulator.exchange.maker import TopOfBook
from quantdesk.simulator.exchange.orders import OrderRequest, PostOnly, SelfTrade
from quantdesk.simulator.exchange.rules import HOUR_NS
from tests.unit.simulator.exchange.venue import (
    CALL,
    EXPIRY_NS,
    FUTURE,
    OPENED_NS,
    PERPETUAL,
    PUT,
    Venue,
    deribit_venue,
    future,
    option,
    put,
)

D = Decimal
CLIENTS = ("ann", "bob", "cat")
TICKS = {CALL: D("0.0005"), PUT: D("0.0005"), FUTURE: D("0.5"), PERPETUAL: D("0.5")}
STEPS = 300
FIRST_EXPIRY_NS = OPENED_NS + 47 * HOUR_NS


def economy() -> Venue:
    """A venue with Deribit's law and one of each kind."""
    perpetual = future(PERPETUAL, expiry_ns=None)
    venue = deribit_venue(option(expiry_ns=FIRST_EXPIRY_NS), put(), future(), perpetual)
    for client in CLIENTS:
        venue.exchange.deposit(client, "BTC", D(990))
    return venue


def move_market(venue: Venue, random: Random) -> None:
    """New index, marks, funding rate and house quotes."""
    index = venue.market.index["btc_usd"] * D(random.randint(985, 1015)) / 1000
    index = index.quantize(D("0.01"))
    venue.market.index["btc_usd"] = venue.market.averages["btc_usd"] = index
    venue.market.rate = D(random.randint(-50, 50)).scaleb(-6)
    for name in (FUTURE, PERPETUAL):
        venue.market.marks[name] = index
    venue.market.marks[CALL] = max(D("0.005"), 1 - 95_000 / index).quantize(D("0.0001"))
    venue.market.marks[PUT] = max(D("0.005"), 115_000 / index - 1).quantize(D("0.0001"))


def requote(venue: Venue, random: Random) -> None:
    """House quotes around the marks."""
    for name, tick in TICKS.items():
        mark = venue.market.marks[name]
        size = D(random.randint(1, 20)) * (1000 if tick > D("0.1") else 1)
        width = tick * random.randint(1, 4)
        top = TopOfBook(bid=mark - width, bid_amount=size, ask=mark + width, ask_amount=size)
        venue.exchange.requote(name, top)


def random_order(venue: Venue, random: Random) -> None:
    """One client order of any sort near the mark."""
    name = random.choice(tuple(TICKS))
    tick = TICKS[name]
    is_market = random.random() < 0.3
    price = (venue.market.marks[name] // tick + random.randint(-6, 6)) * tick
    rests = not is_market and random.random() < 0.7
    request = OrderRequest(
        instrument_name=name,
        side=random.choice((Side.BUY, Side.SELL)),
        amount=D(random.randint(1, 80)) * (100 if tick > D("0.1") else D("0.1")),
        price=None if is_market else max(price, tick),
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC if rests or is_market else TimeInForce.IOC,
        post_only=PostOnly.REPRICE if rests and random.random() < 0.3 else PostOnly.NO,
        is_reduce_only=random.random() < 0.2,
        self_trade=random.choice(tuple(SelfTrade)),
    )
    venue.exchange.submit(random.choice(CLIENTS), request)


def assert_books_balance(venue: Venue) -> None:
    """Conservation, I1 and I6, for every client."""
    exchange = venue.exchange
    assert exchange.ledger.total("BTC") == 0
    for listing in exchange.listings.values():
        assert sum((p.size for p in listing.holders.values()), D(0)) == 0
        assert abs(sum((p.session_cost for p in listing.holders.values()), D(0))) < D("1e-12")
    for client in CLIENTS:
        statement = [e for e in exchange.statement(client) if e.currency == "BTC"]
        assert sum((e.change for e in statement), D(0)) == venue.cash(client)
        for name, listing in exchange.listings.items():
            if listing.delivery_price is None:
                fills = exchange.fills(client, name)
                assert sum((f.signed_amount for f in fills), D(0)) == venue.size(client, name)
        for order in exchange.open_orders(client):
            assert order.filled_amount < order.amount
            if order.is_reduce_only:
                size = venue.size(client, order.instrument_name)
                assert (size > 0) == (order.side is Side.SELL)
                assert order.amount - order.filled_amount <= abs(size)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_made_or_lost_until_everything_expired(seed: int) -> None:
    venue, random = economy(), Random(seed)
    now_ns = OPENED_NS
    for _ in range(STEPS):
        now_ns += random.randint(0, HOUR_NS // 2)
        move_market(venue, random)
        venue.exchange.advance(now_ns)
        requote(venue, random)
        for _ in range(random.randint(0, 4)):
            random_order(venue, random)
        if random.random() < 0.1:
            venue.exchange.cancel_orders(random.choice(CLIENTS))
        assert_books_balance(venue)
    assert venue.exchange.listings[CALL].delivery_price is not None
    venue.exchange.advance(EXPIRY_NS + 24 * HOUR_NS)
    assert_books_balance(venue)
    kinds = {e.kind for client in CLIENTS for e in venue.exchange.statement(client)}
    assert kinds == set(EntryKind) - {EntryKind.WITHDRAWAL}
    # Only the perpetual is left; at its settled mark it is worth nothing that is not cash.
    for client in (*CLIENTS, HOUSE):
        listing = venue.exchange.listings[PERPETUAL]
        assert {one for one in venue.exchange.listings if venue.size(client, one)} <= {PERPETUAL}
        session_pnl = listing.position_of(client).session_pnl(venue.market.marks[PERPETUAL])
        assert abs(session_pnl) < D("1e-15")
    paid_in = -venue.cash(OUTSIDE)
    own = sum((venue.cash(one) for one in (*CLIENTS, HOUSE, FEES, CLEARING)), D(0))
    assert own == paid_in == 3 * 1000
    assert abs(venue.cash(CLEARING)) < D("1e-4")


@pytest.mark.parametrize("seed", range(3))
def test_realised_profit_fees_and_funding_explain_all_cash(seed: int) -> None:
    venue, random = economy(), Random(100 + seed)
    for step in range(STEPS):
        move_market(venue, random)
        venue.exchange.advance(OPENED_NS + step * HOUR_NS // 10)
        requote(venue, random)
        random_order(venue, random)
    for client in CLIENTS:
        explained = D(1000)
        for position in (venue.exchange.position(client, name) for name in TICKS):
            if position is None:
                continue
            explained += position.realised_pnl + position.realised_funding - position.fees
            # What is open: options were paid for, futures' session is not cash yet.
            explained += position.unrealised_pnl - position.value
        assert abs(venue.cash(client) - explained) < D("1e-7")
