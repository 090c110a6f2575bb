"""Instants and durations as text. All instants are integer UTC nanoseconds; reads no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quantdesk.views.number_text import DASH

SECOND_NS = 1_000_000_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def _instant(instant_ns: int) -> datetime | None:
    """The instant to the microsecond; None for "never" (0) and years a calendar can not hold."""
    if instant_ns == 0:
        return None
    try:
        return _EPOCH + timedelta(microseconds=instant_ns // 1000)
    except OverflowError:
        return None


def instant_text(instant_ns: int) -> str:
    """ "2026-06-27 09:24:57.563 UTC"; the dash for 0 (never)."""
    instant = _instant(instant_ns)
    if instant is None:
        return DASH
    return f"{instant:%Y-%m-%d %H:%M:%S}.{instant.microsecond // 1000:03d} UTC"


def date_clock_text(instant_ns: int) -> str:
    """ "2026-06-27 09:24:57", UTC; the dash for 0 (never)."""
    instant = _instant(instant_ns)
    return DASH if instant is None else f"{instant:%Y-%m-%d %H:%M:%S}"


def clock_text(instant_ns: int) -> str:
    """ "09:24:57", UTC; the dash for 0 (never)."""
    instant = _instant(instant_ns)
    return DASH if instant is None else f"{instant:%H:%M:%S}"


def expiry_text(expiry_ns: int) -> str:
    """An expiry day the way exchanges print it: "3JUL26"."""
    instant = _instant(expiry_ns)
    if instant is None:
        return DASH
    return f"{instant.day}{_MONTHS[instant.month - 1]}{instant.year % 100:02d}"


def duration_text(duration_ns: int) -> str:
    """The two leading units of a duration: "5d 22h", "22h 35m", "35m 12s", "12s"."""
    seconds = abs(duration_ns) // SECOND_NS
    sign = "-" if duration_ns <= -SECOND_NS else ""
    if seconds >= _DAY_S:
        return f"{sign}{seconds // _DAY_S:,}d {seconds % _DAY_S // _HOUR_S}h"
    if seconds >= _HOUR_S:
        return f"{sign}{seconds // _HOUR_S}h {seconds % _HOUR_S // _MINUTE_S}m"
    if seconds >= _MINUTE_S:
        return f"{sign}{seconds // _MINUTE_S}m {seconds % _MINUTE_S}s"
    return f"{sign}{seconds}s"


def time_left_text(expiry_ns: int, now_ns: int) -> str:
    """Time from `now_ns` to the expiry, "expired" once it is over."""
    return duration_text(expiry_ns - now_ns) if expiry_ns > now_ns else "expired"


def days_left_text(expiry_ns: int, now_ns: int) -> str:
    """Days left for a tab: "0.9d" under ten days, "96d" above, "exp" once it is over."""
    if expiry_ns <= now_ns:
        return "exp"
    days = (expiry_ns - now_ns) / (_DAY_S * SECOND_NS)
    # Rounding 9.96 to "10.0d" would show a decimal that the rule above ten days leaves out.
    return f"{days:.1f}d" if days < 9.95 else f"{days:,.0f}d"


def age_text(age_ns: int) -> str:
    """An age in at most five characters: "7s", "12m", "5h", "99d", ">99d".

    A negative age of a second or more is shown as such: the clocks disagree.
    """
    seconds = abs(age_ns) // SECOND_NS
    sign = "-" if age_ns <= -SECOND_NS else ""
    if seconds < 100:
        return f"{sign}{seconds}s"
    for unit_s, unit in ((_MINUTE_S, "m"), (_HOUR_S, "h"), (_DAY_S, "d")):
        count = seconds // unit_s
        if count < 100:
            return f"{sign}{count}{unit}"
    return "<-99d" if sign else ">99d"
