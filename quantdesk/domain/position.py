"""A position: what is held of one instrument, by venue, account and tag.

Values only; `portfolio.book` makes them from fills and adjustments.
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
