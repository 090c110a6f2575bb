"""Own vols beside the market's: what is asked for is what comes, and nothing else moves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.own_vols import OwnSurface, VolOverride
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_edge import surface_edge
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import with_surfaces

CHAIN = with_surfaces(opening_snapshot("BTC")).chains[0]


@pytest.fixture
def fit() -> SurfaceFit:
    assert CHAIN.fit is not None
    return CHAIN.fit


def vols(surface: OwnSurface | SurfaceFit, place: int, moneyness: list[float]) -> np.ndarray:
    each = surface.fit.slices[place] if isinstance(surface, OwnSurface) else surface.slices[place]
    strikes = each.forward * np.exp(np.array(moneyness))
    return surface.implied_vol(np.array([each.expiry_ns]), strikes)


def test_shift_moves_every_vol_of_its_expiry_and_no_other(fit: SurfaceFit) -> None:
    override = VolOverride(expiry_ns=fit.slices[2].expiry_ns, shift=0.03)
    own = OwnSurface(fit=fit, overrides=(override,))
    k = [-0.2, 0.0, 0.2]
    assert vols(own, 2, k) == pytest.approx(vols(fit, 2, k) + 0.03, abs=1e-15)
    assert np.array_equal(vols(own, 3, k), vols(fit, 3, k))


def test_tilt_lifts_puts_and_lowers_calls(fit: SurfaceFit) -> None:
    each = fit.slices[2]
    width = each.atm_iv * math.sqrt(each.years)
    own = OwnSurface(fit=fit, overrides=(VolOverride(expiry_ns=each.expiry_ns, tilt=0.02),))
    change = vols(own, 2, [-width, 0.0, width]) - vols(fit, 2, [-width, 0.0, width])
    assert change[0] == pytest.approx(0.02 / math.sqrt(1.25))
    assert change[1] == pytest.approx(0.0, abs=1e-15)
    assert change[2] == pytest.approx(-0.02 / math.sqrt(1.25))


def test_own_smile_passes_through_its_pins_and_fades_beside_them(fit: SurfaceFit) -> None:
    each = fit.slices[3]
    pins = ((each.forward, 0.55), (each.forward * 1.05, 0.6))
    override = VolOverride(expiry_ns=each.expiry_ns, shift=0.01, tilt=-0.01, pins=pins)
    own = OwnSurface(fit=fit, overrides=(override,))
    found = own.implied_vol(np.array([each.expiry_ns]), np.array([strike for strike, _ in pins]))
    assert found == pytest.approx([0.55, 0.6])
    plain = OwnSurface(
        fit=fit, overrides=(VolOverride(expiry_ns=each.expiry_ns, shift=0.01, tilt=-0.01),)
    )
    assert vols(own, 3, [-0.6, 0.9]) == pytest.approx(vols(plain, 3, [-0.6, 0.9]))


def test_instants_between_expiries_have_no_own_vol(fit: SurfaceFit) -> None:
    own = OwnSurface(
        fit=fit, overrides=(VolOverride(expiry_ns=fit.slices[0].expiry_ns, shift=0.1),)
    )
    between = np.array([fit.slices[0].expiry_ns + 1])
    assert np.isnan(own.implied_vol(between, np.array([60_000.0]))).all()


def test_arbitrage_of_own_vols_is_told_and_not_repaired(fit: SurfaceFit) -> None:
    each = fit.slices[2]
    spike = VolOverride(expiry_ns=each.expiry_ns, pins=((each.forward, 3.0),))
    faults = OwnSurface(fit=fit, overrides=(spike,)).faults()
    assert any("concave prices" in fault for fault in faults)
    assert OwnSurface(fit=fit, overrides=()).faults() == ()
    crossed = VolOverride(expiry_ns=fit.slices[-1].expiry_ns, shift=-0.3)
    faults = OwnSurface(fit=fit, overrides=(crossed,)).faults()
    assert any("lie below those of" in fault for fault in faults)


def test_edge_is_told_against_own_vols(fit: SurfaceFit) -> None:
    each = fit.slices[2]
    own = OwnSurface(fit=fit, overrides=(VolOverride(expiry_ns=each.expiry_ns, shift=0.05),))
    market = surface_edge(fit, CHAIN.chain, CHAIN.values)
    mine = surface_edge(fit, CHAIN.chain, CHAIN.values, own=own)
    rows = CHAIN.chain.expiry_ns == each.expiry_ns
    gap = (mine.buy_edge_vol - market.buy_edge_vol)[rows]
    known = ~np.isnan(gap)
    assert known.sum() > 10
    # The own vol is read at the quote's own moneyness, where rounding of the forward enters.
    assert gap[known] == pytest.approx(0.05, abs=1e-9)
    others = mine.theo_iv[~rows], market.theo_iv[~rows]
    assert others[0] == pytest.approx(others[1], abs=1e-9, nan_ok=True)
    assert np.nanmin((mine.theo - market.theo)[rows]) >= 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"shift": float("nan")}, "shift"),
        ({"tilt": 1.5}, "tilt"),
        ({"pins": ((60_000.0, 7.0),)}, "pins"),
        ({"pins": ((-1.0, 0.5),)}, "pins"),
        ({"pins": ((1.0, 0.5), (1.0, 0.6))}, "pins"),
        ({"pins": tuple((float(n), 0.5) for n in range(1, 40))}, "pins"),
    ],
)
def test_nonsense_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        VolOverride(expiry_ns=1, **changes)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_choice_keeps_one_override_an_expiry() -> None:
    choice = SurfaceChoice().with_override(VolOverride(expiry_ns=5, shift=0.01))
    choice = choice.with_override(VolOverride(expiry_ns=3, tilt=0.01))
    choice = choice.with_override(VolOverride(expiry_ns=5, shift=0.02))
    assert [(each.expiry_ns, each.shift) for each in choice.overrides] == [(3, 0.0), (5, 0.02)]
    assert choice.with_override(VolOverride(expiry_ns=5)).override(5).is_empty
    assert choice.is_fitted_alike(SurfaceChoice())


def test_toggle_takes_a_point_out_and_in_again() -> None:
    choice = SurfaceChoice().toggled("B").toggled("A")
    assert choice.excluded == ("A", "B")
    assert choice.toggled("B").excluded == ("A",)
    assert not choice.is_fitted_alike(SurfaceChoice())


def test_filter_must_be_an_age() -> None:
    with pytest.raises(InvalidInput, match="stale_after_s"):
        SurfaceChoice(stale_after_s=0.0)
