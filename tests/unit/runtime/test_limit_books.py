"""A gate over an open book takes the equity that its connected accounts report."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.account import AccountSnapshot, BalanceReport
from quantdesk.domain.position import Position
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.limit import Filters
from quantdesk.risk.limits.trial import Result
from quantdesk.risk.limits.use_report import limit_report
from quantdesk.runtime.books import OpenBook
from quantdesk.runtime.limit_books import account_equities, gate_over
from tests.unit.risk.books import only, sample_market

SHARE = parse_limits(
    """
schema = 1
[[limit]]
scope = "account"
name = "desk"
measure = "margin_use"
convention = "deribit-portfolio"
hard = 0.9
""",
    "made",
)


def balance(currency: str, equity: str | None) -> BalanceReport:
    amount = None if equity is None else Decimal(equity)
    return BalanceReport(
        venue="deribit", currency=currency, event_ns=1, recv_ns=1, cash=amount, equity=amount
    )


def opened(*balances: BalanceReport, of_another: int = 0) -> OpenBook:
    market = sample_market()
    call = only(market).chain.instruments[-1]
    held = Position(instrument=call, quantity=Decimal(-1), account="desk")
    stray = Position(instrument=call, quantity=Decimal(1), account="another")
    snapshot = AccountSnapshot(
        venue="deribit",
        account="desk",
        environment="testnet",
        is_whole=True,
        is_live=True,
        event_ns=1,
        recv_ns=1,
        balances=balances,
        positions=(),
        open_orders=(),
        trades=(),
    )
    return OpenBook(
        name="made",
        positions=(held, *[stray] * of_another),
        refused=(),
        notes=(),
        market=market,
        figures=(),
        accounts=(snapshot,),
    )


def test_coins_count_at_their_index_and_dollars_as_they_are() -> None:
    index = only(sample_market()).index_price
    assert index is not None
    book = opened(balance("BTC", "2"), balance("USDC", "500"), balance("ETH", None))
    (desk, account) = (account_equities(book)[one] for one in (Filters(), Filters(account="desk")))
    assert desk.equity_usd == account.equity_usd == pytest.approx(2 * index + 500)


def test_a_coin_without_a_price_leaves_the_equity_unknown() -> None:
    assert account_equities(opened(balance("BTC", "2"), balance("SOL", "9"))) == {}


def test_the_desk_has_none_where_another_account_holds_something() -> None:
    known = account_equities(opened(balance("BTC", "2"), of_another=1))
    assert set(known) == {Filters(account="desk"), Filters(account="desk", venue="deribit")}


def with_idle_account(book: OpenBook) -> OpenBook:
    """`book` and an account of another venue with a million dollars and nothing else."""
    million = replace(balance("USDT", "1000000"), venue="binance")
    idle = replace(book.accounts[0], venue="binance", account="idle", balances=(million,))
    return replace(book, accounts=(*book.accounts, idle))


def test_equity_is_of_the_venue_that_has_it() -> None:
    known = account_equities(with_idle_account(opened(balance("USDC", "5000"))))
    assert {names: one.equity_usd for names, one in known.items()} == {
        Filters(): 1_005_000.0,
        Filters(account="desk"): 5_000.0,
        Filters(venue="deribit"): 5_000.0,
        Filters(account="desk", venue="deribit"): 5_000.0,
        Filters(account="idle"): 1_000_000.0,
        Filters(venue="binance"): 1_000_000.0,
        Filters(account="idle", venue="binance"): 1_000_000.0,
    }


@pytest.mark.parametrize("scope", ["venue", "underlying"])
def test_what_stands_at_another_venue_secures_nothing_here(scope: str) -> None:
    name = {"venue": "deribit", "underlying": "BTC"}[scope]
    venue = "" if scope == "venue" else 'venue = "deribit"\n'
    share = parse_limits(
        f'schema = 1\n[[limit]]\nscope = "{scope}"\nname = "{name}"\n{venue}'
        'measure = "margin_use"\nconvention = "deribit-standard"\nhard = 0.9\n',
        "made",
    )
    book = opened(balance("USDC", "5000"))
    (alone,) = gate_over(book, share).gate.uses(0)
    (use,) = gate_over(with_idle_account(book), share).gate.uses(0)
    assert alone.state == "breached"
    assert use.state == ("breached" if scope == "venue" else "unknown")
    assert use.value in {alone.value, None}


def test_a_share_limit_is_of_what_the_account_has_unless_it_was_handed_in() -> None:
    book = opened(balance("BTC", "2"))
    (use,) = gate_over(book, SHARE).gate.uses(0)
    told = {Filters(account="desk"): Result(equity_usd=1e9)}
    (other,) = gate_over(book, SHARE, results=told).gate.uses(0)
    index = only(sample_market()).index_price
    assert index is not None
    assert use.value is not None
    assert other.value == pytest.approx(use.value * 2 * index / 1e9)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ('scope = "underlying"\nname = "btc"', "underlying btc: nothing .* did you mean BTC"),
        ('scope = "venue"\nname = "deribt"', "venue deribt: nothing .* did you mean deribit"),
        ('scope = "account"\nname = "desc"', "account desc: nothing .* did you mean desk"),
        (
            'scope = "expiry"\nname = "27JUN26"\nunderlying = "ETH"',
            "underlying ETH: nothing in this book or market is of it$",
        ),
    ],
)
def test_a_limit_whose_name_nothing_bears_is_told(scope: str, words: str) -> None:
    text = f'schema = 1\n[[limit]]\n{scope}\nmeasure = "net_theta"\nhard = 1\n'
    gate = gate_over(opened(), parse_limits(text, "made")).gate
    assert re.search(words, gate.unseen[1])
    (row,) = limit_report(gate, 0).rows
    assert row.use.detail.startswith(gate.unseen[1])


@pytest.mark.parametrize("name", ["BTC", "*"])
def test_a_limit_with_a_name_that_is_borne_is_not(name: str) -> None:
    scope = f'scope = "underlying"\nname = "{name}"'
    text = f'schema = 1\n[[limit]]\n{scope}\nmeasure = "net_theta"\nhard = 1\n'
    assert not gate_over(opened(), parse_limits(text, "made")).gate.unseen


def test_an_account_that_holds_all_there_is_has_the_desks_equity() -> None:
    told = {Filters(): Result(equity_usd=500_000.0)}
    book = opened(balance("SOL", "9"))
    (use,) = gate_over(book, SHARE, results=told).gate.uses(0)
    assert use.value is not None
    (other,) = gate_over(opened(balance("SOL", "9"), of_another=1), SHARE, results=told).gate.uses(
        0
    )
    assert other.value is None
    assert "equity" in other.detail
