"""The live desk: feeds to desk to snapshots, in one event loop, on a thread of its own if asked.

The tick path in order: frame recorded, decoded, normalised, applied; on the clock, a snapshot.
Nothing here awaits between reading and writing desk state.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import Clock, FrameDecoder, FrameRecorder, MarketFeed
from quantdesk.errors import StorageError, Transient
from quantdesk.runtime.desk import Desk
from quantdesk.snapshot import DeskSnapshot, LinkState

FIRST_FRAME_TIMEOUT_S = 10.0
"""How long a command waits for a venue to say anything at all."""

SNAPSHOT_INTERVAL_S = 0.1
"""Ten snapshots a second: as many as a screen may paint."""

FLUSH_INTERVAL_NS = 1_000_000_000
"""At most this much recorded time is lost with the machine, also when the feeds fall silent."""

STALE_AFTER_S = 10.0
"""A connection that brought nothing for this long is shown as stale: heartbeats come oftener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A feed and the decoder of its frames."""

    feed: MarketFeed
    decode: FrameDecoder


def _append(frame: RawFrame, recorder: FrameRecorder) -> None:
    recorder.append(frame)


def _flush(recorder: FrameRecorder) -> None:
    recorder.flush()


class LiveDesk:
    """Runs feeds into a `Desk` and keeps the newest snapshot at hand.

    Parameters
    ----------
    recorder : where frames go before they are decoded; None keeps none
    recording_is_vital : whether a frame that can not be kept ends the desk (`quantdesk record`)
        or is shown and the desk goes on (a screen)
    """

    def __init__(
        self,
        desk: Desk,
        lines: Sequence[Line],
        *,
        clock: Clock,
        recorder: FrameRecorder | None = None,
        recording_is_vital: bool = False,
        interval_s: float = SNAPSHOT_INTERVAL_S,
    ) -> None:
        self._desk = desk
        self._lines = tuple(lines)
        self._clock = clock
        self._recorder = recorder
        self._recording_is_vital = recording_is_vital
        self.interval_s = interval_s
        self._latest: DeskSnapshot | None = None
        self._progress_made = asyncio.Event()
        self._recording_problem = ""
        for line in self._lines:
            desk.add_link(line.feed.name, line.feed.venue)

    def latest(self) -> DeskSnapshot | None:
        """The newest snapshot; None before the first. Safe from any thread."""
        return self._latest

    @property
    def desk(self) -> Desk:
        """The desk it feeds; to be read from the desk's own loop only."""
        return self._desk

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LiveDesk]:
        """Run feeds and the snapshot clock while the block lasts; an error in either ends it."""
        tasks = [asyncio.create_task(self._run_line(line)) for line in self._lines]
        tasks.append(asyncio.create_task(self._run_clock()))
        body = asyncio.current_task()
        assert body is not None
        failed: list[BaseException] = []

        def end_block(task: asyncio.Task[None]) -> None:
            # A dead task must end the desk loudly, not leave a screen that looks alive.
            if not task.cancelled() and task.exception() is not None:
                failed.append(task.exception() or RuntimeError("task ended"))
                body.cancel()

        for task in tasks:
            task.add_done_callback(end_block)
        try:
            yield self
        except asyncio.CancelledError:
            if not failed:
                raise
            body.uncancel()
        finally:
            for line in self._lines:
                await line.feed.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._recorder is not None:
                self._recorder.close()
        if failed:
            raise failed[0]

    async def quoted(self, underlyings: Sequence[str], timeout_s: float) -> DeskSnapshot:
        """Wait until every listed option of `underlyings` has been quoted; a fresh snapshot.

        Raises Transient after `timeout_s`, saying how far it came.
        """
        started = asyncio.get_running_loop().time()
        try:
            # Where not even a first frame comes there is nobody to wait for.
            async with asyncio.timeout(min(FIRST_FRAME_TIMEOUT_S, timeout_s)):
                await self._progress_made.wait()
            async with asyncio.timeout_at(started + timeout_s):
                while not all(self._is_quoted(underlying) for underlying in underlyings):
                    self._progress_made.clear()
                    await self._progress_made.wait()
        except TimeoutError:
            waited_s = asyncio.get_running_loop().time() - started
            raise Transient(
                f"no complete chain after {waited_s:.0f} s: {self._progress(underlyings)}"
            ) from None
        return self.refresh()

    def refresh(self) -> DeskSnapshot:
        """A snapshot of this moment; to be called on the desk's own loop."""
        self._refresh_links()
        self._latest = self._desk.snapshot(self._clock.now_ns())
        return self._latest

    def _is_quoted(self, underlying: str) -> bool:
        market = self._desk.market
        found = [market.coverage(*key) for key in market.underlyings() if key[1] == underlying]
        return bool(found) and all(quoted == listed for quoted, listed in found)

    def _progress(self, underlyings: Sequence[str]) -> str:
        market = self._desk.market
        counts = {name: market.coverage(venue, name) for venue, name in market.underlyings()}
        parts = [
            f"{name} {counts.get(name, (0, 0))[0]} of {counts.get(name, (0, 0))[1]} options quoted"
            for name in underlyings
        ]
        problems = [
            f"{line.feed.name}: {line.feed.state}"
            + (f" ({line.feed.last_problem})" if line.feed.last_problem else "")
            for line in self._lines
        ]
        return "; ".join(parts + problems)

    async def _run_line(self, line: Line) -> None:
        name = line.feed.name
        async for frame in line.feed.frames():
            self._keep(partial(_append, frame))
            self._desk.apply(name, frame.recv_ns, line.decode(frame))
            self._progress_made.set()

    def _keep(self, act: Callable[[FrameRecorder], None]) -> None:
        if self._recorder is None:
            return
        try:
            act(self._recorder)
        except StorageError as error:
            if self._recording_is_vital:
                raise
            self._recorder = None
            self._recording_problem = f"not recording: {error}"

    async def _run_clock(self) -> None:
        flushed_ns = self._clock.now_ns()
        while True:
            self._refresh_links()
            now_ns = self._clock.now_ns()
            self._latest = self._desk.snapshot(now_ns)
            if now_ns - flushed_ns >= FLUSH_INTERVAL_NS:
                flushed_ns = now_ns
                self._keep(_flush)
            await asyncio.sleep(self.interval_s)

    def _refresh_links(self) -> None:
        now_ns = self._clock.now_ns()
        for line in self._lines:
            state = LinkState(line.feed.state)
            last_ns = self._desk.last_recv_ns(line.feed.name)
            if state is LinkState.LIVE and last_ns and now_ns - last_ns > STALE_AFTER_S * 1e9:
                state = LinkState.STALE
            self._desk.set_link_state(
                line.feed.name,
                state,
                reconnects=line.feed.reconnects,
                problem=self._recording_problem or line.feed.last_problem,
            )


class DeskThread:
    """A live desk on a thread with an event loop of its own, so that a slow screen can not slow it.

    `open_desk` makes an async context manager of a running `LiveDesk`; it is entered and left on
    the thread.
    """

    START_TIMEOUT_S = 30.0

    def __init__(self, open_desk: Callable[[], AbstractAsyncContextManager[LiveDesk]]) -> None:
        self._open_desk = open_desk
        self._thread = threading.Thread(target=self._run, name="quantdesk-desk", daemon=True)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._live: LiveDesk | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start the thread and wait until the desk runs. Raises what kept it from starting."""
        self._thread.start()
        if not self._started.wait(self.START_TIMEOUT_S):
            raise Transient(f"the desk did not start within {self.START_TIMEOUT_S:g} s")
        if self._error is not None:
            raise self._error

    def latest(self) -> DeskSnapshot | None:
        """The newest snapshot; None before the first."""
        return self._live.latest() if self._live is not None else None

    @property
    def error(self) -> BaseException | None:
        """What ended the desk, if something did."""
        return self._error

    def close(self) -> None:
        """Stop the desk and wait for it. Raises what ended it, if it was not this call."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(self.START_TIMEOUT_S)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:  # noqa: BLE001  (the supervisor: the screen shows what ended it)
            self._error = error
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._open_desk() as live:
            self._live = live
            self._started.set()
            await self._stop.wait()
