"""DVOL: a flat smile gives its volatility back, and the history keeps its bars."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from quantdesk.simulator.volatility_index import (
    COARSE_KEPT_MAX,
    FINE_KEPT_MAX,
    NS_PER_S,
    Strip,
    VolatilityHistory,
    strip_variance,
    thirty_day_volatility,
)

FORWARD = 60_000.0


def flat_strip(days: float, vol: float, *, width: float = 250.0) -> Strip:
    """Both options at each strike of a wide, dense chain, priced by Black-76 in coin."""
    years = days / 365
    strikes = np.arange(15_000.0, 180_000.0, width)
    deviation = vol * np.sqrt(years)
    d1 = np.log(FORWARD / strikes) / deviation + deviation / 2
    calls = FORWARD * norm.cdf(d1) - strikes * norm.cdf(d1 - deviation)
    marks = np.concatenate([calls, calls - FORWARD + strikes]) / FORWARD
    return Strip(
        years=years,
        forward=FORWARD,
        is_call=np.repeat([True, False], len(strikes)),
        strike=np.concatenate([strikes, strikes]),
        mark=marks,
    )


@pytest.mark.parametrize("vol", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("days", [7.0, 30.0, 60.0])
def test_variance_of_a_flat_smile_is_its_own(days: float, vol: float) -> None:
    variance = strip_variance(flat_strip(days, vol))
    assert variance == pytest.approx(vol**2 * days / 365, rel=2e-3)


def test_thirty_days_lie_between_the_expiries_in_variance() -> None:
    strips = [flat_strip(20, 0.5), flat_strip(50, 0.7)]
    near, far = 0.25 * 20 / 365, 0.49 * 50 / 365
    expected = np.sqrt((near * 2 / 3 + far / 3) / (30 / 365)) * 100
    assert thirty_day_volatility(strips) == pytest.approx(expected, rel=2e-3)


def test_outside_of_the_expiries_the_nearest_holds() -> None:
    assert thirty_day_volatility([flat_strip(60, 0.5)]) == pytest.approx(50, rel=2e-3)
    strips = [flat_strip(5, 0.5), flat_strip(12, 0.8)]
    assert thirty_day_volatility(strips) == pytest.approx(80, rel=2e-3)


def test_what_can_not_be_priced_is_none() -> None:
    assert thirty_day_volatility([]) is None
    assert thirty_day_volatility([flat_strip(0.5, 0.5)]) is None
    strip = flat_strip(30, 0.5)
    few = Strip(
        years=strip.years,
        forward=FORWARD,
        is_call=strip.is_call[:2],
        strike=strip.strike[:2],
        mark=strip.mark[:2],
    )
    assert strip_variance(few) is None
    above = Strip(
        years=strip.years,
        forward=1.0,
        is_call=strip.is_call,
        strike=strip.strike,
        mark=strip.mark,
    )
    assert strip_variance(above) is None


def test_bars_hold_what_was_measured_in_them() -> None:
    history = VolatilityHistory()
    for second, value in ((0, 50.0), (1, 52.0), (59, 49.0), (60, 51.0), (200, 55.0)):
        history.note(second * NS_PER_S, value)
    fine = history.bars(1, from_s=0, to_s=300)
    assert [(bar.start_s, bar.close) for bar in fine] == [
        (0, 50.0),
        (1, 52.0),
        (59, 49.0),
        (60, 51.0),
        (200, 55.0),
    ]
    first, middle, last = history.bars(60, from_s=0, to_s=300)
    assert (first.open, first.high, first.low, first.close) == (50.0, 52.0, 49.0, 49.0)
    assert (middle.start_s, last.start_s) == (60, 180)
    (hour,) = history.bars(3_600, from_s=0, to_s=300)
    assert (hour.open, hour.high, hour.low, hour.close) == (50.0, 55.0, 49.0, 55.0)
    # Asking again finds the same: bars that were handed out are copies.
    assert history.bars(3_600, from_s=0, to_s=300)[0] == hour
    assert history.bars(60, from_s=61, to_s=179) == []


def test_history_is_bounded() -> None:
    history = VolatilityHistory()
    for minute in range(COARSE_KEPT_MAX + 10):
        history.note(minute * 60 * NS_PER_S, 50.0)
    assert len(history.bars(60, from_s=0, to_s=2**40)) == COARSE_KEPT_MAX
    assert len(history.bars(1, from_s=0, to_s=2**40)) == FINE_KEPT_MAX
