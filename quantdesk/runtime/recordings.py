"""Keeping what a desk receives: `quantdesk record`, and every desk on screen within a bound."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from quantdesk.domain.times import format_instant
from quantdesk.errors import StorageError
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.live import Line, LiveDesk
from quantdesk.runtime.settings import Settings, data_folder
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.venues import VenueChoice
from quantdesk.storage.recording import RecordingWriter


async def record_venue(
    choice: VenueChoice,
    underlyings: Sequence[str],
    directory: Path,
    *,
    settings: Settings,
    run_id: str,
    seconds: float | None,
    stop: asyncio.Event,
) -> tuple[int, int]:
    """Record a venue into `directory` for `seconds` or until `stop`; (frames, bytes written).

    Raises StorageError as soon as a frame can not be kept.
    """
    clock = SystemClock()
    writers: list[RecordingWriter] = []

    def open_recorder(lines: Sequence[Line]) -> RecordingWriter:
        writers.append(_writer(directory, lines, run_id, clock.now_ns()))
        return writers[0]

    async with live_desk(
        choice,
        underlyings,
        settings=settings,
        open_recorder=open_recorder,
        recording_is_vital=True,
    ):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
    return writers[0].frames, writers[0].bytes_written


@asynccontextmanager
async def screen_desk(
    choice: VenueChoice, underlyings: Sequence[str], *, settings: Settings, run_id: str
) -> AsyncIterator[LiveDesk]:
    """The desk behind a screen: recorded into the data folder, its venue open to commands."""
    clock = SystemClock()
    folder = data_folder() / "recordings"

    def open_recorder(lines: Sequence[Line]) -> RecordingWriter | None:
        if settings.recording.max_bytes == 0:
            return None
        prune(folder, settings.recording.max_bytes)
        started = format_instant(clock.now_ns())[:19].replace(":", "")
        return _writer(
            folder / f"{started}-{choice.environment.value}-{run_id[:8]}",
            lines,
            run_id,
            clock.now_ns(),
        )

    async with live_desk(
        choice, underlyings, settings=settings, open_recorder=open_recorder, publish=True
    ) as live:
        yield live


def _writer(
    directory: Path, lines: Sequence[Line], run_id: str, started_ns: int
) -> RecordingWriter:
    links = {line.feed.name: {"venue": line.feed.venue} for line in lines}
    return RecordingWriter(directory, links=links, run_id=run_id, started_ns=started_ns)


def prune(folder: Path, max_bytes: int) -> list[Path]:
    """Remove the oldest sessions under `folder` until the rest fit in `max_bytes`; those removed.

    Sessions are sub-folders named by their start, so that their order is that of their names.
    """
    if not folder.is_dir():
        return []
    sessions = sorted((path for path in folder.iterdir() if path.is_dir()), reverse=True)
    kept = 0
    removed: list[Path] = []
    for session in sessions:
        kept += sum(part.stat().st_size for part in session.iterdir() if part.is_file())
        if kept > max_bytes:
            try:
                shutil.rmtree(session)
            except OSError as error:
                raise StorageError(f"{session}: can not be removed: {error.strerror}") from error
            removed.append(session)
    return removed
