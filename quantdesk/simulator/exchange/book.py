"""One order book: price-time priority on whole numbers, and what changed since it was last told.

Knows orders only as something with an id, a side, a price in units and lots left. Matching decides
who trades; here is only who stands where.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from quantdesk.domain.instrument import Side
from quantdesk.simulator.exchange.orders import LiveOrder


class LevelAction(Enum):
    """What happened to a price level."""

    NEW = "new"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChange:
    """A level's new total in lots at a price in units; 0 lots where it is gone."""

    side: Side
    action: LevelAction
    units: int
    lots: int


class _Level:
    """Orders at one price, first come first, and the sum of their lots."""

    __slots__ = ("lots", "orders")

    def __init__(self) -> None:
        self.lots = 0
        # Not a dict: taking the oldest of a plain dict walks over every hole before it.
        self.orders: OrderedDict[int, LiveOrder] = OrderedDict()


class BookSide:
    """Bids (sign 1) or asks (sign −1). Keys are sign × units, so that the best is the largest."""

    __slots__ = ("_keys", "_levels", "_sign", "_touched")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._levels: dict[int, _Level] = {}
        self._keys: list[int] = []
        self._touched: dict[int, int] = {}

    def best_units(self) -> int | None:
        """Best price in units, None where the side is empty."""
        return self._keys[-1] * self._sign if self._keys else None

    def first(self) -> LiveOrder | None:
        """The order that trades next: best price, then oldest."""
        if not self._keys:
            return None
        return next(iter(self._levels[self._keys[-1]].orders.values()))

    def orders(self) -> Iterator[LiveOrder]:
        """All orders in priority. The side must not change meanwhile."""
        for key in reversed(self._keys):
            yield from self._levels[key].orders.values()

    def levels(self, depth: int | None = None) -> list[tuple[int, int]]:
        """(units, lots) of the best `depth` levels, best first; all where None."""
        keys = self._keys[::-1] if depth is None else self._keys[: -depth - 1 : -1]
        return [(key * self._sign, self._levels[key].lots) for key in keys]

    def add(self, order: LiveOrder) -> None:
        """Put the order behind all others at its price."""
        key = order.units * self._sign
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = _Level()
            insort(self._keys, key)
        self._touched.setdefault(key, level.lots)
        level.orders[order.order_id] = order
        level.lots += order.lots_left

    def reduce(self, order: LiveOrder, lots: int) -> None:
        """Take `lots` off a resting order, which keeps its place; at 0 left it is gone."""
        key = order.units * self._sign
        level = self._levels[key]
        self._touched.setdefault(key, level.lots)
        order.lots_left -= lots
        level.lots -= lots
        assert order.lots_left >= 0, order
        if order.lots_left == 0:
            self._drop(key, level, order)

    def remove(self, order: LiveOrder) -> None:
        """Take the order out with whatever it has left, which stays written on it."""
        key = order.units * self._sign
        level = self._levels[key]
        self._touched.setdefault(key, level.lots)
        level.lots -= order.lots_left
        self._drop(key, level, order)

    def take_changes(self) -> list[LevelChange]:
        """Levels whose total differs from when this was last called, in order of first touch."""
        side = Side.BUY if self._sign > 0 else Side.SELL
        changes = []
        for key, before in self._touched.items():
            level = self._levels.get(key)
            after = level.lots if level else 0
            if after != before:
                action = LevelAction.CHANGE if after else LevelAction.DELETE
                changes.append(
                    LevelChange(
                        side=side,
                        action=action if before else LevelAction.NEW,
                        units=key * self._sign,
                        lots=after,
                    )
                )
        self._touched.clear()
        return changes

    def _drop(self, key: int, level: _Level, order: LiveOrder) -> None:
        del level.orders[order.order_id]
        if not level.orders:
            del self._levels[key]
            del self._keys[bisect_left(self._keys, key)]


class OrderBook:
    """Bids and asks of one instrument."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)

    def side(self, side: Side) -> BookSide:
        """The side on which orders of `side` rest."""
        return self.bids if side is Side.BUY else self.asks

    def opposite(self, side: Side) -> BookSide:
        """The side that an order of `side` trades with."""
        return self.asks if side is Side.BUY else self.bids

    def take_changes(self) -> list[LevelChange]:
        """Changes of both sides since the last call, bids first."""
        return self.bids.take_changes() + self.asks.take_changes()
