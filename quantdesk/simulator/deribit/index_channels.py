"""Channels on indexes, on a perpetual's funding and of candles; and those on which this venue has
nothing to say, which clients subscribe to all the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from quantdesk.simulator.deribit.candles import RESOLUTIONS, latest_candle
from quantdesk.simulator.deribit.channels import (
    KINDS,
    PACE_AGG2_NS,
    PACES,
    Channel,
    Subject,
)
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.market import NS_PER_MS

DAY_NS = 86_400 * 1_000_000_000
NS_PER_S = 1_000_000_000
MINUTE_NS = 60 * NS_PER_S
CONSTITUENT = "simulated"
"""The index has one source here: the recorded path."""


class VolatilityIndexChannel(Channel):
    """`deribit_volatility_index.<index>`: DVOL in percent points."""

    subject = Subject.VOLATILITY

    def __init__(self, name: str, face: DeribitFace, index_name: str) -> None:
        super().__init__(name, key=index_name)
        self._face, self._index_name = face, index_name

    def snapshot(self) -> bytes | None:
        venue = self._face.venue
        value = venue.volatility(self._index_name)
        if value is None:
            return None
        return self._face.market.encode(
            {"timestamp": venue.stamp_ms, "volatility": value, "index_name": self._index_name}
        )


class PerpetualChannel(Channel):
    """`perpetual.<instrument>.<interval>`: the rate that accrues now."""

    subject = Subject.TICKER

    def __init__(self, name: str, face: DeribitFace, line: int, pace_ns: int) -> None:
        super().__init__(name, key=line, pace_ns=pace_ns)
        self._face, self._line = face, line

    def snapshot(self) -> bytes | None:
        future = self._face.market.future(self._line)
        assert future is not None, self.name
        return self._face.market.encode(
            {
                "interest": future.current_funding,
                "index_price": future.index_price,
                "timestamp": future.stamp_ms,
            }
        )


class ExpirationPriceChannel(Channel):
    """`estimated_expiration_price.<index>`: expected delivery price of the nearest expiry."""

    subject = Subject.INDEX

    def __init__(self, name: str, face: DeribitFace, index_name: str) -> None:
        super().__init__(name, key=index_name, pace_ns=PACE_AGG2_NS)
        self._face, self._index_name = face, index_name

    def snapshot(self) -> bytes | None:
        venue = self._face.venue
        ends_ns = venue.next_expiry_ns(self._index_name)
        if ends_ns is None:
            return None
        left_ns = ends_ns - venue.stamp_ms * NS_PER_MS
        return self._face.market.encode(
            {
                "seconds": left_ns // NS_PER_S,
                "price": venue.estimated_delivery(self._index_name),
                # A running mean from the begin of the window; before it is the index itself.
                "is_estimated": left_ns <= 30 * MINUTE_NS,
            }
        )


class PriceStatisticsChannel(Channel):
    """`deribit_price_statistics.<index>`: low, high and change of a day."""

    subject = Subject.INDEX

    def __init__(self, name: str, face: DeribitFace, index_name: str) -> None:
        super().__init__(name, key=index_name, pace_ns=PACE_AGG2_NS)
        self._face, self._index_name = face, index_name

    def snapshot(self) -> bytes | None:
        venue = self._face.venue
        index = venue.indexes[self._index_name]
        now_ns = venue.stamp_ms * NS_PER_MS
        instants = np.arange(now_ns - DAY_NS, now_ns + 1, MINUTE_NS)
        prices = index.prices_at(index.steps_of(instants))
        return self._face.market.encode(
            {
                "low24h": float(np.min(prices)),
                "high24h": float(np.max(prices)),
                "change24h": round(float(prices[-1] / prices[0] - 1) * 100, 4),
                "high_volatility": False,
                "index_name": self._index_name,
            }
        )


class PriceRankingChannel(Channel):
    """`deribit_price_ranking.<index>`: the constituents, of which there is one."""

    subject = Subject.INDEX

    def __init__(self, name: str, face: DeribitFace, index_name: str) -> None:
        super().__init__(name, key=index_name, pace_ns=PACE_AGG2_NS)
        self._face, self._index_name = face, index_name

    def snapshot(self) -> bytes | None:
        venue = self._face.venue
        price = venue.index_price(self._index_name)
        entry = {
            "identifier": CONSTITUENT,
            "price": price,
            "original_price": price,
            "weight": 100.0,
            "enabled": True,
            "timestamp": venue.stamp_ms,
        }
        return self._face.market.encode([entry])


class ChartChannel(Channel):
    """`chart.trades.<instrument>.<resolution>`: the bar that the latest trade fell into."""

    subject = Subject.TRADES

    def __init__(self, name: str, face: DeribitFace, instrument_name: str, minutes: int) -> None:
        super().__init__(name, key=instrument_name, pace_ns=PACE_AGG2_NS)
        self._face, self._instrument_name, self._minutes = face, instrument_name, minutes

    def snapshot(self) -> bytes | None:
        candle = latest_candle(self._face, self._instrument_name, self._minutes)
        return None if candle is None else self._face.market.encode(candle)


class SilentChannel(Channel):
    """A channel of the venue on which nothing happens here."""

    subject = Subject.NOTHING


_OF_INDEX: dict[str, Callable[[str, DeribitFace, str], Channel]] = {
    "deribit_volatility_index": VolatilityIndexChannel,
    "estimated_expiration_price": ExpirationPriceChannel,
    "deribit_price_statistics": PriceStatisticsChannel,
    "deribit_price_ranking": PriceRankingChannel,
}


def open_index_channel(name: str, face: DeribitFace) -> Channel | None:
    """A public channel of this module; None where there is no such channel."""
    market = face.market
    match name.split("."):
        case [topic, index] if topic in _OF_INDEX and index in face.venue.indexes:
            return _OF_INDEX[topic](name, face, index)
        case ["perpetual", instrument, interval] if interval in PACES:
            return _perpetual(name, face, instrument, PACES[interval])
        case ["chart", "trades", instrument, resolution] if (
            instrument in market.line_of and resolution in RESOLUTIONS
        ):
            return ChartChannel(name, face, instrument, RESOLUTIONS[resolution])
        case ["instrument", "creation", kind, currency] if kind in KINDS:
            is_known = currency in ("any", *market.currencies)
            return SilentChannel(name) if is_known else None
        case ["announcements"] | ["platform_state", "public_methods_state"]:
            return SilentChannel(name)
        case _:
            return None


def _perpetual(name: str, face: DeribitFace, instrument: str, pace_ns: int) -> Channel | None:
    line = face.market.line_of.get(instrument)
    future = None if line is None else face.market.future(line)
    if line is None or future is None or not future.is_perpetual:
        return None
    return PerpetualChannel(name, face, line, pace_ns)


def open_quiet_channel(name: str, face: DeribitFace) -> Channel | None:
    """An account's channel on what is not simulated; None where there is no such channel."""
    match name.split("."):
        case ["user", "lock"] | ["user", "access_log"]:
            return SilentChannel(name)
        case ["user", "mmp_trigger", index] if index in ("any", *face.venue.indexes):
            return SilentChannel(name)
        case ["user", "combo_trades", *_, interval] if interval in PACES:
            return SilentChannel(name)
        case _:
            return None
