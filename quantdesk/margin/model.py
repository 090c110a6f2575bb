"""Which margin law a venue's instruments are under: the one place that knows all models."""

from __future__ import annotations

from quantdesk.domain.ports import MarginModel
from quantdesk.errors import InvalidInput
from quantdesk.margin.binance_options import BinanceOptionMargin
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.margin.sizes import BINANCE, DERIBIT

VENUES = (BINANCE, DERIBIT)


def standard_margin(venue: str, as_of_ns: int) -> MarginModel:
    """The standard model of `venue` with the parameters that hold at `as_of_ns`.

    Raises InvalidInput for a venue without one.
    """
    if venue == DERIBIT:
        return DeribitStandardMargin(as_of_ns=as_of_ns)
    if venue == BINANCE:
        return BinanceOptionMargin(as_of_ns=as_of_ns)
    raise InvalidInput("venue", venue, f"must be one of {', '.join(VENUES)}")
