"""One instrument at the exchange: its book, its grid, its law, who holds it and how it trades."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from quantdesk.domain.instrument import Instrument
from quantdesk.simulator.exchange.book import OrderBook
from quantdesk.simulator.exchange.grid import Grid
from quantdesk.simulator.exchange.law import ContractLaw
from quantdesk.simulator.exchange.positions import Position
from quantdesk.simulator.exchange.rules import VenueRules

if TYPE_CHECKING:
    from quantdesk.simulator.exchange.events import Trade

TRADES_KEPT_MAX = 1_000
"""Latest trades of an instrument that are kept for whoever asks."""


class ListingState(Enum):
    """OPEN trades; LOCKED takes cancels only; DELIVERED is over."""

    OPEN = "open"
    LOCKED = "locked"
    DELIVERED = "delivered"


class Listing:
    """The exchange's record of an instrument.

    Attributes
    ----------
    change_id, changed_ns : of the last change of its book that was told
    holders : positions by account id, in the order in which accounts first traded it
    trade_seq : number of its last trade; 0 before the first
    traded_amount : Σ amount of all trades
    trades : the latest, oldest first
    delivery_price : set once delivered
    """

    __slots__ = (
        "book",
        "change_id",
        "changed_ns",
        "delivery_price",
        "grid",
        "holders",
        "instrument",
        "last_price",
        "law",
        "state",
        "trade_seq",
        "traded_amount",
        "trades",
    )

    def __init__(self, instrument: Instrument, rules: VenueRules) -> None:
        self.instrument = instrument
        self.grid = Grid(instrument)
        cash_quantum = rules.cash_quantum(instrument.settlement_currency)
        self.law = ContractLaw(instrument, cash_quantum=cash_quantum)
        self.book = OrderBook()
        self.state = ListingState.OPEN
        self.holders: dict[str, Position] = {}
        self.change_id = 0
        self.changed_ns = 0
        self.trade_seq = 0
        self.traded_amount = Decimal(0)
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT_MAX)
        self.last_price: Decimal | None = None
        self.delivery_price: Decimal | None = None

    def position_of(self, account_id: str) -> Position:
        """The account's position, made on first use."""
        position = self.holders.get(account_id)
        if position is None:
            position = self.holders[account_id] = Position(self.law)
        return position

    def size_of(self, account_id: str) -> Decimal:
        """The account's signed size; 0 where it holds nothing."""
        position = self.holders.get(account_id)
        return position.size if position is not None else Decimal(0)

    @property
    def open_interest(self) -> Decimal:
        """Σ of all long sizes, the house's included."""
        return sum((p.size for p in self.holders.values() if p.size > 0), Decimal(0))
