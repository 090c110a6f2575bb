"""Who listens to what: subscriptions, and the messages that a change of the market makes.

Encodes a message once per channel. Knows no socket: subscribers are whatever takes bytes. A public
channel is one for all; a private one is one for each account.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Protocol

from quantdesk.simulator.deribit.channels import Channel, Subject, open_channel
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.index_channels import open_index_channel, open_quiet_channel
from quantdesk.simulator.deribit.private_channels import (
    account_of,
    instrument_of,
    is_private,
    open_private_channel,
    open_trade_channel,
    scopes_of,
)
from quantdesk.simulator.deribit.rpc import notification
from quantdesk.simulator.exchange.events import CashChanged, Trade
from quantdesk.simulator.venue import MarketChanges


class Subscriber(Protocol):
    """One connection as the hub sees it."""

    def send(self, payload: bytes) -> None:
        """Queue a message; never blocks."""

    def notify(self, channel: str, payload: bytes) -> None:
        """Queue a notification, to which faults may happen; never blocks."""


class _Open:
    """A channel with at least one subscriber."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.subscribers: dict[Subscriber, None] = {}
        self.sent_ns: int | None = None


ChannelKey = tuple[str, str]
"""Name, and the account that it is private to, "" for everyone's."""


class ChannelHub:
    """Channels that are subscribed to. Bounded: only names of this market open a channel."""

    def __init__(self, face: DeribitFace) -> None:
        self._face = face
        self._market = face.market
        self._accounts = {account.account_id: account for account in face.accounts}
        self._open: dict[ChannelKey, _Open] = {}
        self._listeners: dict[tuple[Subject, Hashable], dict[ChannelKey, _Open]] = {}
        self._pending: dict[ChannelKey, _Open] = {}

    def subscribe(
        self, subscriber: Subscriber, names: Iterable[str], account_id: str | None = None
    ) -> list[str]:
        """Add `subscriber` to each channel there is; returns those, in the order asked.

        account_id : whose private channels are meant; None has none
        """
        subscribed: dict[str, None] = {}
        for name in names:
            if is_private(name) and account_id is None:
                continue
            key = _key(name, account_id)
            entry = self._open.get(key) or self._create(key)
            if entry is not None:
                entry.subscribers[subscriber] = None
                subscribed[name] = None
        return list(subscribed)

    def greet(
        self, subscriber: Subscriber, names: Iterable[str], account_id: str | None = None
    ) -> None:
        """Send `subscriber` the current state of channels it has just subscribed to."""
        for name in names:
            entry = self._open.get(_key(name, account_id))
            for data in entry.channel.greeting() if entry is not None else ():
                subscriber.notify(name, notification(name, data))

    def unsubscribe(self, subscriber: Subscriber, names: Iterable[str]) -> list[str]:
        """Take `subscriber` out of `names`; returns those it was in."""
        left: dict[str, None] = {}
        wanted = set(names)
        keys = [
            key
            for key, entry in self._open.items()
            if key[0] in wanted and subscriber in entry.subscribers
        ]
        for key in keys:
            self._leave(subscriber, key)
            left[key[0]] = None
        return [name for name in dict.fromkeys(names) if name in left]

    def unsubscribe_all(self, subscriber: Subscriber) -> None:
        """Take `subscriber` out of every channel."""
        for key in [k for k, e in self._open.items() if subscriber in e.subscribers]:
            self._leave(subscriber, key)

    def publish(self, changes: MarketChanges, machine_ns: int) -> None:
        """Send what `changes` mean to those who listen, each channel at its own pace."""
        self._face.note(changes)
        self._note_market(changes)
        self._note_events(changes)
        self._send_due(machine_ns)

    def announce(self, is_in_maintenance: bool, machine_ns: int) -> None:
        """Tell the platform's state to those who listen."""
        self._note(Subject.PLATFORM, None, is_in_maintenance)
        self._send_due(machine_ns)

    def _note_market(self, changes: MarketChanges) -> None:
        lines = self._market.changed_lines(changes)
        listening = [line for line in lines if (Subject.TICKER, line) in self._listeners]
        if listening:
            self._market.prepare_tickers(listening)
        for line in listening:
            self._note(Subject.TICKER, line, line)
        for line in self._market.quoted_lines(changes):
            self._note(Subject.QUOTE, line, line)
        for name in changes.books:
            line = self._market.line_of[name]
            self._note(Subject.BOOK, line, line)
        for row in changes.mark_rows.tolist():
            self._note(Subject.MARKS, self._market.board.index_of[row], row)
        for line in self._market.delivered_lines(changes):
            self._note(Subject.DELIVERY, None, line)
        for index_name in changes.index_names:
            self._note(Subject.INDEX, index_name, index_name)
        for index_name in changes.volatility_names:
            self._note(Subject.VOLATILITY, index_name, index_name)

    def _note_events(self, changes: MarketChanges) -> None:
        """Trades to everyone's channels, the rest to those of its account."""
        for event in changes.events:
            if isinstance(event, Trade):
                for scope in scopes_of(self._face, event.instrument_name):
                    self._note(Subject.TRADES, scope, event)
                continue
            account_id = account_of(event)
            if account_id is None or account_id not in self._accounts:
                continue
            self._note(Subject.PORTFOLIO, account_id, event)
            if not isinstance(event, CashChanged):
                for scope in scopes_of(self._face, instrument_of(event)):
                    self._note(Subject.USER, (account_id, scope), event)
        if changes.rows.size or changes.futures:
            # Marks moved, and with them the values of what is held.
            for account_id in self._accounts:
                self._note(Subject.PORTFOLIO, account_id, None)

    def _create(self, key: ChannelKey) -> _Open | None:
        name, account_id = key
        if account_id:
            account = self._accounts[account_id]
            channel = open_private_channel(name, self._face, account)
            channel = channel or open_quiet_channel(name, self._face)
        else:
            channel = open_channel(name, self._market) or open_trade_channel(name, self._face)
            channel = channel or open_index_channel(name, self._face)
        if channel is None:
            return None
        entry = _Open(channel)
        self._open[key] = entry
        self._listeners.setdefault((channel.subject, channel.key), {})[key] = entry
        return entry

    def _leave(self, subscriber: Subscriber, key: ChannelKey) -> None:
        entry = self._open[key]
        del entry.subscribers[subscriber]
        if entry.subscribers:
            return
        del self._open[key]
        self._pending.pop(key, None)
        subject = (entry.channel.subject, entry.channel.key)
        del self._listeners[subject][key]
        if not self._listeners[subject]:
            del self._listeners[subject]

    def _note(self, subject: Subject, key: Hashable, item: object) -> None:
        for channel_key, entry in self._listeners.get((subject, key), {}).items():
            entry.channel.note(item)
            self._pending[channel_key] = entry

    def _send_due(self, machine_ns: int) -> None:
        due = [
            (key, entry)
            for key, entry in self._pending.items()
            if entry.sent_ns is None or machine_ns - entry.sent_ns >= entry.channel.pace_ns
        ]
        for key, entry in due:
            del self._pending[key]
            for data in entry.channel.messages():
                entry.sent_ns = machine_ns
                payload = notification(key[0], data)
                for subscriber in list(entry.subscribers):
                    subscriber.notify(key[0], payload)


def _key(name: str, account_id: str | None) -> ChannelKey:
    return (name, account_id or "") if is_private(name) else (name, "")
