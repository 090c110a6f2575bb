"""How many orders a second does the exchange take, with and without funds to check?

One round is `ORDERS` commands of a fixed mix on one option: resting orders, takers of one or more
of them, edits and cancels. Orders a second = ORDERS / time of a round. The mix is checked once.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.instrument import Side
from quantdesk.domain.ports import MarginModel
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import SimulatedVenue, load_sample
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.ledger import CLEARING
from quantdesk.simulator.exchange.orders import OrderEdit, OrderRequest, SelfTrade
from quantdesk.simulator.exchange.recorded_market import (
    RecordedHost,
    RecordedMarket,
    recorded_instruments,
)
from quantdesk.simulator.exchange.rules import VenueRules
from quantdesk.simulator.exchange.standard_fees import StandardFees
from quantdesk.simulator.exchange.trading import OrderResult

ORDERS = 2_000
ACCOUNTS = tuple(f"account-{number}" for number in range(8))
STEP_NS = 10_000_000_000


def recorded_exchange(margin: Callable[[int], MarginModel] | None) -> tuple[Exchange, RecordedHost]:
    """The recorded BTC chain with eight rich accounts."""
    clock = ManualClock(0)
    venue = SimulatedVenue(load_sample("btc-2026-06-27"), clock=clock)
    now_ns = venue.now_ns()
    exchange = Exchange(
        rules=VenueRules(venue="deribit"),
        instruments=recorded_instruments(venue),
        market=RecordedMarket(venue),
        fees=StandardFees(as_of_ns=now_ns),
        margin=margin(now_ns) if margin is not None else None,
        now_ns=now_ns,
    )
    for account in ACCOUNTS:
        exchange.open_account(
            account, deposits={"BTC": Decimal(1_000_000)}, self_trade=SelfTrade.CANCEL_MAKER
        )
    return exchange, RecordedHost(venue, exchange)


def deribit(now_ns: int) -> MarginModel:
    """The margin that the exchange runs with."""
    return DeribitStandardMargin(as_of_ns=now_ns)


def run_mix(exchange: Exchange, name: str) -> int:
    """A round; gives the number of trades. Ends with no order open."""
    random = Random(1)
    book = exchange.book(name, 1)
    assert book is not None
    middle = (book.bids[0][0] + book.asks[0][0]) / 2
    tick = Decimal("0.0005")
    anchor = middle // tick
    first = exchange.listings[name].trade_seq
    open_ids: list[tuple[str, int]] = []
    for _ in range(ORDERS - len(ACCOUNTS)):
        dice = random.random()
        if dice < 0.25 and open_ids:
            exchange.cancel(*open_ids.pop(random.randrange(len(open_ids))))
        elif dice < 0.4 and open_ids:
            account, order_id = random.choice(open_ids)
            exchange.edit(account, order_id, OrderEdit(amount=Decimal(random.randint(1, 9))))
        else:
            account = random.choice(ACCOUNTS)
            side = random.choice((Side.BUY, Side.SELL))
            request = OrderRequest(
                instrument_name=name,
                side=side,
                amount=Decimal(random.randint(1, 9)),
                price=(anchor + random.randint(-4, 4)) * tick,
            )
            result = exchange.submit(account, request)
            assert isinstance(result, OrderResult), result
            if not result.order.status.is_final:
                open_ids.append((account, result.order.order_id))
    for account in ACCOUNTS:
        exchange.cancel_orders(account)
    return exchange.listings[name].trade_seq - first


def liquid_name(exchange: Exchange) -> str:
    """The option with the largest best bid among those quoted on both sides near 0.05."""
    for name in exchange.listings:
        book = exchange.book(name, 1)
        if book is not None and book.bids and book.asks and book.bids[0][0] > Decimal("0.04"):
            return name
    raise AssertionError("the recorded chain has a two-sided option")


@pytest.mark.parametrize("margin", [None, deribit], ids=["unmargined", "deribit_margin"])
def test_orders_a_second(
    benchmark: BenchmarkFixture, margin: Callable[[int], MarginModel] | None
) -> None:
    exchange, _ = recorded_exchange(margin)
    name = liquid_name(exchange)
    trades = run_mix(exchange, name)
    assert trades > ORDERS // 10
    assert exchange.ledger.total("BTC") == 0
    assert exchange.ledger.balance(CLEARING, "BTC") == 0
    benchmark.extra_info["commands"] = ORDERS
    benchmark.extra_info["trades"] = trades
    benchmark(run_mix, exchange, name)


def test_market_step_with_requotes(benchmark: BenchmarkFixture) -> None:
    """Ten seconds of the whole BTC board at once: marks, quotes, and the books after them."""
    exchange, host = recorded_exchange(deribit)
    clock = host.venue.clock
    assert isinstance(clock, ManualClock)

    def step() -> None:
        clock.advance_to(clock.now_ns() + STEP_NS)
        host.advance()

    step()
    changed = sum(1 for one in exchange.listings.values() if one.changed_ns == exchange.now_ns)
    assert exchange.now_ns == host.venue.now_ns()
    benchmark.extra_info["books_changed_in_first_step"] = changed
    benchmark(step)
