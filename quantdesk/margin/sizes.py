"""Amounts as venues count them, turned into coins; and the checks that every entry point makes."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.errors import InvalidInput

DERIBIT = "deribit"
BINANCE = "binance"

_FUTURES = (InstrumentKind.FUTURE, InstrumentKind.PERPETUAL)


def is_future(instrument: Instrument) -> bool:
    """True for dated futures and perpetuals."""
    return instrument.kind in _FUTURES


def coins(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """Signed coins of underlying that `quantity` stands for at `price`.

    Deribit counts options and linear contracts in coins and inverse futures in USD; Binance counts
    contracts of `contract_size` coins each.
    """
    if instrument.venue == BINANCE:
        return quantity * instrument.contract_size
    if instrument.is_inverse and is_future(instrument):
        return quantity / price
    return quantity


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
