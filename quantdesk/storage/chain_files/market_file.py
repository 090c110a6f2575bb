"""What a recorded market file gives, whatever its layout."""

from __future__ import annotations

from dataclasses import dataclass

from quantdesk.domain.events import FutureUpdate, IndexUpdate, QuoteUpdate
from quantdesk.domain.instrument import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFile:
    """One underlying at one moment, as recorded.

    Attributes
    ----------
    layout : name of the recognised layout
    underlying : the chain's name, "BTC" coin-settled, "BTC_USDC" linear
    as_of_ns : the moment that was read, on the venue's clock
    moments_ns : every moment of `underlying` in the file, ascending
    instruments : the options listed at that moment, by expiry, strike, call before put
    quotes : at most one an instrument, in the same order; `recv_ns` is `event_ns` where the file
        does not say when it was received
    futures, indices : what else of the market was recorded at that moment
    environment : "replay"; what our own chain JSON says of itself
    rows : records in the file
    rows_elsewhere : records of other moments and underlyings, or replaced by later ones
    skipped : records left out though they belong here, counted by reason
    notes : what a user should know of where values come from, as sentences
    """

    path: str
    layout: str
    venue: str
    underlying: str
    as_of_ns: int
    moments_ns: tuple[int, ...]
    instruments: tuple[Instrument, ...]
    quotes: tuple[QuoteUpdate, ...]
    futures: tuple[FutureUpdate, ...]
    indices: tuple[IndexUpdate, ...]
    environment: str
    rows: int
    rows_elsewhere: int
    skipped: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
