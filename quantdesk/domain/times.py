"""Instants and expiries as people write them. All UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from quantdesk.errors import InvalidInput

NS_PER_S = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT_MAX_NS = 2**63 - 1
"""The last instant that columns of 64 bits hold, in 2262; the first is as far before 1970."""


_EXPIRY_CODE = re.compile(r"^(\d{1,2})([A-Z]{3})(\d{2})$")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def format_instant(ns: int) -> str:
    """ISO-8601 UTC with as many decimals as it takes: "2026-06-27T09:26:59.679159Z"."""
    seconds, rest = divmod(ns, NS_PER_S)
    text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    decimals = f"{rest:09d}".rstrip("0")
    return f"{text}.{decimals}Z" if decimals else f"{text}Z"


def parse_instant(text: str) -> int:
    """UTC nanoseconds of an ISO-8601 instant; no offset means UTC, a date alone its midnight.

    Raises InvalidInput.
    """
    match = re.fullmatch(r"(.*?)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", text.strip())
    try:
        assert match is not None
        midnight = "T00:00" if len(match[1]) == len("2026-06-27") else ""
        whole = datetime.fromisoformat(match[1] + midnight + (match[3] or "+00:00"))
    except (AssertionError, ValueError):
        raise InvalidInput("time", text, "must look like 2026-06-27T09:30:00Z") from None
    decimals = (match[2] or ".0")[1:].ljust(9, "0")
    delta = whole - EPOCH
    return (delta.days * 86_400 + delta.seconds) * NS_PER_S + int(decimals)


def parse_expiry_date(text: str) -> tuple[int, int, int] | None:
    """(year, month, day) of "27MAR26", "2026-03-27" or a full instant; None if it is no date."""
    code = _EXPIRY_CODE.match(text.upper())
    if code is not None and code[2] in _MONTHS:
        return 2000 + int(code[3]), _MONTHS.index(code[2]) + 1, int(code[1])
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        return None
    return day.year, day.month, day.day


def expiry_code(expiry_ns: int) -> str:
    """The day of an expiry as venues write it: "5AUG26"."""
    day = EPOCH + timedelta(seconds=expiry_ns // NS_PER_S)
    return f"{day.day}{_MONTHS[day.month - 1]}{day.year % 100:02d}"
