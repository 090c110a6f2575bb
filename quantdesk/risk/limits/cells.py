"""Which limit looks at what: slots are what orders add to, cells are limits with a name filled in.

A slot is one instrument in one account and strategy. A limit with "*" has a cell for each name that
slots bring; every other limit has exactly one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.times import expiry_code
from quantdesk.market.chain import BoolArray
from quantdesk.risk.limits.limit import EACH, PERPETUAL, Filters, Limit, Scope
from quantdesk.risk.limits.units import UnitRisk

_FIELDS = ("account", "venue", "strategy", "underlying", "expiry")


def expiry_of(instrument: Instrument) -> str:
    """An instrument's expiry as limits name it."""
    return PERPETUAL if instrument.expiry_ns is None else expiry_code(instrument.expiry_ns)


@dataclass(slots=True, kw_only=True, eq=False)
class Slot:
    """One instrument in one account and strategy, and what is held and open of it (amount unit).

    held : signed;  buys : open, in-flight and unknown buys, from 0 up;  sells : the same, down
    orders : how many are open, in flight or unknown;  number : its place among the slots
    """

    number: int
    instrument: Instrument
    unit: UnitRisk
    account: str
    strategy: str
    held: float = 0.0
    buys: float = 0.0
    sells: float = 0.0
    orders: int = 0

    def value_of(self, field: str) -> str:
        """What the slot is, for a filter of this name."""
        instrument = self.instrument
        match field:
            case "account":
                return self.account
            case "venue":
                return instrument.venue
            case "strategy":
                return self.strategy
            case "underlying":
                return instrument.underlying
        return expiry_of(instrument)

    @property
    def is_empty(self) -> bool:
        """True where nothing is held and nothing is open."""
        return not (self.held or self.buys or self.sells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A limit with its names filled in. `number` is the limit's place in the file, from 1."""

    number: int
    limit: Limit

    @property
    def label(self) -> str:
        """What it is about, in words."""
        return self.limit.scope_words

    @property
    def names(self) -> Filters:
        """The names that it looks at, the scope's own among them."""
        return wanted(self.limit)


def wanted(limit: Limit) -> Filters:
    """The filters of a limit, its scope's name with them."""
    if limit.scope is Scope.DESK:
        return limit.filters
    return replace(limit.filters, **{limit.scope.value: limit.name})


class CellMap:
    """The cells of some limits, in the order of the limits, and which slots each one looks at."""

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        self._limits = tuple((number, limit, wanted(limit)) for number, limit in limits)
        self.cells: list[Cell] = []
        self._place: dict[tuple[int, tuple[str, ...]], int] = {}
        self._by_slot: list[tuple[int, ...]] = []
        for number, limit, names in self._limits:
            if EACH not in _values(names):
                self._add(number, limit, _values(names))

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def has_limits(self) -> bool:
        """False where there is nothing to look at, whatever slots come."""
        return bool(self._limits)

    def admit(self, slot: Slot) -> None:
        """Take the next slot, making the cells that its names bring."""
        assert slot.number == len(self._by_slot), "slots come in their order"
        found = []
        for number, limit, names in self._limits:
            values = _filled(names, slot)
            if values is None:
                continue
            place = self._place.get((number, values))
            found.append(self._add(number, limit, values) if place is None else place)
        self._by_slot.append(tuple(found))

    def of_slot(self, number: int) -> tuple[int, ...]:
        """Numbers of the cells that look at a slot."""
        return self._by_slot[number]

    def mask(self) -> BoolArray:
        """(slots, cells): which cell looks at which slot."""
        found = np.zeros((len(self._by_slot), len(self.cells)), dtype=np.bool_)
        for row, cells in enumerate(self._by_slot):
            found[row, list(cells)] = True
        return found

    def _add(self, number: int, limit: Limit, values: tuple[str, ...]) -> int:
        place = len(self.cells)
        self._place[(number, values)] = place
        named = dict(zip(_FIELDS, values, strict=True))
        name = "" if limit.scope is Scope.DESK else named.pop(limit.scope.value)
        shown = replace(limit, name=name or EACH, filters=Filters(**named)) if name else limit
        self.cells.append(Cell(number=number, limit=shown))
        return place


def _values(names: Filters) -> tuple[str, ...]:
    return tuple(getattr(names, field) for field in _FIELDS)


def _filled(names: Filters, slot: Slot) -> tuple[str, ...] | None:
    """The names with the slot's own for each "*"; None where the slot is not looked at."""
    found = []
    for field, name in zip(_FIELDS, _values(names), strict=True):
        if not name:
            found.append("")
            continue
        own = slot.value_of(field)
        if name not in (EACH, own):
            return None
        found.append(own)
    return tuple(found)
