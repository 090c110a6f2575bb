"""Theo and edge in the chain: from the desk's surface, told with sign, unit and age."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quantdesk.market.own_vols import VolOverride
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import with_surfaces
from quantdesk.snapshot import ChainSnapshot
from quantdesk.views.chain import ChainView, chain_view
from quantdesk.views.chain_columns import THEO_KEYS
from quantdesk.views.number_text import DASH
from quantdesk.views.provenance import explain_cell
from quantdesk.views.units import Units

OPENING = opening_snapshot("BTC")
FITTED = with_surfaces(OPENING).chains[0]


def view_of(chain: ChainSnapshot, units: Units = Units.COIN) -> ChainView:
    return chain_view(
        chain,
        expiry_ns=chain.expiries[3].expiry_ns,
        columns="theo",
        units=units,
        now_ns=chain.as_of_ns,
    )


def texts(view: ChainView, key: str) -> list[str]:
    place = [column.key for column in view.layout.calls].index(key)
    return [view.line(number).calls[place].text for number in range(len(view.keys))]


def test_edges_carry_their_sign_in_points_and_ticks() -> None:
    view = view_of(FITTED)
    edge = FITTED.edge()
    assert edge is not None
    for key, column, scale in (
        ("sell_edge", edge.sell_edge_vol, 100.0),
        ("buy_edge", edge.buy_edge_vol, 100.0),
        ("sell_ticks", edge.sell_edge_ticks, 1.0),
        ("buy_ticks", edge.buy_edge_ticks, 1.0),
    ):
        found = texts(view, key)
        for text, row in zip(found, view.call_rows, strict=True):
            value = column[row] * scale if row >= 0 else np.nan
            if np.isnan(value):
                assert text == DASH
            else:
                assert float(text.replace(",", "")) == pytest.approx(value, abs=0.06)
                assert text.startswith("+") == (float(text) > 0)


def test_theo_stands_between_bid_and_ask_in_every_unit() -> None:
    for units in (Units.COIN, Units.USD_CASH, Units.USD_MODEL):
        view = view_of(FITTED, units)
        bids, theos, asks = (texts(view, key) for key in ("bid", "theo", "ask"))
        numbers = [
            tuple(float(text.replace(",", "")) for text in row)
            for row in zip(bids, theos, asks, strict=True)
            if DASH not in row
        ]
        assert len(numbers) > 10
        assert sum(bid <= theo <= ask for bid, theo, ask in numbers) >= 0.95 * len(numbers)


def test_without_a_surface_theos_are_dashes_with_a_reason() -> None:
    view = view_of(OPENING.chains[0])
    assert set(texts(view, "theo_iv")) == {DASH}
    words = explain_cell(view, view.call_rows[3], "theo_iv").sentences
    assert words[0].startswith("The desk holds no surface of this chain.")


def test_header_says_model_grade_and_age() -> None:
    later = replace(FITTED, as_of_ns=FITTED.as_of_ns)
    view = chain_view(
        later,
        expiry_ns=later.expiries[3].expiry_ns,
        columns="theo",
        now_ns=later.as_of_ns + 42 * 10**9,
    )
    words = dict(view.header)["surface"]
    assert words == "spline grade A, 42s old"


def test_failed_attempt_is_said_beside_the_last_good_surface() -> None:
    assert FITTED.surface is not None
    failed = replace(FITTED, surface=replace(FITTED.surface, problem="no quotes"))
    assert dict(view_of(failed).header)["surface"].endswith("last attempt failed")
    none = replace(FITTED, surface=replace(FITTED.surface, fit=None, problem="no quotes"))
    assert dict(view_of(none).header)["surface"] == "none: no quotes"


def test_own_vols_are_named_as_the_users() -> None:
    own = VolOverride(expiry_ns=FITTED.expiries[3].expiry_ns, shift=0.05)
    key = (FITTED.venue, FITTED.underlying)
    chain = with_surfaces(OPENING, [(key, SurfaceChoice(overrides=(own,)))]).chains[0]
    view = view_of(chain)
    assert dict(view.header)["surface"].endswith("own vols")
    before, after = texts(view_of(FITTED), "theo_iv"), texts(view, "theo_iv")
    assert float(after[8]) - float(before[8]) == pytest.approx(5.0, abs=0.011)
    assert "by your own vols" in explain_cell(view, view.call_rows[8], "theo").sentences[0]


@pytest.mark.parametrize("key", sorted(THEO_KEYS))
def test_cells_explain_where_a_theo_comes_from(key: str) -> None:
    view = view_of(FITTED)
    found = explain_cell(view, view.call_rows[8], key)
    assert "by the desk's surface (spline grade A" in found.sentences[0]
    assert any(sentence.startswith("Buying from the ask:") for sentence in found.sentences)
