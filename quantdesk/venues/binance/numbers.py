"""Binance's numbers, which are texts, and its stamps: read exactly, or not believed.

`Decimal` and `float` would take "NaN", "1_000" and " 1"; here a number is digits with at most one
point and a short exponent. The limits of size are wide: they stop a wrong unit, not a wild market.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import UnsetType

from quantdesk.domain.events import BookLevel
from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.ranges import LARGEST, SMALLEST, event_ns_of_ms

IV_MAX = 1_000.0
"""As a fraction; the venue's own caps lie far below."""

GREEK_MAX = 1e15
LEVELS_MAX = 1_000
"""Of one side of a book; the venue sends no more."""

_NUMBER = re.compile(r"-?[0-9]{1,24}(?:\.[0-9]{1,24})?(?:[Ee][+-]?[0-9]{1,2})?")

OptionalText = str | UnsetType | None


def number(text: str, field: str) -> Decimal:
    """The exact value of `text`. Raises ProtocolError "bad_field", "out_of_range"."""
    if not _NUMBER.fullmatch(text):
        raise ProtocolError("bad_field", f"{field} = {text[:40]!r} is no number")
    value = Decimal(text)
    if value and not SMALLEST <= abs(value) <= LARGEST:
        raise ProtocolError("out_of_range", f"{field} = {text[:40]}")
    return value


def optional(text: OptionalText, field: str) -> Decimal | None:
    """`number`, or None where it is absent or null."""
    return number(text, field) if isinstance(text, str) else None


def amount(text: OptionalText, field: str) -> Decimal | None:
    """A value that may be 0 but not negative; None where it is absent."""
    value = optional(text, field)
    if value is not None and value < 0:
        raise ProtocolError("out_of_range", f"{field} = {value}")
    return value


def positive(text: OptionalText, field: str) -> Decimal | None:
    """A price or size; None where it is absent or 0, which is how the venue says that."""
    return amount(text, field) or None


def required(text: OptionalText, field: str) -> Decimal:
    """A value that must be above 0."""
    value = positive(text, field)
    if value is None:
        raise ProtocolError("out_of_range", f"{field} must be above 0")
    return value


def level(
    price: OptionalText, size: OptionalText, field: str
) -> tuple[Decimal | None, Decimal | None]:
    """One side of a top of book; a price without a size, or the reverse, is no quote."""
    checked = positive(price, field), positive(size, f"{field} size")
    return (None, None) if None in checked else checked


def levels(side: Sequence[Sequence[str]], field: str) -> tuple[BookLevel, ...]:
    """Levels of a book's side, a size of 0 kept. Raises ProtocolError where one makes no sense."""
    if len(side) > LEVELS_MAX:
        raise ProtocolError("too_large", f"{field} has {len(side)} levels, {LEVELS_MAX} are read")
    found = []
    for pair in side:
        if len(pair) != 2:
            raise ProtocolError("bad_field", f"{field} has a level of {len(pair)} parts")
        size = amount(pair[1], f"{field} size")
        assert size is not None
        found.append((required(pair[0], f"{field} price"), size))
    return tuple(found)


def iv(text: OptionalText, field: str) -> float | None:
    """A volatility as a fraction; 0, −1 and anything else below 0 mean that there is none."""
    value = optional(text, field)
    if value is None or value <= 0:
        return None
    if value > IV_MAX:
        raise ProtocolError("out_of_range", f"{field} = {value}")
    return float(value)


def model_value(text: OptionalText, field: str) -> float | None:
    """A Greek; None where it is absent."""
    if not isinstance(text, str):
        return None
    if not _NUMBER.fullmatch(text):
        raise ProtocolError("bad_field", f"{field} = {text[:40]!r} is no number")
    value = float(text)
    if not -GREEK_MAX <= value <= GREEK_MAX:
        raise ProtocolError("out_of_range", f"{field} = {text[:40]}")
    return value


def instant(stamp_ms: int, field: str) -> int:
    """UTC nanoseconds of a millisecond stamp. Raises ProtocolError "out_of_range"."""
    event_ns = event_ns_of_ms(stamp_ms)
    if event_ns is None:
        raise ProtocolError("out_of_range", f"{field} = {str(stamp_ms)[:40]}")
    return event_ns
