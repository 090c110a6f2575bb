"""Dates of a surface in words: listed expiries, days from its moment, any other date ahead."""

from __future__ import annotations

import re
from datetime import date

from quantdesk.domain.times import (
    EPOCH,
    INSTANT_MAX_NS,
    NS_PER_S,
    format_instant,
    parse_expiry_date,
    parse_instant,
)
from quantdesk.errors import InvalidInput
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.variance_clock import NS_PER_DAY

DATE_WORDS = "a date (27MAR26 or 2026-03-27, 08:00 UTC), days from then (30d), or a full instant"

_DAYS = re.compile(r"(\d{1,4}(?:\.\d+)?)d")
_EXPIRY_HOUR_NS = 8 * 3600 * NS_PER_S


def parse_surface_date(fit: SurfaceFit, text: str) -> int:
    """UTC nanoseconds of `text`, as `DATE_WORDS` say; listed or not.

    Raises InvalidInput for what is no date, or not after the surface's own moment.
    """
    word = text.strip()
    if days := _DAYS.fullmatch(word.lower()):
        instant = fit.as_of_ns + round(float(days[1]) * NS_PER_DAY)
    elif "T" in word.upper() and ":" in word:
        instant = parse_instant(word)
    else:
        instant = _expiry_of_day(word)
    if instant <= fit.as_of_ns:
        raise InvalidInput("date", text, f"must be after {format_instant(fit.as_of_ns)}")
    if instant > INSTANT_MAX_NS:
        raise InvalidInput("date", text, "must be before 2262")
    return instant


def _expiry_of_day(word: str) -> int:
    day = parse_expiry_date(word)
    try:
        if day is None:
            raise ValueError(word)
        days = (date(*day) - EPOCH.date()).days
    except ValueError:
        raise InvalidInput("date", word, f"must be {DATE_WORDS}") from None
    return days * NS_PER_DAY + _EXPIRY_HOUR_NS
