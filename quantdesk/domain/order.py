"""The life of one order, as values: what was asked for, what became of it, and how it may move.

`advance` is pure and total: whatever sequence of events a venue sends, no fill is lost and none is
counted twice. Knows no venue's spelling, sends nothing, reads no clock.

    NEW → SENT → OPEN ⇄ PARTIAL → FILLED | CANCELLED | REJECTED | EXPIRED
           └──→ UNKNOWN ──(evidence)──→ any of the above
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from quantdesk.errors import InvalidInput


class OrderType(Enum):
    """LIMIT rests at its price; MARKET never rests; MARKET_LIMIT rests at the best price it met."""

    LIMIT = "limit"
    MARKET = "market"
    MARKET_LIMIT = "market_limit"


class TimeInForce(Enum):
    """How long what is not filled at once stays."""

    GTC = "good_til_cancelled"
    GTD = "good_til_date"
    IOC = "immediate_or_cancel"
    FOK = "fill_or_kill"


class OrderStatus(Enum):
    """Where an order is in its life. UNKNOWN: sent, and nobody can say yet what became of it."""

    NEW = "new"
    SENT = "sent"
    OPEN = "open"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """True where only a late fill can still arrive."""
        return self in _FINAL


_FINAL = (
    OrderStatus.FILLED,
    OrderStatus.CANCELLED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)


class Anomaly(Enum):
    """What a venue told about an order that its life does not allow; kept, never hidden."""

    LATE_FILL = "fill after a final status"
    OVERFILL = "more filled than ordered"
    MOVE_AFTER_FINAL = "change of status after a final one"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """What is known of one order.

    amount : ordered, including what is filled; in the instrument's amount unit
    filled_value : Σ price × amount of the fills
    trade_ids : fills already counted, by the venue's trade id
    reason : why it was cancelled, rejected or expired; "" otherwise
    """

    amount: Decimal
    price: Decimal | None = None
    status: OrderStatus = OrderStatus.NEW
    filled_amount: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    venue_order_id: str | None = None
    trade_ids: frozenset[str] = frozenset()
    reason: str = ""
    anomalies: frozenset[Anomaly] = frozenset()

    def __post_init__(self) -> None:
        if not (self.amount.is_finite() and self.amount > 0):
            raise InvalidInput("amount", self.amount, "must be a positive number")

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of the fills weighted by amount, None before the first."""
        return self.filled_value / self.filled_amount if self.filled_amount else None

    @property
    def open_amount(self) -> Decimal:
        """What can still be filled; counts in full while the order is UNKNOWN."""
        if self.status.is_final:
            return Decimal(0)
        return max(self.amount - self.filled_amount, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSent:
    """The order left for the venue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnanswered:
    """No answer came: neither failed nor accepted, to be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """The venue has it, under its own id."""

    venue_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled:
    """One trade of the order; `trade_id` is the venue's and counts once."""

    trade_id: str
    amount: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEdited:
    """The venue confirmed another total amount (filled part included) or price."""

    amount: Decimal
    price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled:
    """Taken out by the owner or by the venue."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected:
    """Never became an order at the venue."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExpired:
    """Ended by its own date or its instrument's."""

    reason: str


OrderEvent = (
    OrderSent
    | OrderUnanswered
    | OrderAccepted
    | OrderFilled
    | OrderEdited
    | OrderCancelled
    | OrderRejected
    | OrderExpired
)
"""Everything that can happen to an order."""


def advance(state: OrderState, event: OrderEvent) -> OrderState:
    """The state after `event`. Never raises on any order of events.

    A fill is applied whenever it comes and once only, by its trade id; after a final status it
    mends the state and is flagged. Any other event after a final status changes nothing but the
    flag; a repeat of the same final status does not even do that.
    """
    if isinstance(event, OrderFilled):
        return _filled(state, event)
    if not state.status.is_final:
        return _moved(state, event)
    if _STATUS_OF.get(type(event)) is state.status:
        return state
    return replace(state, anomalies=state.anomalies | {Anomaly.MOVE_AFTER_FINAL})


_STATUS_OF: dict[type[OrderEvent], OrderStatus] = {
    OrderCancelled: OrderStatus.CANCELLED,
    OrderRejected: OrderStatus.REJECTED,
    OrderExpired: OrderStatus.EXPIRED,
}


def _moved(state: OrderState, event: OrderEvent) -> OrderState:
    """A living order after anything but a fill."""
    if isinstance(event, OrderEdited):
        edited = replace(state, amount=event.amount, price=event.price)
        return replace(edited, status=_working_status(edited))
    if isinstance(event, OrderAccepted):
        status = _working_status(state)
        return replace(state, status=status, venue_order_id=event.venue_order_id)
    if isinstance(event, OrderCancelled | OrderRejected | OrderExpired):
        return replace(state, status=_STATUS_OF[type(event)], reason=event.reason)
    if isinstance(event, OrderUnanswered):
        return replace(state, status=OrderStatus.UNKNOWN)
    # Word that it was sent tells nothing new of an order that is already past that.
    is_new = state.status is OrderStatus.NEW
    return replace(state, status=OrderStatus.SENT) if is_new else state


def _working_status(state: OrderState) -> OrderStatus:
    """Status of an order that the venue is known to have, by what is filled of it."""
    if state.filled_amount >= state.amount:
        return OrderStatus.FILLED
    return OrderStatus.PARTIAL if state.filled_amount else OrderStatus.OPEN


def _filled(state: OrderState, fill: OrderFilled) -> OrderState:
    if fill.trade_id in state.trade_ids:
        return state
    grown = replace(
        state,
        filled_amount=state.filled_amount + fill.amount,
        filled_value=state.filled_value + fill.amount * fill.price,
        trade_ids=state.trade_ids | {fill.trade_id},
    )
    anomalies = grown.anomalies
    if state.status.is_final:
        anomalies |= {Anomaly.LATE_FILL}
    if grown.filled_amount > grown.amount:
        anomalies |= {Anomaly.OVERFILL}
    status = _working_status(grown)
    # A cancelled or expired order that filled a part before it ended is still ended; a rejected
    # one that filled was never rejected.
    is_ended = state.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
    if is_ended and status is OrderStatus.PARTIAL:
        status = state.status
    return replace(grown, status=status, anomalies=anomalies)
