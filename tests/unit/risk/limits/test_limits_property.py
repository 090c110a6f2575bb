"""Random orders, fills, cancels and edits: the gate and the slow model always agree.

10,000 sequences here, a million in `make soak` on all cores, or as many as QUANTDESK_SOAK_SEQUENCES
says. Each is repeatable from its number. Markets move and positions are adjusted in between, so
that limits are breached with nobody's order to blame.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from multiprocessing import get_context
from operator import sub

import numpy as np
import numpy.typing as npt
import pytest

from quantdesk.domain.order import (
    OrderAccepted,
    OrderCancelled,
    OrderEdited,
    OrderFilled,
    OrderRejected,
    OrderUnanswered,
)
from quantdesk.domain.position import Position
from quantdesk.pricing.columns import thread_count
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import Limit, LimitSet, Measure, Scope
from quantdesk.risk.limits.size import LargestSize
from quantdesk.risk.limits.ticket import Ticket, TicketLeg
from tests.unit.risk.limits.slow_model import SlowDesk, SlowLimit, SlowOrder, rank_of
from tests.unit.risk.limits.units import CALL, NOW, PUT, STRESS_NAMES, WING, MadeUnits, unit

OBSERVATIONS = 100
CONFIDENCE = 0.97
LIVING_MAX = 4
INSTRUMENTS = tuple(
    replace(one, amount_step=Decimal(2), amount_min=Decimal(2)) for one in (CALL, PUT, WING)
)
"""Traded two by two, so that the half of every order is a whole number."""
PLACES = range(len(INSTRUMENTS))


@dataclass(kw_only=True)
class Market:
    """Integer measures of one lot, by instrument."""

    delta: tuple[int, ...]
    vega: tuple[int, ...]
    stress: tuple[tuple[int, ...], ...]
    history: npt.NDArray[np.int64]
    margin: tuple[tuple[int, int], ...]

    @staticmethod
    def drawn(chance: random.Random) -> Market:
        return Market(
            delta=tuple(chance.randint(-4, 4) for _ in PLACES),
            vega=tuple(chance.randint(-1, 4) for _ in PLACES),
            stress=tuple(tuple(chance.randint(-6, 6) for _ in STRESS_NAMES) for _ in PLACES),
            history=_between(-9, 9, chance.randbytes(len(PLACES) * OBSERVATIONS)),
            margin=tuple((chance.randint(0, 1), chance.randint(1, 4)) for _ in PLACES),
        )

    def units(self) -> MadeUnits:
        return MadeUnits(
            {
                one.name: unit(
                    delta=self.delta[place],
                    vega=self.vega[place],
                    stress=self.stress[place],
                    history=self.history[place],
                    margin=(*self.margin[place], 0.0),
                )
                for place, one in enumerate(INSTRUMENTS)
            }
        )


def _between(low: int, high: int, drawn: bytes) -> npt.NDArray[np.int64]:
    """Whole numbers (instruments, observations) from `low` to `high`, one a byte."""
    numbers = np.frombuffer(drawn, dtype=np.uint8).astype(np.int64)
    return (numbers % (high - low + 1) + low).reshape(len(PLACES), -1)


@dataclass(kw_only=True)
class Levels:
    """The level of each measure."""

    net_delta: int
    gross_vega: int
    stress: int
    var: int
    margin: int
    size: int
    count: int = LIVING_MAX

    @staticmethod
    def drawn(chance: random.Random) -> Levels:
        return Levels(
            net_delta=chance.randint(0, 120),
            gross_vega=chance.randint(30, 200),
            stress=chance.randint(30, 300),
            var=chance.randint(50, 400),
            margin=chance.randint(30, 200),
            size=chance.randint(8, 20),
        )

    def limits(self) -> LimitSet:
        def desk(measure: Measure, hard: int, convention: str = "", unit_name: str = "") -> Limit:
            return Limit(
                scope=Scope.DESK,
                measure=measure,
                hard=hard,
                convention=convention,
                unit=unit_name,
                confidence=CONFIDENCE,
            )

        delta = Limit(
            scope=Scope.UNDERLYING,
            name="BTC",
            measure=Measure.NET_DELTA,
            convention="black",
            hard=self.net_delta,
        )
        return LimitSet(
            limits=(
                delta,
                desk(Measure.GROSS_VEGA, self.gross_vega, "usd-per-point"),
                desk(Measure.STRESS_LOSS, self.stress),
                desk(Measure.VAR, self.var, "historical"),
                desk(Measure.MARGIN_USE, self.margin, "deribit-standard", "usd"),
                desk(Measure.ORDER_SIZE, self.size),
                desk(Measure.OPEN_ORDERS, self.count),
            ),
            source="drawn",
        )

    def slow(self, market: Market) -> tuple[SlowLimit, ...]:
        vega = tuple(abs(value) for value in market.vega)
        return (
            SlowLimit(kind="net", level=self.net_delta, weights=(market.delta,)),
            SlowLimit(kind="sum", level=self.gross_vega, weights=(vega, vega)),
            SlowLimit(
                kind="stress", level=self.stress, weights=tuple(zip(*market.stress, strict=True))
            ),
            SlowLimit(
                kind="var",
                level=self.var,
                history=tuple(market.history),
                rank=rank_of(CONFIDENCE, OBSERVATIONS),
            ),
            SlowLimit(
                kind="sum", level=self.margin, weights=tuple(zip(*market.margin, strict=True))
            ),
            SlowLimit(kind="size", level=self.size),
            SlowLimit(kind="count", level=self.count),
        )


@dataclass(kw_only=True)
class Counts:
    """How often each thing happened, so that a test of nothing would be seen."""

    passed: int = 0
    refused: int = 0
    breached: int = 0
    reduced: int = 0
    fills: int = 0
    edits: int = 0


@dataclass(kw_only=True)
class Run:
    """One sequence on the gate and on the slow model."""

    seed: int
    counts: Counts
    steps: int = 12
    number: int = 0
    filled: int = 0
    slow: SlowDesk = field(default_factory=lambda: SlowDesk(held=(0,) * len(INSTRUMENTS)))

    def play(self) -> None:
        self.chance = random.Random(self.seed)
        self.levels = Levels.drawn(self.chance)
        market = Market.drawn(self.chance)
        self.gate = LimitGate(self.levels.limits(), market.units(), stress_names=STRESS_NAMES)
        self.learn(market)
        self.open()
        kinds = [self.send, self.send, self.send, self.fill, self.fill, self.end]
        kinds += [self.edit, self.settle_edit, self.ask, self.move]
        for _ in range(self.steps):
            self.chance.choice(kinds)()

    def open(self) -> None:
        """Most desks start with a book; the others meet each instrument by its first order."""
        if self.chance.random() < 0.25:
            return
        held = tuple(2 * self.chance.randint(-4, 4) for _ in PLACES)
        self.gate.load(
            Position(instrument=INSTRUMENTS[place], quantity=Decimal(lots))
            for place, lots in enumerate(held)
            if lots
        )
        self.slow.held = held

    def learn(self, market: Market) -> None:
        """The slow model's limits on another market."""
        self.limits = self.levels.slow(market)
        self.known: dict[tuple[object, object], list[int]] = {}

    def worst(self) -> list[int]:
        """The worst case of every limit; that of a book and orders already asked is remembered."""
        state = (self.slow.held, self.slow.open_orders())
        if state not in self.known:
            self.known[state] = self.slow.worst(self.limits)
        return self.known[state]

    def check_no_breach(self, before: list[int]) -> None:
        """Our own events take no worst case over its level, nor further over it."""
        for limit, was, now in zip(self.limits, before, self.worst(), strict=True):
            assert now <= max(limit.level, was), (self.seed, limit.kind, was, now)

    def lots(self) -> int:
        return 2 * self.chance.randint(1, 6) * self.chance.choice((-1, 1))

    def send(self) -> None:
        places = self.chance.choices(PLACES, k=self.chance.choice((1, 1, 1, 2, 3)))
        legs = [(place, self.lots()) for place in places]
        before = self.worst()
        expected = self.slow.lets_through(legs, self.limits)
        ids = [f"{self.number + n}" for n in range(len(legs))]
        self.number += len(legs)
        ticket = Ticket(
            legs=tuple(
                TicketLeg(instrument=INSTRUMENTS[place], quantity=Decimal(lots))
                for place, lots in legs
            )
        )
        decision = self.gate.reserve(ticket, ids, NOW)
        assert decision.is_allowed is expected, (self.seed, legs, str(decision))
        is_over = any(was > limit.level for was, limit in zip(before, self.limits, strict=True))
        self.counts.breached += is_over
        if not decision.is_allowed:
            self.counts.refused += 1
            self.check_largest(decision.largest, legs)
            return
        self.counts.passed += 1
        self.counts.reduced += is_over
        for order_id, (place, lots) in zip(ids, legs, strict=True):
            self.slow.orders[order_id] = SlowOrder(
                instrument=place, sign=1 if lots > 0 else -1, amount=abs(lots)
            )
        self.check_no_breach(before)

    def check_largest(self, largest: object, legs: list[tuple[int, int]]) -> None:
        """Every lot up to the largest size passes and the next fails, tried on a quarter."""
        assert isinstance(largest, LargestSize)
        assert largest.is_interval
        if self.chance.random() < 0.75:
            return
        for lots in range(1, largest.of + 1):
            scaled = [(place, n // largest.of * lots) for place, n in legs]
            passes = self.slow.lets_through(scaled, self.limits)
            assert passes is (lots <= largest.lots), (self.seed, legs, lots, largest)

    def pick(self) -> str | None:
        living = list(self.slow.orders)
        return self.chance.choice(living) if living else None

    def fill(self) -> None:
        if (order_id := self.pick()) is None:
            return
        before = self.worst()
        order = self.slow.orders[order_id]
        amount = 2 * self.chance.randint(1, max((order.amount - order.filled) // 2, 1))
        if amount > order.amount - order.filled:
            return
        self.filled += 1
        event = OrderFilled(
            trade_id=f"t{self.filled}", amount=Decimal(amount), price=Decimal("0.05")
        )
        for _ in range(self.chance.choice((1, 2))):
            self.gate.apply(order_id, event)  # a repeated report counts once
        self.slow.fill(order_id, amount)
        self.counts.fills += 1
        self.check_no_breach(before)

    def end(self) -> None:
        if (order_id := self.pick()) is None:
            return
        before = self.worst()
        kind = self.chance.choice((OrderCancelled, OrderRejected))
        self.gate.apply(order_id, kind(reason="asked"))
        del self.slow.orders[order_id]
        self.check_no_breach(before)

    def ask(self) -> None:
        """Silence and acknowledgements free nothing."""
        if (order_id := self.pick()) is not None:
            event = self.chance.choice((OrderUnanswered(), OrderAccepted(venue_order_id="7")))
            self.gate.apply(order_id, event)

    def edit(self) -> None:
        if (order_id := self.pick()) is None:
            return
        order = self.slow.orders[order_id]
        amount = order.filled + 2 * self.chance.randint(1, 6)
        before = self.worst()
        rest = amount - order.filled
        is_less = rest <= order.rest
        kept = self.slow.orders.pop(order_id)
        # A larger size is asked for as a new order in the place of this one.
        asked = [(order.instrument, order.sign * rest)]
        passes = is_less or self.slow.lets_through(asked, self.limits)
        self.slow.orders[order_id] = kept
        decision = self.gate.reserve_edit(order_id, Decimal(amount), None, NOW)
        assert decision.is_allowed is passes, (self.seed, order_id, amount, str(decision))
        if decision.is_allowed:
            order.asked.append(amount)
            self.counts.edits += 1
        if is_less:
            self.check_no_breach(before)

    def settle_edit(self) -> None:
        """The venue takes an edit in flight, or does not."""
        asked = [(i, o) for i, o in self.slow.orders.items() if o.asked]
        if not asked:
            return
        order_id, order = self.chance.choice(asked)
        amount = order.asked[0]
        if amount <= order.filled:
            return
        order.asked.remove(amount)
        if self.chance.random() < 0.5:
            order.amount = amount
            self.gate.apply(order_id, OrderEdited(amount=Decimal(amount), price=None))
        else:
            self.gate.edit_refused(order_id, Decimal(amount))

    def move(self) -> None:
        """The market moves, or a position is adjusted: nobody's order is to blame."""
        if self.chance.random() < 0.5:
            market = Market.drawn(self.chance)
            self.gate.remeasure(market.units())
            self.learn(market)
            return
        place = self.chance.choice(PLACES)
        lots = 2 * self.chance.randint(-15, 15)
        held = list(self.slow.held)
        held[place] = lots
        self.slow.held = tuple(held)
        self.gate.set_position(INSTRUMENTS[place], Decimal(lots))


def play(first: int, count: int) -> Counts:
    counts = Counts()
    for seed in range(first, first + count):
        Run(seed=seed, counts=counts).play()
    return counts


SOAK_SEQUENCES = 1_000_000
SOAK_PARTS = 10


def play_on_all_cores(first: int, count: int) -> Counts:
    """As `play`, the sequences shared out among one process a core."""
    cores = thread_count(None)
    edges = [first + count * core // cores for core in range(cores + 1)]
    total = Counts()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        for counts in pool.map(play, edges[:-1], map(sub, edges[1:], edges[:-1])):
            for one in fields(Counts):
                setattr(total, one.name, getattr(total, one.name) + getattr(counts, one.name))
    return total


@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_sequences_agree_with_the_slow_model(part: int) -> None:
    counts = play(part * 2_500, 2_500)
    assert min(counts.passed, counts.refused, counts.breached, counts.fills) > 500
    assert min(counts.reduced, counts.edits) > 100


@pytest.mark.soak
@pytest.mark.parametrize("part", range(SOAK_PARTS))
def test_a_million_sequences_agree_with_the_slow_model(part: int) -> None:
    asked = int(os.environ.get("QUANTDESK_SOAK_SEQUENCES", SOAK_SEQUENCES))
    each = asked // SOAK_PARTS
    counts = play_on_all_cores(SOAK_SEQUENCES + part * each, each)
    assert min(counts.passed, counts.refused, counts.breached, counts.fills) > each // 5
