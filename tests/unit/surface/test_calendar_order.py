"""An expiry that several others contradict at the money is refused; of two that contradict each
other alone, the one off the line of the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from quantdesk.market.calendar_order import MoneyRange, money_range, out_of_order
from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.surface_quotes import ExpiryQuotes, trusted
from quantdesk.market.variance_clock import NS_PER_DAY
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import RECORDED, chain

SHARED = Path(__file__).parents[4] / "shared" / "data" / "deribit"


def scaled(quotes: ExpiryQuotes, factor: float) -> ExpiryQuotes:
    return replace(quotes, bid_iv=quotes.bid_iv * factor, ask_iv=quotes.ask_iv * factor)


def refused(expiries: Iterable[ExpiryQuotes]) -> list[str]:
    return [each.refusal for each in expiries]


@pytest.mark.parametrize(
    ("factor", "place", "side"),
    [(0.3, 3, "below that of 3 shorter"), (3.0, 1, "above that of 3 longer")],
)
def test_a_broken_expiry_is_refused_and_the_others_fit_as_without_it(
    factor: float, place: int, side: str
) -> None:
    quotes = chain(20, 30, 45, 60, 90)
    expiries = list(quotes.expiries)
    expiries[place] = scaled(expiries[place], factor)
    found = trusted(expiries)
    reasons = refused(found)
    assert side in reasons.pop(place)
    assert reasons == [""] * 4
    assert not found[place].is_used.any()
    assert set(found[place].reasons) == {found[place].refusal}
    fit = fit_surface(replace(quotes, expiries=found))
    without = fit_surface(replace(quotes, expiries=(*found[:place], *found[place + 1 :])))
    assert isinstance(fit, SurfaceFit)
    assert isinstance(without, SurfaceFit)
    assert fit.refused == ((expiries[place].expiry_ns, found[place].refusal),)
    for one, other in zip(fit.slices, without.slices, strict=True):
        np.testing.assert_array_equal(one.fit_iv, other.fit_iv)


def at(days: int, vol: float) -> MoneyRange:
    years = days / 365
    return MoneyRange(expiry_ns=days * NS_PER_DAY, years=years, bid_iv=vol, ask_iv=vol * 1.01)


def named(*ranges: MoneyRange) -> list[int]:
    return [expiry_ns // NS_PER_DAY for expiry_ns in out_of_order(ranges)]


def test_only_those_of_the_side_that_is_named_are_counted() -> None:
    # 20 days lie below both shorter ones and above both longer ones.
    ranges = [at(10, 1.0), at(11, 0.99), at(20, 0.6), at(30, 0.4), at(31, 0.41)]
    (reason,) = out_of_order(ranges).values()
    assert "below that of 2 shorter expiries (11JAN70, 12JAN70)" in reason


def test_two_that_contradict_each_other_are_both_kept() -> None:
    short, long = chain(30, 31).expiries
    assert refused(trusted([short, scaled(long, 0.5)])) == ["", ""]


@pytest.mark.parametrize(
    ("days", "factor", "side"),
    [(90, 0.65, "below that of 1 shorter"), (45, 1.5, "above that of 1 longer")],
)
def test_of_two_that_contradict_each_other_the_one_off_the_line_is_refused(
    days: int, factor: float, side: str
) -> None:
    expiries = list(chain(10, 20, 45, 90, 200, 400).expiries)
    place = (10, 20, 45, 90, 200, 400).index(days)
    expiries[place] = scaled(expiries[place], factor)
    reasons = refused(trusted(expiries))
    reason = reasons.pop(place)
    assert side in reason
    assert reason.endswith("and off the line of the others")
    assert reasons == [""] * 5


def test_the_line_tells_nothing_of_a_small_fault_or_where_it_is_short_far_or_broken() -> None:
    level = [at(days, 0.5) for days in (10, 20, 45, 200, 400)]
    assert named(*level[:3], at(90, 0.33), *level[3:]) == [90]
    # 15 % of vol off may be the market's own.
    assert named(*level[:3], at(50, 0.43), *level[3:]) == []
    # Two others make no line.
    assert named(*level[1:3], at(90, 0.33), level[3]) == []
    # None of the others within a factor of three in time.
    far = [at(days, 0.5) for days in (5, 6, 7, 50)]
    assert named(*far, at(100, 0.33)) == []
    # Expiries of the first four days have vols of their own.
    assert named(at(3, 0.5), at(4, 0.33), at(8, 0.5), *level) == []
    assert named(at(3, 0.5), at(5, 0.33), at(8, 0.5), *level) == [5]
    # One of the others is off the line of the rest, so that either may be wrong.
    assert named(*level[:3], at(90, 0.33), at(200, 0.62), level[4]) == []
    # Both are off it.
    assert named(*level[:2], at(45, 0.65), at(55, 0.4), *level[3:]) == []
    assert named(*level[:2], at(45, 0.55), at(55, 0.4), *level[3:]) == [55]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "chains_quotes/btc_2023-07-07T1158Z.csv.gz",
        "chains_quotes/eth_2026-01-31T1225Z.csv.gz",
        "chains_ticker/btc_2026-06-27_rest.json.gz",
        "iv_hourly/btc_2026-01-23_24h.csv.gz",
    ],
)
def test_of_a_recorded_chain_none_but_the_broken_expiry_is_ever_refused(name: str) -> None:
    path = SHARED / name if name else RECORDED
    if not path.exists():
        pytest.skip(f"../shared has no {name}")
    ranges = recorded_ranges(path)
    assert out_of_order(ranges) == {}
    found = 0
    for place, each in enumerate(ranges):
        for factor in (0.4, 0.5, 0.6, 0.7, 0.8, 1.2, 1.5, 2.0, 3.0):
            broken = replace(each, bid_iv=each.bid_iv * factor, ask_iv=each.ask_iv * factor)
            names = out_of_order([*ranges[:place], broken, *ranges[place + 1 :]])
            assert set(names) <= {each.expiry_ns}
            found += len(names)
    assert found > len(ranges)


def recorded_ranges(path: Path) -> list[MoneyRange]:
    found = []
    for each in read_quotes(path, None, None).expiries:
        rows = each.is_scored
        columns = (each.log_moneyness, each.bid_iv, each.ask_iv)
        k, bid, ask = (column[rows] for column in columns)
        known = None if each.refusal else money_range(each.expiry_ns, each.years, k, bid, ask)
        if known is not None:
            found.append(known)
    return found


def test_two_wrong_quotes_at_the_money_refuse_nobody() -> None:
    expiries = list(chain(20, 21, 22, 23).expiries)
    bad = expiries[0]
    wrong = np.where(np.isin(np.arange(21), (10, 11)), 3.0, 1.0)
    expiries[0] = replace(bad, bid_iv=bad.bid_iv * wrong, ask_iv=bad.ask_iv * wrong)
    assert refused(trusted(expiries)) == [""] * 4
    assert np.flatnonzero(trusted(expiries)[0].weight < 0.5).tolist() == [10, 11]


def test_a_recorded_chain_is_in_order() -> None:
    quotes = read_quotes(RECORDED, None, None)
    assert not any("broken" in each.refusal for each in quotes.expiries)


def test_too_few_quotes_tell_nothing() -> None:
    two = np.array([0.1, 0.2])
    assert money_range(1, 0.1, two, two, two + 0.1) is None
