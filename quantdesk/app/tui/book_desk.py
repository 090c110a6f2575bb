"""Which book the screens look at, and its newest reading: at most one computed at a time.

Owned by the app and changed by its message handlers only. Readings are made in a worker thread;
here is decided when the next one is due, so that risk never slows the screen or the desk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from quantdesk.domain.ports import Clock
from quantdesk.risk.scenario import Scenario
from quantdesk.runtime.book_reading import BookReading, BookWishes, FailedReading, read_book
from quantdesk.runtime.pnl_openings import DayOpenings, Openings
from quantdesk.runtime.screen_books import ScreenBook
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.risk_choice import GreekChoice

PAUSE_NS_MIN = 500_000_000
"""New prices are looked at this often at most."""

COST_SHARE = 4
"""A reading may keep one core busy for a fifth of the time: the pause is so many times its cost."""

Reading = BookReading | FailedReading
Job = Callable[[], Reading]


@dataclass(slots=True, kw_only=True)
class BookDesk:
    """The book of the screens.

    books : those that can be chosen;  chosen : number of the one that is looked at, None for none
    choice, wishes : conventions of every book screen; changed by keys
    own_scenarios : the user's, beside the desk's stresses
    limits_file : where the limits are, read anew with each reading; None for none
    openings : the opening moment of the day, since which P&L is explained
    reading : the newest that could be made;  error : why the last one could not, "" where it could
    """

    books: tuple[ScreenBook, ...] = ()
    chosen: int | None = None
    own_scenarios: tuple[Scenario, ...] = ()
    limits_file: Path | None = None
    openings: DayOpenings = field(default_factory=DayOpenings)
    choice: GreekChoice = field(default_factory=GreekChoice)
    wishes: BookWishes = field(default_factory=BookWishes)
    reading: BookReading | None = None
    error: str = ""
    _is_busy: bool = False
    _asked: tuple[int, BookWishes, int, Openings] | None = None
    _next_ns: int = 0

    @property
    def book(self) -> ScreenBook | None:
        """The book that is looked at."""
        return None if self.chosen is None else self.books[self.chosen]

    def choose_next(self) -> ScreenBook | None:
        """Look at the next book, around the corner; None where there is none."""
        if self.books:
            self.choose(0 if self.chosen is None else (self.chosen + 1) % len(self.books))
        return self.book

    def choose(self, number: int) -> None:
        """Look at book `number`; what was read of another one is forgotten."""
        if number != self.chosen:
            self.chosen, self.reading, self.error, self._asked = number, None, "", None

    def due(self, snapshot: DeskSnapshot, clock: Clock) -> Job | None:
        """What is to be computed now; None where nothing changed, or not yet."""
        book, chosen = self.book, self.chosen
        if book is None or chosen is None or self._is_busy or book.waits_for(snapshot):
            return None
        asked = (snapshot.seq, self.wishes, chosen, self.openings.current)
        if asked == self._asked:
            return None
        is_new_wish = self._asked is None or asked[1:] != self._asked[1:]
        if not is_new_wish and clock.now_ns() < self._next_ns:
            return None
        self._asked, self._is_busy = asked, True
        return partial(
            read_book,
            book,
            snapshot,
            self.wishes,
            own_scenarios=self.own_scenarios,
            limits_file=self.limits_file,
            limits_before=None if self.reading is None else self.reading.report.limits,
            openings=self.openings.current,
            clock=clock,
        )

    def take(self, reading: Reading, now_ns: int) -> None:
        """Keep a reading that a worker made; but none of a book no longer looked at."""
        self._is_busy = False
        book = self.book
        if book is None or reading.label != book.label:
            return
        if isinstance(reading, FailedReading):
            self.error = reading.reason
            self._next_ns = now_ns + PAUSE_NS_MIN
            return
        self.reading, self.error = reading, ""
        self._next_ns = now_ns + max(PAUSE_NS_MIN, COST_SHARE * reading.cost_ns)


def book_desk(
    books: Sequence[ScreenBook],
    sample: ScreenBook,
    *,
    opens_sample: bool = False,
    own_scenarios: Sequence[Scenario] = (),
    limits_file: Path | None = None,
    openings: DayOpenings | None = None,
) -> BookDesk:
    """A desk on `books`, the first one open, with the sample as the last choice.

    Without any the screens offer the sample; `opens_sample` opens it at once.
    """
    is_open = bool(books) or opens_sample
    return BookDesk(
        books=(*books, sample),
        chosen=0 if is_open else None,
        own_scenarios=tuple(own_scenarios),
        limits_file=limits_file,
        openings=openings or DayOpenings(),
    )
