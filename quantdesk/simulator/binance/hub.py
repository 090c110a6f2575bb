"""Who listens to which stream, and what is sent when. Encodes a message once for all listeners.

Knows no socket: subscribers are whatever takes bytes. Bounded: only names of this market open a
stream, and a name that is none is kept by its connection alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.stream import PRIVATE, SECOND_NS, Stream
from quantdesk.simulator.binance.streams import open_stream
from quantdesk.simulator.binance.user_events import UserEvents
from quantdesk.simulator.exchange.events import (
    BookChanged,
    ExchangeEvent,
    ListingChanged,
    Trade,
)

STANDING_PERIOD_NS = 10 * SECOND_NS
"""Accounts with a position are told their margins and Greeks this often."""


class Subscriber(Protocol):
    """One connection as the hub sees it."""

    path: str

    def send_event(self, name: str, payload: bytes) -> None:
        """Queue the message of a stream; never blocks."""


class _Open:
    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.subscribers: dict[Subscriber, None] = {}
        self.sent_ns: int | None = None


class StreamHub:
    """Streams that are subscribed to, of the market and of accounts."""

    def __init__(self, floor: BinanceFloor, account_ids: Sequence[str]) -> None:
        self._floor = floor
        self._users = UserEvents(floor, account_ids)
        self._open: dict[tuple[str, str], _Open] = {}
        self._told_of: dict[str, dict[tuple[str, str], _Open]] = {}
        self._listeners: dict[str, dict[Subscriber, None]] = {}
        self._account_of: dict[str, str] = {}
        self._standing_ns = 0

    def subscribe(self, subscriber: Subscriber, name: str, account_id: str | None) -> None:
        """Add to a stream of the subscriber's path; `account_id` is the owner of a listen key."""
        if subscriber.path == PRIVATE:
            if account_id is not None:
                self._account_of[name] = account_id
                self._listeners.setdefault(name, {})[subscriber] = None
            return
        key = (subscriber.path, name)
        entry = self._open.get(key)
        if entry is None:
            stream = open_stream(name, self._floor)
            if stream is None or stream.path != subscriber.path:
                return
            entry = self._open[key] = _Open(stream)
            for option in stream.names:
                self._told_of.setdefault(option, {})[key] = entry
        entry.subscribers[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, name: str) -> None:
        """Take the subscriber out of a stream."""
        listeners = self._listeners.get(name)
        if listeners is not None:
            listeners.pop(subscriber, None)
            if not listeners:
                del self._listeners[name], self._account_of[name]
        key = (subscriber.path, name)
        entry = self._open.get(key)
        if entry is not None:
            entry.subscribers.pop(subscriber, None)
            if not entry.subscribers:
                del self._open[key]
                for option in entry.stream.names:
                    del self._told_of[option][key]

    def publish(self, events: Sequence[ExchangeEvent], now_ms: int, machine_ns: int) -> None:
        """Tell streams and accounts what happened, and send what is due.

        now_ms : venue time; machine_ns : what paces the streams
        """
        self._publish_market(events, now_ms, machine_ns)
        self._send_users(self._users.messages(events, now_ms))
        if self._listeners and machine_ns - self._standing_ns >= STANDING_PERIOD_NS:
            self._standing_ns = machine_ns
            for account_id in self._users.holders():
                self._send_users(self._users.standing(account_id, now_ms))

    def expire(self, listen_keys: Iterable[str], now_ms: int) -> None:
        """Tell the listeners of keys that these are over, and stop sending to them."""
        for key in listen_keys:
            # A number as text: so the venue's own client library declares it.
            message = {"e": "listenKeyExpired", "E": str(now_ms), "listenKey": key}
            payload = msgspec.json.encode(message)
            for subscriber in self._listeners.pop(key, {}):
                subscriber.send_event(key, payload)
            self._account_of.pop(key, None)

    def close(self, listen_keys: Iterable[str]) -> None:
        """Stop sending to the listeners of keys that their accounts closed."""
        for key in listen_keys:
            self._listeners.pop(key, None)
            self._account_of.pop(key, None)

    def _publish_market(
        self, events: Sequence[ExchangeEvent], now_ms: int, machine_ns: int
    ) -> None:
        for event in events:
            if isinstance(event, BookChanged | Trade | ListingChanged):
                for entry in self._told_of.get(event.instrument_name, {}).values():
                    entry.stream.note(event)
        for (_, name), entry in list(self._open.items()):
            due_ns = (entry.sent_ns or 0) + entry.stream.pace_ns
            if entry.sent_ns is not None and machine_ns < due_ns:
                continue
            for message in entry.stream.messages(now_ms):
                entry.sent_ns = machine_ns
                payload = msgspec.json.encode(message)
                for subscriber in list(entry.subscribers):
                    subscriber.send_event(name, payload)

    def _send_users(self, messages: Iterable[tuple[str, dict[str, object]]]) -> None:
        for account_id, message in messages:
            payload: bytes | None = None
            for key, listeners in list(self._listeners.items()):
                if self._account_of[key] != account_id:
                    continue
                payload = payload if payload is not None else msgspec.json.encode(message)
                for subscriber in list(listeners):
                    subscriber.send_event(key, payload)
