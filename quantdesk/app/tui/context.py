"""What the screens share: the clock, the newest snapshot, and what the user is looking at.

One object, owned by the app and changed by message handlers only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from quantdesk.app.tui.book_desk import BookDesk
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.workbench import Workbench
from quantdesk.domain.ports import Clock
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_clock import CLOCK_CHOICES, ClockChoice
from quantdesk.market.variance_clock import VarianceClock
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.time_text import SECOND_NS


@dataclass(slots=True, kw_only=True)
class FrameCount:
    """How many snapshots were shown lately, and how many came faster than that."""

    skipped: int = 0
    _shown_ns: deque[int] = field(default_factory=lambda: deque(maxlen=64))

    def note(self, before: DeskSnapshot | None, after: DeskSnapshot | None, now_ns: int) -> None:
        """Count that `after` is shown at `now_ns` where `before` was."""
        if after is None or (before is not None and before.seq == after.seq):
            return
        if before is not None:
            self.skipped += max(after.seq - before.seq - 1, 0)
        self._shown_ns.append(now_ns)

    def per_s(self, now_ns: int) -> float | None:
        """Frames of the last second over the time they took; None while too few came."""
        shown = self._shown_ns
        while shown and now_ns - shown[0] > SECOND_NS:
            shown.popleft()
        span_ns = shown[-1] - shown[0] if shown else 0
        return (len(shown) - 1) * SECOND_NS / span_ns if span_ns > 0 else None


@dataclass(slots=True, kw_only=True)
class DeskContext:
    """The desk as its screens see it.

    Attributes
    ----------
    places : where the app's own keys work: everywhere, and on a replay
    underlying, venue, expiry_ns : what is looked at, kept when the screen changes. `venue` None is
        the first that has the coin, `expiry_ns` None the nearest
    failure : what ended the desk behind the screens, "" while it runs
    pace : how fast a replay plays, "" for a desk that lives
    workbench : the structure being built, and those kept for comparison
    book : the positions that the book screens look at
    variance_clocks : what a surface's variance may run on
    keep_clock : writes a clock that was edited and says where, raises StorageError; None where none
        is kept
    choose_surface : says how a chain of (venue, underlying) is fitted; None where nobody listens
    """

    clock: Clock
    places: tuple[Where, ...]
    underlying: str
    venue: str | None = None
    expiry_ns: int | None = None
    snapshot: DeskSnapshot | None = None
    failure: str = ""
    pace: str = ""
    workbench: Workbench = field(default_factory=Workbench)
    frames: FrameCount = field(default_factory=FrameCount)
    book: BookDesk = field(default_factory=BookDesk)
    variance_clocks: tuple[ClockChoice, ...] = CLOCK_CHOICES
    keep_clock: Callable[[VarianceClock], Path] | None = None
    choose_surface: Callable[[tuple[str, str], SurfaceChoice], None] | None = None
