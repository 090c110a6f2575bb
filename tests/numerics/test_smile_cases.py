"""Smiles against printed numbers: Gatheral & Jacquier (2014), Martini & Mingone (2020)."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.market.surface_density import fair_variance, slice_moments
from quantdesk.pricing.smile import (
    JumpWings,
    RawSvi,
    durrleman,
    fit_svi,
    is_butterfly_free,
    slice_jets,
    svi_domain,
    svi_from_jump_wings,
    svi_from_natural,
    svi_slice,
    svi_to_jump_wings,
    svi_to_natural,
)

VOGT = RawSvi(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, s=0.4153)
OPTIMUM = RawSvi(a=-0.0305199110, b=0.1027167818, rho=0.1007176132, m=0.2723441929, s=0.4123981469)


def test_vogt_slice() -> None:
    k = np.array([-1.5, -1.0, -0.5, 0.0, 0.5, 0.8, 1.0, 1.5])
    jets = slice_jets(svi_slice(VOGT), k)
    printed_w = [0.1367819611, 0.0927556522, 0.0509765717, 0.0174262526]
    printed_w += [0.0231515656, 0.0576441161, 0.0868267098, 0.1671516999]
    printed_g = [0.2478306953, 0.2678703587, 0.3568535725, 1.0386497313]
    printed_g += [0.0693792113, -0.0298184615, -0.0277416959, 0.0291238657]
    np.testing.assert_allclose(jets.w, printed_w, atol=5.1e-11, rtol=0)
    np.testing.assert_allclose(durrleman(k, jets), printed_g, atol=5.1e-11, rtol=0)


def test_jump_wings_to_full_precision_and_back() -> None:
    wings = svi_to_jump_wings(VOGT, 1.0)
    printed = [0.017426252555, -0.175211140809, 0.699738104117, 1.316798218986, 0.011624903235]
    np.testing.assert_allclose(wings, printed, atol=5.1e-13, rtol=0)
    np.testing.assert_allclose(svi_from_jump_wings(wings, 1.0), VOGT, atol=1e-12)
    np.testing.assert_allclose(svi_from_natural(svi_to_natural(VOGT)), VOGT, atol=1e-13)


def test_martini_mingone_bounds() -> None:
    vogt, optimum = svi_domain(VOGT), svi_domain(OPTIMUM)
    assert vogt is not None
    assert optimum is not None
    assert vogt.s_least is None
    assert not is_butterfly_free(VOGT)
    assert (vogt.mu_low, vogt.mu_high) == pytest.approx((-0.72407, 0.82939), abs=5.1e-6)
    assert (optimum.mu_low, optimum.mu_high) == pytest.approx((-0.91672, 0.92217), abs=5.1e-6)
    assert optimum.s_least == pytest.approx(0.2932916, abs=5.1e-7)
    assert is_butterfly_free(OPTIMUM)
    steep = VOGT._replace(b=1.6)
    assert svi_domain(steep) is None


def test_variance_swap_and_density_of_an_svi_slice() -> None:
    smile = svi_slice(RawSvi(a=0.01, b=0.12, rho=-0.2, m=0.02, s=0.15))
    assert float(slice_jets(smile, 0.0).w) == pytest.approx(0.028639295, abs=5.1e-10)
    assert fair_variance(smile) == pytest.approx(0.043835716, abs=5.1e-10)
    moments = slice_moments(smile)
    assert moments.mass == pytest.approx(1.0, abs=1e-12)
    assert moments.forward == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("method", ["direct", "quasi-explicit", "no-butterfly"])
def test_a_calibration_finds_the_slice_that_made_the_quotes(method: str) -> None:
    k = np.linspace(-0.6, 0.6, 25)
    vol = np.sqrt(slice_jets(svi_slice(OPTIMUM), k).w)
    found = fit_svi(1.0, k, vol - 0.001, vol + 0.001, method=method)
    again = np.sqrt(slice_jets(svi_slice(found), k).w)
    np.testing.assert_allclose(again, vol, atol=2e-4)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(InvalidInput, match="rho"):
        svi_slice(VOGT._replace(rho=1.0))
    with pytest.raises(OutOfDomain, match="do not determine s"):
        svi_from_jump_wings(JumpWings(v=0.04, psi=0.0, p=0.5, c=0.5, v_min=0.03), 1.0)
    with pytest.raises(OutOfDomain, match="needs 6"):
        fit_svi(1.0, [0.0, 0.1], [0.2, 0.2], [0.3, 0.3])
    with pytest.raises(InvalidInput, match="method"):
        fit_svi(1.0, [0.0], [0.2], [0.3], method="guess")
