"""The venues' names, and the checks that every entry point makes."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput

DERIBIT = "deribit"
BINANCE = "binance"


def require_venue(instrument: Instrument, venue: str) -> None:
    """Raises InvalidInput unless `instrument` is of `venue`."""
    if instrument.venue != venue:
        raise InvalidInput("venue", instrument.venue, f"of {instrument.name} must be {venue}")


def require_finite(field: str, value: object, of: str) -> Decimal:
    """`value` as the Decimal it must be. Raises InvalidInput for None, floats, NaN and infinity."""
    if not isinstance(value, Decimal):
        raise InvalidInput(field, value, f"of {of} must be a Decimal")
    if not value.is_finite():
        raise InvalidInput(field, value, f"of {of} must be finite")
    return value


def require_positive(field: str, value: object, of: str) -> Decimal:
    """`value` as a Decimal above 0. Raises InvalidInput."""
    number = require_finite(field, value, of)
    if number <= 0:
        raise InvalidInput(field, value, f"of {of} must be above 0")
    return number


def require_not_negative(field: str, value: object, of: str) -> Decimal:
    """`value` as a Decimal of at least 0. Raises InvalidInput."""
    number = require_finite(field, value, of)
    if number < 0:
        raise InvalidInput(field, value, f"of {of} must be at least 0")
    return number
