"""Numbers of Deribit's checked and made into the desk's: None for each way to say "none".

Every function raises ProtocolError "out_of_range" naming the field for what can not be believed.
"""

from __future__ import annotations

from decimal import Decimal

from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.ranges import LARGEST, SMALLEST, event_ns_of_ms, exact_in_range
from quantdesk.venues.deribit.account_wire import OptionalDecimal, OptionalFloat

IV_PERCENT_MAX = 100_000.0
"""A thousand times one. The venue's own caps lie at 500 to 999 percent."""

GREEK_MAX = 1e15


def quote_level(
    price: Decimal | None, amount: Decimal | None, field: str
) -> tuple[Decimal | None, Decimal | None]:
    """Price and size of a best quote; a price without an amount, or the reverse, is none."""
    checked = positive(price, f"{field}_price"), positive(amount, f"{field}_amount")
    return (None, None) if None in checked else checked


def positive(value: OptionalDecimal, field: str) -> Decimal | None:
    """`value`, None where it is absent or 0. Raises ProtocolError where it is out of range."""
    if not value:
        return None
    if not SMALLEST <= value <= LARGEST:
        raise out_of_range(field, value)
    return value


def amount(value: OptionalDecimal, field: str) -> Decimal | None:
    """`value`, which may be 0; None where it is absent."""
    if value is None or not isinstance(value, Decimal):
        return None
    if value and not SMALLEST <= value <= LARGEST:
        raise out_of_range(field, value)
    return value


def iv_of_percent(percent: OptionalFloat, field: str) -> float | None:
    """A volatility as a fraction; 0 means that there is none."""
    if not percent:
        return None
    if not 0.0 < percent <= IV_PERCENT_MAX:
        raise out_of_range(field, percent)
    # Rounded so that 115.62 gives 1.1562; the venue sends two decimals.
    return round(percent / 100.0, 12)


def model_value(value: OptionalFloat, field: str) -> float | None:
    """What the venue's model says; None where it is absent."""
    if value is None or not isinstance(value, float):
        return None
    if not -GREEK_MAX <= value <= GREEK_MAX:
        raise out_of_range(field, value)
    return value


def out_of_range(field: str, value: object) -> ProtocolError:
    """The error that says which field holds what can not be."""
    return ProtocolError("out_of_range", f"{field} = {str(value)[:40]}")


def instant(timestamp_ms: int) -> int:
    """UTC nanoseconds of a millisecond stamp that must be there."""
    event_ns = event_ns_of_ms(timestamp_ms)
    if event_ns is None:
        raise out_of_range("timestamp", timestamp_ms)
    return event_ns


def price_of(value: Decimal, field: str, *, may_be_negative: bool) -> Decimal:
    """A price that must be there; only those of combos may be 0 or below."""
    if not (exact_in_range(value) and (may_be_negative or value > 0)):
        raise out_of_range(field, value)
    return value


def rate(value: OptionalDecimal, field: str) -> Decimal | None:
    """A rate of either sign, as a fraction below 1; None where it is absent."""
    if not isinstance(value, Decimal):
        return None
    if not (value.is_finite() and abs(value) < 1):
        raise out_of_range(field, value)
    return value


def signed(value: OptionalDecimal, field: str) -> Decimal | None:
    """An amount of money or contracts of either sign; None where it is absent."""
    if not isinstance(value, Decimal):
        return None
    if not exact_in_range(value):
        raise out_of_range(field, value)
    return value
