"""Curves under moves: no move is the plain curve, and a move is full revaluation at moved vols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import quantdesk as qd
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.risk.scenario import SmileRule
from quantdesk.risk.what_if import STILL, WhatIf, what_if_curve
from quantdesk.structures.analysis import StructureAnalysis, analyse
from quantdesk.structures.curves import curve_prices, date_curve, horizon_curve
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import parse_line

DAY_NS = 86_400_000_000_000

Analyse = Callable[[str], StructureAnalysis]


@pytest.fixture(scope="module")
def market() -> UnderlyingMarket:
    return qd.sample("deribit-2026-06-27").chain("BTC").market()


@pytest.fixture(scope="module")
def analysed(market: UnderlyingMarket) -> Analyse:
    return lambda line: analyse(resolve(parse_line(line), market).structure, market)


CONDOR = "-1 P 54000 31JUL26, +1 P 48000, -1 C 67000 31JUL26, +1 C 72000"
CALENDAR = "-1 C 60000 3JUL26, +1 C +0 31JUL26"
HEDGED = "+1 C 60000 31JUL26, -0.5 PERP, +0.2 SPOT"


@pytest.mark.parametrize("line", [CONDOR, CALENDAR, HEDGED])
def test_no_move_is_the_plain_curve(line: str, analysed: Analyse, market: UnderlyingMarket) -> None:
    analysis = analysed(line)
    prices = curve_prices(analysis)
    last = analysis.horizon.expiry_ns
    assert last is not None
    for at_ns in (analysis.as_of_ns, analysis.as_of_ns + 3 * DAY_NS):
        plain = date_curve(analysis, market, prices, at_ns)
        assert np.array_equal(what_if_curve(analysis, market, prices, at_ns).usd, plain.usd)
    plain = horizon_curve(analysis, market, prices)
    assert np.array_equal(what_if_curve(analysis, market, prices, last, STILL).coin, plain.coin)


@pytest.mark.parametrize("line", [CONDOR, CALENDAR, HEDGED])
@pytest.mark.parametrize("days", [0, 3])
def test_a_parallel_move_is_revaluation_at_moved_vols(
    line: str, days: int, analysed: Analyse, market: UnderlyingMarket
) -> None:
    analysis = analysed(line)
    prices = curve_prices(analysis)
    at_ns = analysis.as_of_ns + days * DAY_NS
    moved = what_if_curve(analysis, market, prices, at_ns, WhatIf(vol=0.05))
    quotes = tuple(
        quote if quote.vol is None else replace(quote, vol=quote.vol + 0.05)
        for quote in analysis.quotes
    )
    expected = date_curve(replace(analysis, quotes=quotes), market, prices, at_ns)
    # Risk moves the venue's own IV, rounded to a hundredth of a point: hence half a dollar.
    np.testing.assert_allclose(moved.usd, expected.usd, rtol=0, atol=0.5)
    np.testing.assert_allclose(moved.coin, expected.coin, rtol=0, atol=1e-5)
    assert np.abs(moved.usd - what_if_curve(analysis, market, prices, at_ns).usd).max() > 10


def test_an_exact_payoff_feels_no_vol(analysed: Analyse, market: UnderlyingMarket) -> None:
    analysis = analysed(CONDOR)
    prices = curve_prices(analysis)
    last = analysis.horizon.expiry_ns
    assert last is not None
    moved = what_if_curve(analysis, market, prices, last, WhatIf(vol=0.5, skew=-0.3))
    assert moved.is_exact
    assert np.array_equal(moved.usd, horizon_curve(analysis, market, prices).usd)


def test_a_leg_that_lives_on_feels_vol_at_the_horizon(
    analysed: Analyse, market: UnderlyingMarket
) -> None:
    analysis = analysed(CALENDAR)
    prices = curve_prices(analysis)
    last = analysis.horizon.expiry_ns
    assert last is not None
    at = int(np.argmin(np.abs(prices - 60_000)))
    still = what_if_curve(analysis, market, prices, last)
    assert what_if_curve(analysis, market, prices, last, WhatIf(vol=0.05)).usd[at] > still.usd[at]


def test_skew_and_term_move_what_they_say(analysed: Analyse, market: UnderlyingMarket) -> None:
    prices = np.array([60_000.0])
    put = analysed("+1 P 54000 31JUL26")
    near = analysed("+1 C 60000 3JUL26")

    def gain(analysis: StructureAnalysis, what_if: WhatIf) -> float:
        at_ns = analysis.as_of_ns
        moved = what_if_curve(analysis, market, prices, at_ns, what_if).usd[0]
        return float(moved - what_if_curve(analysis, market, prices, at_ns).usd[0])

    assert gain(put, WhatIf(skew=-0.10)) > 0 > gain(put, WhatIf(skew=0.10))
    assert gain(near, WhatIf(term=0.05)) > 0
    far = analysed("+1 C 60000 26MAR27")
    assert gain(far, WhatIf(term=0.05)) < 0


def test_the_smile_rule_matters_away_from_the_index_only(
    analysed: Analyse, market: UnderlyingMarket
) -> None:
    analysis = analysed(CONDOR)
    prices = np.array([52_000.0, float(analysis.index), 68_000.0])
    curves = [
        what_if_curve(analysis, market, prices, analysis.as_of_ns, WhatIf(smile=rule)).usd
        for rule in SmileRule
    ]
    for curve in curves[1:]:
        assert curve[1] == pytest.approx(curves[0][1], abs=0.01)
        assert abs(curve[0] - curves[0][0]) > 1.0


def test_a_date_outside_is_refused(analysed: Analyse, market: UnderlyingMarket) -> None:
    analysis = analysed(CONDOR)
    for at_ns in (analysis.as_of_ns - 1, (analysis.horizon.expiry_ns or 0) + 1):
        with pytest.raises(InvalidInput, match="date"):
            what_if_curve(analysis, market, np.array([60_000.0]), at_ns)
