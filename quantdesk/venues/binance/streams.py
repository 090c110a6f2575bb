"""Which streams are wanted, on which of the venue's paths, and how they share connections.

Pure. A stream works on its own path only; one connection carries at most 200.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput
from quantdesk.venues.binance.names import expiry_day

PUBLIC_PATH = "/public/stream"
MARKET_PATH = "/market/stream"
PRIVATE_PATH = "/private/ws/"

ALL_INDICES = "!index@arr"
NEW_SYMBOLS = "!optionSymbol"

_BEATING = ("@optionMarkPrice", ALL_INDICES)
"""Streams that speak each second whatever happens: their silence means something is wrong."""

_REPLACEABLE = ("@bookTicker", *_BEATING)
"""Streams whose last message says all that the earlier ones said."""


def is_beating(stream: str) -> bool:
    """Whether `stream` speaks each second."""
    return stream.endswith(_BEATING)


def is_replaceable(stream: str) -> bool:
    """Whether a later message of `stream` makes an earlier one worthless."""
    return stream.endswith(_REPLACEABLE)


def depth_stream(symbol: str, speed: str) -> str:
    """The changes of one book."""
    return f"{symbol.lower()}@depth@{speed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStreams:
    """Streams by path, in the order in which they matter."""

    market: tuple[str, ...]
    public: tuple[str, ...]


def wanted_streams(
    listed: Mapping[str, Sequence[Instrument]],
    *,
    has_top_of_book: bool,
    books: Iterable[str] = (),
    depth_speed: str = "100ms",
) -> WantedStreams:
    """Streams for the options of each coin in `listed`; `books` are symbols watched in depth.

    Nearest expiries come first, so that what does not fit is what trades least.
    """
    market = [ALL_INDICES, NEW_SYMBOLS]
    statistics: list[str] = []
    tops: list[tuple[int, str]] = []
    names: set[str] = set()
    for instruments in listed.values():
        topics = sorted({(each.expiry_ns or 0, each.index_name.lower()) for each in instruments})
        underlyings = dict.fromkeys(topic for _, topic in topics)
        market += [f"{underlying}@optionMarkPrice" for underlying in underlyings]
        days = [f"{topic}@{{}}@{expiry_day(expiry_ns)}" for expiry_ns, topic in topics]
        market += [day.format("openInterest") for day in days]
        statistics += [day.format("optionTicker") for day in days]
        statistics += [f"{underlying}@optionTrade" for underlying in underlyings]
        tops += [(each.expiry_ns or 0, f"{each.name.lower()}@bookTicker") for each in instruments]
        names.update(each.name for each in instruments)
    watched = [depth_stream(symbol, depth_speed) for symbol in books if symbol in names]
    book_tops = [stream for _, stream in sorted(tops)] if has_top_of_book else []
    return WantedStreams(market=tuple(market), public=(*watched, *statistics, *book_tops))


class ShardPlan:
    """Streams spread over connections; one that stays wanted never changes its connection."""

    def __init__(self, *, streams_per_connection: int, connections_max: int) -> None:
        if streams_per_connection < 1 or connections_max < 1:
            raise InvalidInput(
                "streams_per_connection, connections_max",
                (streams_per_connection, connections_max),
                "must be at least 1",
            )
        self._room = streams_per_connection
        self._connections_max = connections_max
        self._shards: list[dict[str, None]] = []

    def assign(self, wanted: Sequence[str]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
        """Streams of each connection, and those for which there is no room, in order of wanting."""
        wanted_set = set(wanted)
        for shard in self._shards:
            for stream in [s for s in shard if s not in wanted_set]:
                del shard[stream]
        placed = {stream for shard in self._shards for stream in shard}
        left_out = []
        for stream in dict.fromkeys(wanted):
            if stream in placed:
                continue
            roomy = self._shard_with_room()
            if roomy is None:
                left_out.append(stream)
            else:
                roomy[stream] = None
        return tuple(tuple(shard) for shard in self._shards), tuple(left_out)

    def _shard_with_room(self) -> dict[str, None] | None:
        for shard in self._shards:
            if len(shard) < self._room:
                return shard
        if len(self._shards) == self._connections_max:
            return None
        self._shards.append({})
        return self._shards[-1]
