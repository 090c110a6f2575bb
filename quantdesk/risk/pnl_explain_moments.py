"""Between which moments something must have happened to be in a P&L explain."""

from __future__ import annotations

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.leg_marks import LegMarks


def refuse_outside(
    what: str, instrument: Instrument, event_ns: int, opening: LegMarks, closing: LegMarks
) -> None:
    """Refuse a trade or cash entry on `instrument` before the opening or after the close.

    The moments are those of the instrument's own market: venues may differ in their now. `what`
    names the event. Raises InvalidInput, since its cash belongs to another explain.
    """
    from_ns, to_ns = _moment(opening, instrument), _moment(closing, instrument)
    if from_ns <= event_ns <= to_ns:
        return
    rule = f"of {what} must be from the opening at {format_instant(from_ns)} to the close at "
    raise InvalidInput("time", format_instant(event_ns), rule + format_instant(to_ns))


def _moment(marks: LegMarks, instrument: Instrument) -> int:
    return (marks.market_of(instrument) or marks.market).as_of_ns
