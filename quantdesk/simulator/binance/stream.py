"""What every market stream is, and the paths they hang below."""

from __future__ import annotations

from typing import Protocol

from quantdesk.simulator.exchange.events import ExchangeEvent

PUBLIC, MARKET, PRIVATE = "public", "market", "private"

SECOND_NS = 1_000_000_000


class Stream(Protocol):
    """One open stream: told of events, asked for messages at its pace.

    path : where it is served
    names : options whose events it is told of
    pace_ns : machine time between two sendings; 0 at once
    """

    path: str
    pace_ns: int
    names: frozenset[str]

    def note(self, event: ExchangeEvent) -> None:
        """Something happened to one of `names`."""

    def messages(self, now_ms: int) -> list[object]:
        """What is to be sent now, which may be nothing; `now_ms` is the venue's time."""
