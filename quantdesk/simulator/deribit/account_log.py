"""The transaction log of every account, as Deribit keeps it: a line when cash moves. Bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from quantdesk.domain.times import expiry_code
from quantdesk.simulator.deribit.market import NS_PER_MS, DeribitMarket
from quantdesk.simulator.deribit.names import printed_order_id
from quantdesk.simulator.deribit.tape import TradeTape
from quantdesk.simulator.exchange.events import CashChanged, ExchangeEvent, FillMade
from quantdesk.simulator.exchange.ledger import EntryKind, LedgerEntry
from quantdesk.simulator.exchange.reports import AccountSummary

LINES_MAX = 20_000

LINES_PER_ENTRY = 2

EXERCISE_SINCE_NS = 1_785_542_400_000_000_000
"""From 1 August 2026 an inverse option in the money first becomes a position in the future of its
expiry at the strike, which is then delivered: one line more in the log, the same cash.
"""

_TYPES = {
    EntryKind.DEPOSIT: "deposit",
    EntryKind.WITHDRAWAL: "withdrawal",
    EntryKind.TRADE: "trade",
    EntryKind.FUNDING: "settlement",
    EntryKind.SETTLEMENT: "settlement",
    EntryKind.DELIVERY: "delivery",
}
"""The venue books funding with the session's settlement; here it has lines of its own."""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `private/get_transaction_log`. Prices and trade fields only where they apply."""

    id: int
    timestamp: int
    type: str
    currency: str
    cashflow: float
    change: float
    balance: float
    commission: float
    equity: float
    user_id: int
    user_seq: int
    username: str
    info: dict[str, str]
    instrument_name: str | msgspec.UnsetType = msgspec.UNSET
    price: float | msgspec.UnsetType = msgspec.UNSET
    mark_price: float | msgspec.UnsetType = msgspec.UNSET
    index_price: float | msgspec.UnsetType = msgspec.UNSET
    settlement_price: float | msgspec.UnsetType = msgspec.UNSET
    position: float | msgspec.UnsetType = msgspec.UNSET
    amount: float | msgspec.UnsetType = msgspec.UNSET
    contracts: float | msgspec.UnsetType = msgspec.UNSET
    side: str | msgspec.UnsetType = msgspec.UNSET
    user_role: str | msgspec.UnsetType = msgspec.UNSET
    fee_role: str | msgspec.UnsetType = msgspec.UNSET
    interest_pl: float | msgspec.UnsetType = msgspec.UNSET
    total_interest_pl: float | msgspec.UnsetType = msgspec.UNSET
    profit_as_cashflow: bool | msgspec.UnsetType = msgspec.UNSET
    session_upl: float | msgspec.UnsetType = msgspec.UNSET
    session_rpl: float | msgspec.UnsetType = msgspec.UNSET
    trade_id: str | msgspec.UnsetType = msgspec.UNSET
    order_id: str | msgspec.UnsetType = msgspec.UNSET


class _Book:
    """One account's lines, and the last ledger entry that they hold."""

    def __init__(self) -> None:
        self.lines: deque[LogLine] = deque(maxlen=LINES_MAX)
        self.entry_id = 0
        self.count = 0


class AccountLog:
    """Every account's log."""

    def __init__(self, market: DeribitMarket, tape: TradeTape) -> None:
        self._market = market
        self._tape = tape
        self._books: dict[str, _Book] = {}

    def lines(self, account_id: str) -> list[LogLine]:
        """An account's lines, oldest first."""
        book = self._books.get(account_id)
        return list(book.lines) if book is not None else []

    def note(self, events: Iterable[ExchangeEvent]) -> None:
        """Write the lines of the accounts whose cash moved, with their equity as of now."""
        roles: dict[tuple[str, str], str] = {}
        accounts: dict[str, None] = {}
        for event in events:
            if isinstance(event, FillMade):
                fill = event.fill
                roles[fill.account, fill.order_id + fill.trade_id] = fill.liquidity.value
            elif isinstance(event, CashChanged):
                accounts[event.account_id] = None
        for account_id in accounts:
            self._write(account_id, roles)

    def _write(self, account_id: str, roles: dict[tuple[str, str], str]) -> None:
        book = self._books.setdefault(account_id, _Book())
        exchange = self._market.venue.exchange
        for entry in exchange.ledger.entries_after(account_id, book.entry_id):
            summary = exchange.summary(account_id, entry.currency)
            assert isinstance(summary, AccountSummary)
            book.entry_id = entry.entry_id
            role = roles.get((account_id, f"{entry.order_id}{entry.trade_id}"))
            line = self._line(entry, float(summary.equity), role)
            for step, one in enumerate(self._steps(line, entry)):
                book.count += 1
                # Two numbers to an entry, so that each line of it has its own, and they ascend.
                number = LINES_PER_ENTRY * entry.entry_id + step
                book.lines.append(msgspec.structs.replace(one, id=number, user_seq=book.count))

    def _steps(self, line: LogLine, entry: LedgerEntry) -> list[LogLine]:
        """What the venue writes for one movement: for an option's end two lines in its new process,
        where it ends in the money, and another word where it does not.
        """
        market = self._market
        listing = market.venue.exchange.listings.get(entry.instrument_name)
        is_new = entry.event_ns >= EXERCISE_SINCE_NS
        if entry.kind is not EntryKind.DELIVERY or listing is None or not is_new:
            return [line]
        instrument = listing.instrument
        if instrument.strike is None or instrument.expiry_ns is None:
            return [line]
        if not line.cashflow:
            return [msgspec.structs.replace(line, type="expiry")]
        is_held = entry.amount < 0
        turned = msgspec.structs.replace(
            line,
            type="exercise" if is_held else "assignment",
            cashflow=0.0,
            change=0.0,
            commission=0.0,
            balance=float(entry.balance - entry.change),
            price=float(instrument.strike),
        )
        future = f"{instrument.underlying}-{expiry_code(instrument.expiry_ns)}"
        return [turned, msgspec.structs.replace(line, instrument_name=future)]

    def _line(self, entry: LedgerEntry, equity: float, role: str | None) -> LogLine:
        user_id = int(entry.account_id.rpartition("-")[2])
        line = LogLine(
            id=entry.entry_id,
            timestamp=entry.event_ns // NS_PER_MS,
            type=_TYPES[entry.kind],
            currency=entry.currency,
            cashflow=float(entry.change + entry.commission),
            change=float(entry.change),
            balance=float(entry.balance),
            commission=float(entry.commission),
            equity=equity,
            user_id=user_id,
            user_seq=0,
            username=f"simulated_{user_id}",
            info={},
        )
        return self._of_instrument(line, entry, role) if entry.instrument_name else line

    def _of_instrument(self, line: LogLine, entry: LedgerEntry, role: str | None) -> LogLine:
        market, name = self._market, entry.instrument_name
        record = market.instrument(market.line_of[name])
        is_option = record.kind == "option"
        price = float(entry.price) if entry.price is not None else msgspec.UNSET
        changed: dict[str, object] = {
            "instrument_name": name,
            "price": price,
            "position": float(entry.position),
            "amount": abs(float(entry.amount)),
            "contracts": abs(float(entry.amount)) / record.contract_size,
            "side": _side(entry),
            "session_upl": 0.0,
            "session_rpl": 0.0,
            "interest_pl": 0.0,
            "profit_as_cashflow": False,
        }
        if entry.kind is EntryKind.TRADE:
            assert entry.trade_id is not None
            trade_id = self._tape.trade_id(name, entry.trade_id)
            printed = self._tape.find(trade_id)
            changed |= {
                "trade_id": trade_id,
                "order_id": printed_order_id(record.settlement_currency, entry.order_id or 0),
            }
            if role is not None:
                changed |= {"user_role": role, "fee_role": role}
            if printed is not None:
                changed |= {
                    "mark_price": printed.mark_price,
                    "index_price": printed.index_price,
                }
        elif entry.kind is EntryKind.FUNDING:
            interest = {"interest_pl": line.cashflow, "total_interest_pl": line.cashflow}
            changed |= {**interest, "mark_price": price}
        elif entry.kind is EntryKind.SETTLEMENT:
            changed |= {"session_rpl": line.cashflow, "settlement_price": price}
        else:
            changed |= {"settlement_price": price, "index_price": price}
            if not is_option:
                changed |= {"session_rpl": line.cashflow}
        return msgspec.structs.replace(line, **changed)


def _side(entry: LedgerEntry) -> str:
    """ "open buy", "close sell" and the like of a trade; the side held otherwise."""
    if entry.kind is not EntryKind.TRADE:
        return "long" if entry.amount > 0 else "short"
    side = "buy" if entry.amount > 0 else "sell"
    before = entry.position - entry.amount
    return f"close {side}" if before * entry.amount < 0 else f"open {side}"
