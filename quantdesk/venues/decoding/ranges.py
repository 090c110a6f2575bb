"""What a number, a stamp or a name from a venue can sensibly be; beyond it nothing is believed.

The limits are wide: they stop 1E+400 and a timestamp in the wrong unit, not a wild market.
"""

from __future__ import annotations

import re
from decimal import Decimal

from msgspec import UnsetType

LARGEST = Decimal(10) ** 15
SMALLEST = Decimal(10) ** -15
"""Prices, amounts and interest of anything listed lie well inside; 0 is allowed where stated."""

MS_LOWEST = 1_000_000_000_000
MS_HIGHEST = 4_102_444_800_000
"""2001-09-09 to 2100-01-01 in milliseconds; seconds or microseconds fall outside."""

NS_PER_MS = 1_000_000
NS_PER_US = 1_000

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def exact_in_range(value: Decimal) -> bool:
    """Whether `value` is finite and, by amount, 0 or from 1E-15 to 1E+15."""
    return not value or (value.is_finite() and SMALLEST <= abs(value) <= LARGEST)


def event_ns_of_ms(value: int | UnsetType | None) -> int | None:
    """UTC nanoseconds of a millisecond stamp; None where absent or no date of this century."""
    if not isinstance(value, int) or not MS_LOWEST <= value <= MS_HIGHEST:
        return None
    return value * NS_PER_MS


def event_ns_of_us(value: int | None) -> int | None:
    """UTC nanoseconds of a microsecond stamp; None as in `event_ns_of_ms`."""
    if value is None or not MS_LOWEST <= value // 1000 <= MS_HIGHEST:
        return None
    return value * NS_PER_US


def name_like(text: str) -> str | None:
    """`text` if it is 1 to 64 letters, digits, dots, dashes, underscores; else None."""
    return text if _NAME.fullmatch(text) else None


def safe_text(text: str, length_max: int) -> str:
    """`text` for a screen: printable ASCII, "." for anything else, at most `length_max` long."""
    return "".join(c if " " <= c <= "~" else "." for c in text[:length_max])
