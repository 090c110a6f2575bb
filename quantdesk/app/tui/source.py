"""What a screen is fed from. Live, replayed and still desks all look like this."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.snapshot import DeskSnapshot


class SnapshotSource(Protocol):
    """Where the newest snapshot is. Asked ten times a second from the screen's thread."""

    def latest(self) -> DeskSnapshot | None:
        """The newest snapshot, None before the first. Returns at once, from any thread."""


@runtime_checkable
class Transport(Protocol):
    """A source that can be stopped and hurried: a replay."""

    @property
    def is_paused(self) -> bool:
        """Whether time stands still."""

    @property
    def speed(self) -> float:
        """Recorded seconds a second."""

    def pause(self) -> None:
        """Stop, or go on where it was stopped."""

    def set_speed(self, speed: float) -> None:
        """Play at `speed` recorded seconds a second."""


@runtime_checkable
class Fallible(Protocol):
    """A source that says what ended the desk behind it."""

    @property
    def error(self) -> BaseException | None:
        """What ended it, None while it runs."""


@runtime_checkable
class SurfaceControl(Protocol):
    """A source that fits surfaces and takes wishes of how."""

    def choose_surface(self, key: tuple[str, str], choice: SurfaceChoice) -> None:
        """Fit the chain of `key` (venue, underlying) by `choice` from now on. From any thread."""
