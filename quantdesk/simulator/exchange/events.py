"""What the exchange tells its faces, in the order in which it happened. Values only.

Private events name their account; the others are for everyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Side
from quantdesk.simulator.exchange.book import LevelAction
from quantdesk.simulator.exchange.listing import ListingState
from quantdesk.simulator.exchange.orders import Order


class OrderCause(Enum):
    """What changed an order."""

    ACCEPTED = "accepted"
    FILLED = "filled"
    EDITED = "edited"
    SHRUNK = "shrunk"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """An account's order is as given now."""

    order: Order
    cause: OrderCause


@dataclass(frozen=True, slots=True, kw_only=True)
class FillMade:
    """An account traded. The order's own change follows."""

    fill: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged:
    """An account's size of an instrument is as given now."""

    account_id: str
    instrument_name: str
    size: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CashChanged:
    """An account's cash of a currency is as given now."""

    account_id: str
    currency: str
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A trade as everyone sees it. `side` is the taker's; `trade_seq` counts the instrument's."""

    trade_id: int
    trade_seq: int
    event_ns: int
    instrument_name: str
    side: Side
    price: Decimal
    amount: Decimal
    mark_price: Decimal
    index_price: Decimal
    underlying_price: Decimal
    maker_order_id: int
    taker_order_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLevelChange:
    """A level's new total amount; 0 where it is gone."""

    side: Side
    action: LevelAction
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChanged:
    """All that one command changed of a book. Ids grow, but not by one; the chain of
    `previous_change_id` has no gap.
    """

    instrument_name: str
    event_ns: int
    change_id: int
    previous_change_id: int
    levels: tuple[BookLevelChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSnapshot:
    """A book at one moment: (price, amount) levels, best first."""

    instrument_name: str
    event_ns: int
    change_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingChanged:
    """An instrument's state; `delivery_price` with DELIVERED only."""

    instrument_name: str
    event_ns: int
    state: ListingState
    delivery_price: Decimal | None = None


ExchangeEvent = (
    OrderChanged | FillMade | PositionChanged | CashChanged | Trade | BookChanged | ListingChanged
)
"""Everything that the exchange tells."""
