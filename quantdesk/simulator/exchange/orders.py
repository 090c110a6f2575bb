"""Orders at the exchange: what is asked, what lives in a book, and what the owner is shown.

`LiveOrder` is the one mutable record and never leaves the exchange; everyone else gets an `Order`,
a value of one moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from quantdesk.domain.instrument import InstrumentKind, Side
from quantdesk.domain.order import OrderStatus, OrderType, TimeInForce
from quantdesk.simulator.exchange.refusals import EndReason

if TYPE_CHECKING:
    from quantdesk.simulator.exchange.accounts import Account
    from quantdesk.simulator.exchange.listing import Listing


class PostOnly(Enum):
    """What to do with an order that must not take: nothing special, move it, or refuse it."""

    NO = "no"
    REPRICE = "reprice"
    REJECT = "reject"


class SelfTrade(Enum):
    """What happens where an order meets one of its own account or group. The taker's mode decides.

    REJECT_TAKER refuses an order that would meet its own side first; met later, what is left of it
    is cancelled. CANCEL_TAKER accepts and cancels in both cases.
    """

    ALLOW = "allow"
    REJECT_TAKER = "reject_taker"
    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What an account asks for.

    amount : in the venue's amount unit, positive
    price : quote currency; None for MARKET and MARKET_LIMIT
    valid_until_ns : end of a GTD order, UTC ns; for others None
    label : the client's own name for it, at most `VenueRules.label_length_max` characters
    self_trade : None takes the account's mode
    session : what `cancel_orders` may go by when a connection is lost
    """

    instrument_name: str
    side: Side
    amount: Decimal
    price: Decimal | None = None
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    valid_until_ns: int | None = None
    post_only: PostOnly = PostOnly.NO
    is_reduce_only: bool = False
    self_trade: SelfTrade | None = None
    label: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEdit:
    """What to change of an open order; None leaves a field as it is.

    amount : new total, the filled part included
    """

    amount: Decimal | None = None
    price: Decimal | None = None
    post_only: PostOnly | None = None
    is_reduce_only: bool | None = None
    valid_until_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which of an account's orders are meant: those that fit every field that is set."""

    instrument_name: str | None = None
    currency: str | None = None
    underlying: str | None = None
    kind: InstrumentKind | None = None
    side: Side | None = None
    label: str | None = None
    session: str | None = None
    order_type: OrderType | None = None

    def fits(self, order: LiveOrder) -> bool:
        """True where the order is meant. `currency` is the settlement currency."""
        instrument = order.listing.instrument
        return (
            (self.instrument_name is None or instrument.name == self.instrument_name)
            and (self.currency is None or instrument.settlement_currency == self.currency)
            and (self.underlying is None or instrument.underlying == self.underlying)
            and (self.kind is None or instrument.kind is self.kind)
            and (self.side is None or order.side is self.side)
            and (self.label is None or order.label == self.label)
            and (self.session is None or order.session == self.session)
            and (self.order_type is None or order.order_type is self.order_type)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order at one moment, as its owner is shown it.

    price : limit price now; None for a MARKET order
    amount, filled_amount : total, and filled of it
    average_price : of the fills, None before the first
    fee : charged so far, settlement currency
    end_reason : set where the status is CANCELLED or EXPIRED
    is_replaced : edited at least once; is_shrunk : reduced by the exchange, being reduce-only
    is_repriced : moved inside the spread, being post-only
    """

    order_id: int
    account_id: str
    instrument_name: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: Decimal | None
    amount: Decimal
    filled_amount: Decimal
    average_price: Decimal | None
    fee: Decimal
    realised_pnl: Decimal
    status: OrderStatus
    end_reason: EndReason | None
    post_only: PostOnly
    is_reduce_only: bool
    self_trade: SelfTrade
    label: str
    session: str
    created_ns: int
    updated_ns: int
    valid_until_ns: int | None
    is_replaced: bool
    is_repriced: bool
    is_shrunk: bool


class LiveOrder:
    """An order inside the exchange. Prices in units and amounts in lots of its listing's grid."""

    __slots__ = (
        "account",
        "created_ns",
        "end_reason",
        "fee",
        "fee_reserved",
        "filled_value",
        "is_reduce_only",
        "is_replaced",
        "is_repriced",
        "is_shrunk",
        "label",
        "listing",
        "lots_filled",
        "lots_left",
        "order_id",
        "order_type",
        "post_only",
        "realised_pnl",
        "self_trade",
        "session",
        "side",
        "status",
        "time_in_force",
        "units",
        "updated_ns",
        "valid_until_ns",
    )

    def __init__(
        self,
        *,
        order_id: int,
        account: Account,
        listing: Listing,
        side: Side,
        units: int,
        lots: int,
        order_type: OrderType,
        time_in_force: TimeInForce,
        post_only: PostOnly,
        is_reduce_only: bool,
        self_trade: SelfTrade,
        label: str,
        session: str,
        now_ns: int,
        valid_until_ns: int | None,
    ) -> None:
        self.order_id = order_id
        self.account = account
        self.listing = listing
        self.side = side
        self.units = units
        self.lots_left = lots
        self.lots_filled = 0
        self.filled_value = 0
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.post_only = post_only
        self.is_reduce_only = is_reduce_only
        self.self_trade = self_trade
        self.label = label
        self.session = session
        self.created_ns = now_ns
        self.updated_ns = now_ns
        self.valid_until_ns = valid_until_ns
        self.fee = Decimal(0)
        # Fee of filling what is left, and the lots left that it was computed for.
        self.fee_reserved: tuple[int, Decimal] | None = None
        self.realised_pnl = Decimal(0)
        self.status = OrderStatus.NEW
        self.end_reason: EndReason | None = None
        self.is_replaced = False
        self.is_repriced = False
        self.is_shrunk = False

    @property
    def lots(self) -> int:
        """Total: filled and left."""
        return self.lots_filled + self.lots_left

    def count_fill(self, units: int, lots: int) -> None:
        """Write a fill on the order; what is left is the book's or the matcher's to reduce."""
        self.lots_filled += lots
        self.filled_value += units * lots

    def snapshot(self) -> Order:
        """The order as of now."""
        grid = self.listing.grid
        is_unpriced = self.order_type is OrderType.MARKET
        return Order(
            order_id=self.order_id,
            account_id=self.account.account_id,
            instrument_name=self.listing.instrument.name,
            side=self.side,
            order_type=self.order_type,
            time_in_force=self.time_in_force,
            price=None if is_unpriced else grid.from_units(self.units),
            amount=grid.from_lots(self.lots),
            filled_amount=grid.from_lots(self.lots_filled),
            average_price=(
                grid.unit * self.filled_value / self.lots_filled if self.lots_filled else None
            ),
            fee=self.fee,
            realised_pnl=self.realised_pnl,
            status=self.status,
            end_reason=self.end_reason,
            post_only=self.post_only,
            is_reduce_only=self.is_reduce_only,
            self_trade=self.self_trade,
            label=self.label,
            session=self.session,
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
            valid_until_ns=self.valid_until_ns,
            is_replaced=self.is_replaced,
            is_repriced=self.is_repriced,
            is_shrunk=self.is_shrunk,
        )
