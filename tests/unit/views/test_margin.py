"""Amounts of margin as text: rounded against us, in the decimals of their currency."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.position import Position, RefusedRow
from quantdesk.margin import VenueMargin, statement_for
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.views.margin import (
    amount_text,
    margin_screen,
    margin_view,
    price_text,
    quantity_text,
)
from tests.unit.portfolio.markets import sample_market


@pytest.mark.parametrize(
    ("value", "currency", "is_requirement", "text"),
    [
        ("0.1234561", "BTC", True, "0.123457"),
        ("0.1234561", "BTC", False, "0.123456"),
        ("1234.561", "USDC", True, "1,234.57"),
        ("-0.0000001", "BTC", False, "0.000000"),
        ("-0.5", "USDT", False, "-0.50"),
        (None, "BTC", True, "–"),
    ],
)
def test_amounts(value: str | None, currency: str, is_requirement: bool, text: str) -> None:
    given = None if value is None else Decimal(value)
    assert amount_text(given, currency, is_requirement=is_requirement) == text


def test_quantities_and_prices_have_the_digits_they_have() -> None:
    assert quantity_text(Decimal("-1.50")) == "-1.5"
    assert quantity_text(Decimal("1E+4")) == "+10,000"
    assert price_text(Decimal("60277.380")) == "60,277.38"
    assert price_text(Decimal("0.0000000001")) == "0"
    assert price_text(None) == "–"


def test_view_has_totals_legs_exclusions_and_each_rule_once() -> None:
    marks = LegMarks(sample_market())
    names = ["BTC-25SEP26-70000-C", "BTC-25SEP26-50000-P"]
    instruments = []
    for name in names:
        instrument = marks.instrument("deribit", name)
        assert instrument is not None
        instruments.append(instrument)
    unlisted = replace(instruments[0], name="BTC-25SEP26-70001-C", strike=Decimal(70_001))
    positions = [
        Position(instrument=instrument, quantity=Decimal(-1), account="main")
        for instrument in (*instruments, unlisted)
    ]
    figure = VenueMargin(
        venue="deribit", account="main", currency="BTC", event_ns=1, initial=Decimal("0.3")
    )
    margin = statement_for(positions, sample_market(), venue_figures=[figure])
    refused = RefusedRow(row=7, venue="", instrument_name="", quantity="", reason="why")
    view = margin_view(margin, [refused])
    totals, legs, excluded = view.tables
    assert totals.columns[-1] == "Venue counts"
    assert totals.rows[0][5] == "-0.045200"
    assert [row[0] for row in legs.rows] == names
    assert [row[0] for row in excluded.rows] == ["7", "–"]
    assert len(view.rules) == 1
    assert view.sentence.startswith("INCOMPLETE: 2 left out")
    screen = margin_screen(margin, [refused])
    assert [line.key.split(":")[0] for line in screen.lines] == [
        "total", "leg", "leg", "left-out", "left-out",
    ]  # fmt: skip
    assert "IM 0.300000 (gap -0.045200)" in screen.lines[0].cells[-1].text
    assert [cell.text for cell in screen.lines[1].cells[6:10]] == [
        "0.127700", "0.102700", "BTC", "derived",
    ]  # fmt: skip
    assert screen.lines[3].cells[-1].text == "why"
    for table in view.tables:
        assert all(len(row) == len(table.columns) == len(table.numeric) for row in table.rows)
