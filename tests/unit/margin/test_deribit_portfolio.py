"""Portfolio margin against every captured and derived number, and the properties it must have."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quantdesk as qd
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.margin.deribit_portfolio import (
    PairBook,
    cross_margin,
    open_order_margin,
    pair_risk,
    portfolio_margin,
)
from quantdesk.margin.portfolio_book import risk_legs
from quantdesk.margin.portfolio_explain import (
    LiquidationDistance,
    leg_parts,
    liquidation_distance,
)
from quantdesk.margin.portfolio_parameters import (
    BTC_USD,
    BTC_USDC,
    ETH_USD,
    RollDelta,
    RollScaling,
    changeable_parameters,
    portfolio_parameters,
    stated_parameters,
)
from quantdesk.margin.portfolio_statement import portfolio_statement
from quantdesk.margin.risk_vectors import risk_vectors, shocked_vols
from quantdesk.structures.catalogue import plan_structure
from quantdesk.structures.resolve import resolve

INDEX = 64_000.0


def perpetual(coins: float, price: float = INDEX) -> tuple[object, ...]:
    return ("PERP", False, False, True, coins, price, 0.0, 0.0, 0.0, 0, 0.0)


def future(coins: float, years: float, price: float = INDEX) -> tuple[object, ...]:
    expiry = round(years * 1e6)
    return (f"FUT-{years}", False, False, True, coins, price, 0.0, 0.0, 0.0, expiry, years)


def option(
    coins: float,
    strike: float,
    *,
    is_call: bool = True,
    years: float = 30 / 365,
    vol: float = 0.5,
    is_inverse: bool = True,
) -> tuple[object, ...]:
    name = f"{strike:g}-{'C' if is_call else 'P'}"
    expiry = round(years * 1e6)
    return (name, True, is_call, is_inverse, coins, INDEX, strike, years, vol, expiry, years)


def book(*rows: tuple[object, ...], parameters: object = BTC_USD) -> PairBook:
    legs = risk_legs(rows)  # type: ignore[arg-type]
    return PairBook(parameters=parameters, legs=legs, index=INDEX)  # type: ignore[arg-type]


def distance_of(pair: PairBook, balance: float) -> LiquidationDistance:
    return liquidation_distance(portfolio_margin("BTC", [pair]), balance)


def orders_of(pair: PairBook) -> float:
    return open_order_margin([pair_risk(pair)], [1.0])


def test_the_captured_btc_sample_is_reproduced() -> None:
    """[V] the documentation's sample: worst case, roll shock, risk matrix, initial, maintenance."""
    captured = book(perpetual(0.314538364), future(-0.001187534, 0.01))
    risk = pair_risk(captured)
    standard = risk.vectors.standard[0].reshape(9, 3)
    assert standard[0] == pytest.approx(-0.05991207, abs=5e-9)
    assert standard[3] == pytest.approx(-0.01310577, abs=5e-9)
    assert standard[8] == pytest.approx(0.04338460, abs=5e-9)
    assert risk.worst == pytest.approx(0.05968587, abs=5e-9)
    assert risk.roll_shock == pytest.approx(0.00315725898, abs=1e-11)
    assert risk.risk_matrix_margin == pytest.approx(0.06284313098, abs=2e-9)
    margin = portfolio_margin("BTC", [captured], spot_margin=0.0, mmp_margin=0.06)
    assert margin.initial + 0.000018212 == pytest.approx(0.122861343, abs=2e-9)
    assert margin.maintenance == pytest.approx(0.050274504784, abs=2e-9)
    assert margin.status == "verified"
    assert risk.binding_name.startswith("spot -16.00%")


def test_the_captured_eth_reply_is_reproduced() -> None:
    """[V] captured 2026-02-15: ETH perpetual short, gains at 0.6 of their size."""
    captured = book(perpetual(-0.999487053), parameters=ETH_USD)
    risk = pair_risk(captured)
    standard = risk.vectors.standard[0].reshape(9, 3)
    assert standard[0] == pytest.approx(0.21939960, abs=5e-9)
    assert standard[8] == pytest.approx(-0.15246413, abs=5e-9)
    assert risk.cells[0] == pytest.approx(0.13163976, abs=5e-9)
    assert risk.worst == pytest.approx(0.15246412673, abs=1e-10)
    assert risk.roll_shock == pytest.approx(0.004997435265, abs=1e-12)
    assert risk.risk_matrix_margin == pytest.approx(0.15746156200, abs=1e-10)
    margin = portfolio_margin("ETH", [captured])
    assert margin.initial == pytest.approx(0.15746156200, abs=1e-10)
    assert margin.maintenance == pytest.approx(0.125969249812, abs=3e-10)


def test_each_price_of_both_replies_is_reproduced() -> None:
    """[V] every distinct standard cell of both captured replies, aggregated after the offset."""
    btc = pair_risk(book(perpetual(0.314538364), future(-0.001187534, 0.01)))
    losses = [-0.05968587238095239, -0.04272965863636364, -0.02724789826086957]
    losses += [-0.013056284583333334]
    found = btc.cells[:27].reshape(9, 3)
    assert found == pytest.approx(np.repeat([[*losses, 0, 0, 0, 0, 0]], 3, axis=0).T, abs=2e-11)
    assert btc.cells[27:] == pytest.approx(np.zeros(8), abs=0)
    eth = pair_risk(
        dataclasses.replace(book(perpetual(-0.999487053), parameters=ETH_USD), index=1949.34)
    )
    cells = [0.13163975819999998, 0.09359358530982659, 0.05931022072747252]
    cells += [0.028257749142408375, 0, -0.04304011233014354, -0.08252645391743119]
    cells += [-0.11888171996035243, -0.15246412672881357]
    assert eth.cells[:27].reshape(9, 3) == pytest.approx(np.repeat([cells], 3, axis=0).T, abs=2e-9)
    assert eth.cells[27:] == pytest.approx(np.zeros(8), abs=0)


def test_of_cells_that_lose_alike_the_one_with_vols_unchanged_binds() -> None:
    """[V] both replies name index 1 and 25: the middle vol of the lowest and the highest price."""
    assert pair_risk(book(perpetual(0.314538364))).binding == 1
    assert pair_risk(book(perpetual(-0.999487053), parameters=ETH_USD)).binding == 25


@pytest.mark.parametrize(
    ("days", "up", "down"),
    [(7, 0.88685, 0.30657), (30, 0.75, 0.375), (180, 0.69805, 0.40097)],
)
def test_the_vol_shock_has_the_derived_values(days: int, up: float, down: float) -> None:
    """[D] BTC parameters, IV 50 %."""
    shocked = shocked_vols(np.array([0.5]), np.array([days / 365]), BTC_USD)[0]
    assert shocked == pytest.approx([down, 0.5, up], abs=5e-6)


CAPTURED_PARAMETERS = {
    # BTC from the documentation's sample of June 2024, ETH from the reply of 15 February 2026.
    "price_range": (0.16, 0.18),
    "volatility_range_up": (0.50, 0.40),
    "volatility_range_down": (0.25, 0.25),
    "short_term_vega_power": (0.30, 0.30),
    "long_term_vega_power": (0.13, 0.13),
    "min_volatility_for_shock_up": (0.50, 0.50),
    "extended_table_factor": (1, 1),
    "m_inc": (0.00005, 0.000004),
    "max_delta_shock": (0.1, 0.1),
    "delta_total_liq_shock_threshold": (20_000_000, 20_000_000),
    "annualised_move_risk": (0.075, 0.05),
    "min_annualised_move": (0.01, 0.005),
    "pnl_offset": (0, 0.6),
    "max_offsetable_pnl": (0, 20_000_000),
    "extended_dampener": (100_000, 200_000),
    "haircut": (0, 0),
    "mm_factor": (0.8, 0.8),
    "buckets_count": (4, 4),
}


@pytest.mark.parametrize("name", CAPTURED_PARAMETERS)
def test_the_parameters_are_those_of_both_replies(name: str) -> None:
    found = (getattr(BTC_USD, name), getattr(ETH_USD, name))
    assert found == CAPTURED_PARAMETERS[name]


def test_what_the_replies_say_of_dollars_is_what_linear_pairs_take() -> None:
    """usd in both replies: annualised move 0.1, floor 0.01, dampener 25 000 USD; offsets differ."""
    names = ("annualised_move_risk", "min_annualised_move", "extended_dampener")
    pairs = [portfolio_parameters(coin, is_inverse=False) for coin in ("BTC", "ETH")]
    for pair in pairs:
        assert [getattr(pair, name) for name in names] == [0.1, 0.01, 25_000]
    assert [(one.pnl_offset, one.max_offsetable_pnl) for one in pairs] == [
        (0.0, 0.0),
        (0.4, 1_000_000.0),
    ]


def test_the_price_grid_has_nine_points_four_percent_or_four_and_a_half_apart() -> None:
    assert BTC_USD.price_moves() == pytest.approx([0.04 * n for n in range(-4, 5)])
    assert ETH_USD.price_moves() == pytest.approx([0.045 * n for n in range(-4, 5)])


@pytest.mark.parametrize(("days", "k"), [(7, 1.54742), (180, 0.79221)])
def test_the_vol_shock_grows_by_the_derived_power_of_time(days: int, k: float) -> None:
    """[D] k = (30/d)^p, from the shock that it makes of a vol of 200 %."""
    shocked = shocked_vols(np.array([2.0]), np.array([days / 365]), BTC_USD)[0]
    assert (shocked[2] / 2.0 - 1) / BTC_USD.volatility_range_up == pytest.approx(k, abs=5e-6)
    assert (1 - shocked[0] / 2.0) / BTC_USD.volatility_range_down == pytest.approx(k, abs=5e-6)


def test_the_vol_shock_up_is_at_least_the_minimum() -> None:
    assert shocked_vols(np.array([0.1]), np.array([0.5]), BTC_USD)[0, 2] == 0.5


def test_a_flat_book_needs_nothing() -> None:
    flat = book(perpetual(0.0))
    assert pair_risk(flat).risk_matrix_margin == 0.0
    assert portfolio_margin("BTC", []).initial == 0.0


def test_futures_in_the_extended_table_lose_what_the_edge_of_the_range_does() -> None:
    """[V] both captures: entries of futures equal the ± range value."""
    vectors = risk_vectors(book(perpetual(1.0)).legs, BTC_USD)
    edge = vectors.standard[0].reshape(9, 3)[:, 0]
    assert vectors.extended[0, :2] == pytest.approx([edge[0]] * 2, rel=1e-12)
    assert vectors.extended[0, 2:] == pytest.approx([edge[-1]] * 6, rel=1e-12)


def test_extended_weights_are_those_of_the_published_clone() -> None:
    """Paradex publishes 24, 48, 32, 16, 8, 5.33, 4 and 3.2 %."""
    linear = option(1.0, 1e-6, is_inverse=False)
    vectors = risk_vectors(book(linear).legs, BTC_USD)
    moves = np.array([-0.66, -0.33, 0.5, 1, 2, 3, 4, 5])
    weights = vectors.extended[0] / (INDEX * moves)
    assert weights == pytest.approx(
        [0.2424, 0.4848, 0.32, 0.16, 0.08, 0.0533, 0.04, 0.032], abs=5e-5
    )


def test_far_shorts_are_caught_by_the_extended_table_alone() -> None:
    far = book(option(-5_000.0, 140_000.0, vol=0.6))
    risk = pair_risk(far)
    assert risk.binding is not None
    assert risk.binding_name.startswith("extended")
    assert risk.worst > -risk.cells[:27].min()


def test_the_option_part_is_labelled_unproved() -> None:
    margin = portfolio_margin("BTC", [book(option(-1.0, 70_000.0))])
    assert "unproved" in margin.status
    assert BTC_USD.origins["options"].status.value == "uncertain"


legs_drawn = st.lists(
    st.one_of(
        st.builds(perpetual, st.floats(-50, 50)),
        st.builds(future, st.floats(-50, 50), st.floats(0.01, 1.0)),
        st.builds(
            option,
            st.floats(-50, 50),
            st.integers(30, 140).map(lambda k: 1000.0 * k),
            is_call=st.booleans(),
            years=st.sampled_from([0.01, 0.08, 0.5, 1.0]),
            vol=st.floats(0.2, 1.5),
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(legs_drawn, st.sampled_from([BTC_USD, ETH_USD]))
def test_a_hedged_pair_of_equal_legs_needs_nothing(
    rows: list[tuple[object, ...]], parameters: object
) -> None:
    opposite = [(*row[:4], -float(str(row[4])), *row[5:]) for row in rows]
    risk = pair_risk(book(*rows, *opposite, parameters=parameters))
    assert risk.risk_matrix_margin == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=60)
@given(legs_drawn, st.floats(0.1, 3.0))
def test_margin_without_dampener_scales_with_the_book(
    rows: list[tuple[object, ...]], scale: float
) -> None:
    plain = dataclasses.replace(
        BTC_USD, extended_dampener=0.0, delta_total_liq_shock_threshold=1e15
    )
    scaled = [(*row[:4], scale * float(str(row[4])), *row[5:]) for row in rows]
    one, other = (pair_risk(book(*r, parameters=plain)) for r in (rows, scaled))
    assert other.risk_matrix_margin == pytest.approx(
        scale * one.risk_matrix_margin, rel=1e-9, abs=1e-12
    )


@settings(max_examples=60)
@given(legs_drawn, legs_drawn)
def test_two_books_together_need_no_more_than_apart(
    first: list[tuple[object, ...]], second: list[tuple[object, ...]]
) -> None:
    plain = dataclasses.replace(
        BTC_USD, extended_dampener=0.0, delta_total_liq_shock_threshold=1e15
    )
    margins = [
        pair_risk(book(*rows, parameters=plain)).risk_matrix_margin
        for rows in (first, second, [*first, *second])
    ]
    assert margins[2] <= margins[0] + margins[1] + 1e-9


@settings(max_examples=40)
@given(legs_drawn)
def test_parts_explain_the_margin(rows: list[tuple[object, ...]]) -> None:
    plain = dataclasses.replace(
        BTC_USD, extended_dampener=0.0, delta_total_liq_shock_threshold=1e15
    )
    risk = pair_risk(book(*rows, parameters=plain))
    parts = leg_parts(portfolio_margin("BTC", [risk.book]))
    assert sum(part.euler for part in parts) == pytest.approx(risk.risk_matrix_margin, abs=1e-9)
    for number, part in enumerate(parts):
        rest = [row for n, row in enumerate(rows) if n != number]
        without = pair_risk(book(*rest, parameters=plain)).risk_matrix_margin if rest else 0.0
        assert part.leave_one_out == pytest.approx(risk.risk_matrix_margin - without, abs=1e-9)


def test_a_delta_shock_begins_at_the_threshold_and_is_capped() -> None:
    threshold = BTC_USD.delta_total_liq_shock_threshold / INDEX
    assert pair_risk(book(perpetual(threshold * 0.999))).delta_shock == 0.0
    beyond = pair_risk(book(perpetual(threshold + 100))).delta_shock
    assert beyond == pytest.approx(0.00005 * 100 * 100)
    huge = pair_risk(book(perpetual(threshold + 1e6))).delta_shock
    assert huge == pytest.approx(0.1 * 1e6)


@pytest.mark.parametrize("scaling", RollScaling)
@pytest.mark.parametrize("delta", RollDelta)
def test_what_no_capture_settles_is_a_choice_that_changes_the_number(
    scaling: RollScaling, delta: RollDelta
) -> None:
    chosen = dataclasses.replace(BTC_USD, roll_scaling=scaling, roll_delta=delta)
    risk = pair_risk(book(option(1.0, 60_000.0, years=0.5), parameters=chosen))
    default = pair_risk(book(option(1.0, 60_000.0, years=0.5)))
    is_default = (scaling, delta) == (BTC_USD.roll_scaling, BTC_USD.roll_delta)
    assert (risk.roll_shock == default.roll_shock) == is_default


def test_an_open_order_counts_only_where_it_hurts() -> None:
    held = book(option(-10.0, 70_000.0))
    hedge = dataclasses.replace(held, orders=risk_legs([option(10.0, 70_000.0)]))  # type: ignore[list-item]
    more = dataclasses.replace(held, orders=risk_legs([option(-10.0, 70_000.0)]))  # type: ignore[list-item]
    assert orders_of(held) == 0.0
    assert orders_of(more) > orders_of(hedge)
    # A hedge that rests is not a hedge yet: it frees nothing, but its own delta may roll.
    assert orders_of(hedge) >= 0.0


def linear_perpetual(coins: float) -> tuple[object, ...]:
    return ("LINEAR", False, False, False, coins, INDEX, 0.0, 0.0, 0.0, 0, 0.0)


def test_linear_pairs_are_margined_in_dollars() -> None:
    parameters = portfolio_parameters("BTC", is_inverse=False)
    assert parameters.origins["parameters"].status.value == "uncertain"
    linear = pair_risk(book(linear_perpetual(2.0), parameters=parameters))
    assert linear.worst == pytest.approx(2 * 0.16 * INDEX)
    assert linear.roll_shock == pytest.approx(2 * 0.01 * INDEX)
    beyond = parameters.delta_total_liq_shock_threshold / INDEX + 10
    shocked = pair_risk(book(linear_perpetual(beyond), parameters=parameters))
    assert shocked.delta_shock == pytest.approx(0.00005 * 10 * 10 * INDEX)
    assert portfolio_margin("USDC", [linear.book]).status == "uncertain"
    with pytest.raises(InvalidInput, match="one settlement"):
        pair_risk(book(perpetual(1.0), linear_perpetual(1.0)))


def test_pairs_of_one_currency_meet_cell_by_cell() -> None:
    """A gain of one pair sets off the loss of another only as far as its own offset lets it."""
    btc = book(linear_perpetual(1.0), parameters=portfolio_parameters("BTC", is_inverse=False))
    eth = dataclasses.replace(
        book(linear_perpetual(-1.0), parameters=portfolio_parameters("ETH", is_inverse=False)),
        index=INDEX,
    )
    margin = portfolio_margin("USDC", [btc, eth])
    # Lowest price: BTC loses 16 %, ETH gains 18 % of which 0.4 count, capped far above that.
    assert margin.cells[1] == pytest.approx(INDEX * (-0.16 + 0.4 * 0.18))
    # Highest price: BTC's gain counts nothing, ETH loses 18 %.
    assert margin.worst == pytest.approx(INDEX * 0.18)
    assert margin.binding_name.startswith("btc_usdc spot +16.00%")


def test_a_gain_sets_off_no_more_than_its_cap() -> None:
    parameters = portfolio_parameters("ETH", is_inverse=False)
    rich = pair_risk(book(linear_perpetual(1_000.0), parameters=parameters))
    assert rich.cells[25] == parameters.max_offsetable_pnl


def test_orders_share_the_expiries_and_the_delta_of_the_book() -> None:
    """Selling what rolls at the same expiry frees delta; it can only cost beyond what is held."""
    held = book(future(5.0, 0.5))
    smaller = dataclasses.replace(held, orders=risk_legs([future(-4.0, 0.5)]))  # type: ignore[list-item]
    larger = dataclasses.replace(held, orders=risk_legs([future(-12.0, 0.5)]))  # type: ignore[list-item]
    assert orders_of(smaller) == pytest.approx(0.0, abs=1e-12)
    filled = pair_risk(book(future(5.0, 0.5), future(-12.0, 0.5)))
    rolled = filled.roll_shock - pair_risk(held).roll_shock
    assert orders_of(larger) >= rolled - 1e-12
    assert rolled == pytest.approx(2 * BTC_USD.annualised_move_risk * 0.5)


def test_parameters_are_stated_with_a_status_each() -> None:
    stated = {one.name: one for one in stated_parameters(BTC_USD)}
    assert stated["price_range"].origin.status.value == "verified"
    assert stated["price_range"].value == "0.16"
    for name in ("roll_delta", "extended_dampener", "m_inc", "options", "correlation_contingency"):
        assert stated[name].origin.status.value == "uncertain"
        assert stated[name].origin.note
    assert stated["correlation_set"].value == "false"
    assert stated["equity_side_impact"].value == "both"
    assert stated["vol_scenarios_count"].value == "3"
    assert not {"correlation_set", "equity_side_impact"} & set(changeable_parameters())
    of_dollars = {one.name: one.value for one in stated_parameters(BTC_USDC)}
    assert of_dollars["equity_side_impact"] == "none"
    fields = {field.name for field in dataclasses.fields(BTC_USD)} - {"pair", "origins"}
    assert fields <= set(stated)


def test_gradient_parts_carry_a_delta_shock_too() -> None:
    """Far above the cap the shock is a straight line: what is left is its threshold alone."""
    huge = portfolio_margin("BTC", [book(perpetual(1e6))])
    (part,) = leg_parts(huge)
    threshold = BTC_USD.delta_total_liq_shock_threshold / INDEX
    assert part.euler - huge.risk_matrix_margin == pytest.approx(0.1 * threshold, rel=1e-9)


def test_liquidation_is_where_the_balance_meets_the_maintenance() -> None:
    long = book(perpetual(1.0))
    distance = distance_of(long, balance=0.5)
    assert distance.spot_down is not None
    assert distance.spot_up is None
    # One coin long, half a coin of balance: equity 0.5 + 1 − 1/(1 + s) meets 0.8 of the margin of
    # 1/(1 + s) coins.
    s = distance.spot_down
    coins = 1 / (1 + s)
    needed = 0.8 * coins * ((1 / 0.84 - 1) + 0.01)
    assert 0.5 + 1 - coins == pytest.approx(needed, abs=1e-6)
    assert distance_of(long, balance=0.01).is_below
    short_vol = book(option(-10.0, 64_000.0), option(-10.0, 64_000.0, is_call=False))
    assert distance_of(short_vol, balance=10.0).vol_up is not None


@pytest.mark.parametrize("balance", [float("nan"), float("inf")])
def test_a_balance_that_is_no_number_is_refused(balance: float) -> None:
    with pytest.raises(InvalidInput, match="margin_balance"):
        distance_of(book(perpetual(1.0)), balance)


def test_cross_margin_lets_eth_gains_set_off_btc_losses_in_part() -> None:
    btc = book(perpetual(1.0))
    eth = dataclasses.replace(book(perpetual(-30.0, 2_000.0), parameters=ETH_USD), index=2_000.0)
    apart = pair_risk(btc).worst * INDEX + pair_risk(eth).worst * 2_000.0
    together = cross_margin([btc, eth])
    assert 0 < together.worst < apart
    assert together.status == "uncertain"


def test_positions_on_a_real_market_are_margined_and_the_rest_is_named() -> None:
    desk = qd.sample("deribit-2026-06-27")
    condor = resolve(plan_structure("iron-condor"), desk.chain("BTC").market()).structure
    positions = [Position(instrument=leg.instrument, quantity=leg.quantity) for leg in condor.legs]
    statement = portfolio_statement(positions, desk.market())
    (account,) = statement.accounts
    margin = account.margin
    assert margin.currency == "BTC"
    # A condor's worst cell is bounded by its wider wing, a sixth of what the standard model asks.
    assert 0.02 < margin.maintenance < margin.initial < 0.11
    stranger = dataclasses.replace(condor.legs[0].instrument, venue="binance")
    alone = portfolio_statement(
        [Position(instrument=stranger, quantity=positions[0].quantity)], desk.market()
    )
    assert not alone.accounts
    assert "no portfolio margin that is established" in alone.excluded[0].reason


def test_a_coin_without_captured_parameters_is_refused() -> None:
    with pytest.raises(OutOfDomain, match="SOL"):
        portfolio_parameters("SOL")
    with pytest.raises(InvalidInput, match="index_price"):
        pair_risk(dataclasses.replace(book(perpetual(1.0)), index=0.0))
