"""An expiry that several others contradict at the money is refused; one other tells nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from quantdesk.market.calendar_order import MoneyRange, money_range, out_of_order
from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.surface_quotes import ExpiryQuotes, trusted
from quantdesk.market.variance_clock import NS_PER_DAY
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import RECORDED, chain


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


def test_only_those_of_the_side_that_is_named_are_counted() -> None:
    def at(days: int, vol: float) -> MoneyRange:
        years = days / 365
        return MoneyRange(expiry_ns=days * NS_PER_DAY, years=years, bid_iv=vol, ask_iv=vol * 1.01)

    # 20 days lie below both shorter ones and above both longer ones.
    ranges = [at(10, 1.0), at(11, 0.99), at(20, 0.6), at(30, 0.4), at(31, 0.41)]
    (reason,) = out_of_order(ranges).values()
    assert "below that of 2 shorter expiries (11JAN70, 12JAN70)" in reason


def test_two_that_contradict_each_other_are_both_kept() -> None:
    short, long = chain(30, 31).expiries
    assert refused(trusted([short, scaled(long, 0.5)])) == ["", ""]


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
