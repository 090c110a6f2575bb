"""Cash: posted once, by kind and account, all accounts of a currency sum to zero."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.errors import InvalidInput
from quantdesk.portfolio.ledger import CashEntry, CashKind, HoldingKey, Ledger

KEY = HoldingKey("deribit", "main", "BTC-PERPETUAL")
MONEY = HoldingKey("deribit", "main", "")


def entry(
    amount: str,
    kind: CashKind = CashKind.FUNDING,
    *,
    entry_id: str = "e1",
    holding: HoldingKey = KEY,
    currency: str = "BTC",
    usd: str | None = None,
) -> CashEntry:
    """An entry from text."""
    return CashEntry(
        entry_id=entry_id,
        holding=holding,
        currency=currency,
        kind=kind,
        amount=Decimal(amount),
        event_ns=1,
        amount_usd=None if usd is None else Decimal(usd),
    )


def filled() -> Ledger:
    """A ledger with a deposit, funding, a fee in another currency and another account."""
    ledger = Ledger()
    other = HoldingKey("deribit", "other", "")
    ledger.post_all(
        [
            entry("10", CashKind.TRANSFER, entry_id="t", holding=MONEY),
            entry("-0.001", entry_id="f1", usd="-60"),
            entry("0.002", entry_id="f2", usd="118"),
            entry("-5", CashKind.FEE, entry_id="fee", currency="USDC"),
            entry("1", CashKind.TRANSFER, entry_id="t", holding=other),
        ]
    )
    return ledger


def test_balances_are_sums_by_account_and_currency() -> None:
    balances = {(one.account, one.currency): one for one in filled().balances()}
    assert {key: one.cash for key, one in balances.items()} == {
        ("main", "BTC"): Decimal("10.001"),
        ("main", "USDC"): Decimal(-5),
        ("other", "BTC"): Decimal(1),
    }
    assert balances["main", "BTC"].by_kind == {
        CashKind.FUNDING: Decimal("0.001"),
        CashKind.TRANSFER: Decimal(10),
    }
    assert filled().cash("deribit", "nobody", "BTC") == 0


def test_every_currency_is_in_balance() -> None:
    accounts = filled().trial_balance("BTC")
    assert accounts["cash:deribit/main"] == Decimal("10.001")
    assert accounts["transfer"] == -11
    assert sum(accounts.values()) == 0
    assert sum(filled().trial_balance("USDC").values()) == 0


def test_an_entry_is_posted_once() -> None:
    ledger = filled()
    assert not ledger.post(entry("-0.001", entry_id="f1", usd="-60"))
    assert ledger.cash("deribit", "main", "BTC") == Decimal("10.001")
    with pytest.raises(InvalidInput, match="posted before with another content"):
        ledger.post(entry("-0.002", entry_id="f1"))


def test_sums_of_a_holding_know_their_usd_as_long_as_each_part_did() -> None:
    ledger = filled()
    assert ledger.of_holding(KEY)["BTC", CashKind.FUNDING].amount_usd == 58
    ledger.post(entry("0.001", entry_id="f3"))
    assert ledger.of_holding(KEY)["BTC", CashKind.FUNDING].amount == Decimal("0.002")
    assert ledger.of_holding(KEY)["BTC", CashKind.FUNDING].amount_usd is None


@pytest.mark.parametrize(
    ("field", "made"),
    [
        ("entry_id", lambda: entry("1", entry_id="")),
        ("currency", lambda: entry("1", currency="")),
        ("amount", lambda: entry("NaN")),
        ("amount_usd", lambda: entry("1", usd="Infinity")),
    ],
)
def test_an_entry_without_sense_is_refused(field: str, made: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        made()  # type: ignore[operator]
    assert caught.value.field == field
