"""An account at the exchange: its open orders, its positions and its history, all bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from quantdesk.domain.fill import Fill
from quantdesk.simulator.exchange.ledger import OWN_ACCOUNTS
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.exchange.orders import LiveOrder, OrderFilter, SelfTrade


class Account:
    """One client of the exchange, or the house.

    Attributes
    ----------
    group : accounts of one group are one self for self-trade prevention
    self_trade : mode of orders that name none
    finished : orders that ended, oldest first; fills likewise
    is_own : the exchange's: unlimited credit, no fees, no history
    """

    __slots__ = (
        "_held",
        "_open",
        "_open_count",
        "account_id",
        "fills",
        "finished",
        "group",
        "is_own",
        "self_trade",
    )

    def __init__(
        self, account_id: str, *, group: str, self_trade: SelfTrade, fills_kept_max: int
    ) -> None:
        self.account_id = account_id
        self.group = group
        self.self_trade = self_trade
        self.is_own = account_id in OWN_ACCOUNTS
        self.fills: deque[Fill] = deque(maxlen=fills_kept_max)
        self.finished: deque[LiveOrder] = deque()
        self._open: dict[str, dict[int, LiveOrder]] = {}
        self._open_count = 0
        self._held: dict[str, Listing] = {}

    @property
    def open_count(self) -> int:
        """Number of open orders."""
        return self._open_count

    @property
    def listings(self) -> Iterator[Listing]:
        """Instruments that it holds, or held and has not been settled on, or has orders in."""
        yield from list(self._held.values())

    def open_in(self, instrument_name: str) -> dict[int, LiveOrder]:
        """Open orders of one instrument by order id, oldest first. Not to be changed by callers."""
        return self._open.get(instrument_name, _NO_ORDERS)

    def open_orders(self, which: OrderFilter) -> list[LiveOrder]:
        """Open orders that fit, by order id."""
        if which.instrument_name is not None:
            found = list(self.open_in(which.instrument_name).values())
        else:
            found = [order for orders in self._open.values() for order in orders.values()]
        return sorted((o for o in found if which.fits(o)), key=lambda order: order.order_id)

    def has_open_label(self, label: str) -> bool:
        """True where an open order carries the label."""
        return any(o.label == label for orders in self._open.values() for o in orders.values())

    def note_holding(self, listing: Listing) -> None:
        """From now on the instrument counts for margin and reports."""
        self._held.setdefault(listing.instrument.name, listing)

    def drop_holding(self, listing: Listing) -> None:
        """The instrument is delivered: nothing of it is left."""
        self._held.pop(listing.instrument.name, None)

    def add_open(self, order: LiveOrder) -> None:
        """Keep an order that rests."""
        listing = order.listing
        self._open.setdefault(listing.instrument.name, {})[order.order_id] = order
        self._open_count += 1
        self.note_holding(listing)

    def drop_open(self, order: LiveOrder) -> None:
        """Forget an order that no longer rests."""
        name = order.listing.instrument.name
        orders = self._open[name]
        del orders[order.order_id]
        self._open_count -= 1
        if not orders:
            del self._open[name]


_NO_ORDERS: dict[int, LiveOrder] = {}
