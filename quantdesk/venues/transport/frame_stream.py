"""A feed's frames while its work runs: handed out once, ended by whoever stops reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine

from quantdesk.domain.events import RawFrame
from quantdesk.errors import ConfigError
from quantdesk.venues.transport.frame_queue import FrameQueue

FRAMES_PER_TURN = 256
"""Frames handed out before others in the event loop get a turn, the answering readers first."""


class FrameStream:
    """What a feed's work puts on a queue, as its reader takes it.

    Parameters
    ----------
    name : of the feed, for errors
    queue : what the work fills
    work : runs beside the reader; it ends by raising what can not be mended, or when cancelled
    """

    def __init__(
        self, name: str, queue: FrameQueue, work: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        self._name = name
        self._queue = queue
        self._work = work
        self._runner: asyncio.Task[None] | None = None
        self.is_closed = False

    async def frames(self) -> AsyncGenerator[RawFrame, None]:
        """Every frame until `close`, and what the work raised. Raises ConfigError the second time.

        A reader that stops closes the stream.
        """
        if self._runner is not None or self.is_closed:
            raise ConfigError(f"feed {self._name}: its frames can be read once")
        self._runner = asyncio.create_task(self._work(), name=f"feed {self._name}")
        self._runner.add_done_callback(lambda _: self._queue.close())
        taken = 0
        try:
            queue = self._queue
            while (frame := queue.take_ready() or await queue.take()) is not None:
                yield frame
                taken += 1
                if taken % FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
            if not self._runner.cancelled() and self._runner.done():
                self._runner.result()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the work and `frames`. May be called again."""
        self.is_closed = True
        self._queue.close()
        if self._runner is not None and not self._runner.done():
            self._runner.cancel()
            await asyncio.wait([self._runner])
