"""Settlements and deliveries of the venue's instruments, kept for whoever asks. Bounded."""

from __future__ import annotations

from collections import deque

import msgspec

from quantdesk.simulator.deribit.market import DAY_NS, NS_PER_MS, SETTLEMENT_NS, DeribitMarket
from quantdesk.simulator.exchange.events import ListingChanged
from quantdesk.simulator.exchange.listing import ListingState
from quantdesk.simulator.venue import MarketChanges

RECORDS_MAX = 10_000


class SettlementRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One settlement of an instrument, of all its holders or of one account.

    Over all holders profits sum to zero. `position` is the open interest there.
    """

    type: str
    timestamp: int
    instrument_name: str
    position: float
    index_price: float
    mark_price: float
    profit_loss: float
    session_profit_loss: float
    funding: float | msgspec.UnsetType = msgspec.UNSET


class SettlementTape:
    """The latest settlements of every instrument, oldest first."""

    def __init__(self, market: DeribitMarket) -> None:
        self._market = market
        self._records: deque[SettlementRecord] = deque(maxlen=RECORDS_MAX)
        self._session = self._session_now()

    def records(
        self, name: str | None = None, currency: str | None = None
    ) -> list[SettlementRecord]:
        """Settlements of an instrument and a currency (None: all), latest first."""
        market = self._market
        return [
            record
            for record in reversed(self._records)
            if name in (None, record.instrument_name)
            and currency in (None, market.currency(market.line_of[record.instrument_name]))
        ]

    def note(self, changes: MarketChanges) -> None:
        """Write down what was settled and delivered."""
        session, before = self._session_now(), self._session
        if session != before:
            self._session = session
            for line in self._market.lines(None, "future"):
                self._records.append(self._settled(line, session))
        for event in changes.events:
            if isinstance(event, ListingChanged) and event.state is ListingState.DELIVERED:
                self._records.append(self._delivered(event))

    def _session_now(self) -> int:
        """Number of the session that the exchange is in."""
        return (self._market.venue.exchange.now_ns - SETTLEMENT_NS) // DAY_NS

    def _settled(self, line: int, session: int) -> SettlementRecord:
        future = self._market.future(line)
        assert future is not None, line
        return SettlementRecord(
            type="settlement",
            timestamp=(session * DAY_NS + SETTLEMENT_NS) // NS_PER_MS,
            instrument_name=future.name,
            position=float(self._market.listing(line).open_interest),
            index_price=future.index_price,
            mark_price=future.mark,
            profit_loss=0.0,
            session_profit_loss=0.0,
            funding=0.0 if future.is_perpetual else msgspec.UNSET,
        )

    def _delivered(self, event: ListingChanged) -> SettlementRecord:
        price = float(event.delivery_price or 0)
        line = self._market.line_of[event.instrument_name]
        return SettlementRecord(
            type="delivery",
            timestamp=event.event_ns // NS_PER_MS,
            instrument_name=event.instrument_name,
            position=0.0,
            index_price=price,
            mark_price=self._market.mark(line),
            profit_loss=0.0,
            session_profit_loss=0.0,
        )
