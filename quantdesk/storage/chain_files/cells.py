"""Numbers and instants as recorded files write them. What is absurd makes its row unusable."""

from __future__ import annotations

import re
from decimal import Decimal

from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput

LARGEST = Decimal(10) ** 15
SMALLEST = Decimal(10) ** -15
"""Every price, size, interest and Greek of a listed option lies well inside, or is 0."""

INSTANT_MIN_NS = 1_000_000_000_000_000_000
INSTANT_MAX_NS = 4_102_444_800_000_000_000
"""2001-09-09 to 2100-01-01: an instant in the wrong unit falls outside."""

# Decimal() itself would take "1_000", "nan" and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_NUMBER_LENGTH_MAX = 64
_INSTANT_LENGTH_MAX = 40
_WORD_LENGTH_MAX = 64


class RowFault(Exception):
    """Why one record can not be used: a short phrase without its values, to be counted by."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def exact(text: str, field: str) -> Decimal | None:
    """The number in a cell; None where it is empty. Raises RowFault naming `field`."""
    if not text:
        return None
    if len(text) > _NUMBER_LENGTH_MAX or _NUMBER.fullmatch(text) is None:
        raise RowFault(f"{field} is not a number")
    return in_range(Decimal(text), field)


def in_range(value: Decimal, field: str) -> Decimal:
    """`value` if it is 0 or its size is from 1E-15 to 1E+15. Raises RowFault naming `field`."""
    if not value.is_finite():
        raise RowFault(f"{field} is not a number")
    if value and not SMALLEST <= abs(value) <= LARGEST:
        raise RowFault(f"{field} is out of range")
    return value


def needed(text: str, field: str) -> Decimal:
    """The number in a cell that must hold one. Raises RowFault naming `field`."""
    value = exact(text, field)
    if value is None:
        raise RowFault(f"{field} is missing")
    return value


def word(text: str, field: str) -> str:
    """A name from outside: printable ASCII, at most 64 long. Raises RowFault naming `field`."""
    if len(text) > _WORD_LENGTH_MAX or not (text.isascii() and text.isprintable()):
        raise RowFault(f"{field} is no word")
    return text


def instant(text: str, field: str, *, unit_ns: int) -> int:
    """UTC nanoseconds of a whole number of `unit_ns`. Raises RowFault naming `field`."""
    if not text:
        raise RowFault(f"{field} is missing")
    if len(text) > _INSTANT_LENGTH_MAX or not (text.isascii() and text.isdigit()):
        raise RowFault(f"{field} is no instant")
    return _sane_instant(int(text) * unit_ns, field)


def iso_instant(text: str, field: str) -> int:
    """UTC nanoseconds of an ISO-8601 text. Raises RowFault naming `field`."""
    if not text:
        raise RowFault(f"{field} is missing")
    try:
        if len(text) > _INSTANT_LENGTH_MAX:
            raise InvalidInput(field, text[:_INSTANT_LENGTH_MAX], "is too long")
        return _sane_instant(parse_instant(text), field)
    except (InvalidInput, OverflowError):
        raise RowFault(f"{field} is no instant") from None


def _sane_instant(instant_ns: int, field: str) -> int:
    if not INSTANT_MIN_NS <= instant_ns <= INSTANT_MAX_NS:
        raise RowFault(f"{field} is out of range")
    return instant_ns
