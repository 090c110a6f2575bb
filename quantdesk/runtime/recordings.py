"""Keeping what a desk receives: `quantdesk record`, and every desk on screen within a bound."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import FrameRecorder
from quantdesk.domain.times import format_instant
from quantdesk.errors import StorageError
from quantdesk.market.surface_choice import DEFAULT_CHOICE, SurfaceChoice
from quantdesk.runtime.accounts import AccountChoice
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.live import AccountLine, Line, LiveDesk
from quantdesk.runtime.own_vols_store import OwnVolsKeeper, own_vols_path
from quantdesk.runtime.settings import Settings, data_folder
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.surface_store import FitKeeper, history_path
from quantdesk.runtime.venues import VenueChoice
from quantdesk.storage.own_vols import OwnVolsFile
from quantdesk.storage.recording import RecordingWriter, is_being_written
from quantdesk.storage.surface_history import SurfaceHistory


async def record_venues(
    choices: Sequence[VenueChoice],
    underlyings: Sequence[str],
    directory: Path,
    *,
    settings: Settings,
    accounts: Sequence[AccountChoice] = (),
    run_id: str,
    seconds: float | None,
    stop: asyncio.Event,
) -> tuple[int, int]:
    """Record venues into `directory` for `seconds` or until `stop`; (frames, bytes written).

    Raises StorageError as soon as a frame can not be kept.
    """
    clock = SystemClock()
    writers: list[RecordingWriter] = []

    environment = choices[0].environment.value

    def open_recorder(lines: Sequence[Line], private: Sequence[AccountLine]) -> RecordingWriter:
        links = _links(lines, private, environment)
        started_ns = clock.now_ns()
        writers.append(
            RecordingWriter(directory, links=links, run_id=run_id, started_ns=started_ns)
        )
        return writers[0]

    async with live_desk(
        choices,
        underlyings,
        settings=settings,
        accounts=accounts,
        open_recorder=open_recorder,
        recording_is_vital=True,
    ):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
    return writers[0].frames, writers[0].bytes_written


@asynccontextmanager
async def screen_desk(
    choices: Sequence[VenueChoice],
    underlyings: Sequence[str],
    *,
    settings: Settings,
    run_id: str,
    accounts: Sequence[AccountChoice] = (),
    surface: SurfaceChoice = DEFAULT_CHOICE,
) -> AsyncIterator[LiveDesk]:
    """The desk behind a screen: recorded into the data folder, its venues open to commands.

    Its fits and the user's own vols are kept there too.

    A folder that can not be written is said on the screen; the desk opens all the same.
    """
    clock = SystemClock()
    folder = data_folder() / "recordings"
    max_bytes = settings.recording.max_bytes

    environment = choices[0].environment.value
    keeper = FitKeeper(SurfaceHistory(history_path(data_folder())), origin=environment)
    own_vols = OwnVolsKeeper(OwnVolsFile(own_vols_path(data_folder())), origin=environment)

    def open_recorder(
        lines: Sequence[Line], private: Sequence[AccountLine]
    ) -> FrameRecorder | None:
        if max_bytes == 0:
            return None
        started_ns = clock.now_ns()
        started = format_instant(started_ns)[:19].replace(":", "")
        open_writer = partial(
            RecordingWriter,
            folder / f"{started}-{environment}-{run_id[:8]}",
            links=_links(lines, private, environment),
            run_id=run_id,
            started_ns=started_ns,
        )
        return _ScreenRecorder(open_writer, folder, max_bytes)

    async with live_desk(
        choices,
        underlyings,
        settings=settings,
        accounts=accounts,
        open_recorder=open_recorder,
        publish=True,
        fits_surfaces=True,
        keeper=keeper,
        own_vols=own_vols,
        surface=surface,
    ) as live:
        yield live


class _ScreenRecorder:
    """A recorder opened with its first frame, so that a fault meets the desk while it runs.

    Stops, with a StorageError, at `max_bytes`.
    """

    def __init__(
        self, open_writer: Callable[[], RecordingWriter], folder: Path, max_bytes: int
    ) -> None:
        self._open_writer = open_writer
        self._folder = folder
        self._max_bytes = max_bytes
        self._writer: RecordingWriter | None = None

    def append(self, frame: RawFrame) -> None:
        if self._writer is None:
            self._writer = self._open_writer()
            prune(self._folder, self._max_bytes)
        if self._writer.bytes_written > self._max_bytes:
            self.close()
            raise StorageError(f"recording.max_bytes = {self._max_bytes} is used up")
        self._writer.append(frame)

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _links(
    lines: Sequence[Line], private: Sequence[AccountLine], environment: str
) -> dict[str, dict[str, str]]:
    """What a recording says of each connection."""
    links = {
        line.feed.name: {"venue": line.feed.venue, "environment": environment} for line in lines
    }
    for each in private:
        links[each.feed.name] = {
            "venue": each.feed.venue,
            "environment": environment,
            "account": each.account,
        }
    return links


def prune(folder: Path, max_bytes: int) -> list[Path]:
    """Remove the oldest sessions under `folder` until the rest fit in `max_bytes`; those removed.

    Sessions are sub-folders named by their start, so that their order is that of their names. One
    that is being written stays.
    """
    if not folder.is_dir():
        return []
    sessions = sorted((path for path in folder.iterdir() if path.is_dir()), reverse=True)
    kept = 0
    removed: list[Path] = []
    for session in sessions:
        kept += sum(part.stat().st_size for part in session.iterdir() if part.is_file())
        if kept > max_bytes and not is_being_written(session):
            try:
                shutil.rmtree(session)
            except OSError as error:
                raise StorageError(f"{session}: can not be removed: {error.strerror}") from error
            removed.append(session)
    return removed
