"""Forwards of a recorded chain lie within what its pairs allow, and carry a basis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quantdesk.app.render.surface_formats import fit_text
from quantdesk.app.render.surface_forwards import forward_rows
from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.forward_curve import forward_curve
from quantdesk.market.surface_choice import DEFAULT_CHOICE
from quantdesk.market.surface_quotes import surface_quotes
from quantdesk.market.valuation import value_chain
from quantdesk.runtime.surfaces import quotes_of, read_chain
from quantdesk.snapshot import ChainSnapshot, ChainSurface
from tests.unit.surface.chains import FIXTURES


def test_recorded_forwards_lie_within_their_boxes() -> None:
    chain = read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)
    forwards = {each.expiry_ns: each.forward for each in chain.expiries}
    points = forward_curve(
        chain.chain, forwards, as_of_ns=chain.as_of_ns, index_price=chain.index_price
    )
    assert [point.expiry_ns for point in points] == sorted(forwards)
    boxed = [point for point in points if point.pairs]
    assert boxed
    for point in boxed:
        assert point.low is not None
        assert point.high is not None
        assert point.low < point.high
        assert point.is_consistent
        assert point.basis is not None
        assert abs(point.basis) < 0.3


def test_without_forwards_and_index_nothing_is_made_up() -> None:
    chain = read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)
    points = forward_curve(chain.chain, {}, as_of_ns=chain.as_of_ns, index_price=None)
    assert all(point.price is None and point.basis is None for point in points)
    assert all(point.is_consistent is None for point in points)


def test_a_fit_says_which_forward_it_took_and_what_the_others_say() -> None:
    fit = fit_surface(quotes_of(read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)))
    assert isinstance(fit, SurfaceFit)
    checked = [each.quotes.evidence for each in fit.slices]
    for each, found in zip(fit.slices, checked, strict=True):
        assert found is not None
        assert found.price == each.forward
        assert found.words.startswith(f"Forward {each.forward:,.2f} by {each.forward_source}")
        if found.pairs:
            assert found.low is not None
            assert found.high is not None
            assert found.low < found.high
            assert "within the bounds of parity" in found.words
            assert "parity " in found.words.split("bounds of parity")[1]
    assert any(found is not None and found.pairs for found in checked)


def test_a_forward_outside_the_bounds_of_parity_is_flagged() -> None:
    quotes = quotes_of(read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None))
    doubted = [
        each
        if each.evidence is None
        else replace(each, evidence=replace(each.evidence, is_consistent=False))
        for each in quotes.expiries
    ]
    fit = fit_surface(replace(quotes, expiries=tuple(doubted)))
    assert isinstance(fit, SurfaceFit)
    for each in fit.slices:
        assert any("outside the bounds of parity" in flag for flag in each.flags)


def test_fits_at_parity_and_at_the_venue_are_equally_good() -> None:
    chain = read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)
    column, forwards = chain.values.forward.copy(), {}
    for each in chain.expiries:
        rows, price = chain.chain.expiry_ns == each.expiry_ns, each.forward.parity_price
        if price is not None:
            column[rows] = price
            forwards[each.expiry_ns] = replace(each.forward, price=price)
    at_parity = surface_quotes(
        chain.chain,
        value_chain(chain.chain, column),
        {each.expiry_ns: each.forward for each in chain.expiries} | forwards,
        as_of_ns=chain.as_of_ns,
        index_price=chain.index_price,
    )
    venue, parity = fit_surface(quotes_of(chain)), fit_surface(at_parity)
    assert isinstance(venue, SurfaceFit)
    assert isinstance(parity, SurfaceFit)
    assert abs(venue.in_spread - parity.in_spread) <= 0.005
    assert abs(venue.rmse - parity.rmse) <= 0.0005
    for one, two in zip(venue.slices, parity.slices, strict=True):
        assert np.abs(np.log(one.forward / two.forward)) < 0.001


def off_by(basis_points: float) -> ChainSnapshot:
    """The ETH chain with its first expiry's forward stated so far off."""
    chain = read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)
    first, *others = chain.expiries
    assert first.forward.price is not None
    stated = first.forward.price * (1 + basis_points / 1e4)
    forward = replace(first.forward, price=stated, future_price=stated)
    column = chain.values.forward.copy()
    column[chain.chain.expiry_ns == first.expiry_ns] = stated
    return replace(
        chain,
        values=value_chain(chain.chain, column),
        expiries=(replace(first, forward=forward), *others),
    )


@pytest.mark.parametrize("basis_points", [60.0, -60.0])
def test_a_fit_stands_on_the_bound_that_its_stated_forward_lies_beyond(
    basis_points: float,
) -> None:
    chain = off_by(basis_points)
    stated = chain.expiries[0].forward
    fit = fit_surface(quotes_of(chain))
    assert isinstance(fit, SurfaceFit)
    first = fit.slices[0]
    assert first.forward == (stated.parity_ask if basis_points > 0 else stated.parity_bid)
    assert first.forward_source == f"parity {'ask' if basis_points > 0 else 'bid'} (9 pairs)"
    found = first.quotes.evidence
    assert found is not None
    assert (found.price, found.is_consistent) == (first.forward, False)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= first.forward <= found.high
    (flag,) = [flag for flag in first.flags if "outside the bounds of parity" in flag]
    assert f"future {'+' if basis_points > 0 else '-'}" in flag
    assert all("outside" not in flag for each in fit.slices[1:] for flag in each.flags)


def test_a_fit_at_the_bound_is_as_good_as_before_and_theo_goes_with_it() -> None:
    plain = read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)
    chain = off_by(60.0)
    before, after = fit_surface(quotes_of(plain)), fit_surface(quotes_of(chain))
    assert isinstance(before, SurfaceFit)
    assert isinstance(after, SurfaceFit)
    assert after.slices[0].in_spread >= before.slices[0].in_spread - 0.001
    surface = ChainSurface(
        fit=after, based_on_seq=0, quotes_ns=chain.as_of_ns, choice=DEFAULT_CHOICE
    )
    edge = replace(chain, surface=surface).edge()
    assert edge is not None
    # Quotes that the fit lies inside of have no edge, in vols and in ticks.
    names = {
        name
        for name, is_inside in zip(
            after.slices[0].quotes.names, after.slices[0].is_inside, strict=True
        )
        if is_inside
    }
    rows = [row for row, each in enumerate(chain.chain.instruments) if each.name in names]
    assert len(rows) > 20
    for column in (edge.sell_edge_vol, edge.buy_edge_vol):
        assert np.nanmax(column[rows]) <= 1e-6
    for column in (edge.sell_edge_ticks, edge.buy_edge_ticks):
        assert np.nanmax(column[rows]) <= 1e-3


def test_a_fit_as_text_tells_bounds_and_other_forwards() -> None:
    fit = fit_surface(quotes_of(off_by(60.0)))
    assert isinstance(fit, SurfaceFit)
    headings, first, *others = forward_rows(fit)
    assert headings == (
        *("expiry", "forward by", "low bp", "high bp", "pairs", "future bp", "parity bp"),
        "basis %",
    )
    told = dict(zip(headings, first, strict=True))
    assert told["forward by"] == "parity ask (9 pairs)"
    assert told["high bp"] == "+0.0"
    assert float(told["low bp"]) < float(told["parity bp"]) < 0 < float(told["future bp"])
    assert len(others) == len(fit.slices) - 1
    found = fit.slices[0].quotes.evidence
    assert found is not None
    assert found.low is not None
    assert found.price is not None
    assert float(told["low bp"]) == pytest.approx(1e4 * (found.low / found.price - 1), abs=0.06)
    printed = [line.split() for line in fit_text(fit).decode().splitlines()]
    assert " ".join(headings).split() in printed
    assert " ".join(first).split() in printed


def test_a_forward_beyond_reason_is_refused_whatever_the_bounds() -> None:
    quotes = quotes_of(off_by(30_000.0))
    assert "far outside the listed strikes" in quotes.expiries[0].refusal
