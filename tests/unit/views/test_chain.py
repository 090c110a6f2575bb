"""The chain view: which lines, which cells, which symbols."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.events import QuoteUpdate
from quantdesk.domain.instrument import Settlement, TickScheme
from quantdesk.errors import InvalidInput
from quantdesk.market.valuation import IV_RECORDED
from quantdesk.snapshot import ChainSnapshot
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain import ChainView, chain_view
from quantdesk.views.chain_columns import COLUMN_SETS
from quantdesk.views.number_text import DASH
from quantdesk.views.strike_grid import ChainLine, LineKey
from quantdesk.views.units import Units
from tests.tui.desk_samples import (
    DAY_NS,
    DESK_NS,
    SECOND_NS,
    VENUE_NS,
    chain_snapshot,
    option,
    recorded_events,
    synthetic_chain,
)

NEAR = 1_782_633_600 * SECOND_NS
RECORDED = chain_snapshot(*recorded_events())
SMALL = synthetic_chain(expiries=1, strikes=3)


def view_of(snapshot: ChainSnapshot = RECORDED, **changes: Any) -> ChainView:
    wanted: dict[str, Any] = {"expiry_ns": NEAR, "now_ns": VENUE_NS, "columns": "all"} | changes
    return chain_view(snapshot, **wanted)


def line_at(view: ChainView, strike: float) -> ChainLine:
    line = view.line_of(LineKey(view.keys[0].expiry_ns, strike, True))
    assert line is not None
    return view.line(line)


def cell(view: ChainView, strike: float, key: str, *, is_call: bool = True) -> Cell:
    line = line_at(view, strike)
    columns = view.layout.calls if is_call else view.layout.puts
    cells = line.calls if is_call else line.puts
    return cells[[column.key for column in columns].index(key)]


@pytest.mark.parametrize(
    ("key", "is_call", "text", "role"),
    [
        ("bid", True, "0.0060", Role.BID),
        ("ask", True, "0.0070", Role.ASK),
        ("bid_size", True, "20.1", Role.SIZE),
        ("ask_size", False, "2.6", Role.SIZE),
        ("mark", False, "0.0025", Role.MARK),
        ("venue_mark_iv", True, "21.01", Role.VENUE),
        ("venue_delta", True, "0.651", Role.VENUE),
        ("venue_theta", True, "-118.86", Role.VENUE),
        ("open_interest", True, "139.1", Role.SIZE),
        ("volume", False, "94.4", Role.SIZE),
        ("age", True, "32s", Role.AGE),
    ],
)
def test_recorded_quote_is_shown_as_the_venue_gave_it(
    key: str, is_call: bool, text: str, role: Role
) -> None:
    assert cell(view_of(), 60_000, key, is_call=is_call) == Cell(text, role)


def test_own_vols_agree_with_the_venues_at_the_money() -> None:
    view = view_of()
    for strike in (59_500.0, 60_000.0, 60_500.0):
        for is_call in (True, False):
            ours = float(cell(view, strike, "mark_iv", is_call=is_call).text)
            theirs = float(cell(view, strike, "venue_mark_iv", is_call=is_call).text)
            # A mark rounded to 1e-4 coin moves a one-day vol by up to a point.
            assert abs(ours - theirs) < 1.0


def test_money_is_marked_in_words_of_the_strike_column() -> None:
    view = view_of()
    assert view.atm_line is not None
    assert line_at(view, 60_000).strike == ">60,000<"
    assert line_at(view, 59_500).strike == "*59,500 "
    assert line_at(view, 60_500).strike == " 60,500*"
    assert line_at(view, 60_000).is_atm
    assert line_at(view, 59_500).is_call_itm
    assert line_at(view, 60_500).is_put_itm


def test_missing_quotes_are_dashes_and_one_sided_is_flagged() -> None:
    view = view_of()
    assert cell(view, 62_500, "bid") == Cell(DASH, Role.MISSING)
    assert cell(view, 62_500, "bid_size") == Cell(DASH, Role.MISSING)
    assert cell(view, 62_500, "ask").text == "0.0001"
    assert cell(view, 62_500, "flags").text == "1"
    assert cell(view, 60_000, "flags").text == ""


def test_greeks_of_another_vol_carry_a_mark() -> None:
    view = view_of()
    assert cell(view, 62_500, "mark_iv").text == DASH
    assert cell(view, 62_500, "delta").text.startswith("~")
    assert not cell(view, 60_000, "delta").text.startswith("~")


def test_recorded_vols_carry_a_mark() -> None:
    row = view_of().call_rows[view_of().atm_line or 0]
    status = RECORDED.values.mark_iv_status.copy()
    status[row] = IV_RECORDED
    changed = replace(RECORDED, values=replace(RECORDED.values, mark_iv_status=status))
    assert cell(view_of(changed), 60_000, "mark_iv").text == "~21.58"


def test_stale_rows_say_so_in_letters() -> None:
    view = view_of(now_ns=VENUE_NS + 300 * SECOND_NS)
    assert cell(view, 60_000, "flags").text == "S"
    assert cell(view, 60_000, "bid").role is Role.STALE
    assert cell(view, 60_000, "age").text == "5m"
    assert cell(view, 62_500, "flags").text == "S1"


def test_crossed_quotes_say_so_in_letters() -> None:
    instruments, quotes = recorded_events()
    crossed = [
        replace(quote, bid=quote.ask, ask=quote.bid)
        if "60000-C" in quote.instrument_name
        else quote
        for quote in quotes
    ]
    view = view_of(chain_snapshot(instruments, crossed))
    assert cell(view, 60_000, "flags").text == "X"
    assert cell(view, 60_000, "bid").role is Role.CROSSED
    assert cell(view, 60_000, "ask").role is Role.CROSSED


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (Units.COIN, "0.0067"),
        (Units.USD_CASH, "403.73"),
        (Units.USD_MODEL, "403.65"),
        (Units.IV, "21.58"),
    ],
)
def test_units_convert_the_mark(units: Units, text: str) -> None:
    assert cell(view_of(units=units), 60_000, "mark").text == text


def test_cash_is_a_dash_without_an_index() -> None:
    view = view_of(replace(RECORDED, index_price=None), units=Units.USD_CASH)
    assert cell(view, 60_000, "mark").text == DASH


def test_iv_units_need_no_second_iv_column() -> None:
    shown = {column.key for column in view_of(units=Units.IV).layout.calls}
    assert not shown & {"bid_iv", "mark_iv", "ask_iv"}


def test_each_instrument_has_its_own_decimals() -> None:
    coarse = TickScheme(tick=Decimal(5))
    expiry_ns = VENUE_NS + DAY_NS
    instruments = [
        option("A", strike=100.0, is_call=True, expiry_ns=expiry_ns),
        option(
            "B",
            strike=100.0,
            is_call=True,
            expiry_ns=expiry_ns,
            settlement=Settlement.LINEAR,
            ticks=coarse,
        ),
    ]
    quotes = [quote("A", bid="0.0105"), quote("B", bid="1235")]
    view = view_of(chain_snapshot(instruments, quotes), expiry_ns=expiry_ns)
    texts = {key.is_inverse: view.line(n).calls for n, key in enumerate(view.keys)}
    place = [column.key for column in view.layout.calls].index("bid")
    assert texts[True][place].text == "0.0105"
    assert texts[False][place].text == "1,235"


def quote(name: str, *, bid: str | None = None, ask: str | None = None) -> QuoteUpdate:
    return QuoteUpdate(
        venue="deribit",
        instrument_name=name,
        event_ns=VENUE_NS - SECOND_NS,
        recv_ns=DESK_NS,
        bid=None if bid is None else Decimal(bid),
        ask=None if ask is None else Decimal(ask),
        forward=Decimal(100),
    )


def test_a_strike_listed_on_one_side_shows_dashes_on_the_other() -> None:
    expiry_ns = VENUE_NS + DAY_NS
    put = option("P", strike=100.0, is_call=False, expiry_ns=expiry_ns)
    view = view_of(chain_snapshot([put], [quote("P", ask="0.01")]), expiry_ns=expiry_ns)
    assert view.row(0, is_call=True) is None
    assert view.row(0, is_call=False) == 0
    assert {c.text for c in view.line(0).calls} == {DASH, ""}


def test_a_row_never_quoted_is_empty_rather_than_stale() -> None:
    expiry_ns = VENUE_NS + DAY_NS
    call = option("C", strike=100.0, is_call=True, expiry_ns=expiry_ns)
    view = view_of(chain_snapshot([call], []), expiry_ns=expiry_ns)
    assert {c.text for c in view.line(0).calls} == {DASH, ""}
    assert view.atm_line is None
    assert view.line(0).strike == " 100 "


def test_window_keeps_strikes_around_the_money() -> None:
    view = view_of(window=2)
    assert [key.strike for key in view.keys] == [59_000, 59_500, 60_000, 60_500, 61_000]
    assert view.atm_line == 2
    assert len(view_of(window=0)) == 1
    with pytest.raises(InvalidInput, match="window"):
        view_of(window=-1)


def test_mask_keeps_rows() -> None:
    mask = RECORDED.chain.is_call & (RECORDED.chain.strike == 60_000)
    view = view_of(rows=mask, expiry_ns=None)
    assert {key.strike for key in view.keys} == {60_000}
    assert all(view.row(n, is_call=False) is None for n in range(len(view)))
    with pytest.raises(InvalidInput, match="rows"):
        view_of(rows=np.ones(3, dtype=np.bool_))


def test_all_expiries_come_in_order_each_with_its_money() -> None:
    view = view_of(expiry_ns=None)
    assert len(view) == sum(e.rows[1] - e.rows[0] for e in RECORDED.expiries) // 2
    assert list(view.keys) == sorted(view.keys)
    assert len(view.atm_lines) == 3
    assert view.expiry is None


def test_unknown_expiry_gives_an_empty_view() -> None:
    view = view_of(expiry_ns=1)
    assert len(view) == 0
    assert view.nearest_line(LineKey(1, 5.0, True)) is None


def test_unknown_column_set_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(InvalidInput, match="trade, vol, greeks, flow, theo, all"):
        view_of(columns="wide")


def test_nearest_line_survives_a_strike_that_left() -> None:
    view = view_of()
    gone = LineKey(NEAR, 60_100.0, True)
    assert view.line_of(gone) is None
    nearest = view.nearest_line(gone)
    assert nearest is not None
    assert view.keys[nearest].strike == 60_000


def test_unchanged_lines_are_equal_and_changed_ones_differ() -> None:
    instruments, quotes = recorded_events()
    moved = [
        replace(quote, bid=Decimal("0.0055"))
        if "28JUN26-60000-C" in quote.instrument_name
        else quote
        for quote in quotes
    ]
    before, after = view_of(), view_of(chain_snapshot(instruments, moved))
    changed = [n for n in range(len(before)) if before.line(n) != after.line(n)]
    assert [before.keys[n].strike for n in changed] == [60_000]


@pytest.mark.parametrize("columns", [*COLUMN_SETS, "all"])
@pytest.mark.parametrize("units", list(Units))
@pytest.mark.parametrize("width", [None, 20, 59, 79, 119, 199, 400])
def test_columns_fit_and_the_strike_is_central(
    columns: str, units: Units, width: int | None
) -> None:
    layout = view_of(columns=columns, units=units, width=width).layout
    assert {c.key for c in layout.calls} == {c.key for c in layout.puts}
    if columns != "all" or width is None:
        assert layout.used_width <= layout.side_width
    if width is not None and width >= 59 and columns != "all":
        assert {"bid", "bid_iv", "delta"} & {c.key for c in layout.calls}
    assert abs((layout.width - layout.strike_width) - 2 * layout.side_width) <= 1


def test_bids_are_left_of_asks_on_both_sides() -> None:
    for columns in COLUMN_SETS:
        for side in (view_of(columns=columns).layout.calls, view_of(columns=columns).layout.puts):
            keys = [column.key for column in side]
            if "bid" in keys:
                assert keys.index("bid") < keys.index("ask")


def test_price_columns_are_as_wide_as_the_longest_price() -> None:
    chain = replace(SMALL.chain, ask=SMALL.chain.ask + 12.0)
    wide = chain_view(replace(SMALL, chain=chain), expiry_ns=None, now_ns=VENUE_NS)
    assert wide.layout.widths["ask"] == len("12.0411")
    place = [column.key for column in wide.layout.calls].index("ask")
    assert [wide.line(n).calls[place].text[:3] for n in range(3)] == ["12.", "12.", "12."]
    dollars = view_of(units=Units.USD_CASH).layout.widths
    assert dollars["ask"] == len("10,032.03")


ANY = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ANY, min_size=6, max_size=6),
    st.sampled_from([*COLUMN_SETS, "all"]),
    st.sampled_from(list(Units)),
    st.one_of(st.none(), st.integers(1, 250)),
    st.integers(-(2**62), 2**62),
)
def test_any_numbers_give_bounded_cells_without_nan(
    numbers: list[float], columns: str, units: Units, width: int | None, now_ns: int
) -> None:
    column = np.array(numbers)
    names = ("bid", "ask", "bid_size", "mark", "last", "venue_delta", "venue_theta", "volume")
    computed = ("mark_iv", "bid_iv", "delta", "gamma", "vega", "theta", "forward")
    quoted: dict[str, Any] = {name: column.copy() for name in names}
    valued: dict[str, Any] = {name: column.copy() for name in computed}
    snapshot = replace(
        SMALL,
        index_price=numbers[0],
        chain=replace(SMALL.chain, **quoted),
        values=replace(SMALL.values, **valued),
    )
    view = chain_view(
        snapshot, expiry_ns=None, columns=columns, units=units, width=width, now_ns=now_ns
    )
    for number in range(len(view)):
        line = view.line(number)
        for side, cells in ((view.layout.calls, line.calls), (view.layout.puts, line.puts)):
            for place, shown in zip(side, cells, strict=True):
                assert len(shown.text) <= view.layout.widths[place.key]
                assert "nan" not in shown.text
                assert "inf" not in shown.text
    for field in view.header:
        assert "nan" not in field.text
        assert "inf" not in field.text
