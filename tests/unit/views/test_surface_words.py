"""What the surface screen says of a slice in words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from quantdesk.market.fitting import FitOptions, SurfaceFit, fit_surface
from quantdesk.pricing.smile import RawSvi, svi_to_jump_wings
from quantdesk.runtime.surfaces import read_quotes
from quantdesk.views.surface import calendar_words, parameter_words
from quantdesk.views.time_text import expiry_text

RECORDED = Path(__file__).parents[2] / "fixtures/surface/btc_2026-05-21_quotes.csv.gz"


def fitted(model: str) -> SurfaceFit:
    fit = fit_surface(read_quotes(RECORDED, None, None), options=FitOptions(model=model))
    assert isinstance(fit, SurfaceFit)
    return fit


def test_calendar_distance_is_a_share_and_a_crossing_says_where() -> None:
    fit = fitted("spline")
    first, second, *rest = fit.slices
    name = expiry_text(second.expiry_ns)
    fine = calendar_words(fit, first)
    assert re.fullmatch(rf"Calendar: {name} has at least [\d.]+ % more variance .*", fine)
    assert "the longest expiry" in calendar_words(fit, fit.slices[-1])
    # Two expiries whose smiles have changed places.
    over, under = replace(first, smile=second.smile), replace(second, smile=first.smile)
    found = re.fullmatch(
        rf"Calendar arbitrage: crosses {name}, whose variance is ([\d.]+) % below at [\d,]+ "
        r"\(([\d.]+) vol points\)\.",
        calendar_words(replace(fit, slices=(over, under, *rest)), over),
    )
    assert found is not None
    assert 0 < float(found[1]) < 100
    assert float(found[2]) > 0
    far = replace(first, calendar_slack=-1.0)
    assert "far wings" in calendar_words(fit, far)


def test_parameters_of_svi_are_told_raw_and_as_jump_wings() -> None:
    each = fitted("svi").slices[2]
    raw, jump = parameter_words(each)
    values = RawSvi(*each.parameters.tolist())
    assert f"a {values.a:.4g}  b {values.b:.4g}" in raw
    v, psi, *_ = svi_to_jump_wings(values, each.years)
    assert jump.startswith(f"jump wings: v {v:.4g}  ψ {psi:.4g}")
    assert len(parameter_words(fitted("spline").slices[2])) == 1
