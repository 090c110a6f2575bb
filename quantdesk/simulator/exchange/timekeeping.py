"""Carries out what the calendar says is due, in time order."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.simulator.exchange.calendar import Calendar, Duty
from quantdesk.simulator.exchange.maker import HouseMaker
from quantdesk.simulator.exchange.refusals import EndReason
from quantdesk.simulator.exchange.rules import MarketView
from quantdesk.simulator.exchange.settlement import Settlement
from quantdesk.simulator.exchange.trading import Trading


class Timekeeper:
    """Moves the exchange through time.

    Attributes
    ----------
    deliveries : captured delivery prices by (index name, expiry_ns): one an expiry, for good
    """

    def __init__(
        self,
        *,
        calendar: Calendar,
        settlement: Settlement,
        trading: Trading,
        maker: HouseMaker,
        market: MarketView,
    ) -> None:
        self.deliveries: dict[tuple[str, int], Decimal] = {}
        self._calendar = calendar
        self._settlement = settlement
        self._trading = trading
        self._maker = maker
        self._market = market

    def advance(self, to_ns: int) -> None:
        """Do everything that is due up to and at `to_ns`."""
        while True:
            due = self._calendar.next_due(self._trading.next_end_ns())
            if due is None or due[0] > to_ns:
                return
            at_ns, duty = due
            if duty is Duty.END_ORDERS:
                self._trading.end_valid_until(at_ns)
            elif duty is Duty.FUNDING:
                self._fund(at_ns)
            elif duty is Duty.SESSION:
                self._settle_session(at_ns)
            else:
                self._expire(at_ns)

    def _fund(self, at_ns: int) -> None:
        from_ns, self._calendar.funded_ns = self._calendar.funded_ns, at_ns
        for listing in self._calendar.perpetuals():
            name = listing.instrument.name
            rate = self._market.funding_rate(name, from_ns, at_ns)
            mark = self._market.mark_price(name)
            self._settlement.fund(listing, mark=mark, rate=rate, at_ns=at_ns)

    def _settle_session(self, at_ns: int) -> None:
        self._calendar.settled_ns = at_ns
        for listing in self._calendar.futures():
            if listing.instrument.expiry_ns == at_ns:
                # Its last session ends with its delivery, on another price.
                continue
            price = self._market.mark_price(listing.instrument.name)
            self._settlement.settle_session(listing, price=price, at_ns=at_ns)

    def _expire(self, expiry_ns: int) -> None:
        """End all orders of an expiry, then its positions, on one captured average an index."""
        for listing in self._calendar.take_expired(expiry_ns):
            index_name = listing.instrument.index_name
            key = (index_name, expiry_ns)
            if key not in self.deliveries:
                self.deliveries[key] = self._market.delivery_price(index_name, expiry_ns)
            self._maker.withdraw_all(listing, expiry_ns)
            sides = (listing.book.bids, listing.book.asks)
            resting = [order for side in sides for order in side.orders()]
            self._trading.cancel(resting, EndReason.SETTLEMENT, expiry_ns)
            self._settlement.deliver(listing, delivery_price=self.deliveries[key], at_ns=expiry_ns)
