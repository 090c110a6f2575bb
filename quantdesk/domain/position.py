"""A position: what is held of one instrument, by venue, account and tag; and rows that claim one.

Values only; `portfolio.book` makes positions from fills and adjustments, `portfolio.importing` from
rows that people hand in.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A signed quantity of one instrument.

    quantity : positive long, in the instrument's amount unit; never 0
    average_price : entry price a unit, quote currency; None where nobody said
    strategy, structure : tags, "" where there is none
    account : name of the account that holds it, "" for a hypothetical or a file's position
    """

    instrument: Instrument
    quantity: Decimal
    average_price: Decimal | None = None
    strategy: str = ""
    structure: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        name = self.instrument.name
        if not (self.quantity.is_finite() and self.quantity != 0):
            raise InvalidInput("quantity", self.quantity, f"of {name} must be a number, not 0")
        if self.average_price is not None and not (
            self.average_price.is_finite() and self.average_price >= 0
        ):
            raise InvalidInput(
                "average_price", self.average_price, f"of {name} must be a number from 0 up"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One row of a positions file as it was written: text, nothing checked, None where absent.

    row : counted from 1, a header apart
    currency : what the row says the position settles in, for files that say so
    fault : why the row could not even be read as cells, "" where it could
    """

    row: int
    venue: str | None = None
    instrument_name: str | None = None
    quantity: str | None = None
    average_price: str | None = None
    strategy: str | None = None
    structure: str | None = None
    account: str | None = None
    currency: str | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that made no position, and why, as a sentence. None where it has no row number."""

    row: int | None
    venue: str
    instrument_name: str
    quantity: str
    reason: str
