"""One execution of an order, as its account sees it: what positions, cash and limits grow from.

Exact values only. The key of a fill is (venue, account, trade id): it counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from quantdesk.domain.instrument import Side
from quantdesk.errors import InvalidInput


class Liquidity(Enum):
    """Whether the order stood in the book (MAKER) or met it (TAKER)."""

    MAKER = "maker"
    TAKER = "taker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A trade from one side.

    price, amount : quote currency; the instrument's amount unit, positive
    fee : charged in `fee_currency`; negative for a rebate
    realised_pnl : of the part of a position that it closed, settlement currency, before fees; 0
        for a part that opened
    """

    venue: str
    account: str
    instrument_name: str
    trade_id: str
    order_id: str
    label: str
    side: Side
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    event_ns: int
    realised_pnl: Decimal = Decimal(0)
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    underlying_price: Decimal | None = None

    def __post_init__(self) -> None:
        for field in ("price", "amount"):
            value: Decimal = getattr(self, field)
            if not (value.is_finite() and value > 0):
                raise InvalidInput(field, value, f"of trade {self.trade_id} must be positive")
        if not self.fee.is_finite():
            raise InvalidInput("fee", self.fee, f"of trade {self.trade_id} must be finite")

    @property
    def signed_amount(self) -> Decimal:
        """Change of the position: positive for a buy."""
        return self.amount if self.side is Side.BUY else -self.amount
