"""Channels of an account: its orders, trades, changes and portfolio; and everyone's of trades.

They collect the exchange's events as the hub hands them on, and print them when due. Raw order
channels carry one object a message, the others a list, as the venue does.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from quantdesk.domain.fill import Fill
from quantdesk.simulator.deribit.account_records import portfolio
from quantdesk.simulator.deribit.accounts import ApiAccount
from quantdesk.simulator.deribit.channels import KINDS, PACE_AGG2_NS, PACES, Channel, Subject
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.order_records import (
    OrderRecord,
    UserTrade,
    order_record,
    user_trade,
)
from quantdesk.simulator.deribit.position_records import position_record
from quantdesk.simulator.deribit.records import PublicTrade
from quantdesk.simulator.exchange.events import (
    CashChanged,
    ExchangeEvent,
    FillMade,
    OrderChanged,
    PositionChanged,
    Trade,
)
from quantdesk.simulator.exchange.orders import Order

PENDING_MAX = 10_000
"""Events that a paced channel holds at most; a paced channel is flushed long before."""

Scope = str | tuple[str, str]
"""What a channel is about: an instrument, or a kind and a currency ("any" for all)."""


def is_private(name: str) -> bool:
    """Whether a channel is one of an account's own."""
    return name.startswith("user.")


def scopes_of(face: DeribitFace, instrument_name: str) -> Iterator[Scope]:
    """Every scope that an instrument is part of."""
    line = face.market.line_of[instrument_name]
    yield instrument_name
    for kind in (face.market.kind(line), "any"):
        for currency in (face.market.currency(line), "any"):
            yield kind, currency


class TradesChannel(Channel):
    """`trades.<instrument>.<interval>` and `trades.<kind>.<currency>.<interval>`: a list each."""

    subject = Subject.TRADES

    def __init__(self, name: str, face: DeribitFace, scope: Scope, pace_ns: int) -> None:
        super().__init__(name, key=scope, pace_ns=pace_ns)
        self._face = face
        self._trades: list[PublicTrade] = []

    def note(self, item: object) -> None:
        """Remember a trade that is on the tape."""
        assert isinstance(item, Trade)
        tape = self._face.tape
        trade = tape.find(tape.trade_id(item.instrument_name, item.trade_id))
        if trade is not None:
            self._trades.append(trade)

    def messages(self) -> list[bytes]:
        trades, self._trades = self._trades, []
        return [self._face.market.encode(trades)] if trades else []


class _AccountChannel(Channel):
    """A channel of one account that collects what the exchange told."""

    def __init__(
        self, name: str, face: DeribitFace, account: ApiAccount, scope: Scope, pace_ns: int
    ) -> None:
        super().__init__(name, key=(account.account_id, scope), pace_ns=pace_ns)
        self._face, self._account = face, account
        self._events: list[ExchangeEvent] = []

    def note(self, item: object) -> None:
        """Remember an event of the account."""
        assert isinstance(item, OrderChanged | FillMade | PositionChanged)
        if len(self._events) < PENDING_MAX:
            self._events.append(item)

    def _take(self) -> list[ExchangeEvent]:
        events, self._events = self._events, []
        return events

    def _orders(self, events: list[ExchangeEvent]) -> list[OrderRecord]:
        """Each order once, as it is after the last of `events`, in the order of the first."""
        latest: dict[int, Order] = {}
        for event in events:
            if isinstance(event, OrderChanged):
                latest[event.order.order_id] = event.order
        return [order_record(order, self._face) for order in latest.values()]

    def _trades(self, events: list[ExchangeEvent]) -> list[UserTrade]:
        fills: list[Fill] = [event.fill for event in events if isinstance(event, FillMade)]
        return [user_trade(fill, self._face) for fill in fills]


class UserOrdersChannel(_AccountChannel):
    """`user.orders…`: raw one order a message, else a list."""

    subject = Subject.USER

    def messages(self) -> list[bytes]:
        orders = self._orders(self._take())
        if not orders:
            return []
        encode = self._face.market.encode
        return [encode(order) for order in orders] if self.pace_ns == 0 else [encode(orders)]


class UserTradesChannel(_AccountChannel):
    """`user.trades…`: a list."""

    subject = Subject.USER

    def messages(self) -> list[bytes]:
        trades = self._trades(self._take())
        return [self._face.market.encode(trades)] if trades else []


class UserChangesChannel(_AccountChannel):
    """`user.changes…`: orders, trades and positions of one instrument a message."""

    subject = Subject.USER

    def messages(self) -> list[bytes]:
        by_name: dict[str, list[ExchangeEvent]] = {}
        for event in self._take():
            by_name.setdefault(instrument_of(event), []).append(event)
        return [
            self._face.market.encode(
                {
                    "instrument_name": name,
                    "orders": self._orders(events),
                    "trades": self._trades(events),
                    "positions": self._positions(name, events),
                }
            )
            for name, events in by_name.items()
        ]

    def _positions(self, name: str, events: list[ExchangeEvent]) -> list[object]:
        if not any(isinstance(event, PositionChanged) for event in events):
            return []
        account_id = self._account.account_id
        report = self._face.exchange.position(account_id, name)
        return [] if report is None else [position_record(self._face, account_id, report)]


class PortfolioChannel(Channel):
    """`user.portfolio.<currency>`: whenever it differs from what was sent, at most once a second.

    For "any" a message a currency.
    """

    subject = Subject.PORTFOLIO

    def __init__(
        self, name: str, face: DeribitFace, account: ApiAccount, currencies: tuple[str, ...]
    ) -> None:
        super().__init__(name, key=account.account_id, pace_ns=PACE_AGG2_NS)
        self._face, self._account, self._currencies = face, account, currencies
        self._sent: dict[str, bytes] = {}

    def greeting(self) -> list[bytes]:
        """The portfolio of now, one message a currency."""
        return [self._record(currency) for currency in self._currencies]

    def messages(self) -> list[bytes]:
        changed = []
        for currency in self._currencies:
            record = self._record(currency)
            if self._sent.get(currency) != record:
                self._sent[currency] = record
                changed.append(record)
        return changed

    def _record(self, currency: str) -> bytes:
        return msgspec.json.encode(portfolio(self._face, self._account, currency))


def account_of(event: ExchangeEvent) -> str | None:
    """The account that an event is private to; None for a public one."""
    if isinstance(event, OrderChanged):
        return event.order.account_id
    if isinstance(event, FillMade):
        return event.fill.account
    return event.account_id if isinstance(event, PositionChanged | CashChanged) else None


def instrument_of(event: ExchangeEvent) -> str:
    """The instrument that an account's order, fill or position is in."""
    if isinstance(event, OrderChanged):
        return event.order.instrument_name
    if isinstance(event, FillMade):
        return event.fill.instrument_name
    assert isinstance(event, PositionChanged)
    return event.instrument_name


_USER_CHANNELS: dict[str, type[_AccountChannel]] = {
    "orders": UserOrdersChannel,
    "trades": UserTradesChannel,
    "changes": UserChangesChannel,
}


def open_trade_channel(name: str, face: DeribitFace) -> Channel | None:
    """A public channel of trades; None where there is no such channel."""
    match name.split("."):
        case ["trades", *scope, interval] if interval in PACES:
            found = _scope(face, scope)
            return None if found is None else TradesChannel(name, face, found, PACES[interval])
        case _:
            return None


def open_private_channel(name: str, face: DeribitFace, account: ApiAccount) -> Channel | None:
    """A channel of `account`; None where there is no such channel."""
    match name.split("."):
        case ["user", "portfolio", currency]:
            currencies = face.market.currencies
            if currency.upper() in currencies:
                return PortfolioChannel(name, face, account, (currency.upper(),))
            return PortfolioChannel(name, face, account, currencies) if currency == "any" else None
        case ["user", topic, *scope, interval] if topic in _USER_CHANNELS and interval in PACES:
            found = _scope(face, scope)
            if found is None:
                return None
            return _USER_CHANNELS[topic](name, face, account, found, PACES[interval])
        case _:
            return None


def _scope(face: DeribitFace, parts: list[str]) -> Scope | None:
    """An instrument's name, or a kind and a currency."""
    match parts:
        case [name] if name in face.market.line_of:
            return name
        case [kind, currency] if kind in KINDS:
            return (kind, currency) if currency in ("any", *face.market.currencies) else None
        case _:
            return None
