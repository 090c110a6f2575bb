"""A P&L explain shown: legs of one name, tags like instants, coins without a price or a leg."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quantdesk.domain.instrument import Side
from quantdesk.risk.pnl_explain_changes import changes_of
from quantdesk.views.pnl_explain import explain_tables
from quantdesk.views.pnl_screen import (
    PnlChoice,
    RollUp,
    explain_roll_up,
    pnl_fields,
    residual_words,
    roll_up_view,
    waterfall_lines,
    waterfall_title,
    waterfall_view,
)
from tests.unit.risk.books import named, position
from tests.unit.risk.test_pnl_explain import CALL, CLOSES, MARKET, explained, fill

INSTRUMENT = named(MARKET, CALL)


def test_each_of_two_legs_of_one_name_says_its_own_quantities() -> None:
    held = [position(INSTRUMENT, -10, "income"), position(INSTRUMENT, 4, "hedge")]
    found = explained(held, CLOSES["calm"])
    lines = waterfall_lines(found, PnlChoice(roll_up=RollUp.LEG))
    legs = [key for key in lines if key.startswith("leg:")]
    said = [" ".join(explain_roll_up(found, lines, key, ()).sentences) for key in legs]
    assert ["Held -10 at the opening" in one for one in said] == [True, False]
    assert ["Held +4 at the opening" in one for one in said] == [False, True]
    total = explain_roll_up(found, lines, "total:BTC", ())
    assert not any("Held" in one for one in total.sentences)


def test_a_tag_that_begins_like_an_instant_is_a_tag() -> None:
    tag = "2026-07-01Tuesday roll"
    found = explained([position(INSTRUMENT, -10, tag)], CLOSES["calm"])
    choice = PnlChoice(roll_up=RollUp.STRATEGY)
    lines = waterfall_lines(found, choice)
    assert tag in [line.cells[0].text for line in roll_up_view(found, lines, choice).lines]
    shown = lines[f"strategy:BTC:{tag}"]
    assert tag in waterfall_title(shown, choice.roll_up)
    assert len(waterfall_view(shown).lines) > 1


def test_a_currency_without_a_price_is_said_in_the_books_dollars() -> None:
    trade = replace(fill(INSTRUMENT, Side.BUY, "4", "0.0431", fee="0.05"), fee_currency="BNB")
    found = explained(changes_of([position(INSTRUMENT, -10)], fills=[trade]), CLOSES["calm"])
    choice = PnlChoice(in_usd=True)
    lines = waterfall_lines(found, choice)
    assert residual_words(lines["book"]) == "a currency has no price"
    assert "within" in residual_words(lines["total:BNB"])
    texts = [cell.text for line in roll_up_view(found, lines, choice).lines for cell in line.cells]
    assert not any("nan" in text for text in texts)


def test_dollars_with_translation_are_not_said_to_equal_the_coin() -> None:
    found = explained([position(INSTRUMENT, -10)], CLOSES["calm"])
    (total,) = found.totals
    assert total.translation_usd
    fields = pnl_fields(found, PnlChoice(), since=(), problems=(), cost_ns=0)
    (said,) = (field.text for field in fields if field.label == "BTC")
    assert f", {total.actual_usd:,.2f} USD with translation, residual" in said
    assert "=" not in said


def test_opening_cash_of_a_coin_without_legs_is_in_the_tables() -> None:
    found = explained((), CLOSES["calm"], opening_cash={"BTC": Decimal(2)})
    (table,) = (one for one in explain_tables(found) if one.title == "P&L explain in USD")
    assert [row[0] for row in table.rows] == ["BTC"]
    assert table.rows[0][-1] == "480.00"
