"""What a venue reported of one account, put together: reports in, a frozen snapshot out.

Reports of a venue's stream and answers to questions cross on the way, so the later one by the
venue's clock holds; a report without a stamp of the venue's is as late as its arrival. Derives no
number, reads no clock.
"""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import islice
from typing import TypeVar

from quantdesk.domain.account import (
    AccountEvent,
    AccountSnapshot,
    AccountStateReport,
    BalanceReport,
    FeeRates,
    GreeksReport,
    OpenOrdersListed,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)

TRADES_MAX = 10_000
"""Executions kept for a screen and a reconciliation; a ledger keeps its own."""

ORDERS_MAX = 50_000
"""Orders remembered, ended ones with them: an answer that was on its way must not revive them."""

Stamped = BalanceReport | PositionReport | OrderReport | GreeksReport | FeeRates

_Report = TypeVar("_Report", bound=Stamped)


class AccountState:
    """One account at one venue. The desk is its one writer."""

    def __init__(self, *, venue: str, account: str, environment: str) -> None:
        self.venue = venue
        self.account = account
        self._environment = environment
        self._balances: dict[str, BalanceReport] = {}
        self._positions: dict[str, PositionReport] = {}
        self._orders: dict[str, OrderReport] = {}
        self._trades: dict[tuple[str, str], TradeReport] = {}
        self._greeks: dict[str, GreeksReport] = {}
        self._fee_rates: dict[str, FeeRates] = {}
        self._rights: AccountStateReport | None = None
        self._read_whole: set[str] = set()
        self._event_ns = self._recv_ns = 0
        self._trades_dropped = 0
        self._frozen: AccountSnapshot | None = None

    def apply(self, event: AccountEvent) -> None:
        """Take in one report; one that is older than what is known changes nothing."""
        self._frozen = None
        if event.event_ns != event.recv_ns:
            self._event_ns = max(self._event_ns, event.event_ns)
        self._recv_ns = max(self._recv_ns, event.recv_ns)
        match event:
            case BalanceReport():
                self._apply_balance(event)
            case PositionReport():
                _keep_later(self._positions, event.instrument_name, event)
            case PositionsListed():
                self._apply_positions(event)
            case OrderReport():
                self._apply_order(event)
            case OpenOrdersListed():
                self._apply_orders(event)
            case TradeReport():
                self._apply_trade(event)
            case GreeksReport():
                _keep_later(self._greeks, event.underlying, event)
            case FeeRates():
                _keep_later(self._fee_rates, event.underlying, event)
            case AccountStateReport():
                self._rights = event

    def snapshot(self, *, is_live: bool) -> AccountSnapshot:
        """The account now; unchanged: the same one."""
        if self._frozen is None or self._frozen.is_live != is_live:
            self._frozen = AccountSnapshot(
                venue=self.venue,
                account=self.account,
                environment=self._environment,
                is_whole=self._read_whole >= {"balances", "positions", "orders"},
                is_live=is_live,
                event_ns=self._event_ns,
                recv_ns=self._recv_ns,
                balances=tuple(self._balances[name] for name in sorted(self._balances)),
                positions=tuple(
                    self._positions[name]
                    for name in sorted(self._positions)
                    if self._positions[name].quantity
                ),
                open_orders=tuple(
                    sorted(
                        (each for each in self._orders.values() if not each.status.is_final),
                        key=lambda order: (order.instrument_name, order.order_id),
                    )
                ),
                trades=tuple(
                    sorted(self._trades.values(), key=lambda trade: (trade.event_ns, _key(trade)))
                ),
                greeks=tuple(self._greeks[name] for name in sorted(self._greeks)),
                fee_rates=tuple(self._fee_rates[name] for name in sorted(self._fee_rates)),
                rights=self._rights,
                trades_dropped=self._trades_dropped,
            )
        return self._frozen

    def _apply_balance(self, report: BalanceReport) -> None:
        known = self._balances.get(report.currency)
        if _is_late(report, known):
            return
        if known is not None:
            # A report that is silent on a figure takes nothing back.
            kept = {
                each.name: getattr(known, each.name)
                for each in fields(report)
                if getattr(report, each.name) is None
            }
            report = replace(report, **kept)
        self._balances[report.currency] = report
        self._read_whole.add("balances")

    def _apply_positions(self, listed: PositionsListed) -> None:
        self._read_whole.add("positions")
        later = {name: each for name, each in self._positions.items() if _is_after(each, listed)}
        self._positions = {each.instrument_name: each for each in listed.positions} | later

    def _apply_orders(self, listed: OpenOrdersListed) -> None:
        self._read_whole.add("orders")
        later = {name: each for name, each in self._orders.items() if _is_after(each, listed)}
        self._orders = {each.order_id: each for each in listed.orders} | later

    def _apply_order(self, report: OrderReport) -> None:
        _keep_later(self._orders, report.order_id, report)
        if len(self._orders) > ORDERS_MAX:
            ended = (key for key, each in self._orders.items() if each.status.is_final)
            for key in tuple(islice(ended, len(self._orders) - ORDERS_MAX)):
                del self._orders[key]

    def _apply_trade(self, report: TradeReport) -> None:
        """Keep an execution once; a later report of it fills in what the first left out."""
        key = _key(report)
        known = self._trades.get(key)
        if known is not None:
            missing = {
                each.name: getattr(report, each.name)
                for each in fields(known)
                if getattr(known, each.name) is None and getattr(report, each.name) is not None
            }
            self._trades[key] = replace(known, **missing)
            return
        self._trades[key] = report
        while len(self._trades) > TRADES_MAX:
            oldest = min(self._trades.values(), key=lambda trade: trade.event_ns)
            del self._trades[_key(oldest)]
            self._trades_dropped += 1


def _key(trade: TradeReport) -> tuple[str, str]:
    return trade.instrument_name, trade.trade_id


def _keep_later(known: dict[str, _Report], key: str, report: _Report) -> None:
    """Replace what is known under `key`, unless that is later."""
    if not _is_late(report, known.get(key)):
        known.pop(key, None)
        known[key] = report


def _is_late(report: Stamped, known: Stamped | None) -> bool:
    """Whether `known` is later than `report` by the venue's clock; unstamped ones are never."""
    return (
        known is not None
        and _is_stamped(report)
        and _is_stamped(known)
        and report.event_ns < known.event_ns
    )


def _is_after(
    known: PositionReport | OrderReport, listed: PositionsListed | OpenOrdersListed
) -> bool:
    """Whether `known` tells of a moment that a whole list does not include yet."""
    return _is_stamped(known) and _is_stamped(listed) and known.event_ns > listed.event_ns


def _is_stamped(report: Stamped | PositionsListed | OpenOrdersListed) -> bool:
    """Whether the instant is the venue's: without one, the adapters give that of arrival."""
    return report.event_ns != report.recv_ns
