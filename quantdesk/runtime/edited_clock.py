"""The clock that a user edits on the screen, kept as the TOML that `--clock` reads.

It stands beside the file that the desk was opened with, else beside the settings, so that
`surface.clock = "clock-edited.toml"` there means it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quantdesk.errors import ConfigError, StorageError
from quantdesk.market.clock_files import clock_text
from quantdesk.market.surface_clock import CLOCK_CHOICES, ClockChoice
from quantdesk.market.variance_clock import VarianceClock
from quantdesk.runtime.surfaces import read_clock
from quantdesk.storage.whole_files import write_whole

EDITED_CLOCK = "edited"
"""Name of a clock whose weights were typed on the screen."""

EDITED = "-edited"
COMMENT = "Edited on the surface screen; read by --clock and surface.clock."


def edited_clock_path(opened_with: str, folder: Path) -> Path:
    """Where the clock is kept that began as `opened_with`, a name or file in `folder`."""
    if opened_with in {choice.name for choice in CLOCK_CHOICES}:
        return folder / f"clock{EDITED}.toml"
    path = folder / Path(opened_with).expanduser()
    return path if path.stem.endswith(EDITED) else path.with_name(f"{path.stem}{EDITED}.toml")


def kept_clock(path: Path) -> ClockChoice | None:
    """The clock that was kept at `path`; None where there is none, or none that can be read."""
    if not path.is_file():
        return None
    try:
        return replace(read_clock(str(path)), name=EDITED_CLOCK)
    except ConfigError:
        return None


def keep_clock(path: Path, clock: VarianceClock) -> Path:
    """Write `clock` to `path`, whole or not at all; gives `path`.

    Raises StorageError, also for a file there that can not be read: a slip of a hand that wrote in
    it must not cost what else it holds.
    """
    if path.is_file():
        try:
            read_clock(str(path))
        except ConfigError as error:
            raise StorageError(f"not kept: {error}; mend or move that file") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, clock_text(clock, COMMENT).encode())
    except OSError as error:
        raise StorageError(f"{path}: can not be written: {error.strerror}") from error
    return path
