"""From words to listed legs on a real chain: the ladder is respected, every bend is said."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.catalogue import CATALOGUE, plan_structure
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.ladder import ladder_of, nearest_strike
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import format_line, parse_line


def legs(market: UnderlyingMarket, line: str) -> list[str]:
    found = resolve(parse_line(line), market).structure.legs
    return [f"{leg.quantity:+f} {leg.instrument.name}" for leg in found]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_named_structure_stands_on_the_real_ladder(
    name: str, market: UnderlyingMarket
) -> None:
    structure = resolve(plan_structure(name), market).structure
    listed = {instrument.name for instrument in market.chain.instruments} | set(market.futures)
    for leg in structure.legs:
        held_coin = leg.instrument.kind is InstrumentKind.SPOT
        assert held_coin or leg.instrument.name in listed
    again = resolve(parse_line(format_line(exact_plan(structure))), market).structure
    assert again.legs == structure.legs


def test_monthly_is_the_nearest_last_friday_at_least_seven_days_off(
    market: UnderlyingMarket,
) -> None:
    assert legs(market, "+1 C 60000 monthly") == ["+1 BTC-31JUL26-60000-C"]


def test_an_unlisted_strike_becomes_the_nearest_and_is_said(market: UnderlyingMarket) -> None:
    resolved = resolve(parse_line("+1 P 49000 31JUL26"), market)
    assert resolved.structure.legs[0].instrument.name == "BTC-31JUL26-48000-P"
    assert resolved.warnings == ("leg 1: 31JUL26 lists no 49,000 put: took 48,000",)


@given(st.lists(st.integers(1, 200), min_size=1, unique=True), st.integers(1, 200))
def test_the_nearest_strike_is_nearest_and_farther_out_on_a_tie(
    strikes: list[int], wanted: int
) -> None:
    ladder = np.array(sorted(strikes), dtype=np.float64)
    forward = 100.0
    chosen = nearest_strike(ladder, float(wanted), forward)
    gap = abs(chosen - wanted)
    for other in ladder:
        assert abs(other - wanted) >= gap
        if abs(other - wanted) == gap:
            assert abs(other - forward) <= abs(chosen - forward)


@pytest.mark.parametrize("side", ["C", "P"])
def test_a_delta_anchor_takes_the_listed_strike_nearest_in_black_delta(
    market: UnderlyingMarket, side: str
) -> None:
    """Deltas recomputed with scipy from the chain's own vols."""
    name = resolve(parse_line(f"+1 {side} 25d 25SEP26"), market).structure.legs[0].instrument.name
    chain, values = market.chain, market.values
    wanted = [
        row
        for row, instrument in enumerate(chain.instruments)
        if instrument.name.startswith("BTC-25SEP26") and instrument.name.endswith(side)
    ]
    expiry_ns = int(chain.expiry_ns[wanted[0]])
    forward = market.forwards[expiry_ns].price
    assert forward is not None
    years = (expiry_ns - market.as_of_ns) / (365 * 86_400 * 1e9)
    total = values.greeks_iv[wanted] * np.sqrt(years)
    d1 = np.log(forward / chain.strike[wanted]) / total + total / 2
    delta = np.abs(norm.cdf(d1) - (0.0 if side == "C" else 1.0))
    assert chain.instruments[wanted[int(np.nanargmin(np.abs(delta - 0.25)))]].name == name


def test_a_premium_adjusted_call_delta_stays_on_the_falling_branch(
    market: UnderlyingMarket,
) -> None:
    """Φ(d₂)K/F rises first: 20d-pa is also met deep in the money, which nobody means."""
    expiry_ns = next(ns for ns in market.forwards if expiry_code(ns) == "25SEP26")
    ladder = ladder_of(market, expiry_ns)
    adjusted = ladder.deltas(True, is_premium_adjusted=True)
    strikes = ladder.strikes(True)
    top = int(np.nanargmax(adjusted))
    assert top > 0, "the sample must have the rising branch, or this test proves nothing"
    name = legs(market, "+1 C 20d-pa 25SEP26")[0]
    assert float(name.split("-")[2]) > strikes[top]


def test_sigma_and_percent_anchors_go_out_of_the_money_without_a_sign(
    market: UnderlyingMarket,
) -> None:
    assert legs(market, "+1 C 10% 31JUL26, +1 P 10% 31JUL26") == [
        "+1 BTC-31JUL26-66000-C",
        "+1 BTC-31JUL26-54000-P",
    ]
    signed = legs(market, "+1 C -1s 31JUL26, +1 P -1s 31JUL26")
    assert signed[0].replace("-C", "") == signed[1].replace("-P", "")


def test_uneven_wings_are_shown_and_warned_about(market: UnderlyingMarket) -> None:
    warnings = resolve(plan_structure("iron-condor", wing=5000), market).warnings
    assert "uneven wings: 6,000 below, 5,000 above" in warnings
    assert resolve(plan_structure("butterfly", wing=5000), market).warnings == ()


def test_inverse_futures_are_sized_in_coins_at_the_mark_or_at_the_strike(
    market: UnderlyingMarket,
) -> None:
    perpetual = market.futures["BTC-PERPETUAL"]
    assert perpetual.mark is not None
    leg = resolve(parse_line("-0.5 PERP"), market).structure.legs[0]
    assert abs(leg.quantity + Decimal(repr(perpetual.mark)) / 2) <= 5
    assert leg.quantity % 10 == 0
    conversion = resolve(plan_structure("conversion", strike=60000), market).structure
    assert conversion.legs[-1].quantity == 60_000


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        ("+1 C 60000", "leg 1 expiry", "must be given"),
        ("+1 C 60000 27MAR20", "leg 1 expiry", "nearest is 28JUN26"),
        ("+1 C 60000 monthly,weekly", "leg", "must be"),
        ("+1 C 60000 all", "leg 1 expiry", "one expiry"),
        ("+0.05 C 60000 monthly", "leg 1 quantity", "at least 0.1"),
        ("+0.15 C 60000 monthly", "leg 1 quantity", "multiple of 0.1"),
        ("+1 C +5000 monthly", "leg 1 strike", "is a distance"),
        ("+1 BTC-31JUL26-61500-C", "leg 1 instrument_name", "is not listed; nearest is"),
        ("+1 C 60000 monthly, -1 C +0", "leg 2", "is leg 1 too"),
        ("+1 FUT 28JUN26", "leg 1 expiry", "no dated future expires then"),
        ("binance BTC: +1 C 60000 monthly", "venue", "legs can not be mixed"),
        ("deribit ETH: +1 C 3000 monthly", "underlying", "legs can not be mixed"),
        ("+1 C 60000 monthly, +1 C -100000", "leg 2 strike", "0 or less"),
    ],
)
def test_what_can_not_be_built_is_a_sentence_naming_the_leg(
    line: str, field: str, says: str, market: UnderlyingMarket
) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(parse_line(line), market)
    assert caught.value.field == field
    assert says in caught.value.rule


def test_a_delta_that_no_strike_has_is_refused_with_the_nearest(
    market: UnderlyingMarket,
) -> None:
    far = market.chain.strike < 60_000
    part = replace(market, chain=market.chain.take(far), values=market.values.take(far))
    with pytest.raises(InvalidInput, match="nearest is"):
        resolve(parse_line("+1 C 20d 31JUL26"), part)


def test_a_market_without_vols_takes_strikes_and_refuses_deltas(
    market: UnderlyingMarket,
) -> None:
    blind = replace(
        market, values=replace(market.values, greeks_iv=np.full(len(market.chain), np.nan))
    )
    assert legs(blind, "+1 C 60000 31JUL26") == ["+1 BTC-31JUL26-60000-C"]
    for anchor in ("20d", "20d-pa", "1s"):
        with pytest.raises(InvalidInput, match="needs"):
            resolve(parse_line(f"+1 C {anchor} 31JUL26"), blind)


@pytest.mark.parametrize(
    ("name", "anchors", "field"),
    [
        ("iron-condr", {}, "structure"),
        ("iron-condor", {"colour": 1}, "anchor"),
        ("iron-condor", {"wing": "-5000", "long_call": "-5000"}, "wing"),
        ("ratio-spread", {"ratio": 1}, "ratio"),
        ("straddle", {"quantity": 0}, "quantity"),
        ("straddle", {"quantity": "x"}, "quantity"),
        ("straddle", {"quantity": float("nan")}, "quantity"),
        ("butterfly", {"kind": "swap"}, "kind"),
        ("covered-call", {"held_as": "gold"}, "held_as"),
        ("straddle", {"strike": None}, "strike"),
    ],
)
def test_a_builder_names_what_it_does_not_take(
    name: str, anchors: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan_structure(name, **anchors)
    assert caught.value.field == field
