"""Portfolio margin of positions on a real market: accounts, modes, balances, orders, gaps."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

import quantdesk as qd
from quantdesk.domain.account import AccountSnapshot, BalanceReport, OrderReport
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.margin.deribit_portfolio import MarginMode
from quantdesk.margin.margin_change import portfolio_changes
from quantdesk.margin.portfolio_grid import extended_rows, grid_rows
from quantdesk.margin.portfolio_statement import AccountPortfolio, portfolio_statement
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.runtime.books import OpenBook, venue_margins

SHORT_CALL = "BTC-26MAR27-82000-C"
LONG_CALL = "BTC-26MAR27-86000-C"
SHORT_PUT = "BTC-26MAR27-35000-P"


@pytest.fixture(scope="module")
def market() -> MarketData:
    return qd.sample("deribit-2026-06-27").market()


def held(market: MarketData, name: str, quantity: int | str, account: str = "") -> Position:
    instrument = LegMarks(market).instrument("deribit", name)
    assert instrument is not None, name
    return Position(instrument=instrument, quantity=Decimal(quantity), account=account)


def only(market: MarketData, *positions: Position, **options: object) -> AccountPortfolio:
    statement = portfolio_statement(positions, market, **options)  # type: ignore[arg-type]
    (account,) = statement.accounts
    return account


def test_the_grid_is_the_cells_and_marks_the_binding_one(market: MarketData) -> None:
    one = only(market, held(market, SHORT_CALL, -1), held(market, SHORT_PUT, -2))
    rows = grid_rows(one.margin)
    assert [row.label for row in rows[::4]] == ["-16.00%", "+0.00%", "+16.00%"]
    cells = [cell for row in rows for cell in row.cells]
    assert len(cells) == 27
    assert min(cells) == pytest.approx(-one.margin.worst, rel=1e-12)
    marked = [(row.label, row.binding) for row in rows if row.binding is not None]
    assert marked == [("-16.00%", 2)]
    assert extended_rows(one.margin)[0].move == -0.66
    assert not any(row.is_binding for row in extended_rows(one.margin))
    # The middle cell is the market as it is: nothing is won or lost.
    assert rows[4].cells[1] == pytest.approx(0.0, abs=1e-15)


def test_positions_of_two_accounts_do_not_meet(market: MarketData) -> None:
    long, short = held(market, SHORT_CALL, 1, "a"), held(market, SHORT_CALL, -1, "b")
    statement = portfolio_statement([long, short], market)
    assert [(one.account, one.margin.initial > 0) for one in statement.accounts] == [
        ("a", True),
        ("b", True),
    ]
    together = portfolio_statement([long, dataclasses.replace(short, account="a")], market)
    assert together.accounts == ()


def test_cash_goes_with_one_account(market: MarketData) -> None:
    positions = [held(market, SHORT_CALL, -1, "a"), held(market, SHORT_CALL, -1, "b")]
    with pytest.raises(InvalidInput, match="deribit a, deribit b"):
        portfolio_statement(positions, market, cash={"BTC": Decimal(1)})
    with pytest.raises(InvalidInput, match="must be a number"):
        portfolio_statement(positions[:1], market, cash={"BTC": Decimal("NaN")})


def test_the_balance_is_cash_and_options_at_their_marks(market: MarketData) -> None:
    short = held(market, SHORT_CALL, -3)
    mark = LegMarks(market).mark(short.instrument).mark
    one = only(market, short, cash={"BTC": Decimal("0.9")})
    assert one.balance is not None
    assert one.balance.amount == pytest.approx(float(Decimal("0.9") - 3 * mark), rel=1e-12)
    assert one.liquidation is not None
    assert one.liquidation.vol_up is not None
    assert one.liquidation.vol_down is None
    poorer = only(market, short, cash={"BTC": Decimal("0.6")}).liquidation
    assert poorer is not None
    assert poorer.vol_up is not None
    assert poorer.vol_up < one.liquidation.vol_up


def test_cash_that_nothing_settles_in_is_said_to_be_apart(market: MarketData) -> None:
    statement = portfolio_statement(
        [held(market, SHORT_CALL, -1)], market, cash={"USDC": Decimal(5)}
    )
    assert statement.accounts[0].balance is None
    assert "cash in USDC" in statement.notes[0]


def test_cross_mode_is_in_dollars_and_counts_all_cash(market: MarketData) -> None:
    short = held(market, SHORT_CALL, -1)
    own = only(market, short, cash={"BTC": Decimal(1)})
    cross = only(
        market,
        short,
        mode=MarginMode.CROSS,
        cash={"BTC": Decimal(1), "USDC": Decimal(5000)},
    )
    index = own.margin.pairs[0].book.index
    assert cross.margin.currency == "USD"
    assert cross.margin.initial == pytest.approx(own.margin.initial * index, rel=1e-12)
    assert own.balance is not None
    assert cross.balance is not None
    assert cross.balance.amount == pytest.approx(own.balance.amount * index + 5000, rel=1e-12)
    assert cross.balance.in_coins == pytest.approx(own.balance.amount * index, rel=1e-12)
    with pytest.raises(InvalidInput, match="SOL"):
        only(market, short, mode=MarginMode.CROSS, cash={"SOL": Decimal(1)})


def test_parts_and_what_they_do_not_carry_are_the_margin(market: MarketData) -> None:
    one = only(market, held(market, SHORT_CALL, -5), held(market, LONG_CALL, 5))
    total = sum(part.euler for part in one.parts) + one.unattributed
    assert total == pytest.approx(one.margin.risk_matrix_margin, rel=1e-12)
    alone = only(market, held(market, SHORT_CALL, -5)).margin.risk_matrix_margin
    long_part = one.parts[1]
    assert long_part.leave_one_out == pytest.approx(one.margin.risk_matrix_margin - alone, rel=1e-9)
    assert long_part.leave_one_out < 0


def test_a_ticket_changes_margin_by_the_difference(market: MarketData) -> None:
    positions = [held(market, SHORT_CALL, -1)]
    before = portfolio_statement(positions, market)
    after = portfolio_statement([*positions, held(market, LONG_CALL, 1)], market)
    (change,) = portfolio_changes(before, after)
    assert change.initial_change == pytest.approx(
        after.accounts[0].margin.initial - before.accounts[0].margin.initial
    )
    assert change.initial_change < 0
    assert change.maintenance_change == pytest.approx(0.8 * change.initial_change)
    (opened,) = portfolio_changes(portfolio_statement([], market), before)
    assert (opened.initial_before, opened.binding_before) == (0.0, "none")


def test_what_has_no_index_is_left_out_by_name(market: MarketData) -> None:
    (chain,) = market.markets
    blind = MarketData(
        markets=(dataclasses.replace(chain, index_price=None),), source=market.source
    )
    statement = portfolio_statement([held(market, SHORT_CALL, -1)], blind)
    assert statement.accounts == ()
    assert statement.excluded[0].instrument_name == SHORT_CALL
    assert "index_price" in statement.excluded[0].reason


def test_binance_is_said_to_have_none(market: MarketData) -> None:
    short = held(market, SHORT_CALL, -1)
    stranger = dataclasses.replace(
        short, instrument=dataclasses.replace(short.instrument, venue="binance")
    )
    statement = portfolio_statement([stranger], market)
    assert "no portfolio margin that is established" in statement.excluded[0].reason
    assert not statement.is_complete


def balance(model: str, currency: str = "BTC", **figures: str) -> BalanceReport:
    return BalanceReport(
        venue="deribit",
        currency=currency,
        event_ns=1,
        recv_ns=1,
        margin_model=model,
        is_margin_shared=model.startswith("cross"),
        **{name: Decimal(value) for name, value in figures.items()},
    )


def account(*balances: BalanceReport, orders: tuple[OrderReport, ...] = ()) -> AccountSnapshot:
    return AccountSnapshot(
        venue="deribit",
        account="desk",
        environment="testnet",
        is_whole=True,
        is_live=True,
        event_ns=1,
        recv_ns=1,
        balances=balances,
        positions=(),
        open_orders=orders,
        trades=(),
    )


def opened(market: MarketData, snapshot: AccountSnapshot, *positions: Position) -> OpenBook:
    return OpenBook(
        name="deribit desk",
        positions=positions,
        refused=(),
        notes=(),
        market=market,
        figures=venue_margins(snapshot),
        accounts=(snapshot,),
    )


def test_the_venues_own_figure_and_the_gap_stand_beside_ours(market: MarketData) -> None:
    snapshot = account(
        balance("segregated_pm", initial_margin="0.1", maintenance_margin="0.08", equity="2")
    )
    book = opened(market, snapshot, held(market, SHORT_CALL, -1, "desk"))
    (one,) = book.portfolio_margin().accounts
    assert one.gap is not None
    assert one.gap.reason == ""
    assert one.gap.initial_gap == pytest.approx(one.margin.initial - 0.1)
    assert one.gap.maintenance_gap == pytest.approx(one.margin.maintenance - 0.08)
    assert one.balance is not None
    assert (one.balance.amount, one.balance.source) == (2.0, "equity reported by the venue")
    # The standard model is not what this account is margined by.
    (standard,) = book.margin().accounts
    assert standard.gaps[0].initial_gap is None


def test_a_standard_account_has_no_gap_to_portfolio_margin(market: MarketData) -> None:
    snapshot = account(balance("segregated_sm", initial_margin="0.1", maintenance_margin="0.08"))
    book = opened(market, snapshot, held(market, SHORT_CALL, -1, "desk"))
    (one,) = book.portfolio_margin().accounts
    assert one.gap is not None
    assert (one.gap.initial, one.gap.initial_gap) == (0.1, None)
    assert "segregated_sm" in one.gap.reason
    assert book.margin().accounts[0].gaps[0].initial_gap is not None


def test_a_cross_account_is_margined_in_cross_mode_by_itself(market: MarketData) -> None:
    snapshot = account(
        balance("cross_pm", initial_margin="0.1", maintenance_margin="0.08", equity="1"),
        balance("cross_pm", "USDC", equity="500"),
    )
    book = opened(market, snapshot, held(market, SHORT_CALL, -1, "desk"))
    statement = book.portfolio_margin()
    assert statement.mode is MarginMode.CROSS
    (one,) = statement.accounts
    index = one.margin.pairs[0].book.index
    assert one.gap is not None
    assert one.gap.initial == pytest.approx(0.1 * index)
    assert one.gap.initial_gap == pytest.approx(one.margin.initial - 0.1 * index)
    assert one.balance is not None
    assert one.balance.amount == pytest.approx(index + 500)
    assert book.portfolio_margin(mode=MarginMode.SEGREGATED).mode is MarginMode.SEGREGATED


def test_equity_without_a_price_is_named_and_the_rest_counts(market: MarketData) -> None:
    snapshot = account(balance("cross_pm", equity="1"), balance("cross_pm", "SOL", equity="7"))
    book = opened(market, snapshot, held(market, SHORT_CALL, -1, "desk"))
    (one,) = book.portfolio_margin().accounts
    assert one.balance is not None
    assert "without 7 SOL" in one.balance.source
    assert one.balance.amount == pytest.approx(one.margin.pairs[0].book.index)


def order(name: str, side: Side, amount: str, *, reduce_only: bool = False) -> OrderReport:
    return OrderReport(
        venue="deribit",
        instrument_name=name,
        event_ns=1,
        recv_ns=1,
        order_id=f"{side.value} {name}",
        client_order_id=None,
        side=side,
        price=Decimal("0.05"),
        amount=Decimal(amount),
        filled=Decimal(0),
        status=OrderStatus.OPEN,
        venue_status="open",
        is_reduce_only=reduce_only,
    )


def test_resting_orders_add_where_they_hurt(market: MarketData) -> None:
    selling = account(orders=(order(SHORT_CALL, Side.SELL, "1"),))
    (one,) = (
        opened(market, selling, held(market, SHORT_CALL, -1, "desk")).portfolio_margin().accounts
    )
    filled = only(market, held(market, SHORT_CALL, -2)).margin
    # All of the order hurts in the cell that binds: it asks for what its fill would.
    assert one.margin.open_orders == pytest.approx(
        filled.risk_matrix_margin - one.margin.risk_matrix_margin, rel=1e-9
    )
    assert one.margin.initial == pytest.approx(filled.initial, rel=1e-9)
    assert one.margin.maintenance < filled.maintenance
    closing = account(orders=(order(SHORT_CALL, Side.BUY, "1"),))
    (other,) = (
        opened(market, closing, held(market, SHORT_CALL, -1, "desk")).portfolio_margin().accounts
    )
    # A hedge that rests frees nothing, and where it loses the held leg gains as much.
    assert other.margin.open_orders == pytest.approx(0.0, abs=1e-9)


def test_orders_alone_are_margined_in_the_coin_they_settle_in(market: MarketData) -> None:
    snapshot = account(orders=(order(SHORT_CALL, Side.SELL, "1"),))
    (one,) = opened(market, snapshot).portfolio_margin().accounts
    filled = only(market, held(market, SHORT_CALL, -1)).margin
    assert one.margin.risk_matrix_margin == 0
    assert one.margin.open_orders == pytest.approx(filled.risk_matrix_margin, rel=1e-9)
    assert "unproved" in one.margin.status
    flat = account(orders=(order(SHORT_CALL, Side.SELL, "1", reduce_only=True),))
    assert opened(market, flat).portfolio_margin().accounts == ()


def test_an_order_on_what_nobody_lists_is_left_out_by_name(market: MarketData) -> None:
    snapshot = account(orders=(order("BTC-26MAR27-1-C", Side.SELL, "1"),))
    statement = opened(market, snapshot).portfolio_margin()
    assert statement.excluded[0].instrument_name == "BTC-26MAR27-1-C"


def test_a_statement_prints_its_label_and_totals(market: MarketData) -> None:
    text = str(qd.portfolio_margin([held(market, SHORT_CALL, -1)], market))
    assert "unproved" in text.splitlines()[0]
    assert text.splitlines()[1].startswith("deribit BTC: initial 0.11")
    with pytest.raises(InvalidInput, match="segregated, cross"):
        qd.portfolio_margin([], market, mode="both")
    with pytest.raises(InvalidInput, match="cash"):
        qd.portfolio_margin([], market, cash={"BTC": "much"})
