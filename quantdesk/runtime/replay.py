"""Playing a recording back through the very path it came by: same decoder, same desk.

`snapshots` runs on recorded time alone, so that the same recording gives the same snapshots to
the byte; `ReplayPlayer` paces it for a screen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import Clock, FrameDecoder
from quantdesk.domain.times import format_instant
from quantdesk.errors import QuantDeskError, StorageError
from quantdesk.market.surface_choice import DEFAULT_CHOICE, SurfaceChoice
from quantdesk.runtime.clock import NS_PER_S
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.followed_books import FollowedBooks
from quantdesk.runtime.live_surfaces import Key
from quantdesk.runtime.venues import VENUES, AccountDecoder, account_decoder_of, decoder_of
from quantdesk.snapshot import DeskSnapshot, Environment, LinkState
from quantdesk.storage.recording import Recording, read_recording


class _Tape:
    """A recording being fed to a desk, frame by frame.

    `venues` is the order of the venues; those not named come behind, in the desk's own order.
    """

    def __init__(self, recording: Recording, venues: Sequence[str] = ()) -> None:
        worlds = _worlds(recording)
        self._recording = recording
        self.desk = Desk(
            environment=Environment.REPLAY,
            source=f"recording of {format_instant(recording.started_ns)} ({', '.join(worlds)})",
            is_simulated=Environment.SIMULATED.value in worlds,
        )
        self.desk.books = FollowedBooks(follow_all=True)
        self._apply: dict[str, Callable[[RawFrame], None]] = {}
        for name, link in _ordered_links(recording, venues):
            if account := link.get("account"):
                self.desk.add_account(name, link["venue"], account)
                self._apply[name] = partial(self._apply_private, account_decoder_of(link["venue"]))
            else:
                self.desk.add_link(name, link["venue"])
                self._apply[name] = partial(self._apply_public, decoder_of(link["venue"]))
            self.desk.set_link_state(name, LinkState.LIVE)

    def apply(self, frame: RawFrame) -> None:
        apply = self._apply.get(frame.connection)
        if apply is None:
            raise StorageError(f"recording: frame of unknown connection {frame.connection!r}")
        apply(frame)

    def end(self, problem: str = "") -> None:
        """Nothing comes any more: the links say so, and why where that was not to be expected."""
        torn = self._recording.torn_tail
        if not problem and torn is not None:
            problem = f"the recording was cut off: {torn.reason}"
        for name in self._recording.links:
            self.desk.set_link_state(name, LinkState.ENDED, problem=problem)

    def snapshot(self, now_ns: int, *, fits_surfaces: bool) -> DeskSnapshot:
        """The desk at `now_ns`; surfaces are fitted at once, so that nothing depends on pace."""
        snapshot = self.desk.snapshot(now_ns)
        return self.desk.surfaces.fit_now(snapshot) if fits_surfaces else snapshot

    def _apply_public(self, decode: FrameDecoder, frame: RawFrame) -> None:
        self.desk.apply(frame.connection, frame.recv_ns, decode(frame))

    def _apply_private(self, decode: AccountDecoder, frame: RawFrame) -> None:
        self.desk.apply_account(frame.connection, frame.recv_ns, decode(frame))


def _ordered_links(
    recording: Recording, venues: Sequence[str]
) -> list[tuple[str, Mapping[str, str]]]:
    """Links by venue, as a live desk adds them: a recording names them by the alphabet."""
    order = list(dict.fromkeys((*venues, *VENUES)))

    def rank(item: tuple[str, Mapping[str, str]]) -> int:
        venue = item[1]["venue"]
        return order.index(venue) if venue in order else len(order)

    return sorted(recording.links.items(), key=rank)


def _worlds(recording: Recording) -> tuple[str, ...]:
    """Which environments were recorded, so that simulated data never passes for a market's."""
    links = recording.links.values()
    return tuple(sorted({link.get("environment", "environment unknown") for link in links}))


def snapshots(
    directory: Path, *, every_s: float, fits_surfaces: bool = False
) -> Iterator[DeskSnapshot]:
    """A snapshot each `every_s` seconds of recorded time in which a frame came, and one at the end.

    `fits_surfaces`: each chain's surface is fitted on the snapshot itself, on the recorded clock.
    Raises RecordingDamaged at the place where the recording stops making sense, after the
    snapshots before it.
    """
    recording = read_recording(directory)
    tape = _Tape(recording)
    every_ns = max(1, round(every_s * NS_PER_S))
    due_ns: int | None = None
    now_ns = 0
    for frame in recording.frames():
        if due_ns is None:
            due_ns = frame.recv_ns + every_ns
        if frame.recv_ns > due_ns:
            yield tape.snapshot(due_ns, fits_surfaces=fits_surfaces)
            due_ns += every_ns * -(-(frame.recv_ns - due_ns) // every_ns)
        tape.apply(frame)
        now_ns = max(now_ns, frame.recv_ns)
    if due_ns is not None:
        tape.end()
        yield tape.snapshot(now_ns, fits_surfaces=fits_surfaces)


def snapshot_at(
    directory: Path, underlying: str | None, at_ns: int | None, *, venues: Sequence[str] = ()
) -> DeskSnapshot:
    """The desk when the venue's clock of `underlying` showed `at_ns`; None is the end.

    Without an underlying the first that was listed tells the time. Chains come in the order of
    `venues`, the others behind. Raises StorageError where the recording does not reach that moment
    or that underlying.
    """
    recording = read_recording(directory)
    tape = _Tape(recording, venues)
    desk = tape.desk
    first_ns: int | None = None
    now_ns = 0
    for frame in recording.frames():
        venue_ns = desk.venue_time(underlying, frame.recv_ns)
        if at_ns is not None and venue_ns is not None and venue_ns > at_ns:
            break
        tape.apply(frame)
        now_ns = max(now_ns, frame.recv_ns)
        if first_ns is None:
            first_ns = desk.venue_time(underlying, frame.recv_ns)
    else:
        tape.end()
        _check_reached(desk.venue_time(underlying, now_ns), at_ns, directory)
    name = underlying or "option"
    if first_ns is None:
        raise StorageError(f"{directory}: no {name} chain in it")
    if at_ns is not None and at_ns < first_ns:
        raise StorageError(f"{directory}: no {name} chain in it before {format_instant(first_ns)}")
    shift = 0 if at_ns is None else at_ns - (desk.venue_time(underlying, now_ns) or at_ns)
    return desk.snapshot(now_ns + shift)


def _check_reached(end_ns: int | None, at_ns: int | None, directory: Path) -> None:
    if at_ns is not None and end_ns is not None and at_ns > end_ns:
        raise StorageError(
            f"{directory}: ends at {format_instant(end_ns)}, before {format_instant(at_ns)}"
        )


class ReplayPlayer:
    """Plays a recording at `speed` times its own pace; `latest` is the newest snapshot.

    Chains come in the order of `venues`, the others behind: a screen opens on the first.
    Runs on a thread of its own. Speed and pause may be changed while it plays. At the end, or
    where the recording breaks, it stands still on the last snapshot, whose links are ENDED.
    """

    STEP_S = 0.1

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        speed: float = 1.0,
        surface: SurfaceChoice = DEFAULT_CHOICE,
        venues: Sequence[str] = (),
    ) -> None:
        self._recording = read_recording(directory)
        self._clock = clock
        self._speed = speed
        self._is_paused = False
        self._wall_ns = 0
        self._tape_ns = self._recording.started_ns
        self._tape = _Tape(self._recording, venues)
        self._tape.desk.surfaces.set_standard(surface)
        self._choices: list[tuple[Key, SurfaceChoice]] = []
        self._is_over = False
        self._lock = threading.Lock()
        self._latest: DeskSnapshot | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quantdesk-replay", daemon=True)
        self.error: QuantDeskError | None = None

    def start(self) -> None:
        """Begin to play."""
        self._wall_ns = self._clock.now_ns()
        self._thread.start()

    def latest(self) -> DeskSnapshot | None:
        """The newest snapshot; None before the first."""
        return self._latest

    @property
    def speed(self) -> float:
        """Times the recorded pace."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Play at `speed` times the recorded pace from now on."""
        self._speed = speed

    @property
    def is_paused(self) -> bool:
        """Whether recorded time stands still."""
        return self._is_paused

    def pause(self) -> None:
        """Stop recorded time, or let it run on."""
        self._is_paused = not self._is_paused

    def wait(self) -> None:
        """Wait until the recording has been played to its end."""
        self._thread.join()

    def close(self) -> None:
        """Stop playing. Raises what ended it, if the recording did."""
        self._stop.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def choose_surface(self, key: Key, choice: SurfaceChoice) -> None:
        """Fit the surface of `key` by `choice` from now on; at the end of the tape at once."""
        with self._lock:
            self._choices.append((key, choice))
            if self._is_over and self._latest is not None:
                self._take_choices()
                fitted = self._tape.desk.surfaces.fit_now(self._latest)
                self._latest = replace(fitted, seq=fitted.seq + 1)

    def _take_choices(self) -> None:
        for key, choice in self._choices:
            self._tape.desk.surfaces.choose(key, choice)
        self._choices.clear()

    def _run(self) -> None:
        tape = self._tape
        try:
            self._play(tape)
        except QuantDeskError as error:
            tape.end(str(error))
            self.error = error
            with self._lock:
                self._latest = tape.snapshot(self._tape_ns, fits_surfaces=True)
                self._is_over = True

    def _play(self, tape: _Tape) -> None:
        frames = self._recording.frames()
        pending = next(frames, None)
        wall_ns = self._wall_ns
        if pending is not None:
            self._tape_ns = pending.recv_ns
        while not self._stop.is_set():
            while pending is not None and pending.recv_ns <= self._tape_ns:
                tape.apply(pending)
                pending = next(frames, None)
            if pending is None:
                tape.end()
            with self._lock:
                self._take_choices()
                self._latest = tape.snapshot(self._tape_ns, fits_surfaces=True)
                self._is_over = pending is None
            if pending is None:
                return
            self._stop.wait(self.STEP_S)
            passed_ns = self._clock.now_ns() - wall_ns
            wall_ns += passed_ns
            if not self._is_paused:
                self._tape_ns += round(passed_ns * self._speed)
