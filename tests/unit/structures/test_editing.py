"""One key, one change: legs walk the listed ladder, and what can not be is a sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quantdesk as qd
from quantdesk.domain.structure import Leg, Listed, Structure
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.snapshot import ChainSnapshot
from quantdesk.structures.editing import (
    Edited,
    doubled_leg,
    flipped_side,
    flipped_type,
    scaled,
    stepped_expiry,
    stepped_quantity,
    stepped_strike,
    typed_legs,
    with_leg,
    without_leg,
)
from quantdesk.structures.ladder import ladder_of
from quantdesk.structures.plan import LEGS_MAX
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import parse_line

CONDOR = "iron condor: -1 P 54000 31JUL26, +1 P 48000, -1 C 67000, +1 C 72000"


@pytest.fixture(scope="module")
def condor(market: UnderlyingMarket) -> Structure:
    return resolve(parse_line(f"deribit BTC {CONDOR}"), market).structure


def built(line: str, market: UnderlyingMarket) -> Structure:
    return resolve(parse_line(line), market).structure


def names(edited: Edited | Structure) -> list[str]:
    structure = edited.structure if isinstance(edited, Edited) else edited
    return [f"{leg.quantity:+f} {leg.instrument.name}" for leg in structure.legs]


def test_a_leg_walks_to_the_next_listed_strikes(
    condor: Structure, market: UnderlyingMarket
) -> None:
    assert names(stepped_strike(condor, 0, market, 1))[0] == "-1 BTC-31JUL26-55000-P"
    # 53,000 is not listed: the ladder is walked as it is.
    assert names(stepped_strike(condor, 0, market, -1))[0] == "-1 BTC-31JUL26-52000-P"


def test_the_end_of_the_ladder_is_a_sentence(
    chain: ChainSnapshot, market: UnderlyingMarket
) -> None:
    strikes = ladder_of(market, int(chain.chain.expiry_ns[-1])).strikes(True)
    for strike, direction, word in ((strikes[-1], 1, "highest"), (strikes[0], -1, "lowest")):
        structure = built(f"+1 C {strike:.0f} 26MAR27", market)
        with pytest.raises(InvalidInput, match=f"is the {word} listed call of 26MAR27"):
            stepped_strike(structure, 0, market, direction)


def test_a_strike_that_would_cancel_another_leg_is_stepped_over(market: UnderlyingMarket) -> None:
    spread = built("-1 C 66000 31JUL26, +1 C 67000", market)
    assert names(stepped_strike(spread, 0, market, 1)) == [
        "-1 BTC-31JUL26-68000-C",
        "+1 BTC-31JUL26-67000-C",
    ]


def test_a_limit_does_not_follow_to_another_contract(market: UnderlyingMarket) -> None:
    priced = built("-1 C 67000 31JUL26 @ 0.0125", market)
    assert stepped_strike(priced, 0, market, 1).structure.legs[0].price is None
    assert flipped_type(priced, 0, market).structure.legs[0].price is None
    assert stepped_quantity(priced, 0, 1).structure.legs[0].price == Decimal("0.0125")


def test_the_nearest_strike_of_another_expiry_is_taken_and_said(
    condor: Structure, market: UnderlyingMarket
) -> None:
    edited = stepped_expiry(condor, 1, market, 1)
    assert names(edited)[1] == "+1 BTC-25SEP26-50000-P"
    assert edited.note == "leg 2: 48000 is no listed put of 25SEP26; took 50000"
    same = stepped_expiry(condor, 1, market, -1)
    assert (names(same)[1], same.note) == ("+1 BTC-17JUL26-48000-P", "")


def test_expiries_end_on_both_sides(market: UnderlyingMarket) -> None:
    with pytest.raises(InvalidInput, match="28JUN26': is the first that leg 1 can take"):
        stepped_expiry(built("+1 C atm 28JUN26", market), 0, market, -1)
    with pytest.raises(InvalidInput, match="26MAR27': is the last that leg 1 can take"):
        stepped_expiry(built("+1 C atm 26MAR27", market), 0, market, 1)


def test_a_dated_future_moves_among_futures_and_a_perpetual_nowhere(
    market: UnderlyingMarket,
) -> None:
    future = built("+1 C atm 25SEP26, -1 FUT 25SEP26", market)
    assert names(stepped_expiry(future, 1, market, 1))[1].endswith("BTC-25DEC26")
    perpetual = built("-1 PERP", market)
    with pytest.raises(InvalidInput, match="never expires"):
        stepped_expiry(perpetual, 0, market, 1)
    with pytest.raises(InvalidInput, match="is no option"):
        stepped_strike(perpetual, 0, market, 1)
    with pytest.raises(InvalidInput, match="is no option"):
        flipped_type(perpetual, 0, market)


def test_call_and_put_and_buy_and_sell_turn_over(
    condor: Structure, market: UnderlyingMarket
) -> None:
    turned = flipped_type(condor, 0, market)
    assert names(turned)[0] == "-1 BTC-31JUL26-54000-C"
    assert names(flipped_side(condor, 0))[0] == "+1 BTC-31JUL26-54000-P"
    assert names(flipped_type(turned.structure, 0, market)) == names(condor)


def test_turning_a_leg_into_another_with_the_other_sign_is_refused(
    market: UnderlyingMarket,
) -> None:
    strangle = built("-1 C 60000 31JUL26, +1 P 60000", market)
    with pytest.raises(InvalidInput, match=r"leg 1 = 'BTC-31JUL26-60000-P': .* they would cancel"):
        flipped_type(strangle, 0, market)
    twice = doubled_leg(strangle, 1).structure
    with pytest.raises(InvalidInput, match=r"leg 3 = 'BTC-31JUL26-60000-P': .* they would cancel"):
        flipped_side(twice, 2)


def test_an_expiry_in_which_it_would_cancel_another_leg_is_stepped_over(
    market: UnderlyingMarket,
) -> None:
    calendar = built("-1 C 60000 17JUL26, +1 C 60000 31JUL26", market)
    assert names(stepped_expiry(calendar, 0, market, 1))[0] == "-1 BTC-25SEP26-60000-C"


@pytest.mark.parametrize(
    ("before", "direction", "after"),
    [
        ("1", 1, "2"),
        ("1", -1, "0.9"),
        ("0.1", 1, "0.2"),
        ("0.9", 1, "1"),
        ("2", -1, "1"),
        ("10", 1, "11"),
        ("100", 1, "110"),
        ("100", -1, "90"),
    ],
)
def test_sizes_step_by_what_a_trader_would(
    before: str, direction: int, after: str, market: UnderlyingMarket
) -> None:
    for sign in "+-":
        structure = built(f"{sign}{before} C 67000 31JUL26", market)
        edited = stepped_quantity(structure, 0, direction).structure
        assert edited.legs[0].quantity == Decimal(f"{sign}{after}")


def test_the_smallest_lot_is_the_smallest(market: UnderlyingMarket) -> None:
    with pytest.raises(InvalidInput, match="is the smallest there is; delete takes the leg out"):
        stepped_quantity(built("-0.1 C 67000 31JUL26", market), 0, -1)


@given(size=st.integers(1, 5000), up=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_step_keeps_the_lot_and_the_side_and_moves(
    size: int, up: bool, market: UnderlyingMarket
) -> None:
    quantity = Decimal(size) / 10
    leg = built("+1 C 67000 31JUL26", market).legs[0]
    structure = Structure(legs=(Leg(instrument=leg.instrument, quantity=quantity),))
    if size == 1 and not up:
        return
    after = stepped_quantity(structure, 0, 1 if up else -1).structure.legs[0].quantity
    assert after > quantity if up else 0 < after < quantity
    assert after % leg.instrument.amount_step == 0


def test_names_stay_where_they_stay_true(condor: Structure, market: UnderlyingMarket) -> None:
    assert stepped_strike(condor, 0, market, 1).structure.name == "iron condor"
    assert stepped_quantity(condor, 0, 1).structure.name == "iron condor"
    for other in (
        stepped_expiry(condor, 0, market, 1),
        flipped_side(condor, 0),
        flipped_type(condor, 0, market),
        doubled_leg(condor, 0),
    ):
        assert other.structure.name == ""
    straddle = built("straddle: +1 C 60000 31JUL26, +1 P +0", market)
    assert stepped_strike(straddle, 0, market, 1).structure.name == ""


def test_legs_are_added_grow_and_go(chain: ChainSnapshot) -> None:
    call = chain.call(67_000, expiry="31JUL26")
    one = with_leg(None, call.buy())
    two = with_leg(one.structure, call.buy())
    assert names(two) == ["+2 BTC-31JUL26-67000-C"]
    assert two.note == "leg 1 grew"
    with pytest.raises(InvalidInput, match="is leg 1 already, with the other sign"):
        with_leg(two.structure, call.sell())
    three = with_leg(two.structure, chain.put(50_000, expiry="31JUL26").sell())
    rest = without_leg(three.structure, 0)
    assert rest is not None
    assert names(rest) == ["-1 BTC-31JUL26-50000-P"]
    assert without_leg(rest, 0) is None


def test_legs_of_two_coins_are_never_mixed(condor: Structure) -> None:
    ether = qd.sample("deribit-2026-01-31").chain("ETH").chain.instruments[0]
    with pytest.raises(InvalidInput, match="is not of deribit BTC; legs can not be mixed"):
        with_leg(condor, Listed(instrument=ether).buy())


def test_legs_have_a_bound(condor: Structure, chain: ChainSnapshot) -> None:
    many = Structure(legs=condor.legs[:1] * LEGS_MAX)
    with pytest.raises(InvalidInput, match=f"legs = {LEGS_MAX + 1}"):
        doubled_leg(many, 0)
    with pytest.raises(InvalidInput, match=f"must be at most {LEGS_MAX}"):
        with_leg(many, chain.call(67_000, expiry="31JUL26").buy())


def test_typed_legs_lean_on_those_before(condor: Structure, market: UnderlyingMarket) -> None:
    added = typed_legs(condor, "-1 C +2000, +0.5 PERP", market)
    assert names(added)[4] == "-1 BTC-31JUL26-74000-C"
    assert names(added)[5].endswith("BTC-PERPETUAL")
    alone = typed_legs(None, "-1 C 67000", market, expiry="31JUL26")
    assert names(alone) == ["-1 BTC-31JUL26-67000-C"]
    with pytest.raises(InvalidInput, match="must be given for the first leg"):
        typed_legs(None, "-1 C 67000", market)


def test_a_typed_leg_takes_the_place_of_another(
    condor: Structure, market: UnderlyingMarket
) -> None:
    edited = typed_legs(condor, "-2 P 55000 @ 0.02", market, place=0, expiry="31JUL26")
    assert names(edited) == ["-2 BTC-31JUL26-55000-P", *names(condor)[1:]]
    assert edited.structure.legs[0].price == Decimal("0.02")


@pytest.mark.parametrize("text", ["", "x", "-1 C", "0 C 67000 31JUL26", "-1 C 67000 3DEC26"])
def test_what_is_no_leg_is_refused_in_words(
    text: str, condor: Structure, market: UnderlyingMarket
) -> None:
    with pytest.raises(InvalidInput):
        typed_legs(condor, text, market)


def test_all_legs_are_multiplied_or_none(condor: Structure) -> None:
    assert [leg.quantity for leg in scaled(condor, Decimal(-2)).structure.legs] == [2, -2, 2, -2]
    with pytest.raises(InvalidInput, match=r"leg 1 quantity = '-0\.55'"):
        scaled(condor, Decimal("0.55"))
    for bad in ("0", "NaN", "Infinity"):
        with pytest.raises(InvalidInput, match="must be a number, not 0"):
            scaled(condor, Decimal(bad))
