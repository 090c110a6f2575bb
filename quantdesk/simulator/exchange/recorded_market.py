"""Plugs the simulated market of recorded chains into an exchange: its prices, its instruments and
the quotes that the house follows.

The one module here that knows `SimulatedVenue`. Floats become exact numbers by their shortest text,
which is how the recordings spelled them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.errors import InvalidInput
from quantdesk.simulator.board import Field
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.maker import TopOfBook
from quantdesk.simulator.exchange.rules import PriceLimits
from quantdesk.simulator.samples import RecordedInstrument
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS
from quantdesk.simulator.venue import NS_PER_MS, MarketChanges, SimulatedVenue


def exact(value: float) -> Decimal:
    """The decimal number that a float prints as."""
    return Decimal(repr(float(value)))


@dataclass(frozen=True, slots=True)
class RecordedMarket:
    """`MarketView` over the published state of a simulated venue. Options only: no funding."""

    venue: SimulatedVenue

    def mark_price(self, instrument_name: str) -> Decimal:
        """Published mark, coin."""
        return self._published(Field.MARK, instrument_name)

    def underlying_price(self, instrument_name: str) -> Decimal:
        """Forward of the option's expiry, USD per coin."""
        return self._published(Field.UNDERLYING, instrument_name)

    def index_price(self, index_name: str) -> Decimal:
        """Published index, USD per coin."""
        return exact(self.venue.index_price(index_name))

    def price_limits(self, instrument_name: str) -> PriceLimits:
        """Published limits for order prices, coin; what the venue publishes as 0 is no limit."""
        lowest = self._published(Field.MIN_PRICE, instrument_name)
        highest = self._published(Field.MAX_PRICE, instrument_name)
        return PriceLimits(lowest=lowest or None, highest=highest or None)

    def delivery_price(self, index_name: str, expiry_ns: int) -> Decimal:
        """Mean of the index over the 30 minutes before the expiry, USD per coin."""
        index = self.venue.indexes[index_name]
        return exact(index.mean(expiry_ns - DELIVERY_WINDOW_NS, expiry_ns))

    def funding_rate(self, instrument_name: str, from_ns: int, to_ns: int) -> Decimal:
        """Raises InvalidInput: there is no perpetual on the board to pay it."""
        raise InvalidInput("instrument_name", instrument_name, "must be a perpetual")

    def top_of_book(self, row: int) -> TopOfBook:
        """The quote that the market makers follow, of a row of the board."""
        published = self.venue.board.published[:, row]
        bid, ask = float(published[Field.BID]), float(published[Field.ASK])
        return TopOfBook(
            bid=exact(bid) if bid > 0 else None,
            bid_amount=exact(published[Field.BID_AMOUNT]),
            ask=exact(ask) if ask > 0 else None,
            ask_amount=exact(published[Field.ASK_AMOUNT]),
        )

    def _published(self, which: Field, instrument_name: str) -> Decimal:
        board = self.venue.board
        return exact(board.published[which, board.row_of[instrument_name]])


@dataclass(slots=True)
class RecordedHost:
    """Moves a simulated venue and its exchange together: the only way either should be moved.

    market : hand it to the exchange as its view
    """

    venue: SimulatedVenue
    exchange: Exchange
    market: RecordedMarket = field(init=False)

    def __post_init__(self) -> None:
        self.market = RecordedMarket(self.venue)
        self._requote(range(len(self.venue.board)))

    def advance(self) -> MarketChanges:
        """Move market and exchange to the clock's time; the house follows each moved quote."""
        changes = self.venue.advance()
        self.exchange.advance(max(self.venue.now_ns(), self.exchange.now_ns))
        self._requote(changes.quote_rows.tolist())
        return changes

    def _requote(self, rows: range | list[int]) -> None:
        board = self.venue.board
        for row in rows:
            if board.is_open[row]:
                self.exchange.requote(board.names[row], self.market.top_of_book(row))


def recorded_instruments(venue: SimulatedVenue) -> tuple[Instrument, ...]:
    """The board's options as the exchange lists them, in the order of the board."""
    return tuple(_instrument(record) for record in venue.board.instruments)


def _instrument(record: RecordedInstrument) -> Instrument:
    amount_min = exact(record.min_trade_amount)
    return Instrument(
        venue="deribit",
        name=record.instrument_name,
        kind=InstrumentKind.OPTION,
        underlying=record.base_currency,
        settlement=Settlement.INVERSE,
        quote_currency=record.quote_currency,
        settlement_currency=record.settlement_currency,
        index_name=record.price_index,
        contract_size=exact(record.contract_size),
        ticks=TickScheme(
            tick=exact(record.tick_size),
            steps=tuple(
                (exact(step.above_price), exact(step.tick_size)) for step in record.tick_size_steps
            ),
        ),
        amount_min=amount_min,
        # The recorded records carry no amount step of their own.
        amount_step=amount_min,
        expiry_ns=record.expiration_timestamp * NS_PER_MS,
        strike=exact(record.strike),
        option_type=OptionType(record.option_type),
        maker_fee=exact(record.maker_commission),
        taker_fee=exact(record.taker_commission),
        created_ns=record.creation_timestamp * NS_PER_MS,
    )
