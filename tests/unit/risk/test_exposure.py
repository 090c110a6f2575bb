"""Sums of Greeks: what is netted with what, what is said to be missing, and properties of sums."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import MarketData
from quantdesk.risk.exposure import Exposures, Grouping, expose
from quantdesk.risk.greeks import GREEK_FIELDS
from quantdesk.risk.valuation import value_positions
from tests.unit.market.chains import DEC, SEP
from tests.unit.risk.books import made_market, named, only, position, random_book, sample_market

MARKET = made_market()
NAMES = [one.name for one in only(MARKET).chain.instruments] + ["BTC-25SEP26", "BTC-PERPETUAL"]


def exposed(positions: tuple[Position, ...], market: MarketData = MARKET) -> Exposures:
    return expose(value_positions(positions, market))


def eth_twin(market: MarketData) -> MarketData:
    """The same market under another coin's name beside it."""
    one = only(market)
    instruments = tuple(
        replace(each, underlying="ETH", name=each.name.replace("BTC", "ETH"))
        for each in one.chain.instruments
    )
    chain = replace(one.chain, underlying="ETH", instruments=instruments)
    return replace(market, markets=(one, replace(one, underlying="ETH", chain=chain, futures={})))


def test_every_grouping_sums_to_the_net_of_its_underlying() -> None:
    exposures = exposed(random_book(sample_market(), 200), sample_market())
    total = np.array(exposures.underlying("BTC").greeks)
    for grouping in Grouping:
        nets = exposures.net(grouping)
        assert_allclose(np.sum([net.greeks for net in nets], axis=0), total, rtol=1e-9, atol=1e-6)
        assert sum(net.positions for net in nets) == len(exposures.book)


def test_nothing_is_summed_across_underlyings() -> None:
    market = eth_twin(MARKET)
    eth = market.markets[1].chain.instruments[0]
    btc = market.markets[0].chain.instruments[0]
    exposures = exposed((position(btc, 1, "a"), position(eth, 1, "a")), market)
    for grouping in Grouping:
        assert {net.key.underlying for net in exposures.net(grouping)} == {"BTC", "ETH"}
        assert len(exposures.net(grouping)) == 2
    assert {hedge.underlying for hedge in exposures.hedges} == {"BTC", "ETH"}


def test_groups_are_told_by_expiry_strike_strategy_and_venue() -> None:
    held = (
        position(named(MARKET, "BTC-25SEP26-40000-C"), 1, "wheel"),
        position(named(MARKET, "BTC-25DEC26-45000-C"), 1, "wheel"),
        position(named(MARKET, "BTC-PERPETUAL"), 100),
    )
    exposures = exposed(held)
    assert exposures.strike_widths == {"BTC": 5_000.0}
    assert [net.key.expiry_ns for net in exposures.net(Grouping.EXPIRY)] == [None, SEP, DEC]
    assert [
        (net.key.strike_low, net.key.strike_high) for net in exposures.net(Grouping.STRIKE)
    ] == [(None, None), (40_000.0, 45_000.0), (45_000.0, 50_000.0)]
    assert [(net.key.strategy, net.positions) for net in exposures.net(Grouping.STRATEGY)] == [
        ("", 1),
        ("wheel", 2),
    ]
    assert [net.key.venue for net in exposures.net(Grouping.VENUE)] == ["deribit"]
    assert [net.key.label for net in exposures.net(Grouping.EXPIRY_STRIKE)] == [
        "BTC",
        "BTC 25SEP26 40,000 to 45,000",
        "BTC 25DEC26 45,000 to 50,000",
    ]


def test_width_of_strike_buckets_is_the_caller_s() -> None:
    held = (
        position(named(MARKET, "BTC-25SEP26-40000-C"), 1),
        position(named(MARKET, "BTC-25SEP26-45000-C"), 1),
    )
    exposures = expose(value_positions(held, MARKET), strike_widths={"BTC": 20_000.0})
    assert [net.key.strike_low for net in exposures.net(Grouping.STRIKE)] == [40_000.0]
    with pytest.raises(InvalidInput, match="strike_width"):
        expose(value_positions(held, MARKET), strike_widths={"BTC": 0.0})


def test_total_says_what_it_misses() -> None:
    known = named(MARKET, "BTC-25SEP26-60000-C")
    unknown = replace(known, name="BTC-25SEP26-60001-C")
    exposures = exposed((position(known, 1, "a"), position(unknown, 1, "a"), position(unknown, 2)))
    assert exposures.underlying("BTC").left_out == 2
    assert [net.left_out for net in exposures.net(Grouping.STRATEGY)] == [1]
    assert [hedge.left_out for hedge in exposures.hedges] == [2]
    assert "without 2 that could not be marked" in str(exposures)


def test_book_of_which_nothing_could_be_marked_has_no_total() -> None:
    unknown = replace(named(MARKET, "BTC-25SEP26-60000-C"), name="BTC-25SEP26-60001-C")
    exposures = exposed((position(unknown, 1),))
    assert exposures.net(Grouping.UNDERLYING) == ()
    assert "no position could be marked" in str(exposures)
    with pytest.raises(InvalidInput, match="underlying = 'BTC'"):
        exposures.underlying("BTC")


def test_empty_book_is_no_fault() -> None:
    exposures = exposed(())
    assert exposures.net(Grouping.EXPIRY) == ()
    assert exposures.hedges == ()


def test_cash_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match="collateral"):
        expose(value_positions((), MARKET), collateral={"BTC": Decimal("NaN")})


books = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(-500, 500).filter(bool)), min_size=1, max_size=12
)


def held(rows: list[tuple[str, int]], factor: int = 1) -> tuple[Position, ...]:
    return tuple(position(named(MARKET, name), factor * lots) for name, lots in rows)


@settings(max_examples=40, deadline=None)
@given(books, books)
def test_sum_of_two_books_is_the_book_of_both(
    left: list[tuple[str, int]], right: list[tuple[str, int]]
) -> None:
    one, other, both = (
        np.array(exposed(held(rows)).underlying("BTC").greeks)
        for rows in (left, right, left + right)
    )
    scale = np.abs(exposed(held(left + right)).by_position).sum(axis=0)
    assert (np.abs(one + other - both) <= 1e-13 * scale + 1e-300).all()


@settings(max_examples=40, deadline=None)
@given(books, st.integers(2, 50))
def test_k_times_the_book_has_k_times_the_greeks(rows: list[tuple[str, int]], factor: int) -> None:
    one = exposed(held(rows)).by_position
    assert_allclose(exposed(held(rows, factor)).by_position, factor * one, rtol=1e-14)


@settings(max_examples=40, deadline=None)
@given(books)
def test_long_and_short_of_the_same_is_nothing(rows: list[tuple[str, int]]) -> None:
    both = (*held(rows), *held(rows, -1))
    scale = np.abs(exposed(both).by_position).sum(axis=0)
    net = np.abs(np.array(exposed(both).underlying("BTC").greeks))
    assert (net <= 1e-14 * scale + 1e-300).all()


@settings(max_examples=25, deadline=None)
@given(books, st.floats(0.1, 20.0))
def test_another_unit_of_money_changes_dollars_and_nothing_in_coin(
    rows: list[tuple[str, int]], unit: float
) -> None:
    """Prices ×u, dollars ×u: coin Greeks are the same numbers, dollar Greeks ×u."""
    options = [row for row in rows if row[0] not in {"BTC-25SEP26", "BTC-PERPETUAL"}]
    book = value_positions(held(options), MARKET)
    if not len(book):
        return
    scaled = replace(
        book,
        options=replace(
            book.options,
            forward=book.options.forward * unit,
            strike=book.options.strike * unit,
            index=book.options.index * unit,
        ),
    )
    before, after = expose(book).by_position, expose(scaled).by_position
    for column, name in enumerate(GREEK_FIELDS):
        in_coin = name in {
            "value_coin",
            "delta_black",
            "delta_premium_adjusted",
            "gamma_per_pct_coin",
            "vanna_per_point",
            "charm_per_day",
        }
        expected = before[:, column] * (1.0 if in_coin else unit)
        # Rounding of K·u and F·u moves ln(F/K) by an ulp or two.
        size = np.abs(expected) + 1e-9 * np.abs(book.options.coins) * (1.0 if in_coin else unit)
        assert (np.abs(after[:, column] - expected) <= 1e-9 * size + 1e-12).all(), name
