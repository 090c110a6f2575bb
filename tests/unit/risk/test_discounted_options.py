"""Dollar-settled options at a venue that discounts: worth their mark, and revalued at its rate."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from quantdesk.domain.instrument import OptionType
from quantdesk.market.market_data import MarketData
from quantdesk.risk.exposure import Grouping, expose
from quantdesk.risk.prepare import prepare
from quantdesk.risk.revaluation import PreparedBook, ScenarioTable
from quantdesk.risk.scenario import Move, Scenario
from quantdesk.risk.scenarios import run_scenarios
from quantdesk.risk.taylor import taylor_usd
from quantdesk.risk.valuation import ValuedBook, value_positions
from quantdesk.risk.var_revaluation import moved_pnl
from tests.unit.market.chains import NOW, SEP, YEAR_NS, option
from tests.unit.risk import black
from tests.unit.risk.books import FORWARDS, INDEX, made_market, position

DISCOUNT = 0.985
YEARS = (SEP - NOW) / YEAR_NS
RATE = -math.log(DISCOUNT) / YEARS
STRIKES = (55_000, 60_000, 70_000)
VOL = 0.5


def valued(market: MarketData, *, inverse: bool = False) -> ValuedBook:
    legs = [
        position(option(strike, kind, inverse=inverse), quantity)
        for strike, quantity in zip(STRIKES, (-3, 2, 5), strict=True)
        for kind in OptionType
    ]
    book = value_positions(legs, market)
    assert not book.excluded
    return book


def discounted() -> ValuedBook:
    return valued(made_market(inverse=False, discount=DISCOUNT))


def worth(book: ValuedBook, *, forward: float, vol: float, days: float) -> float:
    """By the textbook: what the book is worth on `forward` after some days, dollars."""
    left = YEARS - days / 365
    total = 0.0
    for leg in book.positions:
        assert leg.instrument.option_type is not None
        is_call = leg.instrument.option_type is OptionType.CALL
        value = black.price(is_call, forward, float(leg.instrument.strike or 0), left, vol)
        total += float(leg.quantity) * math.exp(-RATE * left) * value
    return total


def test_a_discounted_option_is_worth_its_mark() -> None:
    book = discounted()
    chain = book.markets[0].chain
    marks = {one.name: mark for one, mark in zip(chain.instruments, chain.mark, strict=True)}
    expected = sum(float(leg.quantity) * marks[leg.instrument.name] for leg in book.positions)
    (net,) = expose(book).net(Grouping.UNDERLYING)
    assert net.greeks.value_usd == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(book.options.rate, RATE, rtol=1e-6)


def test_greeks_are_slopes_of_the_discounted_value() -> None:
    book = discounted()
    (net,) = expose(book).net(Grouping.UNDERLYING)
    forward, bump = FORWARDS[SEP], 5.0
    up, down = (worth(book, forward=forward + sign * bump, vol=VOL, days=0) for sign in (1, -1))
    assert net.greeks.delta_black == pytest.approx((up - down) / (2 * bump), rel=1e-6)
    more, less = (worth(book, forward=forward, vol=VOL + sign * 1e-4, days=0) for sign in (1, -1))
    assert net.greeks.vega_per_point == pytest.approx((more - less) / 2e-4 / 100, rel=1e-6)
    later, sooner = (worth(book, forward=forward, vol=VOL, days=sign * 1e-3) for sign in (1, -1))
    assert net.greeks.theta_per_day == pytest.approx((later - sooner) / 2e-3, rel=1e-6)
    day = worth(book, forward=forward, vol=VOL, days=1) - worth(
        book, forward=forward, vol=VOL, days=0
    )
    assert net.greeks.theta_one_day_revalued == pytest.approx(day, rel=1e-9)


@pytest.mark.parametrize("days", [0.0, 10.0])
def test_scenarios_discount_over_the_time_that_is_left(days: float) -> None:
    book = discounted()
    move = Scenario(name="down", move=Move(spot=-0.1, vol=0.05), days=days)
    found = run_scenarios(prepare(book), [move], index_prices={"BTC": INDEX})
    expected = worth(book, forward=0.9 * FORWARDS[SEP], vol=VOL + 0.05, days=days) - worth(
        book, forward=FORWARDS[SEP], vol=VOL, days=0
    )
    assert float(found.total_usd[0]) == pytest.approx(expected, rel=1e-9)


def test_an_option_that_settles_on_the_way_pays_in_full() -> None:
    book = discounted()
    days = 365 * YEARS + 1
    move = Scenario(name="over", move=Move(spot=0.3), days=days)
    found = run_scenarios(prepare(book), [move], index_prices={"BTC": INDEX})
    payoff = sum(
        float(leg.quantity)
        * black.price(
            leg.instrument.option_type is OptionType.CALL,
            1.3 * INDEX,
            float(leg.instrument.strike or 0),
            0.0,
            VOL,
        )
        for leg in book.positions
    )
    start = worth(book, forward=FORWARDS[SEP], vol=VOL, days=0)
    assert float(found.total_usd[0]) == pytest.approx(payoff - start, rel=1e-9)


def test_recorded_moves_discount_too() -> None:
    book = discounted()
    _, usd = moved_pnl(
        prepare(book), np.array([[-0.08]]), np.array([[0.1]]), horizon_days=1.0, tenor_power=0.0
    )
    expected = worth(
        book, forward=FORWARDS[SEP] * math.exp(-0.08), vol=VOL * math.exp(0.1), days=1
    ) - worth(book, forward=FORWARDS[SEP], vol=VOL, days=0)
    assert float(usd[0, 0]) == pytest.approx(expected, rel=1e-9)


def test_the_expansion_starts_at_the_discounted_value() -> None:
    book = discounted()
    prepared: PreparedBook = prepare(book)
    small = Scenario(name="small", move=Move(spot=0.002, vol=0.001), days=0.1)
    found = run_scenarios(prepared, [small], index_prices={"BTC": INDEX})
    table = ScenarioTable.of([small], prepared.underlyings)
    expanded = float(taylor_usd(prepared, table)[0, 0])
    assert expanded == pytest.approx(float(found.total_usd[0]), rel=2e-3)


def test_a_coin_premium_has_no_discount() -> None:
    market = made_market()
    (one,) = market.markets
    forwards = {
        expiry: replace(forward, discount=DISCOUNT) for expiry, forward in one.forwards.items()
    }
    bent = replace(market, markets=(replace(one, forwards=forwards),))
    options = valued(bent, inverse=True).options
    np.testing.assert_array_equal(options.rate, 0.0)
