"""How many orders a second does the exchange take, each account's funds checked?

One round is `ORDERS` commands of a fixed mix on one option: resting orders, takers of one or more
of them, edits and cancels. Orders a second = ORDERS / time of a round. The mix is checked once.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.instrument import Side
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import SimulatedVenue, load_sample
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.ledger import CLEARING
from quantdesk.simulator.exchange.orders import OrderEdit, OrderRequest, SelfTrade
from quantdesk.simulator.exchange.trading import OrderResult

ORDERS = 2_000
ACCOUNTS = tuple(f"account-{number}" for number in range(8))
STEP_NS = 10_000_000_000


def opened_venue() -> tuple[SimulatedVenue, ManualClock]:
    """The recorded BTC chain with eight rich accounts at its exchange, and the clock it goes by."""
    clock = ManualClock(0)
    venue = SimulatedVenue(load_sample("btc-2026-06-27"), clock=clock)
    for account in ACCOUNTS:
        venue.exchange.open_account(
            account, deposits={"BTC": Decimal(1_000_000)}, self_trade=SelfTrade.CANCEL_MAKER
        )
    return venue, clock


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


def test_orders_a_second(benchmark: BenchmarkFixture) -> None:
    exchange = opened_venue()[0].exchange
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
    venue, clock = opened_venue()
    exchange = venue.exchange

    def step() -> None:
        clock.advance_to(clock.now_ns() + STEP_NS)
        venue.advance()

    step()
    changed = sum(1 for one in exchange.listings.values() if one.changed_ns == exchange.now_ns)
    assert exchange.now_ns == venue.now_ns()
    assert changed
    benchmark.extra_info["books_changed_in_first_step"] = changed
    benchmark(step)
