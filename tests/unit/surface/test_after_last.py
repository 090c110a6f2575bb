"""After the last expiry: the surface stays free of arbitrage, ten years out, and says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.fitting_grades import between_flags, least_raised
from quantdesk.market.surface_clock import on_clock
from quantdesk.market.surface_density import (
    date_density,
    date_moments,
    date_words,
    thirty_day_index,
)
from quantdesk.market.surface_greeks import surface_greeks
from quantdesk.market.surface_points import forward_vol, jets_at
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.market.variance_clock import CALENDAR, VarianceClock, weekend_clock
from quantdesk.pricing.smile import (
    Jets,
    RawSvi,
    Slice,
    durrleman,
    slice_jets,
    spline_slice,
    svi_slice,
)
from quantdesk.pricing.surface import VarianceSurface
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import AS_OF_NS, DAY_NS, FIXTURES, chain

DAYS_AFTER = (1, 10, 30, 90, 365, 1095, 3650)
FINE = np.linspace(-4.0, 4.0, 8001)
COPIES = sorted((FIXTURES.parent / "surface").glob("*.csv.gz"))
SHARED = Path(__file__).parents[4] / "shared" / "data" / "deribit"
RECORDED = sorted((SHARED / "chains_quotes").glob("*.csv.gz"))
RECORDED += sorted((SHARED / "chains_ticker").glob("btc_*.gz"))


def bent_slice() -> Slice:
    """Free of butterflies, but not when raised: at k = −1 it bends down by w'' = −3."""
    knots = np.array([-1.2, -1.1, -1.0, -0.9, 0.0, 0.1])
    bends = np.array([0.0, 5.0, -3.0, 0.0, 0.0, 0.0])
    terms, w, slope = [], 0.08, -0.1
    for step, bend, bend_after in zip(np.diff(knots), bends, bends[1:], strict=False):
        turn = (bend_after - bend) / step
        terms.append([w, slope, bend / 2, turn / 6])
        w += step * (slope + step * (bend / 2 + step * turn / 6))
        slope += step * (bend + step * turn / 2)
    return spline_slice(knots, np.array(terms))


def fitted(quotes: SurfaceQuotes) -> SurfaceFit:
    fit = fit_surface(quotes)
    assert isinstance(fit, SurfaceFit)
    return fit


def assert_sound_after(fit: SurfaceFit) -> None:
    last = fit.slices[-1]
    before = own = slice_jets(last.smile, FINE)
    for days in DAYS_AFTER:
        jets = jets_at(fit, last.expiry_ns + days * DAY_NS, FINE)
        assert durrleman(FINE, jets).min() >= 0, days
        assert (jets.w >= before.w).all()
        np.testing.assert_array_equal(jets.dw, own.dw)
        before = jets


@pytest.mark.parametrize("path", COPIES, ids=lambda path: path.name)
def test_no_butterfly_and_no_crossing_after_the_last_expiry(path: Path) -> None:
    fit = fitted(read_quotes(path, None, None))
    assert_sound_after(fit)
    assert fit.between == ()


@pytest.mark.skipif(not RECORDED, reason="../shared/data/deribit is absent")
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_none_on_any_recorded_chain(path: Path) -> None:
    fit = fitted(read_quotes(path, "ETH" if path.name.startswith("eth") else "BTC", None))
    assert_sound_after(fit)
    assert not any("after it" in sentence for sentence in fit.between)


def test_forward_variance_at_the_money_goes_on_at_every_moneyness() -> None:
    fit = fitted(chain())
    before, last = fit.slices[-2:]
    rate = (last.atm_iv**2 * last.years - before.atm_iv**2 * before.years) / (
        last.years - before.years
    )
    at_ns = last.expiry_ns + 100 * DAY_NS
    added = fit.total_variance(at_ns, FINE) - slice_jets(last.smile, FINE).w
    np.testing.assert_allclose(added, rate * 100 / 365, rtol=1e-9)
    assert forward_vol(fit, last.expiry_ns, at_ns) == pytest.approx(rate**0.5)


def test_a_single_expiry_goes_on_with_its_own_variance_at_the_money() -> None:
    fit = fitted(chain(30))
    (only,) = fit.slices
    at_ns = only.expiry_ns + 60 * DAY_NS
    added = fit.total_variance(at_ns, FINE) - slice_jets(only.smile, FINE).w
    np.testing.assert_allclose(added, only.atm_iv**2 * 60 / 365, rtol=1e-9)
    assert_sound_after(fit)


def test_variance_never_falls_after_the_last_expiry() -> None:
    high, low = (svi_slice(RawSvi(a, 0.1, 0.0, 0.0, 0.2)) for a in (0.09, 0.01))
    surface = VarianceSurface([0.1, 0.2], [high, low])
    at_last, later = (surface.jets(time, FINE) for time in (0.2, 5.0))
    np.testing.assert_array_equal(later.w, at_last.w)


@pytest.mark.parametrize("clock", [CALENDAR, weekend_clock(0.3, 0.5)])
def test_what_is_read_off_dates_after_the_last_expiry_is_sane(clock: VarianceClock) -> None:
    quotes = read_quotes(COPIES[0], None, None)
    fit = on_clock(fitted(quotes), quotes, clock)
    last = fit.slices[-1]
    before = thirty_day_index(fit, int(last.years * 365)).points
    for days in DAYS_AFTER[1:]:
        at_ns = last.expiry_ns + days * DAY_NS
        assert date_density(fit, at_ns).density.min() >= 0
        moments = date_moments(fit, at_ns)
        assert moments.mass == pytest.approx(1.0, abs=1e-6)
        assert moments.forward == pytest.approx(1.0, abs=1e-6)
        strikes = last.forward * np.array([0.5, 1.0, 2.0])
        greeks = surface_greeks(fit, at_ns, strikes, np.array([False, True, True]))
        assert (np.abs(greeks.delta) < 1).all()
        assert (greeks.gamma > 0).all()
        assert (greeks.theta_per_day < 0).all()
        index = thirty_day_index(fit, int(last.years * 365) + days).points
        assert abs(index - before) < 10
        before = index


def raised(jets: Jets, by: float) -> Jets:
    return Jets(jets.w + by, jets.dw, jets.d2w)


@settings(deadline=None, max_examples=150)
@given(
    k=st.floats(-3, 3),
    w=st.floats(1e-4, 2),
    dw=st.floats(-2, 2),
    d2w=st.floats(-3, 3),
    levels=st.lists(st.floats(0, 100), min_size=1, max_size=20),
)
def test_the_least_raised_is_below_every_level(
    k: float, w: float, dw: float, d2w: float, levels: list[float]
) -> None:
    at = np.array([k])
    jets = Jets(*(np.array([each]) for each in (w, dw, d2w)))
    least = least_raised(at, jets)[0]
    found = [durrleman(at, raised(jets, level))[0] for level in (0.0, *levels)]
    assert least <= min(found) + 1e-9 * (1 + abs(min(found)))
    # And it is met, at a level that a fine search comes near to.
    search = np.concatenate([[0.0], np.geomspace(1e-7, 1e9, 4000)])
    flat = np.ones(search.size)
    everywhere = durrleman(k * flat, Jets(w + search, dw * flat, d2w * flat))
    assert everywhere.min() == pytest.approx(least, rel=2e-3, abs=2e-3)


def test_a_slice_that_would_have_butterflies_when_raised_is_named() -> None:
    jets = slice_jets(bent_slice(), FINE)
    assert durrleman(FINE, jets).min() >= 0
    assert durrleman(FINE, raised(jets, 1.0)).min() < 0
    (words,) = between_flags([(AS_OF_NS, bent_slice())])
    assert "at dates after it, g falls to -0.5" in words
    assert "at k = -1" in words


def test_after_the_last_expiry_the_forward_stays_and_the_words_say_so() -> None:
    fit = fitted(chain())
    last = fit.slices[-1]
    for days in DAYS_AFTER:
        later_ns = last.expiry_ns + days * DAY_NS
        assert float(fit.forward(later_ns)) == pytest.approx(last.forward, rel=1e-14)
        assert date_words(fit, later_ns).endswith("; the forward stays that of the last expiry")
    assert "forward stays" not in date_words(fit, last.expiry_ns)
