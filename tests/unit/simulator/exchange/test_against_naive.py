"""Long random sequences on the real exchange and on a slow plain one: the same after each step.

The checks are in `duel`: books in priority, refusals, positions, cash, conservation, and what a
client would know from the events alone.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from quantdesk.simulator.exchange.orders import PostOnly, SelfTrade
from tests.unit.simulator.exchange.duel import ACCOUNTS, Command, Duel

ORDERS_MAX = 40
"""Open orders beyond which a random run cancels: the naive book is sorted anew for each trade."""


def random_step(duel: Duel, random: Random) -> None:
    """One random command; prices overlap by a third, so that books are deep and often met."""
    live = duel.live_ids
    dice = random.random()
    if live and (dice < 0.1 or len(live) > ORDERS_MAX):
        duel.cancel(random.choice(live))
    elif live and dice < 0.3:
        one = random.choice(live)
        duel.edit(
            one,
            lots=random.randint(1, 12),
            price=random_price(random, is_buy=duel.pairs[one].is_buy),
            post_only=random.choice(tuple(PostOnly)),
        )
    else:
        is_buy = random.random() < 0.5
        command = Command(
            account=random.choice(ACCOUNTS),
            is_buy=is_buy,
            lots=random.randint(1, 10),
            price=None if random.random() < 0.05 else random_price(random, is_buy=is_buy),
            tif=random.choice(("gtc", "gtc", "gtc", "gtc", "ioc", "fok")),
            post_only=random.choice((PostOnly.NO, PostOnly.NO, PostOnly.REPRICE, PostOnly.REJECT)),
            is_reduce_only=random.random() < 0.25,
            mode=random.choice(tuple(SelfTrade)),
        )
        if command.is_sound:
            duel.submit(command)


def random_price(random: Random, *, is_buy: bool) -> int:
    """Ticks; 1 is the lowest there is, so that its edge is met too."""
    return random.randint(1, 14) if is_buy else random.randint(8, 21)


@pytest.mark.parametrize("seed", range(3))
def test_ten_thousand_random_steps_agree_with_the_naive_exchange(seed: int) -> None:
    duel, random = Duel(), Random(seed)
    for _ in range(10_000):
        random_step(duel, random)


@pytest.mark.soak
def test_a_million_random_steps_agree_with_the_naive_exchange() -> None:
    duel, random = Duel(), Random(20261121)
    for _ in range(1_000_000):
        random_step(duel, random)


def test_same_commands_give_the_same_events() -> None:
    def run() -> list[object]:
        duel, random = Duel(), Random(7)
        events: list[object] = []
        check = duel.check
        duel.check = lambda: (events.extend(duel.venue.told), check())[1]  # type: ignore[method-assign,func-returns-value]
        for _ in range(300):
            random_step(duel, random)
        return events

    assert run() == run()


class ExchangeMachine(RuleBasedStateMachine):
    """Hypothesis looks for the shortest sequence on which the two exchanges differ."""

    def __init__(self) -> None:
        super().__init__()
        self.duel = Duel()

    @rule(
        command=st.builds(
            Command,
            account=st.sampled_from(ACCOUNTS),
            is_buy=st.booleans(),
            lots=st.integers(1, 6),
            price=st.none() | st.integers(1, 5),
            tif=st.sampled_from(("gtc", "ioc", "fok")),
            is_reduce_only=st.booleans(),
            mode=st.sampled_from(tuple(SelfTrade)),
        )
    )
    def submit(self, command: Command) -> None:
        self.duel.submit(command)

    @rule(
        account=st.sampled_from(ACCOUNTS),
        is_buy=st.booleans(),
        price=st.integers(1, 5),
        post_only=st.sampled_from((PostOnly.REPRICE, PostOnly.REJECT)),
    )
    def submit_post_only(self, account: str, is_buy: bool, price: int, post_only: PostOnly) -> None:
        self.duel.submit(
            Command(account=account, is_buy=is_buy, lots=2, price=price, post_only=post_only)
        )

    @precondition(lambda self: bool(self.duel.live_ids))
    @rule(
        pick=st.integers(0, 10_000),
        lots=st.integers(1, 8),
        price=st.integers(1, 5),
        post_only=st.sampled_from(tuple(PostOnly)),
    )
    def edit(self, pick: int, lots: int, price: int, post_only: PostOnly) -> None:
        live = self.duel.live_ids
        self.duel.edit(live[pick % len(live)], lots=lots, price=price, post_only=post_only)

    @precondition(lambda self: bool(self.duel.live_ids))
    @rule(pick=st.integers(0, 10_000))
    def cancel(self, pick: int) -> None:
        live = self.duel.live_ids
        self.duel.cancel(live[pick % len(live)])


TestExchangeMachine = ExchangeMachine.TestCase
TestExchangeMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
