"""The bounded queue between a socket and the desk.

When the desk is slower than the venue, market data gives way newest-first: of each channel only
the last frame is kept, and what was passed over is counted. Of a chained channel, whose frames make
sense only one after the other (changes of a book), all that wait are dropped together and the
channel is named as broken. Frames without a channel (answers, states) are never passed over; for
them the reader waits.
"""

from __future__ import annotations

import asyncio
from collections import deque

from quantdesk.domain.events import RawFrame
from quantdesk.errors import InvalidInput

_Waiting = tuple[RawFrame, bytes | None, bool]
"""A frame, its channel, and whether it is chained."""


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
        self._waiting: deque[_Waiting] = deque()
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
        self._append((frame, channel, is_chained))

    def offer(self, frame: RawFrame, channel: bytes | None, is_chained: bool) -> bool:
        """As `put` where there is room, at once; False where there is none."""
        if len(self._waiting) >= self._frames_max:
            return False
        self._append((frame, channel, is_chained))
        return True

    async def take(self) -> RawFrame | None:
        """The oldest frame, waiting for one; None once the queue is closed."""
        while not self._waiting:
            if self._is_closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self.take_ready()

    def take_ready(self) -> RawFrame | None:
        """The oldest frame; None where there is none now or the queue is closed."""
        if not self._waiting:
            return None
        frame = self._waiting.popleft()[0]
        if self.is_blocked:
            self._left.set()
        return frame

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

    def _append(self, waiting: _Waiting) -> None:
        if self._is_closed:
            return
        if not self._waiting:
            self._arrived.set()
        self._waiting.append(waiting)

    def _keep_newest(self, arriving: bytes | None) -> None:
        """Drop every frame that a later one of its channel, or the arriving one, replaces."""
        seen = set() if arriving is None else {arriving}
        kept: deque[_Waiting] = deque()
        for waiting in reversed(self._waiting):
            _, channel, is_chained = waiting
            if channel is not None and not is_chained:
                if channel in seen:
                    self.dropped += 1
                    continue
                seen.add(channel)
            kept.appendleft(waiting)
        self._waiting = kept

    def _drop_oldest(self) -> bool:
        """Drop the oldest frame that may be dropped; False where there is none."""
        for place, (_, channel, is_chained) in enumerate(self._waiting):
            if channel is None:
                continue
            if is_chained:
                self._drop_chain(channel)
            else:
                del self._waiting[place]
                self.dropped += 1
            return True
        return False

    def _drop_chain(self, channel: bytes) -> None:
        """Drop every frame of `channel`: what follows a lost one is of no use."""
        kept = deque(waiting for waiting in self._waiting if waiting[1] != channel)
        self.dropped += len(self._waiting) - len(kept)
        self._waiting = kept
        self.broken.add(channel)
