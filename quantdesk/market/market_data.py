"""The market at one moment, as risk, structures and margin take it: chains, forwards, futures.

Frozen and passive. `runtime` makes it from the desk's state, a file reader from a recording; who
computes on it never sees a feed, a clock or a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import Chain, FloatArray, IntArray
from quantdesk.market.forwards import ExpiryForward
from quantdesk.market.valuation import ChainValues


class VolSurface(Protocol):
    """A fitted surface of one underlying at one venue, as its users need it."""

    def implied_vol(self, expiry_ns: IntArray, strikes: FloatArray) -> FloatArray:
        """Implied vol (n,) as a fraction, ACT/365; NaN where the surface does not reach.

        `expiry_ns` and `strikes` are (n,), broadcast against each other.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureQuote:
    """A dated future or a perpetual, USD per coin; None where the venue said nothing."""

    instrument: Instrument
    event_ns: int
    mark: float | None
    bid: float | None = None
    ask: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnderlyingMarket:
    """One underlying at one venue, all of one state.

    as_of_ns : instant of the venue's clock at which years are counted
    forwards : by expiry instant, one for each expiry of `chain`
    futures : by instrument name
    surface : the fitted surface where there is one; it serves options without a vol of their own
    """

    venue: str
    underlying: str
    as_of_ns: int
    index_price: float | None
    index_source: str
    chain: Chain
    values: ChainValues
    forwards: Mapping[int, ExpiryForward]
    futures: Mapping[str, FutureQuote]
    surface: VolSurface | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketData:
    """The markets a desk knows, at most one for each (venue, underlying)."""

    markets: tuple[UnderlyingMarket, ...]
    source: str

    def __post_init__(self) -> None:
        keys = [(market.venue, market.underlying) for market in self.markets]
        for key in keys:
            if keys.count(key) > 1:
                raise InvalidInput("markets", "/".join(key), "must be there once")

    @property
    def as_of_ns(self) -> int:
        """The latest moment of its markets, which is now where nobody has a clock; 0 for none."""
        return max((one.as_of_ns for one in self.markets), default=0)

    def find(self, venue: str, underlying: str) -> UnderlyingMarket | None:
        """The market of `underlying` at `venue`, None where there is none."""
        for market in self.markets:
            if (market.venue, market.underlying) == (venue, underlying):
                return market
        return None
