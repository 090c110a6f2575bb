"""Coin that is held: the leg a covered call stands on. No venue's contract, so made here."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind, Settlement, TickScheme
from quantdesk.market.market_data import UnderlyingMarket

SMALLEST = Decimal("0.00000001")


def spot_of(market: UnderlyingMarket) -> Instrument:
    """The coin of `market` as an instrument that is bought and sold at the index, in USD."""
    return Instrument(
        venue=market.venue,
        name=market.underlying,
        kind=InstrumentKind.SPOT,
        underlying=market.underlying,
        settlement=Settlement.LINEAR,
        quote_currency="USD",
        settlement_currency="USD",
        index_name=market.index_source,
        contract_size=Decimal(1),
        ticks=TickScheme(tick=Decimal("0.01")),
        amount_min=SMALLEST,
        amount_step=SMALLEST,
    )
