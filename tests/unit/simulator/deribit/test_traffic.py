"""Random orders of several accounts through the whole face, across an expiry.

Books are never crossed, cash is conserved to the last digit, memory stays flat, and the same seed
gives the same bytes. In process: the sockets are proved elsewhere.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import Sample, SimulatedVenue
from quantdesk.simulator.deribit.accounts import draw_accounts
from quantdesk.simulator.deribit.dispatch import Origin, answer
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.hub import ChannelHub
from quantdesk.simulator.deribit.refusals import Refusal
from quantdesk.simulator.deribit.rpc import Request, encode_answer
from quantdesk.simulator.deribit.tokens import Grant
from tests.unit.simulator.test_venue import FIRST_EXPIRY_NS, NS_PER_S, run_for, run_to

ACCOUNTS = 4
MEGABYTE = 1024 * 1024


class _Inbox:
    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send(self, payload: bytes) -> None:
        self.frames.append(payload)

    def notify(self, channel: str, payload: bytes) -> None:
        self.frames.append(payload)


class Traffic:
    """A venue under random orders, and the checks on it."""

    def __init__(self, sample: Sample, *, seed: int) -> None:
        self.clock = ManualClock(0)
        self.venue = SimulatedVenue(sample, clock=self.clock, seed=seed, trades_per_minute=60.0)
        self.face = DeribitFace(
            self.venue, draw_accounts(seed, [sample.underlying], count=ACCOUNTS)
        )
        self.hub = ChannelHub(self.face)
        self.inbox = _Inbox()
        self.draws = np.random.default_rng(seed)
        names = self.venue.board.names
        near = [n for n in names if n.startswith("BTC-28JUN26-") and "6" in n.split("-")[2][:1]]
        self.names = [*near[:8], "BTC-25SEP26-60000-C", "BTC-PERPETUAL", "BTC-3JUL26"]
        self.origins = [
            Origin(
                grant=Grant(
                    account=account,
                    rights={"trade": "read_write", "account": "read", "wallet": "read"},
                    connection="",
                    session="",
                    expires_ns=2**62,
                    life_s=2**31,
                )
            )
            for account in self.face.accounts
        ]

    def listen(self) -> None:
        names = [f"book.{name}.raw" for name in self.names]
        self.hub.greet(self.inbox, self.hub.subscribe(self.inbox, [*names, "trades.any.any.raw"]))

    def ask(self, method: str, who: int, **params: object) -> object:
        request = Request(method=f"private/{method}", params=params)
        return answer(request, self.face, self.origins[who])

    def move(self, ns: int) -> None:
        run_for(self.clock, ns)
        self.hub.publish(self.venue.advance(), self.clock.now_ns())

    def act(self) -> Iterator[object]:
        """A few random requests of random accounts."""
        draws = self.draws
        who = int(draws.integers(ACCOUNTS))
        name = self.names[int(draws.integers(len(self.names)))]
        listing = self.venue.exchange.listings[name]
        top = self.venue.exchange.book(name, 1)
        kind = int(draws.integers(10))
        if kind == 0:
            yield self.ask("cancel_all_by_instrument", who, instrument_name=name)
        elif kind == 1:
            yield self.ask("close_position", who, instrument_name=name, type="market")
        elif kind == 2:
            for order in self.face.exchange.open_orders(self.face.accounts[who].account_id)[:1]:
                edit = {"order_id": f"BTC-{order.order_id}", "amount": float(order.amount) * 2}
                yield self.ask("edit", who, **edit, price=float(order.price or 0))
        elif top is not None and top.bids and top.asks:
            side = ("buy", "sell")[int(draws.integers(2))]
            around = top.asks[0][0] if draws.integers(2) else top.bids[0][0]
            tick = listing.instrument.ticks.tick_at(around)
            price = around + tick * int(draws.integers(-3, 4))
            smallest = listing.instrument.amount_min
            yield self.ask(
                side,
                who,
                instrument_name=name,
                amount=float(smallest * int(draws.integers(1, 30))),
                price=float(max(price, tick)),
                post_only=not draws.integers(4),
            )

    def run(self, rounds: int) -> Iterator[object]:
        for _ in range(rounds):
            yield from self.act()
            self.move(NS_PER_S // 4)

    def check(self) -> None:
        exchange = self.venue.exchange
        assert exchange.ledger.total("BTC") == 0
        for account in self.face.accounts:
            cash = exchange.ledger.balance(account.account_id, "BTC")
            assert cash == cash.quantize(Decimal("1e-8"))
        for name in self.names:
            listing = exchange.listings[name]
            best_bid, best_ask = listing.book.bids.best_units(), listing.book.asks.best_units()
            assert best_bid is None or best_ask is None or best_bid < best_ask, name
            assert sum(position.size for position in listing.holders.values()) == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_random_orders_across_an_expiry_keep_the_books_and_the_cash(btc: Sample, seed: int) -> None:
    traffic = Traffic(btc, seed=seed)
    answers = []
    for stage in range(3):
        for outcome in traffic.run(150):
            answers.append(outcome)
            traffic.check()
        if stage == 0:
            run_to(traffic.venue, traffic.clock, FIRST_EXPIRY_NS - 20 * NS_PER_S)
            traffic.move(0)
    assert traffic.venue.exchange.deliveries
    traffic.check()
    refused = [one for one in answers if isinstance(one, Refusal)]
    assert 0.3 * len(answers) < len(answers) - len(refused)
    codes = {one.code for one in refused}
    # Every refusal is one that a random order earns; an error of the venue's own is none of them.
    assert codes <= {
        10002, 10003, 10005, 10007, 10009, 10010, 10027, 10041, 10043, 11008, 11030, 11044, 11054,
        13019,
    }  # fmt: skip


def test_same_seed_gives_the_same_bytes(btc: Sample) -> None:
    def session() -> tuple[list[bytes], list[bytes]]:
        traffic = Traffic(btc, seed=5)
        traffic.listen()
        answers = [
            encode_answer(outcome, request_id=1, received_ns=0, sent_ns=0, is_testnet=True)
            for outcome in traffic.run(120)
        ]
        return traffic.inbox.frames, answers

    (first, said), (second, said_again) = session(), session()
    assert len(first) > 200
    assert any(b'"trade_id"' in frame for frame in first)
    assert first == second
    assert said == said_again


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_long_traffic_at_full_speed_keeps_memory_flat(btc: Sample) -> None:
    traffic = Traffic(btc, seed=11)
    tracemalloc.start()
    sizes = []
    for stage in range(6):
        for count, _ in enumerate(traffic.run(2_500)):
            if count % 50 == 0:
                traffic.check()
        if stage == 1:
            run_to(traffic.venue, traffic.clock, FIRST_EXPIRY_NS - 20 * NS_PER_S)
        traffic.check()
        sizes.append(tracemalloc.get_traced_memory()[0] / MEGABYTE)
    tracemalloc.stop()
    # History is bounded by count: it fills at first, and from then on nothing grows.
    assert sizes[-1] - sizes[-2] < 8.0, sizes
    assert sizes[-1] < 400.0, sizes
