"""The bounded queue between a socket and the desk.

When the desk is slower than the venue, market data gives way newest-first: of each channel only
the last frame is kept, and what was passed over is counted. Of a chained channel, whose frames make
sense only one after the other (changes of a book), all that wait are dropped together and the
channel is named as broken. Frames without a channel (answers, states) are never passed over; for
them the reader waits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from quantdesk.domain.events import RawFrame
from quantdesk.errors import InvalidInput


class _Waiting(NamedTuple):
    frame: RawFrame
    channel: bytes | None
    is_chained: bool


class FrameQueue:
    """Frames in the order received, one reader, one writer, both in one event loop.

    Parameters
    ----------
    frames_max : most frames it holds
    """

    def __init__(self, frames_max: int) -> None:
        if frames_max < 1:
            raise InvalidInput("frames_max", frames_max, "must be at least 1")
        self._frames_max = frames_max
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._next_key = 0
        self._arrived = asyncio.Event()
        self._left = asyncio.Event()
        self._is_closed = False
        self.dropped = 0
        self.is_blocked = False
        self.broken: set[bytes] = set()
        """Chained channels that lost frames since whoever mends them cleared their names here."""

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(
        self, frame: RawFrame, channel: bytes | None, *, is_chained: bool = False
    ) -> None:
        """Append `frame`. `channel` names what a later frame of it replaces; None is never dropped.

        `is_chained`: a later frame continues it instead. Waits only where the queue is full of
        frames that must not be dropped.
        """
        if len(self._waiting) >= self._frames_max:
            await self._make_room(channel)
        self._waiting[self._next_key] = _Waiting(frame, channel, is_chained)
        self._next_key += 1
        self._arrived.set()

    async def take(self) -> RawFrame | None:
        """The oldest frame, waiting for one; None once the queue is closed."""
        while not self._waiting:
            if self._is_closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        if self._is_closed:
            return None
        _, oldest = self._waiting.popitem(last=False)
        self._left.set()
        return oldest.frame

    def close(self) -> None:
        """End `take` at once, also for a writer that waits for room."""
        self._is_closed = True
        self._waiting.clear()
        self._arrived.set()
        self._left.set()

    async def _make_room(self, channel: bytes | None) -> None:
        self._keep_newest(channel)
        while len(self._waiting) >= self._frames_max and not self._is_closed:
            if self._drop_oldest():
                continue
            self.is_blocked = True
            self._left.clear()
            await self._left.wait()
        self.is_blocked = False

    def _keep_newest(self, arriving: bytes | None) -> None:
        """Drop every frame that a later one of its channel, or the arriving one, replaces."""
        seen = set() if arriving is None else {arriving}
        for key in reversed(tuple(self._waiting)):
            waiting = self._waiting[key]
            channel = waiting.channel
            if channel is None or waiting.is_chained:
                continue
            if channel in seen:
                del self._waiting[key]
                self.dropped += 1
            seen.add(channel)

    def _drop_oldest(self) -> bool:
        """Drop the oldest frame that may be dropped; False where there is none."""
        for key, waiting in self._waiting.items():
            if waiting.channel is None:
                continue
            if waiting.is_chained:
                self._drop_chain(waiting.channel)
            else:
                del self._waiting[key]
                self.dropped += 1
            return True
        return False

    def _drop_chain(self, channel: bytes) -> None:
        """Drop every frame of `channel`: what follows a lost one is of no use."""
        keys = [key for key, waiting in self._waiting.items() if waiting.channel == channel]
        for key in keys:
            del self._waiting[key]
        self.dropped += len(keys)
        self.broken.add(channel)
