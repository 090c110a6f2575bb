"""The seams at which the desk meets the world. Protocols only; whoever fits may stand in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from quantdesk.domain.events import MarketEvent, RawFrame


class Clock(Protocol):
    """Source of time. Only `runtime.clock` reads the machine's."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""


class MarketFeed(Protocol):
    """One connection to a venue's market data: frames out, in the order received.

    A feed keeps its connection alive, subscribes and resubscribes by itself. It never parses for
    anyone else: frames are recorded first and decoded by `to_events`.
    """

    @property
    def name(self) -> str:
        """Connection name, equal to `RawFrame.connection` of its frames."""

    @property
    def venue(self) -> str:
        """Venue name, "deribit"."""

    @property
    def state(self) -> str:
        """ "connecting", "live", "reconnecting", "maintenance" or "closed"."""

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""

    @property
    def last_problem(self) -> str:
        """One sentence on what went wrong last, "" where nothing did."""

    def frames(self) -> AsyncIterator[RawFrame]:
        """Frames until the feed is closed. Reconnects inside; ends only on `close`."""

    async def close(self) -> None:
        """Close the socket and end `frames`."""


class FrameDecoder(Protocol):
    """Pure: one raw frame to the events it carries. Never raises on any bytes."""

    def __call__(self, frame: RawFrame) -> Sequence[MarketEvent]: ...


class FrameRecorder(Protocol):
    """Where raw frames go before they are understood."""

    def append(self, frame: RawFrame) -> None:
        """Keep `frame`. Raises StorageError if it can not be kept."""

    def close(self) -> None:
        """Write out what is buffered and close the files."""
