"""Scenarios against brute force with the textbook formula, one option and scenario at a time."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import MarketData
from quantdesk.risk.index_prices import index_prices_of
from quantdesk.risk.prepare import prepare
from quantdesk.risk.report import build_report
from quantdesk.risk.scenario import Move, Scenario, SmileRule, VolRule, VolTenor, VolUnit
from quantdesk.risk.scenarios import ScenarioAxes, ScenarioResults, run_scenarios
from quantdesk.risk.valuation import value_positions
from tests.unit.market.chains import DEC, NOW, SEP, YEAR_NS, future
from tests.unit.risk import black
from tests.unit.risk.books import (
    FORWARDS,
    INDEX,
    made_market,
    named,
    only,
    position,
    random_book,
    sample_market,
    spot,
)

VOL = 0.5
MARKET = made_market()
LINEAR = made_market(inverse=False)
YEARS = {expiry: (expiry - NOW) / YEAR_NS for expiry in (SEP, DEC)}
POINTS, SHARE = VolRule(), VolRule(unit=VolUnit.RELATIVE)
ROOT = VolRule(tenor=VolTenor.SQRT_30D)


def results(
    positions: list[Position],
    scenarios: list[Scenario],
    market: MarketData = MARKET,
    collateral: dict[str, Decimal] | None = None,
) -> ScenarioResults:
    book = value_positions(positions, market)
    assert not book.excluded
    return run_scenarios(
        prepare(book),
        scenarios,
        index_prices=index_prices_of(market),
        collateral=collateral,
    )


def brute_vol(rule: VolRule, vol_move: float, years: float) -> float:
    days = max(years * 365, 1.0)
    move = vol_move * (math.sqrt(30 / days) if rule.tenor is VolTenor.SQRT_30D else 1.0)
    return max(VOL * (1 + move) if rule.unit is VolUnit.RELATIVE else VOL + move, 0.0)


def brute_value(
    *, is_call: bool, strike: float, expiry: int, scenario: Scenario, inverse: bool
) -> float:
    """Worth of one coin's option in its settlement currency under a scenario."""
    move = scenario.move_of("BTC")
    assert move is not None
    quoted = 1 + move.spot if inverse else (1 + move.spot) / (1 + scenario.stable_move)
    years = YEARS[expiry] - scenario.days / 365
    if years <= 0:
        settles_on = INDEX * quoted
        payoff = black.price(is_call, settles_on, strike, 0, 0)
        return payoff / settles_on if inverse else payoff
    forward = FORWARDS[expiry] * quoted * math.exp(move.basis * years)
    vol = brute_vol(scenario.rule, move.vol, YEARS[expiry])
    price = black.price(is_call, forward, strike, years, vol)
    return price / forward if inverse else price


GRID = [
    Scenario(
        name=f"{number}",
        move=Move(spot=s, vol=v, basis=b),
        rule=rule,
        days=days,
        stable_move=stable,
    )
    for number, (s, v, b, rule, days, stable) in enumerate(
        product(
            (-0.6, -0.1, 0.0, 0.35),
            (-0.2, 0.0, 0.4),
            (-0.1, 0.0),
            (POINTS, SHARE, ROOT, replace(ROOT, unit=VolUnit.RELATIVE)),
            (0.0, 10.0, 100.0, 400.0),
            (0.0, -0.05),
        )
    )
]


@pytest.mark.parametrize(
    ("strike", "is_call", "expiry"),
    [(60_000, True, SEP), (45_000, False, SEP), (90_000, True, DEC), (75_000, False, DEC)],
)
def test_inverse_option_is_what_brute_force_says(strike: int, is_call: bool, expiry: int) -> None:
    code = "25SEP26" if expiry == SEP else "25DEC26"
    held = position(named(MARKET, f"BTC-{code}-{strike}-{'C' if is_call else 'P'}"), -2.5)
    found = results([held], GRID)
    now = brute_value(
        is_call=is_call, strike=strike, expiry=expiry, scenario=Scenario(name="now"), inverse=True
    )
    for number, scenario in enumerate(GRID):
        then = brute_value(
            is_call=is_call, strike=strike, expiry=expiry, scenario=scenario, inverse=True
        )
        move = scenario.move_of("BTC")
        assert move is not None
        dollars = then * INDEX * (1 + move.spot) - now * INDEX
        assert found.pnl_coin[0, number] == pytest.approx(-2.5 * (then - now), abs=1e-12)
        assert found.pnl_usd[0, number] == pytest.approx(-2.5 * dollars, rel=1e-11, abs=1e-7)


@pytest.mark.parametrize(("strike", "is_call"), [(60_000, True), (75_000, False)])
def test_linear_option_is_what_brute_force_says(strike: int, is_call: bool) -> None:
    name = f"BTC_USDC-25SEP26-{strike}-{'C' if is_call else 'P'}"
    found = results([position(named(LINEAR, name), 4)], GRID, LINEAR)
    now = brute_value(
        is_call=is_call, strike=strike, expiry=SEP, scenario=Scenario(name="now"), inverse=False
    )
    for number, scenario in enumerate(GRID):
        then = brute_value(
            is_call=is_call, strike=strike, expiry=SEP, scenario=scenario, inverse=False
        )
        dollars = 4 * (then * (1 + scenario.stable_move) - now)
        move = scenario.move_of("BTC")
        assert move is not None
        assert found.pnl_usd[0, number] == pytest.approx(dollars, rel=1e-11, abs=1e-7)
        assert found.pnl_coin[0, number] == pytest.approx(
            dollars / (INDEX * (1 + move.spot)), rel=1e-11, abs=1e-12
        )


def test_inverse_future_loses_coins_as_one_over_the_price() -> None:
    """The venue's captured vector: 0.314538364 coins long, −16 % → −0.05991207."""
    dollars = 0.314538364 * INDEX
    moves = {-0.16: -0.05991207, -0.04: -0.01310577, 0.16: 0.04338460}
    scenarios = [Scenario(name=str(move), move=Move(spot=move)) for move in moves]
    found = results([position(future(), dollars)], scenarios)
    for number, (move, coins) in enumerate(moves.items()):
        assert found.pnl_coin[0, number] == pytest.approx(coins, abs=5e-9)
        assert found.pnl_usd[0, number] == pytest.approx(dollars * move, rel=1e-12)


def test_dated_future_moves_with_its_basis_and_settles_on_the_index() -> None:
    held = position(named(MARKET, "BTC-25SEP26"), 60_500)
    scenarios = [
        Scenario(name="basis", move=Move(basis=0.1)),
        Scenario(name="over", move=Move(spot=0.1, basis=0.5), days=365),
    ]
    found = results([held], scenarios)
    assert found.pnl_coin[0, 0] == pytest.approx(1 - math.exp(-0.1 * YEARS[SEP]), rel=1e-12)
    assert found.pnl_coin[0, 1] == pytest.approx(1 - 60_500 / 66_000, rel=1e-12)


def test_basis_leaves_index_and_perpetual_alone() -> None:
    found = results([position(future(), 60_000)], [Scenario(name="basis", move=Move(basis=0.3))])
    assert found.pnl_coin[0, 0] == 0.0


def test_spot_gains_dollars_and_no_coin() -> None:
    found = results([position(spot(), 2)], [Scenario(name="up", move=Move(spot=0.1))], LINEAR)
    assert found.pnl_coin[0, 0] == 0.0
    assert found.pnl_usd[0, 0] == pytest.approx(2 * INDEX * 0.1)


def test_expired_leg_protects_nothing_after() -> None:
    """A calendar: past the near expiry the short is cash at the scenario's index."""
    near = position(named(MARKET, "BTC-25SEP26-60000-C"), -1)
    far = position(named(MARKET, "BTC-25DEC26-60000-C"), 1)
    days = YEARS[SEP] * 365 + 5
    scenarios = [Scenario(name="up", move=Move(spot=0.5), days=days)]
    both, alone = results([near, far], scenarios), results([far], scenarios)
    settled = (90_000 - 60_000) / 90_000
    now = black.coin_price(True, FORWARDS[SEP], 60_000, YEARS[SEP], VOL)
    assert both.pnl_coin[0, 0] - alone.pnl_coin[0, 0] == pytest.approx(now - settled, rel=1e-12)


def test_collateral_moves_with_the_coin_and_dollars_with_the_peg() -> None:
    held = position(named(MARKET, "BTC-25SEP26-60000-C"), 1)
    scenario = Scenario(name="de-peg", move=Move(spot=-0.1), stable_move=-0.05)
    found = results(
        [held], [scenario], collateral={"BTC": Decimal(2), "USDC": Decimal(1000), "USD": Decimal(7)}
    )
    cash = -0.1 * 2 * INDEX
    assert found.pnl_usd_with_collateral[0, 0] - found.pnl_usd[0, 0] == pytest.approx(cash)
    assert found.total_usd_with_collateral[0] - found.total_usd[0] == pytest.approx(cash - 50.0)


def test_collateral_without_a_price_is_refused() -> None:
    held = position(named(MARKET, "BTC-25SEP26-60000-C"), 1)
    with pytest.raises(InvalidInput, match="collateral = 'DOGE'"):
        results([held], [Scenario(name="x")], collateral={"DOGE": Decimal(1)})


def test_nothing_happens_nothing_is_lost() -> None:
    found = results(list(random_book(sample_market(), 150)), [Scenario(name="x")], sample_market())
    assert abs(found.pnl_coin[0, 0]) < 1e-12
    assert abs(found.pnl_usd[0, 0]) < 1e-6


def test_sticky_delta_moves_the_smile_with_the_forward() -> None:
    """A skewed chain: at the moved forward each strike has the vol of its moneyness."""
    market = skewed(MARKET)
    rule = VolRule(smile=SmileRule.STICKY_DELTA)
    held = position(named(market, "BTC-25SEP26-60000-C"), 1)
    move = 60_000 / 55_000 - 1
    found = results([held], [Scenario(name="up", move=Move(spot=move), rule=rule)], market)
    forward = FORWARDS[SEP]
    now = black.coin_price(True, forward, 60_000, YEARS[SEP], skew(60_000))
    then = black.coin_price(
        True, forward * (1 + move), 60_000, YEARS[SEP], skew(60_000 / (1 + move))
    )
    assert found.pnl_coin[0, 0] == pytest.approx(then - now, rel=1e-9)
    stays = results([held], [Scenario(name="up", move=Move(spot=move))], market)
    assert found.pnl_coin[0, 0] > stays.pnl_coin[0, 0] + 0.001


def test_sticky_delta_smile_is_scaled_by_a_relative_vol_move() -> None:
    market = skewed(MARKET)
    rule = VolRule(smile=SmileRule.STICKY_DELTA, unit=VolUnit.RELATIVE)
    held = position(named(market, "BTC-25SEP26-60000-C"), 1)
    move = 60_000 / 55_000 - 1
    found = results([held], [Scenario(name="up", move=Move(spot=move, vol=0.2), rule=rule)], market)
    forward = FORWARDS[SEP]
    now = black.coin_price(True, forward, 60_000, YEARS[SEP], skew(60_000))
    then = black.coin_price(
        True, forward * (1 + move), 60_000, YEARS[SEP], 1.2 * skew(60_000 / (1 + move))
    )
    assert found.pnl_coin[0, 0] == pytest.approx(then - now, rel=1e-9)


def skew(strike: float) -> float:
    return 0.5 + (60_000 - strike) / 60_000 * 0.6


def skewed(market: MarketData) -> MarketData:
    one = only(market)
    chain = replace(one.chain, venue_mark_iv=np.array([skew(k) for k in one.chain.strike]))
    return replace(market, markets=(replace(one, chain=chain),))


def test_cell_names_the_legs_that_drive_it() -> None:
    small = position(named(MARKET, "BTC-25SEP26-60000-C"), 0.1)
    large = position(named(MARKET, "BTC-25DEC26-50000-P"), -30)
    twice = position(named(MARKET, "BTC-25DEC26-50000-P"), -10)
    hedge = position(future(), -120_000)
    found = results([small, large, twice, hedge], [Scenario(name="down", move=Move(spot=-0.3))])
    (drivers,) = found.drivers
    assert [one.instrument_name for one in drivers] == [
        "BTC-25DEC26-50000-P",
        "BTC-PERPETUAL",
        "BTC-25SEP26-60000-C",
    ]
    assert sum(one.pnl_usd for one in drivers) == pytest.approx(found.total_usd[0], rel=1e-9)


def test_scenario_without_a_move_of_the_coin_has_no_result() -> None:
    held = position(named(MARKET, "BTC-25SEP26-60000-C"), 1)
    unknown = Scenario(name="eth only", move=None, by_underlying={"ETH": Move(spot=-0.5)})
    found = results([held], [unknown, Scenario(name="all", move=Move(spot=-0.1))])
    assert np.isnan(found.pnl_usd[0, 0])
    assert np.isnan(found.total_usd[0])
    assert np.isfinite(found.pnl_usd[0, 1])
    assert found.drivers[0] == ()


def test_threads_do_not_change_the_bits() -> None:
    held = random_book(sample_market(), 300)
    axes = ScenarioAxes(rule=VolRule(smile=SmileRule.STICKY_DELTA, tenor=VolTenor.SQRT_30D))
    one, two = (
        build_report(held, sample_market(), axes=axes, threads=threads) for threads in (1, 2)
    )
    assert one.cube.pnl_usd().tobytes() == two.cube.pnl_usd().tobytes()
    assert one.exposures.by_position.tobytes() == two.exposures.by_position.tobytes()


def test_order_of_positions_changes_no_scenario() -> None:
    held = random_book(sample_market(), 120)
    axes = [Scenario(name="x", move=Move(spot=-0.2, vol=0.1))]
    forward = results(list(held), axes, sample_market()).pnl_usd[0, 0]
    backward = results(list(reversed(held)), axes, sample_market()).pnl_usd[0, 0]
    assert forward == pytest.approx(backward, rel=1e-12)


moves = st.builds(
    Move,
    spot=st.floats(-0.9, 2.0),
    vol=st.floats(-0.4, 1.0),
    basis=st.floats(-0.2, 0.2),
)
legs = st.lists(
    st.tuples(
        st.sampled_from([one.name for one in only(MARKET).chain.instruments] + ["BTC-PERPETUAL"]),
        st.integers(-300, 300).filter(bool),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(legs, legs, moves, st.floats(0, 300))
def test_scenarios_add_up_over_books(
    left: list[tuple[str, int]], right: list[tuple[str, int]], move: Move, days: float
) -> None:
    scenario = Scenario(name="any", move=move, days=days, rule=ROOT)

    def pnl(rows: list[tuple[str, int]]) -> ScenarioResults:
        return results([position(named(MARKET, name), lots) for name, lots in rows], [scenario])

    one, other, both = pnl(left), pnl(right), pnl(left + right)
    scale = sum(abs(lots) for _, lots in left + right) * INDEX * 3
    assert abs(one.pnl_usd + other.pnl_usd - both.pnl_usd)[0, 0] <= 1e-12 * scale
    opposite = pnl([*left, *((name, -lots) for name, lots in left)])
    assert abs(opposite.pnl_usd[0, 0]) <= 1e-12 * scale


@settings(max_examples=40, deadline=None)
@given(moves)
def test_put_call_parity_holds_in_every_scenario(move: Move) -> None:
    """Call − put is worth 1 − K/F coins whatever vols do."""
    call, put = (named(MARKET, f"BTC-25SEP26-60000-{kind}") for kind in "CP")
    found = results([position(call, 1), position(put, -1)], [Scenario(name="any", move=move)])
    before = 1 - 60_000 / FORWARDS[SEP]
    after = 1 - 60_000 / (FORWARDS[SEP] * (1 + move.spot) * math.exp(move.basis * YEARS[SEP]))
    assert found.pnl_coin[0, 0] == pytest.approx(after - before, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("field", "value"),
    [("spot", -1.0), ("spot", math.nan), ("vol", math.inf), ("basis", 1e6), ("spot", -2)],
)
def test_absurd_move_is_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=field):
        Move(**{field: value})


@pytest.mark.parametrize(
    ("field", "values"),
    [("spot", ()), ("vol", (0.1, 0.1)), ("days", (-1.0,)), ("days", (math.nan,))],
)
def test_absurd_axis_is_refused(field: str, values: Any) -> None:
    with pytest.raises(InvalidInput, match=field):
        ScenarioAxes(**{field: values}).scenarios()


def test_too_many_scenarios_are_refused() -> None:
    many = tuple(float(n) / 1e6 for n in range(1_001))
    with pytest.raises(InvalidInput, match="at most 1,000,000"):
        ScenarioAxes(spot=many, vol=many)


def test_cube_has_its_axes_in_order() -> None:
    held = random_book(sample_market(), 30)
    report = build_report(held, sample_market())
    cube = report.scenario(spot=(-0.2, 0.0), vol=(0.0, 0.1, 0.2), days=(0, 3))
    assert cube.pnl_usd().shape == (1, 2, 3, 2, 1)
    alone = report.scenario(spot=-0.2, vol=0.2, days=3)
    assert cube.pnl_usd()[0, 0, 2, 1, 0] == pytest.approx(alone.pnl_usd().item(), rel=1e-12)
    assert cube.drivers(0, 2, 1)[0].instrument_name == alone.drivers(0, 0)[0].instrument_name
    text = str(report.scenario(spot=(-0.2, 0.0, 0.2), vol=(-0.1, 0.0, 0.1)))
    assert "BTC P&L in USD without collateral" in text
    assert "-10 pts" in text
    assert "-20.0%" in text
