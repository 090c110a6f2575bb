"""Who listens to what: subscriptions, and the messages that a change of the market makes.

Encodes a message once per channel. Knows no socket: subscribers are whatever takes bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from quantdesk.simulator.deribit.channels import Channel, Subject, open_channel
from quantdesk.simulator.deribit.market import DeribitMarket
from quantdesk.simulator.deribit.rpc import notification
from quantdesk.simulator.venue import MarketChanges


class Subscriber(Protocol):
    """One connection as the hub sees it."""

    def send(self, payload: bytes) -> None:
        """Queue a message; never blocks."""


class _Open:
    """A channel with at least one subscriber."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.subscribers: dict[Subscriber, None] = {}
        self.sent_ns: int | None = None


class ChannelHub:
    """Channels that are subscribed to. Bounded: only names of this market open a channel."""

    def __init__(self, market: DeribitMarket) -> None:
        self._market = market
        self._open: dict[str, _Open] = {}
        self._listeners: dict[tuple[Subject, int | str | None], dict[str, _Open]] = {}
        self._pending: dict[str, _Open] = {}

    def subscribe(self, subscriber: Subscriber, names: Iterable[str]) -> list[str]:
        """Add `subscriber` to each channel there is; returns those, in the order asked."""
        subscribed: dict[str, None] = {}
        for name in names:
            entry = self._open.get(name) or self._create(name)
            if entry is not None:
                entry.subscribers[subscriber] = None
                subscribed[name] = None
        return list(subscribed)

    def greet(self, subscriber: Subscriber, names: Iterable[str]) -> None:
        """Send `subscriber` the current state of channels it has just subscribed to."""
        for name in names:
            data = self._open[name].channel.snapshot()
            if data is not None:
                subscriber.send(notification(name, data))

    def unsubscribe(self, subscriber: Subscriber, names: Iterable[str]) -> list[str]:
        """Take `subscriber` out of `names`; returns those it was in."""
        left: dict[str, None] = {}
        for name in names:
            entry = self._open.get(name)
            if entry is not None and subscriber in entry.subscribers:
                del entry.subscribers[subscriber]
                left[name] = None
                if not entry.subscribers:
                    self._drop(name, entry)
        return list(left)

    def unsubscribe_all(self, subscriber: Subscriber) -> None:
        """Take `subscriber` out of every channel."""
        self.unsubscribe(
            subscriber, [n for n, e in self._open.items() if subscriber in e.subscribers]
        )

    def publish(self, changes: MarketChanges, machine_ns: int) -> None:
        """Send what `changes` mean to those who listen, each channel at its own pace."""
        lines = self._market.changed_lines(changes)
        self._market.forget(lines)
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
            self._note(Subject.INDEX, index_name, 0)
        self._send_due(machine_ns)

    def _create(self, name: str) -> _Open | None:
        channel = open_channel(name, self._market)
        if channel is None:
            return None
        entry = _Open(channel)
        self._open[name] = entry
        self._listeners.setdefault((channel.subject, channel.key), {})[name] = entry
        return entry

    def _drop(self, name: str, entry: _Open) -> None:
        del self._open[name]
        self._pending.pop(name, None)
        key = (entry.channel.subject, entry.channel.key)
        del self._listeners[key][name]
        if not self._listeners[key]:
            del self._listeners[key]

    def _note(self, subject: Subject, key: int | str | None, row: int) -> None:
        for name, entry in self._listeners.get((subject, key), {}).items():
            entry.channel.note(row)
            self._pending[name] = entry

    def _send_due(self, machine_ns: int) -> None:
        due = [
            (name, entry)
            for name, entry in self._pending.items()
            if entry.sent_ns is None or machine_ns - entry.sent_ns >= entry.channel.pace_ns
        ]
        for name, entry in due:
            del self._pending[name]
            for data in entry.channel.messages():
                entry.sent_ns = machine_ns
                payload = notification(name, data)
                for subscriber in list(entry.subscribers):
                    subscriber.send(payload)
