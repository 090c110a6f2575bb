"""Cash by currency: every amount that came or went, why, and for which holding. Exact, append-only.

Double entry: what an account's cash gains, the entry's kind loses, so that all accounts of a
currency sum to zero at every moment. Knows no price and no position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from quantdesk.errors import InvalidInput
from quantdesk.portfolio.contract_values import EXACT

ZERO = Decimal(0)
CASH = "cash"


class CashKind(Enum):
    """Why cash moved."""

    PREMIUM = "premium"
    """Paid or received for an option, or another thing that is paid for in full."""
    FEE = "fee"
    """Of trades and deliveries; a rebate is positive."""
    FUNDING = "funding"
    """Of perpetuals; positive is received."""
    SETTLEMENT = "settlement"
    """What a future's closed or daily settled part earned, and what an expiry paid."""
    TRANSFER = "transfer"
    """Deposits, withdrawals and moves between accounts: the one kind that is no profit or loss."""


class HoldingKey(NamedTuple):
    """Whose and which holding: the account's, of one instrument, under its tags."""

    venue: str
    account: str
    instrument_name: str
    strategy: str = ""
    structure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CashEntry:
    """One movement of cash.

    entry_id : unique within (venue, account); what was posted once is not posted again
    holding : what it is of; its venue and account are the entry's. An instrument name of "" is
        money of the account as such
    amount : into cash where positive
    amount_usd : at the index of its moment; None where that was not known
    """

    entry_id: str
    holding: HoldingKey
    currency: str
    kind: CashKind
    amount: Decimal
    event_ns: int
    amount_usd: Decimal | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.entry_id:
            raise InvalidInput("entry_id", self.entry_id, "must not be empty")
        if not self.currency:
            raise InvalidInput("currency", self.currency, f"of entry {self.entry_id} is missing")
        for field in ("amount", "amount_usd"):
            value: Decimal | None = getattr(self, field)
            if value is not None and not value.is_finite():
                raise InvalidInput(field, value, f"of entry {self.entry_id} must be finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class CashSum:
    """Sum of some entries: the amount in their currency, and in USD as long as all are known."""

    amount: Decimal = ZERO
    amount_usd: Decimal | None = ZERO

    def plus(self, amount: Decimal, amount_usd: Decimal | None) -> CashSum:
        """This and one more."""
        usd = None
        if self.amount_usd is not None and amount_usd is not None:
            usd = EXACT.add(self.amount_usd, amount_usd)
        return CashSum(amount=EXACT.add(self.amount, amount), amount_usd=usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class CashBalance:
    """Cash of one account in one currency, and how it came to be: `by_kind` sums to `cash`."""

    venue: str
    account: str
    currency: str
    cash: Decimal
    by_kind: Mapping[CashKind, Decimal]


class Ledger:
    """The entries of any number of accounts, with running sums. Append-only."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], CashEntry] = {}
        self._by_kind: dict[tuple[str, str, str], dict[CashKind, Decimal]] = {}
        self._of_holding: dict[HoldingKey, dict[tuple[str, CashKind], CashSum]] = {}

    def post(self, entry: CashEntry) -> bool:
        """Keep `entry`; false where it was posted before.

        Raises InvalidInput where its id was posted with other content.
        """
        key = (entry.holding.venue, entry.holding.account, entry.entry_id)
        known = self._entries.get(key)
        if known is not None:
            if known != entry:
                rule = f"was posted before with another content ({known.kind.value} {known.amount})"
                raise InvalidInput("entry_id", entry.entry_id, rule)
            return False
        self._entries[key] = entry
        account = (entry.holding.venue, entry.holding.account, entry.currency)
        kinds = self._by_kind.setdefault(account, {})
        kinds[entry.kind] = EXACT.add(kinds.get(entry.kind, ZERO), entry.amount)
        sums = self._of_holding.setdefault(entry.holding, {})
        name = (entry.currency, entry.kind)
        sums[name] = sums.get(name, CashSum()).plus(entry.amount, entry.amount_usd)
        return True

    def post_all(self, entries: Iterable[CashEntry]) -> None:
        """Keep each of `entries`, in order."""
        for entry in entries:
            self.post(entry)

    def entries(self) -> tuple[CashEntry, ...]:
        """All entries, in the order of their posting."""
        return tuple(self._entries.values())

    def cash(self, venue: str, account: str, currency: str) -> Decimal:
        """Cash of one account in one currency; 0 where nothing was ever posted."""
        kinds = self._by_kind.get((venue, account, currency), {})
        return _summed(kinds.values())

    def balances(self) -> tuple[CashBalance, ...]:
        """Cash of every account and currency that was ever posted to, sorted."""
        return tuple(
            CashBalance(
                venue=venue,
                account=account,
                currency=currency,
                cash=_summed(kinds.values()),
                by_kind=dict(sorted(kinds.items(), key=lambda item: item[0].value)),
            )
            for (venue, account, currency), kinds in sorted(self._by_kind.items())
        )

    def of_holding(self, holding: HoldingKey) -> Mapping[tuple[str, CashKind], CashSum]:
        """Sums of one holding's entries by (currency, kind)."""
        return dict(self._of_holding.get(holding, {}))

    def holdings(self) -> tuple[HoldingKey, ...]:
        """Every holding with an entry, in the order of their first."""
        return tuple(self._of_holding)

    def trial_balance(self, currency: str) -> Mapping[str, Decimal]:
        """Every account of `currency` by name: cash as "cash:venue/account", and each kind, which
        lost what cash gained. Their sum is zero.
        """
        accounts: dict[str, Decimal] = {}
        for entry in self._entries.values():
            if entry.currency != currency:
                continue
            cash = f"{CASH}:{entry.holding.venue}/{entry.holding.account}"
            accounts[cash] = EXACT.add(accounts.get(cash, ZERO), entry.amount)
            kind = entry.kind.value
            accounts[kind] = EXACT.subtract(accounts.get(kind, ZERO), entry.amount)
        return accounts


def _summed(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
