"""When the exchange itself has to act: funding, session settlements and expiries, in time order."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.exchange.rules import VenueRules


class Duty(IntEnum):
    """What is due. At one instant the lower comes first."""

    END_ORDERS = 0
    FUNDING = 1
    SESSION = 2
    EXPIRY = 3


@dataclass(slots=True)
class Calendar:
    """Instants of the exchange's own acts, UTC ns.

    funded_ns, settled_ns : up to when funding was paid and sessions were settled
    """

    rules: VenueRules
    funded_ns: int
    settled_ns: int
    _expiries: dict[int, list[Listing]] = field(default_factory=dict)
    _futures: dict[str, Listing] = field(default_factory=dict)

    def add(self, listing: Listing) -> None:
        """Know an instrument."""
        instrument = listing.instrument
        if instrument.expiry_ns is not None:
            self._expiries.setdefault(instrument.expiry_ns, []).append(listing)
        if instrument.kind is not InstrumentKind.OPTION:
            self._futures[instrument.name] = listing

    def futures(self) -> list[Listing]:
        """Futures and perpetuals that are not delivered."""
        return list(self._futures.values())

    def perpetuals(self) -> list[Listing]:
        """Perpetuals."""
        kind = InstrumentKind.PERPETUAL
        return [one for one in self._futures.values() if one.instrument.kind is kind]

    def take_expired(self, expiry_ns: int) -> list[Listing]:
        """The instruments of an expiry, which is over with this, in order of listing."""
        expired = self._expiries.pop(expiry_ns, [])
        for listing in expired:
            self._futures.pop(listing.instrument.name, None)
        return expired

    def next_due(self, orders_end_ns: int | None) -> tuple[int, Duty] | None:
        """The next instant and what is due then, None where nothing ever is."""
        due: list[tuple[int, Duty]] = []
        if orders_end_ns is not None:
            due.append((orders_end_ns, Duty.END_ORDERS))
        if self.perpetuals():
            period = self.rules.funding_period_ns
            due.append(((self.funded_ns // period + 1) * period, Duty.FUNDING))
        if self._futures:
            period, offset = self.rules.session_period_ns, self.rules.session_offset_ns
            due.append((((self.settled_ns - offset) // period + 1) * period + offset, Duty.SESSION))
        if self._expiries:
            due.append((min(self._expiries), Duty.EXPIRY))
        return min(due, default=None)
