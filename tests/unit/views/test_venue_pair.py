"""Two venues side by side: what is marked, what is netted, what only one lists."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.domain.instrument import Settlement
from quantdesk.errors import InvalidInput
from quantdesk.snapshot import ChainSnapshot, select_pair
from quantdesk.views.cells import Role
from quantdesk.views.provenance import sentences_text
from quantdesk.views.units import Units
from quantdesk.views.venue_fees import taker_fees
from quantdesk.views.venue_pair import (
    VenueLetters,
    VenuePairView,
    pair_tabs,
    signed_points,
    venue_comparison,
    venue_pair_view,
)
from quantdesk.views.venue_pair_words import explain_pair_cell, explain_pair_strike
from tests.tui.desk_samples import synthetic_chain


def dollar_venue(snapshot: ChainSnapshot, *, dearer: float = 0.0) -> ChainSnapshot:
    """The same options at a venue that quotes dollars, each price `dearer` USD higher."""
    chain = snapshot.chain
    forward = snapshot.values.forward
    instruments = tuple(
        replace(
            each,
            venue="binance",
            settlement=Settlement.LINEAR,
            quote_currency="USDT",
            settlement_currency="USDT",
            taker_fee=Decimal("0.0003"),
        )
        for each in chain.instruments
    )
    dollars = {name: getattr(chain, name) * forward + dearer for name in ("bid", "ask", "mark")}
    linear = replace(
        chain,
        venue="binance",
        instruments=instruments,
        is_inverse=np.zeros(len(chain), dtype=np.bool_),
        **dollars,
    )
    return replace(snapshot, venue="binance", chain=linear)


def pair(*, dearer: float = 0.0, strikes: int = 20) -> tuple[ChainSnapshot, ChainSnapshot]:
    left = synthetic_chain(underlying="BTC", forward=60_000.0, step=1_000.0, strikes=strikes)
    return left, dollar_venue(left, dearer=dearer)


def view_of(
    left: ChainSnapshot,
    right: ChainSnapshot,
    *,
    units: Units = Units.COIN,
    width: int | None = 120,
) -> VenuePairView:
    return venue_pair_view(
        left,
        right,
        expiry_ns=left.expiries[0].expiry_ns,
        units=units,
        now_ns=(left.as_of_ns, right.as_of_ns),
        width=width,
    )


def texts(view: VenuePairView, number: int) -> dict[str, str]:
    cells = view.line(number).calls
    return {c.key: cell.text for c, cell in zip(view.layout.calls, cells, strict=True)}


def test_coin_and_dollar_price_of_one_value_tie_for_the_best() -> None:
    view = view_of(*pair())
    assert view.atm_line is not None
    shown = texts(view, view.atm_line)
    assert shown["left_bid"] == shown["right_bid"]
    assert shown["left_bid"].endswith("*")
    assert shown["mark_gap"] == " 0.00"


def test_better_price_is_starred_and_the_other_is_not() -> None:
    view = view_of(*pair(dearer=50.0))
    assert view.atm_line is not None
    shown = texts(view, view.atm_line)
    assert shown["right_bid"].endswith("*")
    assert not shown["left_bid"].endswith("*")
    assert shown["left_ask"].endswith("*")
    assert not shown["right_ask"].endswith("*")


def test_net_takes_both_fees_off() -> None:
    left, right = pair(dearer=500.0)
    seen = venue_comparison(left, right, expiry_ns=left.expiries[0].expiry_ns)
    at = int(np.argmin(np.abs(seen.strike - 60_000.0)))
    row = int(seen.left_row[at])
    chain, forward = left.chain, 60_000.0
    bid_usd, ask_usd = chain.bid[row] * forward + 500.0, chain.ask[row] * forward
    # 0.03 % of the underlying on both sides here; no cap is reached at the money.
    fees = 0.0003 * forward + 0.0003 * 60_000.0
    assert seen.edge_usd[at] == pytest.approx(bid_usd - ask_usd - fees, rel=1e-9)
    assert seen.edge[at] > 0


def test_fee_cap_holds_for_cheap_options() -> None:
    for snapshot, cap, price in zip(pair(), (0.125, 0.10), (0.001, 60.0), strict=True):
        bid = np.full(len(snapshot.chain), np.nan)
        bid[0] = price
        fees = taker_fees(replace(snapshot.chain, bid=bid), snapshot.index_price, snapshot.as_of_ns)
        assert fees.bid[0] == pytest.approx(cap * price)
        assert np.isnan(fees.bid[1:]).all()


def test_fee_that_nobody_knows_makes_no_net() -> None:
    left, right = pair(dearer=500.0)
    blind = replace(right, index_price=None)
    seen = venue_comparison(left, blind)
    assert np.isnan(seen.edge_usd).all()
    view = view_of(left, blind)
    assert view.atm_line is not None
    assert texts(view, view.atm_line)["edge"] == "–"


def test_positive_net_has_a_role_and_a_sign() -> None:
    view = view_of(*pair(dearer=500.0))
    assert view.atm_line is not None
    columns = [column.key for column in view.layout.calls]
    cell = view.line(view.atm_line).calls[columns.index("edge")]
    assert cell.role is Role.GAIN
    assert cell.text.startswith("+")
    assert texts(view, view.atm_line)["edge_way"] == "D>B"


def test_strike_of_one_venue_only_says_whose_it_is() -> None:
    left, right = pair()
    fewer = right.take(right.chain.strike != 60_000.0)
    view = view_of(left, fewer)
    line = next(n for n, key in enumerate(view.keys) if key.strike == 60_000.0)
    shown = texts(view, line)
    assert shown["flags"] == "D"
    assert (shown["right_bid"], shown["edge"]) == ("–", "–")
    words = sentences_text(explain_pair_strike(view, view.keys[line]))
    assert "Call: listed by deribit only." in words


def test_expiry_of_one_venue_only_is_shown_and_marked() -> None:
    left, right = pair()
    first = left.expiries[0].expiry_ns
    later = right.take(right.chain.expiry_ns != first)
    tabs = pair_tabs(left, later, left.as_of_ns)
    assert [tab.label[-1] for tab in tabs] == ["D", "6", "6"]
    view = view_of(left, later)
    assert len(view) == 20
    assert {texts(view, n)["flags"] for n in range(20)} == {"D"}


def test_iv_units_show_vols() -> None:
    view = view_of(*pair(), units=Units.IV)
    assert view.atm_line is not None
    line = view.atm_line
    row = int(view.comparison.left_row[view.calls[line]])
    expected = f"{100 * view.comparison.left.bid_iv[row]:.2f}*"
    assert texts(view, line)["left_bid"] == expected
    assert view.unit_of(view.layout.calls[-2]) == "%"


@pytest.mark.parametrize("width", [80, 120, 200])
def test_prices_of_both_venues_fit_every_screen(width: int) -> None:
    view = view_of(*pair(), width=width)
    keys = {column.key for column in view.layout.calls}
    assert {"left_bid", "left_ask", "right_bid", "right_ask", "flags"} <= keys
    assert 2 * view.layout.used_width + view.layout.strike_width <= width


def test_venues_with_one_first_letter_are_numbered() -> None:
    assert VenueLetters.of("deribit", "delta") == VenueLetters(left="1", right="2")
    assert VenueLetters.of("deribit", "binance") == VenueLetters(left="D", right="B")


def test_window_keeps_an_option_whole_and_an_expiry_of_one_venue() -> None:
    left, right = pair()
    first = left.expiries[0].expiry_ns
    later = right.take(right.chain.expiry_ns != first)
    rows = select_pair(left, later, "nearest", None)
    assert rows[0].sum() == 40
    assert rows[1].sum() == 0
    seen = venue_comparison(left, later, rows=rows)
    assert set(seen.expiry_ns.tolist()) == {first}


def test_other_coin_is_refused() -> None:
    left, right = pair()
    with pytest.raises(InvalidInput, match="must be BTC as well"):
        venue_comparison(left, replace(right, underlying="ETH"))


def test_sources_name_conversion_fee_and_verdict() -> None:
    view = view_of(*pair(dearer=500.0))
    assert view.atm_line is not None
    entry = view.entry(view.atm_line, True)
    coin = sentences_text(explain_pair_cell(view, entry, "left_bid"))
    assert "the forward of this quote" in coin
    dollars = sentences_text(explain_pair_cell(view, entry, "right_ask"))
    assert "÷ 1.000000, the discount of its expiry" in dollars
    assert "taker fee (" in dollars
    net = sentences_text(explain_pair_cell(view, entry, "edge"))
    assert "Buying at deribit's ask and selling at binance's bid" in net
    assert "More than both fees." in net
    assert "Neither venue lists" in sentences_text(explain_pair_cell(view, None, "edge"))


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.0042, "+0.42"), (-0.0042, "-0.42"), (0.00001, " 0.00")]
)
def test_points_carry_their_sign_unless_they_are_nothing(fraction: float, text: str) -> None:
    assert signed_points(fraction) == text
