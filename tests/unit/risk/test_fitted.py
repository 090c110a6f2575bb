"""Surfaces fitted on the report's own market: used where they speak, told where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quantdesk.risk.fitted import fit_surfaces, with_wanted_surfaces
from quantdesk.risk.report import build_report, surface_sources_of
from tests.unit.risk.books import named, only, position, sample_market

ZERO_MARK = "BTC-28JUN26-52000-P"


def test_fitted_surface_values_the_book_and_is_among_the_sources() -> None:
    market = sample_market()
    fitted = fit_surfaces(market)
    held = [position(named(market, name), 1) for name in ("BTC-25SEP26-60000-C", ZERO_MARK)]
    report = build_report(
        held, market, surfaces=fitted.surfaces, surface_sources=surface_sources_of(fitted)
    )
    assert [mark.vol_source for mark in report.book.marks] == ["surface", "surface"]
    said = {source.what: source.source for source in report.sources}
    assert said["deribit BTC surface"].startswith("fitted here, grade ")
    marks = build_report(held, market)
    assert [mark.vol_source for mark in marks.book.marks] == ["venue mark IV", "venue mark IV"]
    vols = (report.book.options.vol[0], marks.book.options.vol[0])
    assert 0 < abs(vols[0] - vols[1]) < 0.01


def test_a_held_option_without_a_vol_of_its_own_is_asked_of_a_surface() -> None:
    market = sample_market()
    held = named(market, "BTC-25SEP26-60000-C")
    one = only(market)
    same, notes = with_wanted_surfaces(market, [held])
    assert only(same) is one
    assert notes == ()
    row = one.chain.instruments.index(held)
    vols, iv = one.values.greeks_iv.copy(), one.chain.venue_mark_iv.copy()
    vols[row] = iv[row] = np.nan
    bare = replace(
        one,
        chain=replace(one.chain, venue_mark_iv=iv),
        values=replace(one.values, greeks_iv=vols),
    )
    other = named(market, ZERO_MARK)
    wanting = replace(market, markets=(bare,))
    assert with_wanted_surfaces(wanting, [other])[1] == ()
    made, (note,) = with_wanted_surfaces(wanting, [held, other])
    assert f"{held.name} the first" in note
    book = build_report([position(held, 1), position(other, 1)], made).book
    sources = [mark.vol_source for mark in book.marks]
    assert sources == ["surface, no quote gives a vol", "venue mark IV"]


def test_expiry_without_a_slice_keeps_its_marks() -> None:
    surface = fit_surfaces(sample_market()).surfaces[("deribit", "BTC")]
    known = int(only(sample_market()).chain.expiry_ns[0])
    strikes = np.array([60_000.0, 60_000.0])
    vols = surface.implied_vol(np.array([known, known + 1]), strikes)
    assert vols[0] > 0
    assert np.isnan(vols[1])


def test_market_that_carries_no_surface_says_why() -> None:
    one = only(sample_market())
    few = np.zeros(len(one.chain), dtype=np.bool_)
    few[:2] = True
    thin = replace(one, chain=one.chain.take(few), values=one.values.take(few))
    fitted = fit_surfaces(replace(sample_market(), markets=(thin,)))
    assert not fitted.surfaces
    (source,) = surface_sources_of(fitted)
    assert source.source.startswith("none, the marks serve: ")
