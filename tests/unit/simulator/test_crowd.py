"""The crowd: trades print at the rate asked for, from the seed, and never against a client."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Side
from quantdesk.errors import InvalidInput
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, Sample, SimulatedVenue
from quantdesk.simulator.crowd import SECONDS_MAX, Crowd, Interest
from quantdesk.simulator.exchange.events import Trade
from quantdesk.simulator.exchange.orders import OrderRequest
from tests.unit.simulator.deribit.client import connect
from tests.unit.simulator.test_venue import NS_PER_S, run_for

NAME = "BTC-25SEP26-60000-C"
INTERESTS = (
    Interest(name="often", weight=9.0, amount_min=Decimal("0.1")),
    Interest(name="seldom", weight=1.0, amount_min=Decimal(10)),
)


def traded(venue: SimulatedVenue, clock: ManualClock, seconds: int) -> list[Trade]:
    found: list[Trade] = []
    for _ in range(seconds):
        run_for(clock, NS_PER_S)
        found += [event for event in venue.advance().events if isinstance(event, Trade)]
    return found


def test_orders_come_at_the_rate_and_by_weight() -> None:
    crowd = Crowd(INTERESTS, per_minute=120.0, seed=1)
    orders = [o for s in range(600) for o in crowd.orders(s * NS_PER_S, (s + 1) * NS_PER_S)]
    # 1200 expected, with a Poisson deviation of 35.
    assert 1060 < len(orders) < 1340
    often = [order for order in orders if order.name == "often"]
    assert 0.86 < len(often) / len(orders) < 0.94
    buys = sum(order.side is Side.BUY for order in orders)
    assert 0.44 < buys / len(orders) < 0.56
    assert all(order.amount % Decimal("0.1") == 0 for order in often)


def test_orders_of_a_second_do_not_depend_on_how_it_is_asked_for() -> None:
    crowd = Crowd(INTERESTS, per_minute=120.0, seed=1)
    whole = list(crowd.orders(0, 30 * NS_PER_S))
    parts = [
        o for q in range(120) for o in crowd.orders(q * NS_PER_S // 4, (q + 1) * NS_PER_S // 4)
    ]
    assert whole == parts
    assert whole != list(Crowd(INTERESTS, per_minute=120.0, seed=2).orders(0, 30 * NS_PER_S))


def test_a_long_move_prints_its_last_seconds_only() -> None:
    crowd = Crowd(INTERESTS, per_minute=120.0, seed=1)
    day = 86_400 * NS_PER_S
    last = crowd.orders(day - SECONDS_MAX * NS_PER_S, day)
    assert list(crowd.orders(0, day)) == list(last)


@pytest.mark.parametrize("per_minute", [-1.0, float("nan"), float("inf"), 1e9])
def test_rate_is_bounded(per_minute: float) -> None:
    with pytest.raises(InvalidInput, match="trades_per_minute"):
        Crowd(INTERESTS, per_minute=per_minute, seed=1)


def test_crowd_trades_with_the_house_and_cash_is_conserved(btc: Sample, clock: ManualClock) -> None:
    venue = SimulatedVenue(btc, clock=clock, trades_per_minute=120.0)
    trades = traded(venue, clock, 120)
    assert 160 < len(trades) < 320
    assert venue.exchange.ledger.total("BTC") == 0
    assert len({trade.instrument_name for trade in trades}) > 20
    for trade in trades:
        listing = venue.exchange.listings[trade.instrument_name]
        assert sum(position.size for position in listing.holders.values()) == 0


def test_without_it_nothing_trades(venue: SimulatedVenue, clock: ManualClock) -> None:
    assert traded(venue, clock, 30) == []


def test_clients_best_order_is_left_alone(btc: Sample, clock: ManualClock) -> None:
    venue = SimulatedVenue(btc, clock=clock)
    exchange = venue.exchange
    exchange.open_account("client", deposits={"BTC": Decimal(10)})
    best = exchange.book(NAME, 1)
    assert best is not None
    price = best.bids[0][0] + Decimal("0.0005")
    request = OrderRequest(instrument_name=NAME, side=Side.BUY, amount=Decimal(1), price=price)
    exchange.submit("client", request)
    assert exchange.trade_crowd(NAME, Side.SELL, Decimal(1)) is False
    assert exchange.trade_crowd(NAME, Side.BUY, Decimal(1)) is True
    assert len(exchange.open_orders("client")) == 1
    assert exchange.fills("client") == ()


def test_crowd_takes_no_more_than_stands_there(venue: SimulatedVenue) -> None:
    before = venue.exchange.book(NAME, 2)
    assert before is not None
    (best, _), second = before.asks
    assert venue.exchange.trade_crowd(NAME, Side.BUY, Decimal(10_000))
    after = venue.exchange.book(NAME, 1)
    assert after is not None
    assert after.asks == (second,)
    assert venue.exchange.listings[NAME].last_price == best
    with pytest.raises(InvalidInput, match="instrument_name"):
        venue.exchange.trade_crowd("nothing", Side.BUY, Decimal(1))


async def test_trades_print_on_the_channel_and_in_the_answers(
    btc: Sample, clock: ManualClock
) -> None:
    venue = SimulatedVenue(btc, clock=clock, trades_per_minute=600.0)
    async with (
        DeribitServer(venue, step_s=None, prices=None) as server,
        connect(server.ws_url) as client,
    ):
        await client.subscribe("trades.any.any.100ms")
        for _ in range(10):
            run_for(clock, NS_PER_S)
            server.pump()
        printed = [one for told in await client.drain() for one in told["data"]]
        assert len(printed) > 50
        page = await client.result(
            "public/get_last_trades_by_currency", currency="BTC", count=1000, sorting="asc"
        )
        assert page["trades"] == printed
        assert {one["tick_direction"] for one in printed} > {0, 2}
        ivs = [one["iv"] for one in printed if "-C" in one["instrument_name"]]
        assert ivs
        assert all(5 < iv < 300 for iv in ivs if iv)
