"""What a venue reports of our account: balances, positions, orders, trades. Venue-neutral values.

Amounts are exact. A field that is None was not said in this report: what was known before stays.
Quantities of positions are signed. Reports are facts about the venue's books; the desk's own books
are elsewhere and are reconciled with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, TimeInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceReport:
    """Money of one currency.

    cash : what deposits, premiums, fees and settlements left, without any open value
    equity : cash and the signed value of what is open
    available : what may be spent or used as margin
    is_margin_shared : margins and `available` are the whole account's, expressed in this currency:
        never to be added over currencies. None where the venue does not say
    margin_model : the venue's word for how the account is margined ("segregated_pm")
    """

    venue: str
    currency: str
    event_ns: int
    recv_ns: int
    cash: Decimal | None = None
    equity: Decimal | None = None
    available: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    unrealised_pnl: Decimal | None = None
    is_margin_shared: bool | None = None
    margin_model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """One position after a change; a `quantity` of 0 is flat.

    quantity : in the instrument's amount unit, positive long
    average_price, mark_price, value, unrealised_pnl : quote and settlement currency
    session_funding : of a perpetual since the venue's session began, settlement currency, positive
        received
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    quantity: Decimal
    average_price: Decimal | None = None
    mark_price: Decimal | None = None
    value: Decimal | None = None
    unrealised_pnl: Decimal | None = None
    session_funding: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsListed:
    """All open positions: an instrument that is absent is flat."""

    venue: str
    event_ns: int
    recv_ns: int
    positions: tuple[PositionReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """One of our orders as the venue has it.

    order_id : the venue's, as text whatever the venue makes of it
    client_order_id : ours, None where there is none
    amount, filled : ordered and filled so far, positive, in the instrument's amount unit
    venue_status : the venue's own word for `status`
    is_forced : the venue made it, to liquidate
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    order_id: str
    client_order_id: str | None
    side: Side
    price: Decimal | None
    amount: Decimal
    filled: Decimal
    status: OrderStatus
    venue_status: str
    tif: TimeInForce | None = None
    average_price: Decimal | None = None
    is_post_only: bool | None = None
    is_reduce_only: bool | None = None
    is_forced: bool = False
    created_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrdersListed:
    """All open orders of the account: an order that is absent is not open."""

    venue: str
    event_ns: int
    recv_ns: int
    orders: tuple[OrderReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReport:
    """One execution of one of our orders. The key is (venue, instrument_name, trade_id).

    fee : charged; negative for a rebate. None where the venue does not say in this report
    is_maker : None where the venue does not say
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    trade_id: str
    order_id: str
    client_order_id: str | None
    side: Side
    price: Decimal
    amount: Decimal
    fee: Decimal | None
    fee_currency: str | None
    is_maker: bool | None = None
    realised_pnl: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GreeksReport:
    """The venue's own Greeks of all positions on one underlying, in its own convention."""

    venue: str
    underlying: str
    event_ns: int
    recv_ns: int
    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None
    theta: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStateReport:
    """What the account may do. These are the account's rights, not those of the key in use."""

    venue: str
    event_ns: int
    recv_ns: int
    can_trade: bool | None = None
    can_deposit: bool | None = None
    can_withdraw: bool | None = None
    is_reduce_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """Trading fee rates of the account on one underlying, as fractions of notional."""

    venue: str
    underlying: str
    event_ns: int
    recv_ns: int
    maker: Decimal
    taker: Decimal


AccountEvent = (
    BalanceReport
    | PositionReport
    | PositionsListed
    | OrderReport
    | OpenOrdersListed
    | TradeReport
    | GreeksReport
    | AccountStateReport
    | FeeRates
)
"""Everything that a private frame can report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """One account as its venue reported it, at one moment of the desk: reports, nothing derived.

    How to use it: `positions` holds what is open now, one report an instrument, signed, in the
    instrument's amount unit; flat ones are absent. Look instruments up by `instrument_name` in the
    market of the same `venue` (`MarketData.find`: its chain's instruments and its futures).
    `trades` are executions known to the desk, each once, by time: the oldest give way, so a book
    that counts fills keeps its own. Figures that are None were never said.

    account : the desk's name of the account, unique with `venue`
    environment : "live", "testnet", "simulated" or "replay"
    is_whole : positions, orders and balances were each read whole since the desk started; until
        then an absence means nothing
    is_live : the connection to the account stands; where not, this is what was true at `recv_ns`
    event_ns, recv_ns : latest report, by the venue's clock and by the desk's; 0 before the first
    rights : what the venue lets the account do, None where it does not say
    trades_dropped : trades that gave way
    """

    venue: str
    account: str
    environment: str
    is_whole: bool
    is_live: bool
    event_ns: int
    recv_ns: int
    balances: tuple[BalanceReport, ...]
    positions: tuple[PositionReport, ...]
    open_orders: tuple[OrderReport, ...]
    trades: tuple[TradeReport, ...]
    greeks: tuple[GreeksReport, ...] = ()
    fee_rates: tuple[FeeRates, ...] = ()
    rights: AccountStateReport | None = None
    trades_dropped: int = 0

    def position(self, instrument_name: str) -> PositionReport | None:
        """The open position in an instrument, None where it is flat."""
        for position in self.positions:
            if position.instrument_name == instrument_name:
                return position
        return None

    def balance(self, currency: str) -> BalanceReport | None:
        """The money of one currency, None where the venue reported none."""
        for balance in self.balances:
            if balance.currency == currency:
                return balance
        return None
