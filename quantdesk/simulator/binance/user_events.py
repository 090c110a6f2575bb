"""Events of the user data streams: what the exchange told, as each account is told it.

Keeps no more than the last told balance and the fill that an order's own change follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.instrument import Side
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.ladder import QUOTE
from quantdesk.simulator.binance.records import (
    CASH_DECIMALS,
    NS_PER_MS,
    Record,
    contract_of,
    fixed,
    order_status,
    plain,
    stp_word,
    time_in_force,
)
from quantdesk.simulator.exchange.events import (
    CashChanged,
    ExchangeEvent,
    FillMade,
    OrderCause,
    OrderChanged,
    PositionChanged,
)
from quantdesk.simulator.exchange.orders import Order, OrderFilter
from quantdesk.simulator.exchange.refusals import Refusal

ZERO = Decimal(0)

_TOLD = {
    OrderCause.ACCEPTED: "NEW",
    OrderCause.FILLED: "TRADE",
    OrderCause.CANCELLED: "CANCELED",
    OrderCause.EXPIRED: "EXPIRED",
}
"""Execution types. Edits do not exist here, and a reduce-only order that shrinks is not told."""

Addressed = list[tuple[str, Record]]
"""(account id, message) in the order in which they are to be sent."""


class _Touched:
    """What a batch of events changed of one account."""

    def __init__(self) -> None:
        self.positions: dict[str, None] = {}
        self.balance: Decimal | None = None


class UserEvents:
    """Turns exchange events into messages by account."""

    def __init__(self, floor: BinanceFloor, account_ids: Iterable[str]) -> None:
        self._floor = floor
        self._balances = {
            account_id: floor.exchange.ledger.balance(account_id, QUOTE)
            for account_id in account_ids
        }
        self._fills: dict[int, Fill] = {}

    def messages(self, events: Iterable[ExchangeEvent], now_ms: int) -> Addressed:
        """Orders as they happened, then each account's balance, positions, margins and Greeks."""
        found: Addressed = []
        touched: dict[str, _Touched] = {}
        for event in events:
            if isinstance(event, FillMade):
                self._fills[int(event.fill.order_id)] = event.fill
            elif isinstance(event, OrderChanged):
                message = self._order(event, now_ms)
                if message is not None:
                    found.append((event.order.account_id, message))
            elif isinstance(event, PositionChanged):
                account = touched.setdefault(event.account_id, _Touched())
                account.positions[event.instrument_name] = None
            elif isinstance(event, CashChanged):
                account = touched.setdefault(event.account_id, _Touched())
                account.balance = event.balance
        self._fills.clear()
        for account_id, account in touched.items():
            if account_id not in self._balances:
                continue
            found.append((account_id, self._balance(account_id, account, now_ms)))
            found += self.standing(account_id, now_ms)
        return found

    def standing(self, account_id: str, now_ms: int) -> Addressed:
        """ACCOUNT_UPDATE and GREEK_UPDATE of an account as it is now."""
        return [
            (account_id, self._account(account_id, now_ms)),
            (account_id, self._greeks(account_id, now_ms)),
        ]

    def holders(self) -> list[str]:
        """Accounts with a position: their standing is told again and again."""
        exchange = self._floor.exchange
        return [account_id for account_id in self._balances if exchange.positions(account_id)]

    def _order(self, event: OrderChanged, now_ms: int) -> Record | None:
        told = _TOLD.get(event.cause)
        if told is None:
            return None
        order = event.order
        instrument = self._floor.exchange.listings[order.instrument_name].instrument
        fill = self._fills.pop(order.order_id, None) if told == "TRADE" else None
        status = order_status(order)
        if told == "CANCELED" and status != "CANCELED":
            told = "EXPIRED"
        resting = self._resting(order)
        contract = contract_of(instrument)
        price, amount = contract.price_scale, contract.quantity_scale
        average = order.average_price
        return {
            "e": "ORDER_TRADE_UPDATE",
            "E": now_ms,
            "T": order.updated_ns // NS_PER_MS,
            "o": {
                "s": order.instrument_name,
                "c": order.label,
                "S": order.side.value.upper(),
                "o": "LIMIT",
                "f": time_in_force(order),
                "q": fixed(order.amount, amount),
                "p": fixed(order.price or ZERO, price),
                "ap": "0" if average is None else plain(average.quantize(Decimal("1e-8"))),
                "x": told,
                "X": status,
                "i": order.order_id,
                "l": fixed(fill.amount if fill else 0, amount),
                "z": fixed(order.filled_amount, amount),
                "L": fixed(fill.price if fill else 0, price),
                "N": QUOTE,
                # Here, unlike in /userTrades, what is charged is negative.
                "n": fixed(-fill.fee if fill else 0, CASH_DECIMALS),
                "T": order.updated_ns // NS_PER_MS,
                "t": self._floor.trade_seq(fill) if fill else 0,
                "b": fixed(resting[Side.BUY], amount),
                "a": fixed(resting[Side.SELL], amount),
                "m": fill is not None and fill.liquidity is Liquidity.MAKER,
                "R": order.is_reduce_only,
                "ot": "LIMIT",
                "rp": fixed(fill.realised_pnl if fill else 0, CASH_DECIMALS),
                "V": stp_word(order),
            },
        }

    def _resting(self, order: Order) -> dict[Side, Decimal]:
        """Amounts of the account's open bids and asks on the order's symbol."""
        amounts = {Side.BUY: ZERO, Side.SELL: ZERO}
        which = OrderFilter(instrument_name=order.instrument_name)
        for other in self._floor.exchange.open_orders(order.account_id, which):
            amounts[other.side] += other.amount - other.filled_amount
        return amounts

    def _balance(self, account_id: str, touched: _Touched, now_ms: int) -> Record:
        before = self._balances[account_id]
        balance = before if touched.balance is None else touched.balance
        self._balances[account_id] = balance
        return {
            "e": "BALANCE_POSITION_UPDATE",
            "E": now_ms,
            "T": self._floor.now_ms,
            "m": "ORDER" if touched.positions else "DEPOSIT",
            "B": [
                {
                    "a": QUOTE,
                    "b": fixed(balance, CASH_DECIMALS),
                    "bc": fixed(balance - before, CASH_DECIMALS),
                }
            ],
            "P": [self._position(account_id, name) for name in touched.positions],
        }

    def _position(self, account_id: str, name: str) -> Record:
        contract = contract_of(self._floor.exchange.listings[name].instrument)
        report = self._floor.exchange.position(account_id, name)
        entry = report.average_price if report is not None else None
        return {
            "s": name,
            "c": fixed(report.size if report is not None else 0, contract.quantity_scale),
            "p": fixed(report.value if report is not None else 0, CASH_DECIMALS),
            "a": "0" if entry is None else plain(entry.quantize(Decimal("1e-8"))),
        }

    def _account(self, account_id: str, now_ms: int) -> Record:
        exchange = self._floor.exchange
        summary = exchange.summary(account_id, QUOTE)
        assert not isinstance(summary, Refusal)
        assert summary.margins is not None
        longs = sum((p.value for p in exchange.positions(account_id) if p.size > 0), ZERO)
        return {
            "e": "ACCOUNT_UPDATE",
            "E": now_ms,
            "T": self._floor.now_ms,
            "eq": fixed(summary.equity, CASH_DECIMALS),
            "aeq": fixed(summary.balance + longs, CASH_DECIMALS),
            "b": fixed(summary.balance, CASH_DECIMALS),
            "m": fixed(summary.options_value, CASH_DECIMALS),
            "u": fixed(summary.options_unrealised_pnl, CASH_DECIMALS),
            "i": fixed(summary.margins.initial, CASH_DECIMALS),
            "M": fixed(summary.margins.maintenance, CASH_DECIMALS),
        }

    def _greeks(self, account_id: str, now_ms: int) -> Record:
        return {
            "e": "GREEK_UPDATE",
            "E": now_ms,
            "T": self._floor.now_ms,
            "G": [
                {
                    "u": symbol,
                    "d": plain(greeks["delta"]),
                    "g": plain(greeks["gamma"]),
                    "t": plain(greeks["theta"]),
                    "v": plain(greeks["vega"]),
                }
                for symbol, greeks in self._floor.greeks(account_id).items()
            ],
        }
