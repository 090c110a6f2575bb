"""What a book earned since the opening: files, accounts with trades, and what can not be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.account import TradeReport
from quantdesk.domain.instrument import Side
from quantdesk.risk.pnl_explain_steps import LINE, STEP
from quantdesk.risk.pnl_explain_totals import LegExplain
from quantdesk.risk.scenario import SmileRule
from quantdesk.runtime.pnl_day import DayExplain, explain_day
from quantdesk.runtime.pnl_openings import DayOpenings, Openings
from quantdesk.runtime.screen_books import AccountBook, FileBook, ScreenBook
from quantdesk.snapshot import DeskSnapshot
from tests.tui.book_samples import ROWS, TWO_COINS, account_desk, book_of, file_of
from tests.tui.desk_samples import DESK_NS, SECOND_NS, VENUE_NS, StillClock
from tests.tui.pnl_samples import later

CALL, PUT = "BTC-31JUL26-65000-C", "BTC-31JUL26-52000-P"


def three_hours_on(snapshot: DeskSnapshot) -> DeskSnapshot:
    """A calm morning."""
    return later(snapshot, hours=3, spot=1.01, vol=0.004)


def opened(snapshot: DeskSnapshot, files: dict[str, FileBook] | None = None) -> Openings:
    """The openings taken of `snapshot`: markets first, then what was held."""
    rows = {path: book.file.rows for path, book in (files or {}).items()}
    openings = DayOpenings(files=rows)
    while (job := openings.due(snapshot)) is not None:
        job()
    return openings.current


def explain(book: ScreenBook, openings: Openings, now: DeskSnapshot) -> DayExplain:
    rule = SmileRule.STICKY_STRIKE
    return explain_day(book, book.open(now), now, openings, rule=rule, clock=StillClock())


def legs(day: DayExplain) -> dict[str, LegExplain]:
    assert day.explained is not None, day.waits
    return {leg.key.instrument_name: leg for leg in day.explained.legs}


def test_a_file_counts_as_held_since_the_opening() -> None:
    openings, now = opened(TWO_COINS), three_hours_on(TWO_COINS)
    day = explain(book_of(BTC=2, DOGE=3), openings, now)
    assert day.since == ("since 2026-06-27T09:25:30Z, desk start",)
    found = legs(day)
    assert set(found) == {row[1] for row in ROWS}
    first, last = TWO_COINS.chains[0].chain, now.chains[0].chain
    row = [one.name for one in first.instruments].index(CALL)
    moved = float(last.mark[row] - first.mark[row])
    assert found[CALL].actual == pytest.approx(-5 * moved, abs=1e-15)
    assert found[CALL].actual == pytest.approx(math.fsum(found[CALL].steps.tolist()), abs=1e-12)
    assert day.explained is not None
    index = TWO_COINS.chains[0].index_price
    assert index is not None
    assert day.explained.cash_translation_usd == {"BTC": pytest.approx(2 * index * 0.01)}


def test_before_the_opening_and_at_it_there_is_nothing_to_explain() -> None:
    book = book_of()
    assert "first complete market" in explain(book, Openings(), TWO_COINS).waits
    assert "prices after the opening" in explain(book, opened(TWO_COINS), TWO_COINS).waits


def test_a_row_that_the_file_said_otherwise_at_the_opening_is_left_out_by_name() -> None:
    old = book_of()
    rows = tuple((*row[:2], "7", *row[3:]) if row[1] == CALL else row for row in ROWS)
    new = replace(old, file=file_of(rows))
    openings = opened(TWO_COINS, {"mine.csv": old})
    day = explain(new, openings, three_hours_on(TWO_COINS))
    assert day.explained is not None
    (left,) = day.explained.excluded
    assert left.change.key.instrument_name == CALL
    assert "said -5 at the opening and says 7" in left.reason
    assert CALL not in legs(day)


def test_a_leg_that_expired_since_is_left_out_with_its_expiry() -> None:
    day = explain(book_of(), opened(TWO_COINS), later(TWO_COINS, hours=23))
    assert day.explained is not None
    names = {one.change.key.instrument_name: one.reason for one in day.explained.excluded}
    assert list(names) == ["BTC-28JUN26-60000-P"]
    assert "expiry" in names["BTC-28JUN26-60000-P"]


def trade(
    name: str, side: Side, amount: str, price: str, *, fee: str | None = "0.0004", after_s: int = 60
) -> TradeReport:
    return TradeReport(
        venue="deribit",
        instrument_name=name,
        event_ns=VENUE_NS + after_s * SECOND_NS,
        recv_ns=DESK_NS,
        trade_id=f"{name}-{after_s}",
        order_id="o",
        client_order_id=None,
        side=side,
        price=Decimal(price),
        amount=Decimal(amount),
        fee=None if fee is None else Decimal(fee),
        fee_currency="BTC",
    )


def account_later(trades: Sequence[TradeReport], quantities: dict[str, str]) -> DeskSnapshot:
    """The account's desk three hours on, holding `quantities` after `trades`."""
    now = three_hours_on(account_desk())
    account = now.accounts[0]
    kept = {one.instrument_name: one for one in account.positions}
    positions = tuple(
        replace(kept.get(name, account.positions[0]), instrument_name=name, quantity=Decimal(q))
        for name, q in quantities.items()
    )
    return replace(now, accounts=(replace(account, positions=positions, trades=tuple(trades)),))


def test_an_accounts_trade_and_fee_carry_exactly_their_cash() -> None:
    bought = trade(CALL, Side.BUY, "2", "0.0250")
    before = trade(PUT, Side.SELL, "1", "0.0100", after_s=-60)
    now = account_later([before, bought], {CALL: "-3", PUT: "5"})
    day = explain(AccountBook(names=("main",)), opened(account_desk()), now)
    leg = legs(day)[CALL]
    assert leg.change.traded == Decimal("-0.0500")
    assert leg.change.fees == Decimal("-0.0004")
    assert (leg.change.quantity_before, leg.change.quantity_after) == (Decimal(-5), Decimal(-3))
    assert leg.lines[STEP["cash"], LINE["fees"]] == -0.0004
    rows = [one.name for one in now.chains[0].chain.instruments]
    first, last = (
        float(one.chains[0].chain.mark[rows.index(CALL)]) for one in (account_desk(), now)
    )
    assert leg.actual == pytest.approx(-3 * last + 5 * first - 0.0504, abs=1e-14)
    assert legs(day)[PUT].change.traded == 0
    assert any("deliveries are not reported" in note for note in day.notes)


def test_a_trade_that_opens_and_closes_within_the_day_is_explained() -> None:
    name = "BTC-25SEP26-60000-C"
    trades = [
        trade(name, Side.BUY, "1", "0.07", after_s=60),
        trade(name, Side.SELL, "1", "0.08", fee=None, after_s=120),
    ]
    now = account_later(trades, {CALL: "-5", PUT: "5"})
    day = explain(AccountBook(names=("main",)), opened(account_desk()), now)
    assert legs(day)[name].actual == pytest.approx(0.01 - 0.0004, abs=1e-15)
    assert any("fee of trade" in note for note in day.notes)


def test_a_trade_between_the_markets_opening_and_the_accounts_is_not_lost() -> None:
    start = account_desk()
    account = start.accounts[0]
    late = replace(account, event_ns=VENUE_NS + 90 * SECOND_NS)
    openings = opened(replace(start, accounts=(late,)))
    now = account_later([trade(CALL, Side.BUY, "2", "0.0250")], {CALL: "-5", PUT: "5"})
    leg = legs(explain(AccountBook(names=("main",)), openings, now))[CALL]
    assert (leg.change.quantity_before, leg.change.quantity_after) == (Decimal(-7), Decimal(-5))


def test_a_position_that_the_known_trades_do_not_lead_to_is_left_out() -> None:
    now = account_later([trade(CALL, Side.BUY, "2", "0.0250")], {CALL: "-1", PUT: "5"})
    day = explain(AccountBook(names=("main",)), opened(account_desk()), now)
    assert day.explained is not None
    (left,) = day.explained.excluded
    assert "lead to -3, the account holds -1" in left.reason
    assert set(legs(day)) == {PUT}


def test_an_account_that_was_not_read_at_the_opening_is_said() -> None:
    openings = opened(account_desk(is_whole=False))
    now = account_later([], {CALL: "-5", PUT: "5"})
    day = explain(AccountBook(names=("main",)), openings, now)
    assert any("account main: not read at the opening" in note for note in day.notes)


def test_a_chain_that_opened_later_says_so() -> None:
    first = replace(TWO_COINS, chains=TWO_COINS.chains[:1])
    openings = DayOpenings()
    for snapshot in (first, later(TWO_COINS, hours=0.5)):
        job = openings.due(snapshot)
        assert job is not None
        job()
    day = explain(book_of(), openings.current, three_hours_on(TWO_COINS))
    assert day.since == (
        "deribit BTC since 2026-06-27T09:25:30Z, desk start",
        "deribit ETH since 2026-06-27T09:55:30Z, desk start",
    )
    rows = tuple(row for row in ROWS if row[1].startswith("BTC"))
    alone = explain(book_of(rows=rows), openings.current, three_hours_on(TWO_COINS))
    assert alone.since == ("since 2026-06-27T09:25:30Z, desk start",)
