"""Portfolio margin on its screen: what has none says why where it can be read."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.margin.book_margin import ExcludedPosition
from quantdesk.margin.deribit_portfolio import MarginMode
from quantdesk.margin.portfolio_statement import PortfolioStatement
from quantdesk.views.portfolio_panel import explain_portfolio, portfolio_screen, portfolio_title
from quantdesk.views.table import Align

REASON = "has no portfolio margin that is established for options; its standard margin stands alone"
LEFT_OUT = ExcludedPosition(
    venue="binance",
    account="",
    instrument_name="BTC-260925-60000-C",
    quantity=Decimal("-1.5"),
    reason=REASON,
)
STATEMENT = PortfolioStatement(
    as_of_ns=0,
    source="made",
    mode=MarginMode.SEGREGATED,
    accounts=(),
    parameters=(),
    excluded=(LEFT_OUT,),
)


def test_a_left_out_leg_says_why_beside_the_numbers_and_in_the_panel() -> None:
    view = portfolio_screen(STATEMENT)
    (line,) = view.lines
    note = view.column_of("note")
    assert note is not None
    assert line.cells[0].text == "left out: BTC-260925-60000-C"
    assert line.cells[note].text == REASON
    # A name is cut where it is too long; a number would become "####".
    assert view.columns[note].align is Align.LEFT
    assert not any(cell.text for cell in line.cells[1:note])
    told = explain_portfolio(STATEMENT, line.key)
    assert told.title == "BTC-260925-60000-C: left out, in no total"
    assert told.sentences == (REASON,)


def test_a_line_that_is_gone_is_not_explained_by_another() -> None:
    for key in (None, "out:1", "grid:deribit BTC:+0.00%"):
        assert explain_portfolio(STATEMENT, key).sentences == ()


def test_a_verified_margin_has_a_title_without_warning() -> None:
    assert portfolio_title(STATEMENT) == "Deribit portfolio margin, segregated"
