"""The exact payoff engine against brute force, and the identities of the field."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.errors import InvalidInput
from quantdesk.structures.payoff import Numeraire, exact_profile
from quantdesk.structures.profile import PriceSide, Profile
from quantdesk.structures.summary import summarise
from quantdesk.structures.terms import LegTerms, Payout

INDEX = Fraction(60_000)


def option(
    payout: Payout,
    strike: int,
    size: Fraction,
    entry: Fraction,
    *,
    is_inverse: bool,
    expiry_ns: int = 1,
) -> LegTerms:
    return LegTerms(
        payout=payout,
        is_inverse=is_inverse,
        size=Fraction(size),
        strike=Fraction(strike),
        entry=Fraction(entry),
        expiry_ns=expiry_ns,
    )


def future(size: Fraction, entry: Fraction, *, is_inverse: bool) -> LegTerms:
    return LegTerms(
        payout=Payout.FORWARD,
        is_inverse=is_inverse,
        size=Fraction(size),
        strike=Fraction(0),
        entry=Fraction(entry),
        expiry_ns=1,
    )


def flows(leg: LegTerms, price: float) -> tuple[float, float, float, float]:
    """(coin, USD) at the end and (coin, USD) at entry, by the contract's own words."""
    size, strike, entry = float(leg.size), float(leg.strike), float(leg.entry)
    if leg.payout is Payout.FORWARD:
        if leg.is_inverse:
            return size * (1 / entry - 1 / price), 0.0, 0.0, 0.0
        return 0.0, size * (price - entry), 0.0, 0.0
    if leg.payout is Payout.HELD_COIN:
        return size, 0.0, 0.0, -size * entry
    intrinsic = max(price - strike if leg.payout is Payout.CALL else strike - price, 0.0)
    if leg.is_inverse:
        return size * intrinsic / price, 0.0, -size * entry, 0.0
    return 0.0, size * intrinsic, 0.0, -size * entry


def brute(legs: list[LegTerms], numeraire: Numeraire, price: float) -> float:
    index = float(INDEX)
    total = 0.0
    for leg in legs:
        coin, usd, coin_paid, usd_paid = flows(leg, price)
        if numeraire is Numeraire.COIN:
            total += coin + usd / price + coin_paid + usd_paid / index
        elif numeraire is Numeraire.USD:
            total += coin * price + usd + coin_paid * index + usd_paid
        else:
            total += (coin + coin_paid) * price + usd + usd_paid
    return total


sizes = st.integers(-5, 5).filter(bool).map(Fraction)
strikes = st.integers(20, 120).map(lambda k: 1000 * k)


@st.composite
def books(draw: st.DrawFn) -> list[LegTerms]:
    is_inverse = draw(st.booleans())
    found = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(Payout))
        if kind in (Payout.CALL, Payout.PUT):
            entry = Fraction(draw(st.integers(0, 2000)), 10_000)
            found.append(
                option(
                    kind,
                    draw(strikes),
                    draw(sizes),
                    entry if is_inverse else entry * INDEX,
                    is_inverse=is_inverse,
                )
            )
        elif kind is Payout.FORWARD:
            size = draw(sizes) * (10_000 if is_inverse else 1)
            found.append(future(size, Fraction(draw(strikes)), is_inverse=is_inverse))
        else:
            found.append(
                LegTerms(
                    payout=kind,
                    is_inverse=False,
                    size=draw(sizes),
                    strike=Fraction(0),
                    entry=INDEX,
                    expiry_ns=None,
                )
            )
    return found


@given(books(), st.sampled_from(Numeraire), st.floats(1.0, 1e6))
def test_profit_is_the_sum_of_the_contracts_flows(
    legs: list[LegTerms], numeraire: Numeraire, price: float
) -> None:
    profile = exact_profile(legs, numeraire, entry_index=INDEX)
    expected = brute(legs, numeraire, price)
    scale = sum(abs(x) for leg in legs for x in flows(leg, price)) * max(price, float(INDEX), 1.0)
    assert float(profile.at(Fraction(price))) == pytest.approx(expected, abs=1e-12 * scale + 1e-9)
    assert profile.values(np.array([price]))[0] == pytest.approx(expected, abs=1e-11 * scale + 1e-9)


@settings(max_examples=150)
@given(books(), st.sampled_from(Numeraire))
def test_extremes_and_breakevens_agree_with_dense_sampling(
    legs: list[LegTerms], numeraire: Numeraire
) -> None:
    profile = exact_profile(legs, numeraire, entry_index=INDEX)
    prices = np.geomspace(1.0, 1e8, 6_001)
    sampled = profile.values(prices)
    best, worst = profile.best(), profile.worst()
    tolerance = 1e-9 * max(1.0, float(np.abs(sampled).max()))
    if best.value is not None:
        assert sampled.max() <= float(best.value) + tolerance
    if worst.value is not None:
        assert sampled.min() >= float(worst.value) - tolerance
    for price in profile.breakevens():
        assert profile.at(price) == 0
    signs = np.sign(np.where(np.abs(sampled) < tolerance, 0.0, sampled))
    roots = [float(price) for price in profile.breakevens()]
    for at in np.flatnonzero(signs[:-1] * signs[1:] < 0):
        assert any(prices[at] <= root <= prices[at + 1] for root in roots)


@settings(max_examples=150)
@given(books(), st.sampled_from(Numeraire))
def test_an_extreme_is_reached_approached_or_without_bound(
    legs: list[LegTerms], numeraire: Numeraire
) -> None:
    profile = exact_profile(legs, numeraire, entry_index=INDEX)
    far = {PriceSide.DOWN: Fraction(1, 10**9), PriceSide.UP: Fraction(10**15)}
    for extreme, sign in ((profile.best(), 1), (profile.worst(), -1)):
        if extreme.value is None:
            assert extreme.side is not None
            near = Fraction(1) if extreme.side is PriceSide.DOWN else Fraction(10**8)
            gained = sign * (profile.at(far[extreme.side]) - profile.at(near))
            assert gained > 0
        elif extreme.at is not None:
            assert profile.at(extreme.at) == extreme.value
        else:
            assert extreme.side is not None
            gap = abs(profile.at(far[extreme.side]) - extreme.value)
            assert gap <= abs(extreme.value) * Fraction(1, 10**5) + Fraction(1, 100)


@given(books(), st.sampled_from(Numeraire))
def test_profit_lies_exactly_between_breakevens(legs: list[LegTerms], numeraire: Numeraire) -> None:
    profile = exact_profile(legs, numeraire, entry_index=INDEX)
    intervals = profile.intervals_above()
    prices = np.geomspace(10.0, 1e7, 501)
    inside = np.zeros(prices.size, dtype=bool)
    for low, high in intervals:
        inside |= (prices > low) & (prices < high)
    values = [profile.at(Fraction(price)) for price in prices]
    for price, value, is_inside in zip(prices, values, inside, strict=True):
        edges = [edge for interval in intervals for edge in interval]
        if not any(math.isclose(price, edge, rel_tol=1e-12) for edge in edges):
            assert (value > 0) == is_inside


@given(books())
def test_a_structure_and_its_opposite_cancel(legs: list[LegTerms]) -> None:
    opposite = [
        LegTerms(
            payout=leg.payout,
            is_inverse=leg.is_inverse,
            size=-leg.size,
            strike=leg.strike,
            entry=leg.entry,
            expiry_ns=leg.expiry_ns,
        )
        for leg in legs
    ]
    profile = exact_profile([*legs, *opposite], Numeraire.COIN, entry_index=INDEX)
    assert all(piece.x0 == 0 == piece.x1 for piece in profile.pieces)


@given(strikes, st.integers(30_000, 90_000), st.integers(1_000, 1_000_000))
def test_an_inverse_conversion_with_a_future_of_k_dollars_is_riskless(
    strike: int, entry: int, delivery: int
) -> None:
    legs = [
        option(Payout.CALL, strike, Fraction(-1), Fraction(0), is_inverse=True),
        option(Payout.PUT, strike, Fraction(1), Fraction(0), is_inverse=True),
        future(Fraction(strike), Fraction(entry), is_inverse=True),
    ]
    profile = exact_profile(legs, Numeraire.COIN, entry_index=INDEX)
    # The options are worth K/D − 1 and the future K/F − K/D: whatever D, K/F − 1 before premiums.
    assert profile.at(Fraction(delivery)) == Fraction(strike, entry) - 1
    assert profile.breakevens() == () or strike == entry


@given(strikes, st.integers(1, 40).map(lambda k: 1000 * k), st.integers(1_000, 1_000_000))
def test_a_box_pays_its_width_in_dollars_only(strike: int, width: int, delivery: int) -> None:
    def box(*, is_inverse: bool) -> list[LegTerms]:
        one, nothing = Fraction(1), Fraction(0)
        return [
            option(Payout.CALL, strike, one, nothing, is_inverse=is_inverse),
            option(Payout.PUT, strike, -one, nothing, is_inverse=is_inverse),
            option(Payout.CALL, strike + width, -one, nothing, is_inverse=is_inverse),
            option(Payout.PUT, strike + width, one, nothing, is_inverse=is_inverse),
        ]

    price = Fraction(delivery)
    for is_inverse in (True, False):
        legs = box(is_inverse=is_inverse)
        in_coin = exact_profile(legs, Numeraire.COIN, entry_index=INDEX)
        in_usd = exact_profile(legs, Numeraire.USD, entry_index=INDEX)
        assert in_coin.at(price) == Fraction(width) / price
        assert in_usd.at(price) == width
        assert in_usd.best().value == in_usd.worst().value == width


def short_condor() -> list[LegTerms]:
    prices = {48_000: "0.0065", 54_000: "0.0175", 67_000: "0.01225", 72_000: "0.00325"}
    return [
        option(
            Payout.PUT if strike < 60_000 else Payout.CALL,
            strike,
            Fraction(1 if strike in (48_000, 72_000) else -1),
            Fraction(Decimal(price)),
            is_inverse=True,
        )
        for strike, price in prices.items()
    ]


def test_a_condor_loses_without_bound_in_coin_and_with_one_in_dollars() -> None:
    coin = summarise(exact_profile(short_condor(), Numeraire.COIN, entry_index=INDEX))
    usd = summarise(exact_profile(short_condor(), Numeraire.USD, entry_index=INDEX))
    assert (coin.max_loss, coin.loss_side) == (None, PriceSide.DOWN)
    assert coin.max_profit == pytest.approx(0.02, abs=1e-15)
    assert usd.max_loss == pytest.approx(6_000 - 0.02 * 60_000, abs=1e-9)
    assert usd.loss_side is None
    assert usd.breakevens == pytest.approx((54_000 - 1_200, 67_000 + 1_200), abs=1e-9)


def test_a_short_put_in_coin_has_no_floor_and_a_short_call_does() -> None:
    put = option(Payout.PUT, 50_000, Fraction(-1), Fraction(1, 100), is_inverse=True)
    call = option(Payout.CALL, 70_000, Fraction(-1), Fraction(1, 100), is_inverse=True)
    assert summarise(exact_profile([put], Numeraire.COIN, entry_index=INDEX)).max_loss is None
    short_call = summarise(exact_profile([call], Numeraire.COIN, entry_index=INDEX))
    assert short_call.max_loss == pytest.approx(0.99)
    assert short_call.worst_at is None


def test_published_payoffs_of_textbook_spreads() -> None:
    """Hull, Options, Futures and Other Derivatives, 9th ed., ch. 12: examples 12.1 to 12.3."""

    def usd(legs: list[LegTerms]) -> Profile:
        return exact_profile(legs, Numeraire.USD, entry_index=Fraction(1))

    bull = [
        option(Payout.CALL, 30, Fraction(1), Fraction(3), is_inverse=False),
        option(Payout.CALL, 35, Fraction(-1), Fraction(1), is_inverse=False),
    ]
    assert [usd(bull).at(Fraction(price)) for price in (25, 33, 40)] == [-2, 1, 3]
    bear = [
        option(Payout.PUT, 35, Fraction(1), Fraction(3), is_inverse=False),
        option(Payout.PUT, 30, Fraction(-1), Fraction(1), is_inverse=False),
    ]
    assert [usd(bear).at(Fraction(price)) for price in (25, 33, 40)] == [3, 0, -2]
    butterfly = [
        option(Payout.CALL, 55, Fraction(1), Fraction(10), is_inverse=False),
        option(Payout.CALL, 60, Fraction(-2), Fraction(7), is_inverse=False),
        option(Payout.CALL, 65, Fraction(1), Fraction(5), is_inverse=False),
    ]
    assert usd(butterfly).breakevens() == (Fraction(56), Fraction(64))
    assert [usd(butterfly).at(Fraction(price)) for price in (50, 60, 70)] == [-1, 4, -1]


@pytest.mark.parametrize(
    ("payout", "strike", "delivery", "coins"),
    [
        (Payout.CALL, 100_000, 125_000, Fraction(1, 5)),
        (Payout.CALL, 100_000, 100_100, Fraction(100, 100_100)),
        (Payout.CALL, 100_000, 99_999, Fraction(0)),
        (Payout.PUT, 100_000, 80_000, Fraction(1, 4)),
    ],
)
def test_deribits_own_payoff_examples(
    payout: Payout, strike: int, delivery: int, coins: Fraction
) -> None:
    """Deribit support, "Inverse options" and "Delivery fees": a call of 100,000 settled at 125,000
    is worth 0.2 BTC; at 100,100 it is 0.000999."""
    long = option(payout, strike, Fraction(1), Fraction(0), is_inverse=True)
    profile = exact_profile([long], Numeraire.COIN, entry_index=INDEX)
    assert profile.at(Fraction(delivery)) == coins


def test_a_coin_premium_is_never_taken_for_dollars() -> None:
    """0.02 BTC at an index of 60,000 is 1,200 USD: the first trap of coin-settled options."""
    call = option(Payout.CALL, 70_000, Fraction(1), Fraction(2, 100), is_inverse=True)
    coin = summarise(exact_profile([call], Numeraire.COIN, entry_index=INDEX))
    usd = summarise(exact_profile([call], Numeraire.USD, entry_index=INDEX))
    assert coin.max_loss == pytest.approx(0.02)
    assert usd.max_loss == pytest.approx(1_200.0)
    assert usd.breakevens == pytest.approx((71_200.0,))


def test_breakevens_far_from_the_index_are_found() -> None:
    """Nothing is looked for within a percentage of spot only."""
    put = option(Payout.PUT, 1_000, Fraction(1), Fraction(1, 2), is_inverse=True)
    coin = exact_profile([put], Numeraire.COIN, entry_index=INDEX)
    assert coin.breakevens() == (Fraction(2_000, 3),)


def test_options_of_several_expiries_have_no_exact_profile() -> None:
    legs = [
        option(Payout.CALL, 60_000, Fraction(-1), Fraction(0), is_inverse=True),
        option(Payout.CALL, 60_000, Fraction(1), Fraction(0), is_inverse=True, expiry_ns=2),
    ]
    with pytest.raises(InvalidInput, match="expiry"):
        exact_profile(legs, Numeraire.COIN, entry_index=INDEX)


@pytest.mark.parametrize("index", [0, -1])
def test_an_index_that_is_no_price_is_refused(index: int) -> None:
    with pytest.raises(InvalidInput, match="index_price"):
        exact_profile(short_condor(), Numeraire.USD, entry_index=Fraction(index))
