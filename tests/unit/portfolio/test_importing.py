"""Rows to positions: each bad one refused by name with its row, the rest goes on."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.account import AccountSnapshot, PositionReport
from quantdesk.domain.position import Position, PositionRow
from quantdesk.domain.structure import Leg, Structure
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.importing import (
    ImportedBook,
    positions_of_account,
    positions_of_structures,
    resolve_rows,
)
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.runtime.contract_names import read_contract_name
from tests.unit.portfolio.markets import btc, sample_market
from tests.unit.portfolio.trades import CALL as OTHER
from tests.unit.portfolio.trades import PUT

CALL = "BTC-25SEP26-70000-C"


def row(number: int = 1, **cells: str | None) -> PositionRow:
    """A good row with some cells replaced."""
    given: dict[str, str | None] = {
        "venue": "deribit",
        "instrument_name": CALL,
        "quantity": "-1.5",
        **cells,
    }
    return PositionRow(row=number, **given)  # type: ignore[arg-type]


def resolved(*rows: PositionRow, market: MarketData | None = None) -> ImportedBook:
    """What comes of `rows` on the sample."""
    return resolve_rows(rows, LegMarks(market or sample_market()), read_name=read_contract_name)


def test_good_row_is_a_position_with_every_cell_kept() -> None:
    book = resolved(row(average_price="0.03", strategy=" vol ", structure="condor", account="main"))
    (position,) = book.positions
    assert position.instrument.name == CALL
    assert position.quantity == Decimal("-1.5")
    assert position.average_price == Decimal("0.03")
    assert (position.strategy, position.structure, position.account) == ("vol", "condor", "main")
    assert book.is_complete


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"venue": None}, "venue = None: is missing"),
        ({"venue": "okx"}, "venue = 'okx': must be binance or deribit"),
        ({"venue": "deribit:testnet"}, "--venue says which environment answers"),
        ({"instrument_name": " "}, "is missing"),
        ({"instrument_name": "BTC-25SEP26-70001-C"}, "is not listed by deribit"),
        ({"instrument_name": "BTC-27JUN25-70000-C"}, "expired at 2025-06-27T08:00:00Z"),
        ({"instrument_name": "BTC-27JUN25"}, "expired at 2025-06-27T08:00:00Z"),
        ({"instrument_name": "ETH-25SEP26-3000-C"}, "needs the ETH market"),
        ({"instrument_name": "BTC_USDC-25SEP26-70000-C"}, "needs the BTC_USDC market"),
        ({"venue": "binance", "instrument_name": "BTC-260925-70000-C"}, "none of binance here"),
        ({"venue": "binance"}, "is no option or future of binance"),
        ({"instrument_name": "AAPL"}, "is no option or future of deribit"),
        ({"instrument_name": "BTC-31FEB26-70000-C"}, "is no option or future"),
        ({"quantity": None}, "quantity = None: is missing"),
        ({"quantity": ""}, "is missing"),
        ({"quantity": "0"}, "must not be 0"),
        ({"quantity": "0.15"}, "must be a multiple of its lot 0.1"),
        ({"quantity": "nan"}, "must be a number like -1.5"),
        ({"quantity": "inf"}, "must be a number"),
        ({"quantity": "1,000"}, "must be a number"),
        ({"quantity": "1_000"}, "must be a number"),
        ({"quantity": "١"}, "must be a number"),
        ({"quantity": "1e99"}, "must be at most 1000000000000000 in size"),
        ({"quantity": "9" * 400}, "must be a number"),
        ({"average_price": "x"}, "average_price = 'x': must be a number"),
        ({"average_price": "-0.1"}, "must be at least 0"),
        ({"average_price": "NaN"}, "must be a number"),
        ({"currency": "USDT"}, f"currency = 'USDT': of {CALL} must be BTC"),
        ({"strategy": "a\x1b[31mb"}, "printable"),
        ({"strategy": "s" * 65}, "at most 64"),
        ({"fault": "has 9 cells where the header has 3"}, "has 9 cells"),
    ],
)
def test_bad_row_is_refused_by_number_and_the_rest_goes_on(
    cells: dict[str, str | None], reason: str
) -> None:
    book = resolved(row(1, quantity="1"), row(2, **cells), row(3, strategy="other"))
    assert [position.strategy for position in book.positions] == ["", "other"]
    (refused,) = book.refused
    assert refused.row == 2
    assert reason in refused.reason
    assert not book.is_complete


def test_digits_of_a_binary_float_are_the_lots_they_mean() -> None:
    book = resolved(row(1, quantity="0.30000000000000004"), row(2, quantity="0.35000000000000003"))
    assert [position.quantity for position in book.positions] == [Decimal("0.3")]
    assert "multiple of its lot" in book.refused[0].reason


def test_future_without_price_above_zero_is_refused() -> None:
    book = resolved(row(instrument_name="BTC-PERPETUAL", quantity="10", average_price="0"))
    assert "must be above 0" in book.refused[0].reason


def test_option_may_have_cost_nothing() -> None:
    assert resolved(row(average_price="0")).positions[0].average_price == 0


def test_currency_of_settlement_or_quote_is_right() -> None:
    perpetual = {"instrument_name": "BTC-PERPETUAL", "quantity": "10"}
    book = resolved(
        row(1, currency="btc"), row(2, **perpetual, currency="USD", strategy="a"),
        row(3, **perpetual, currency="BTC", strategy="b"),
    )  # fmt: skip
    assert book.is_complete


def test_second_row_of_one_leg_is_refused_and_names_the_first() -> None:
    book = resolved(row(1), row(2, quantity="3"), row(3, strategy="other"))
    assert [position.quantity for position in book.positions] == [Decimal("-1.5")] * 2
    assert (book.refused[0].row, "repeats row 1" in book.refused[0].reason) == (2, True)


def test_future_that_the_market_does_not_list_is_made_by_rule_and_noted() -> None:
    bare = MarketData(markets=(replace(btc(), futures={}),), source="test")
    book = resolved(
        row(1, instrument_name="BTC-PERPETUAL", quantity="-10000"),
        row(2, instrument_name="BTC-PERPETUAL", quantity="15", strategy="x"),
        market=bare,
    )
    (position,) = book.positions
    assert position.instrument.is_inverse
    assert position.instrument.contract_size == 10
    assert "multiple of its lot 10" in book.refused[0].reason
    assert book.notes == (
        "made by the venue's contract rules, not listed in the market: BTC-PERPETUAL",
    )


def test_a_hundred_thousand_rows_with_one_bad_take_seconds() -> None:
    names = [one.name for one in btc().chain.instruments]
    rows = [
        row(number, instrument_name=names[number % len(names)], strategy=f"s{number // len(names)}")
        for number in range(1, 100_001)
    ]
    rows[77_776] = replace(rows[77_776], quantity="abc")
    started = time.perf_counter()
    book = resolved(*rows)
    assert time.perf_counter() - started < 15
    assert len(book.positions) == 99_999
    assert [refused.row for refused in book.refused] == [77_777]


def snapshot(*reports: PositionReport, **changes: bool) -> AccountSnapshot:
    """An account with these positions."""
    return AccountSnapshot(
        venue="deribit",
        account="main",
        environment="simulated",
        is_whole=changes.get("is_whole", True),
        is_live=changes.get("is_live", True),
        event_ns=1,
        recv_ns=1,
        balances=(),
        positions=reports,
        open_orders=(),
        trades=(),
    )


def report(name: str, quantity: str, average: str | None = None) -> PositionReport:
    """A venue's report of one position."""
    return PositionReport(
        venue="deribit",
        instrument_name=name,
        event_ns=1,
        recv_ns=1,
        quantity=Decimal(quantity),
        average_price=None if average is None else Decimal(average),
    )


def test_account_positions_carry_its_name_and_unknown_ones_are_refused() -> None:
    account = snapshot(report(CALL, "-1.5", "0.03"), report("BTC-1JAN27-1-C", "1"))
    book = positions_of_account(account, LegMarks(sample_market()), read_name=read_contract_name)
    (position,) = book.positions
    assert (position.account, position.average_price) == ("main", Decimal("0.03"))
    (refused,) = book.refused
    assert (refused.row, refused.instrument_name) == (None, "BTC-1JAN27-1-C")
    assert book.notes == ()


def test_an_account_that_is_not_whole_or_not_live_says_so() -> None:
    account = snapshot(is_whole=False, is_live=False)
    book = positions_of_account(account, LegMarks(sample_market()), read_name=read_contract_name)
    assert ["not read whole" in note or "not connected" in note for note in book.notes] == [
        True,
        True,
    ]


def test_structures_become_positions_under_their_names() -> None:
    condor = Structure(
        legs=(
            Leg(instrument=OTHER, quantity=Decimal(1), price=Decimal("0.05")),
            Leg(instrument=PUT, quantity=Decimal(-1)),
        ),
        name="condor",
    )
    lone = Leg(instrument=OTHER, quantity=Decimal(2))
    kept = Position(instrument=PUT, quantity=Decimal(3), structure="mine")
    found = positions_of_structures([condor, condor, lone, lone + lone, kept], strategy="idea")
    assert [(p.structure, p.strategy, p.quantity) for p in found] == [
        ("condor", "idea", Decimal(1)),
        ("condor", "idea", Decimal(-1)),
        ("condor 2", "idea", Decimal(1)),
        ("condor 2", "idea", Decimal(-1)),
        ("", "idea", Decimal(2)),
        ("structure 1", "idea", Decimal(2)),
        ("structure 1", "idea", Decimal(2)),
        ("mine", "", Decimal(3)),
    ]
    assert found[0].average_price == Decimal("0.05")
