"""The live desk: feeds to desk to snapshots, in one event loop, on a thread of its own if asked.

The tick path in order: frame recorded, decoded, normalised, applied; on the clock, a snapshot.
Nothing here awaits between reading and writing desk state.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import AccountFeed, Clock, FrameDecoder, FrameRecorder, MarketFeed
from quantdesk.errors import ConfigError, QuantDeskError, StorageError, Transient
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.runtime.book_checks import BookChecks
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.followed_books import BookKey
from quantdesk.runtime.live_surfaces import Key, run_fit
from quantdesk.runtime.venues import AccountDecoder
from quantdesk.snapshot import DeskSnapshot, LinkState

if TYPE_CHECKING:
    from quantdesk.runtime.own_vols_store import OwnVolsKeeper
    from quantdesk.runtime.surface_store import FitKeeper

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
    """A market feed, the decoder of its frames, and the underlyings that it was opened for."""

    feed: MarketFeed
    decode: FrameDecoder
    underlyings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """A private feed, the decoder of its frames, and the account that it reads."""

    feed: AccountFeed
    decode: AccountDecoder
    account: str


def _append(frame: RawFrame, recorder: FrameRecorder) -> None:
    recorder.append(frame)


def _flush(recorder: FrameRecorder) -> None:
    recorder.flush()


class LiveDesk:
    """Runs feeds into a `Desk` and keeps the newest snapshot at hand.

    Parameters
    ----------
    accounts : private lines; one that ends is shown and ends nothing else
    recorder : where frames go before they are decoded; None keeps none
    recording_is_vital : whether a frame that can not be kept ends the desk (`quantdesk record`)
        or is shown and the desk goes on (a screen)
    fits_surfaces : whether each chain's surface is fitted again when its quotes changed
    keeper : keeps fits in the history; None keeps none
    own_vols : keeps own vols as they are chosen; None keeps none
    """

    def __init__(
        self,
        desk: Desk,
        lines: Sequence[Line],
        *,
        clock: Clock,
        accounts: Sequence[AccountLine] = (),
        recorder: FrameRecorder | None = None,
        recording_is_vital: bool = False,
        interval_s: float = SNAPSHOT_INTERVAL_S,
        fits_surfaces: bool = False,
        keeper: FitKeeper | None = None,
        own_vols: OwnVolsKeeper | None = None,
    ) -> None:
        self._desk = desk
        self._own_vols = own_vols
        self._to_keep: dict[Key, SurfaceFit] = {}
        self._fits_surfaces = fits_surfaces
        self._keeper = keeper
        self._lines = tuple(lines)
        self._accounts = tuple(accounts)
        self._account_errors: dict[str, QuantDeskError] = {}
        self._books_of: dict[str, list[BookKey]] = {}
        self._book_checks = BookChecks(desk.market, desk.books)
        self._clock = clock
        self._recorder = recorder
        self._recording_is_vital = recording_is_vital
        self.interval_s = interval_s
        self._latest: DeskSnapshot | None = None
        self._progress_made = asyncio.Event()
        self._recording_problem = ""
        for line in self._lines:
            desk.add_link(line.feed.name, line.feed.venue)
        for account in self._accounts:
            desk.add_account(account.feed.name, account.feed.venue, account.account)

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
        tasks += [asyncio.create_task(self._run_account(line)) for line in self._accounts]
        tasks.append(asyncio.create_task(self._run_clock()))
        if self._fits_surfaces:
            tasks.append(asyncio.create_task(self._run_fits()))
            tasks.append(asyncio.create_task(self._run_keeping()))
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
            for feed in self._feeds():
                await feed.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._recorder is not None:
                self._recorder.close()
            if self._own_vols is not None:
                self._own_vols.write()
        if failed:
            raise failed[0]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its market lines; to be used on the desk's own loop only."""
        return self._lines

    @property
    def accounts(self) -> tuple[AccountLine, ...]:
        """Its private lines; to be used on the desk's own loop only."""
        return self._accounts

    def follow_books(self, keys: Sequence[BookKey]) -> None:
        """Follow the order books of these (venue, instrument name) and of no others.

        To be called on the desk's own loop. Raises ConfigError for a book whose instrument no
        connection of the desk lists, or for more than a venue allows; then all stays as it was.
        """
        wanted: dict[str, list[str]] = {line.feed.name: [] for line in self._lines}
        for venue, name in dict.fromkeys(keys):
            wanted[self._line_of(venue, name).feed.name].append(name)
        for line in self._lines:
            line.feed.watch_books(wanted[line.feed.name])
        self._desk.books.follow(keys)
        self._books_of = {
            line.feed.name: [(line.feed.venue, name) for name in wanted[line.feed.name]]
            for line in self._lines
        }

    def follow_known_books(self, keys: Sequence[BookKey]) -> None:
        """As `follow_books`, leaving out what the desk can not follow."""
        known = []
        for key in keys:
            with suppress(ConfigError):
                self._line_of(*key)
                known.append(key)
        with suppress(ConfigError):
            self.follow_books(known)

    def _line_of(self, venue: str, instrument_name: str) -> Line:
        underlying = self._desk.market.underlying_of(venue, instrument_name)
        name = None if underlying is None else self._desk.connection_of(venue, underlying)
        for line in self._lines:
            if line.feed.name == name:
                return line
        raise ConfigError(f"order book of {instrument_name!r}: {venue} does not list it here")

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

    async def accounts_read(self, timeout_s: float) -> DeskSnapshot:
        """Wait until every account has been read whole and its connection stands; a fresh snapshot.

        Raises what ended the reading of one (ConfigError for a key that must not be used), or
        Transient after `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not all(a.is_whole and a.is_live for a in self.refresh().accounts):
                    for error in self._account_errors.values():
                        raise error
                    self._progress_made.clear()
                    await self._progress_made.wait()
        except TimeoutError:
            states = "; ".join(_state_of(line.feed) for line in self._accounts)
            raise Transient(f"accounts not read after {timeout_s:g} s: {states}") from None
        return self.refresh()

    def _is_quoted(self, underlying: str) -> bool:
        market = self._desk.market
        opened = {(line.feed.venue, u) for line in self._lines for u in line.underlyings}
        keys = {key for key in (*opened, *market.underlyings()) if key[1] == underlying}
        found = [market.coverage(*key) for key in keys]
        return bool(found) and all(listed and quoted == listed for quoted, listed in found)

    def _progress(self, underlyings: Sequence[str]) -> str:
        market = self._desk.market
        known = market.underlyings()
        parts = []
        for name in underlyings:
            keys = [key for key in known if key[1] == name] or [("", name)]
            for venue, _ in keys:
                quoted, listed = market.coverage(venue, name)
                parts.append(f"{venue} {name} {quoted} of {listed} options quoted".lstrip())
        return "; ".join(parts + [_state_of(line.feed) for line in self._lines])

    async def _run_line(self, line: Line) -> None:
        name = line.feed.name
        epoch = line.feed.book_epoch
        async for frame in line.feed.frames():
            self._keep(partial(_append, frame))
            if line.feed.book_epoch != epoch:
                # Before any frame of the new connection: nothing there continues what was.
                epoch = line.feed.book_epoch
                self._desk.books.forget(self._books_of.get(name, ()))
            self._desk.apply(name, frame.recv_ns, line.decode(frame))
            self._progress_made.set()

    async def _run_account(self, line: AccountLine) -> None:
        """Read an account; a key that the venue refuses ends this line and no other."""
        name = line.feed.name
        try:
            async for frame in line.feed.frames():
                self._keep(partial(_append, frame))
                self._desk.apply_account(name, frame.recv_ns, line.decode(frame))
                self._progress_made.set()
        except StorageError:
            raise
        except QuantDeskError as error:
            self._account_errors[name] = error
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

    async def _run_fits(self) -> None:
        """Fit what is due in a worker, on snapshots; results come back between two snapshots."""
        loop, surfaces = asyncio.get_running_loop(), self._desk.surfaces
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="quantdesk-fits") as worker:
            while True:
                snapshot = self._latest
                for request in [] if snapshot is None else surfaces.due(snapshot):
                    event = await loop.run_in_executor(worker, run_fit, request)
                    surfaces.apply(event)
                    if event.fit is not None:
                        self._to_keep[event.key] = event.fit
                await asyncio.sleep(self.interval_s)

    async def _run_keeping(self) -> None:
        """Keep fits and own vols in a worker of their own: no fit waits for a disk."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="quantdesk-keeping") as worker:
            while True:
                to_keep, self._to_keep = self._to_keep, {}
                for key, fit in to_keep.items():
                    if self._keeper is not None:
                        keep = partial(self._keeper.take, key, fit, self._clock.now_ns())
                        self._desk.surfaces.recall(key, await loop.run_in_executor(worker, keep))
                if self._own_vols is not None and self._own_vols.is_due:
                    await loop.run_in_executor(worker, self._own_vols.write)
                await asyncio.sleep(self.interval_s)

    @property
    def _keeping_problem(self) -> str:
        keepers = (self._keeper, self._own_vols)
        return "; ".join(each.problem for each in keepers if each is not None and each.problem)

    def choose_surface(self, key: Key, choice: SurfaceChoice) -> None:
        """Fit the surface of `key` by `choice` from now on; to be called on the desk's own loop."""
        before = self._desk.surfaces.choice(key)
        self._desk.surfaces.choose(key, choice)
        if self._own_vols is not None and choice.overrides != before.overrides:
            self._own_vols.note(key, choice.overrides)

    def _refresh_links(self) -> None:
        now_ns = self._clock.now_ns()
        for line in self._lines:
            state = LinkState(line.feed.state)
            last_ns = self._desk.last_recv_ns(line.feed.name)
            if state is LinkState.LIVE and last_ns and now_ns - last_ns > STALE_AFTER_S * 1e9:
                state = LinkState.STALE
            self._set_link(line.feed, state, line.feed.last_problem)
            report = line.feed.report()
            self._desk.note_feed(line.feed.name, silent=report.silent, dropped=report.dropped)
            self._check_books(line.feed, is_cut=report.are_books_cut)
        for account in self._accounts:
            # An account at rest is silent for minutes; its feed pings and knows whether it lives.
            error = self._account_errors.get(account.feed.name)
            problem = account.feed.last_problem if error is None else str(error)
            self._set_link(account.feed, LinkState(account.feed.state), problem)

    def _check_books(self, feed: MarketFeed, *, is_cut: bool) -> None:
        keys, now_s = self._books_of.get(feed.name, []), asyncio.get_running_loop().time()
        self._book_checks.note_cut(feed.name, keys, is_cut=is_cut)
        for name in self._book_checks.due(feed, keys, now_s):
            feed.ask_book_again(name)

    def _feeds(self) -> list[MarketFeed | AccountFeed]:
        return [*(line.feed for line in self._lines), *(line.feed for line in self._accounts)]

    def _set_link(self, feed: MarketFeed | AccountFeed, state: LinkState, problem: str) -> None:
        self._desk.set_link_state(
            feed.name,
            state,
            reconnects=feed.reconnects,
            problem=self._recording_problem or self._keeping_problem or problem,
        )


def _state_of(feed: MarketFeed | AccountFeed) -> str:
    return f"{feed.name}: {feed.state}" + (f" ({feed.last_problem})" if feed.last_problem else "")


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

    def follow_books(self, keys: Sequence[BookKey]) -> None:
        """As `LiveDesk.follow_books`, from any thread; books the desk can not follow are left out.

        Takes effect soon: the snapshots' `books` say which are followed.
        """
        live, loop = self._live, self._loop
        if live is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(live.follow_known_books, tuple(keys))

    def choose_surface(self, key: Key, choice: SurfaceChoice) -> None:
        """As `LiveDesk.choose_surface`, from any thread. The next snapshots carry it."""
        live, loop = self._live, self._loop
        if live is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(live.choose_surface, key, choice)

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
