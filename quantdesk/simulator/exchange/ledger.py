"""Cash of everyone at the exchange, double entry: every posting sums to zero, to the last digit.

Money that comes from outside is posted against `OUTSIDE`, fees against `FEES`, what rounding leaves
over against `CLEARING`; so the sum over all accounts is 0 at any moment, per currency.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import takewhile

HOUSE = "house"
"""The market makers' account."""
CROWD = "crowd"
"""Traders of nobody's account who take the market makers' quotes."""
FEES = "fees"
"""Where fees go and rebates come from."""
CLEARING = "clearing"
"""Takes what rounding to whole cash leaves over."""
OUTSIDE = "outside"
"""The other side of deposits."""

OWN_ACCOUNTS = (HOUSE, CROWD, FEES, CLEARING, OUTSIDE)
"""The exchange's own accounts: balances are kept, their entries are not."""


class EntryKind(Enum):
    """Why cash moved."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRADE = "trade"
    FUNDING = "funding"
    SETTLEMENT = "settlement"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One line of an account's statement.

    change, balance : of cash, after the line; `commission` is the part of the change that is fee
        (positive: charged, so that change = cash flow − commission)
    amount, price : signed amount traded, settled or delivered, and at which price
    position : size after the line
    """

    entry_id: int
    event_ns: int
    kind: EntryKind
    account_id: str
    currency: str
    change: Decimal
    commission: Decimal
    balance: Decimal
    instrument_name: str = ""
    amount: Decimal = Decimal(0)
    price: Decimal | None = None
    position: Decimal = Decimal(0)
    trade_id: int | None = None
    order_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One account's part of a movement: `cash` before fees, and the `commission` it pays."""

    account_id: str
    cash: Decimal
    commission: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    position: Decimal = Decimal(0)
    order_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What all postings of one movement share."""

    event_ns: int
    kind: EntryKind
    currency: str
    instrument_name: str = ""
    price: Decimal | None = None
    trade_id: int | None = None


class Ledger:
    """Balances by account and currency, and the latest statement lines of each account."""

    def __init__(self, *, entries_kept_max: int) -> None:
        self._entries_kept_max = entries_kept_max
        self._balances: dict[str, dict[str, Decimal]] = {}
        self._entries: dict[str, deque[LedgerEntry]] = {}
        self._entry_id = 0

    def balance(self, account_id: str, currency: str) -> Decimal:
        """Cash; 0 where there never was any."""
        return self._balances.get(account_id, {}).get(currency, Decimal(0))

    def balances(self, account_id: str) -> Mapping[str, Decimal]:
        """Cash by currency, in the order in which currencies were first used."""
        return dict(self._balances.get(account_id, {}))

    def entries(self, account_id: str) -> Sequence[LedgerEntry]:
        """Kept statement lines, oldest first; none for the exchange's own accounts."""
        return tuple(self._entries.get(account_id, ()))

    def entries_after(self, account_id: str, entry_id: int) -> Sequence[LedgerEntry]:
        """Kept statement lines newer than `entry_id`, oldest first."""
        kept = reversed(self._entries.get(account_id, ()))
        return tuple(takewhile(lambda entry: entry.entry_id > entry_id, kept))[::-1]

    def total(self, currency: str) -> Decimal:
        """Sum over all accounts: 0, or cash was made or lost."""
        cash = (balances.get(currency, Decimal(0)) for balances in self._balances.values())
        return sum(cash, Decimal(0))

    def currencies(self) -> tuple[str, ...]:
        """Every currency that was ever posted, by name."""
        return tuple(sorted({name for cash in self._balances.values() for name in cash}))

    def post(
        self,
        occasion: Occasion,
        postings: Iterable[Posting],
        *,
        residue_max: Decimal = Decimal(0),
    ) -> None:
        """Move cash between accounts; commissions go to `FEES`.

        What the cash of the postings misses zero by goes to `CLEARING`. It stays within
        `residue_max`, which is what rounding can leave over: more would be cash made or lost.
        """
        fees = residue = Decimal(0)
        for posting in postings:
            residue -= posting.cash
            fees += posting.commission
            self._apply(occasion, posting)
        assert abs(residue) <= residue_max, (occasion, residue)
        if fees:
            self._move(FEES, occasion.currency, fees)
        if residue:
            self._move(CLEARING, occasion.currency, residue)

    def bring_in(self, occasion: Occasion, account_id: str, amount: Decimal) -> None:
        """Post a deposit (or, below 0, a withdrawal) against the outside."""
        self._apply(occasion, Posting(account_id=account_id, cash=amount))
        self._move(OUTSIDE, occasion.currency, -amount)

    def _move(self, account_id: str, currency: str, change: Decimal) -> Decimal:
        cash = self._balances.setdefault(account_id, {})
        balance = cash[currency] = cash.get(currency, Decimal(0)) + change
        return balance

    def _apply(self, occasion: Occasion, posting: Posting) -> None:
        change = posting.cash - posting.commission
        balance = self._move(posting.account_id, occasion.currency, change)
        if posting.account_id in OWN_ACCOUNTS:
            return
        self._entry_id += 1
        kept = self._entries.get(posting.account_id)
        if kept is None:
            kept = self._entries[posting.account_id] = deque(maxlen=self._entries_kept_max)
        kept.append(
            LedgerEntry(
                entry_id=self._entry_id,
                event_ns=occasion.event_ns,
                kind=occasion.kind,
                account_id=posting.account_id,
                currency=occasion.currency,
                change=change,
                commission=posting.commission,
                balance=balance,
                instrument_name=occasion.instrument_name,
                amount=posting.amount,
                price=occasion.price,
                position=posting.position,
                trade_id=occasion.trade_id,
                order_id=posting.order_id,
            )
        )
