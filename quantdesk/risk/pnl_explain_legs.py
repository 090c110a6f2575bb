"""The legs of a P&L explain as arrays at both of its moments, one unit of each instrument.

An option leg has forward, time and vol at the opening and at the close; a future has a price. Both
moments are valued as the risk report values them; a venue's own mark is kept beside the model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.errors import PricingError
from quantdesk.market.chain import BoolArray, FloatArray, IntArray
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.valuation import Surfaces, ValuedBook, value_positions

InstrumentKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """One unit of an instrument at one moment.

    price : forward of an option, price of a future, 1 for spot; quote currency
    years, vol, rate : of options, else 0; the rate that a linear option is discounted at
    size : coins that one unit of an option or linear contract stands for; USD of an inverse future
    value : worth of a unit by the model, settlement currency (`worth` of a future, see there)
    marked : worth at the venue's own mark, the model's where it gives none
    """

    market: UnderlyingMarket
    price: float
    index: float
    years: float
    vol: float
    rate: float
    size: float
    value: float
    marked: float
    is_option: bool
    is_spot: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OptionMoves:
    """Options from opening to close, arrays (n,); `_before` and `_after` name the moment.

    market : number of the row's market in `markets_before` and `markets_after`
    """

    is_call: BoolArray
    is_inverse: BoolArray
    strike: FloatArray
    expiry_ns: IntArray
    market: IntArray
    forward_before: FloatArray
    forward_after: FloatArray
    index_before: FloatArray
    index_after: FloatArray
    years_before: FloatArray
    years_after: FloatArray
    vol_before: FloatArray
    vol_after: FloatArray
    rate_before: FloatArray
    rate_after: FloatArray
    markets_before: tuple[UnderlyingMarket, ...]
    markets_after: tuple[UnderlyingMarket, ...]

    def __len__(self) -> int:
        return int(self.strike.size)

    def take(self, rows: IntArray) -> OptionMoves:
        """Those of `rows`, in the same markets."""
        picked = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if not field.name.startswith("markets")
        }
        return replace(self, **picked)


def unit_states(
    instruments: Iterable[Instrument], market: MarketData, surfaces: Surfaces | None = None
) -> tuple[dict[InstrumentKey, UnitState], dict[InstrumentKey, str]]:
    """The state of one unit of each of `instruments`, and why others have none."""
    distinct = {(one.venue, one.name): one for one in instruments}
    units = [Position(instrument=one, quantity=Decimal(1)) for one in distinct.values()]
    book = value_positions(units, market, surfaces=surfaces)
    marks = LegMarks(market)
    states = _option_states(book, marks) | _contract_states(book)
    reasons = {
        (one.position.instrument.venue, one.position.instrument.name): one.reason
        for one in book.excluded
    }
    return states, reasons


def _option_states(book: ValuedBook, marks: LegMarks) -> dict[InstrumentKey, UnitState]:
    options = book.options
    if not len(options):
        return {}
    worth = np.asarray(
        pricing.price(
            options.is_call,
            options.forward,
            options.strike,
            options.years,
            options.vol,
            rate=options.rate,
        )
    )
    worth = np.where(options.is_inverse, worth / options.forward, worth) * options.coins
    found = {}
    for place, row in enumerate(options.rows.tolist()):
        instrument = book.positions[row].instrument
        size, value = float(options.coins[place]), float(worth[place])
        found[instrument.venue, instrument.name] = UnitState(
            market=book.markets[book.market_of[row]],
            price=float(options.forward[place]),
            index=float(options.index[place]),
            years=float(options.years[place]),
            vol=float(options.vol[place]),
            rate=float(options.rate[place]),
            size=size,
            value=value,
            marked=_venue_worth(marks, instrument, size, value),
            is_option=True,
            is_spot=False,
        )
    return found


def _venue_worth(marks: LegMarks, instrument: Instrument, size: float, value: float) -> float:
    """Worth of a unit at the venue's mark, `value` where it publishes none."""
    try:
        mark = marks.mark(instrument)
    except PricingError:
        return value
    return float(mark.mark) * size if mark.is_venue_mark else value


def _contract_states(book: ValuedBook) -> dict[InstrumentKey, UnitState]:
    contracts = book.delta_ones
    found = {}
    for place, row in enumerate(contracts.rows.tolist()):
        instrument = book.positions[row].instrument
        price, coins = float(contracts.price[place]), float(contracts.coins[place])
        is_spot = bool(contracts.is_spot[place])
        is_inverse = bool(contracts.is_inverse[place])
        # An inverse contract's dollars are fixed, any other's coins.
        size = coins * price if is_inverse else coins
        held = -size / price if is_inverse else size * price
        value = coins if is_spot else held
        found[instrument.venue, instrument.name] = UnitState(
            market=book.markets[book.market_of[row]],
            price=price,
            index=float(contracts.index[place]),
            years=0.0,
            vol=0.0,
            rate=0.0,
            size=size,
            value=value,
            marked=value,
            is_option=False,
            is_spot=is_spot,
        )
    return found


def option_moves(
    instruments: Iterable[Instrument],
    before: Mapping[InstrumentKey, UnitState],
    after: Mapping[InstrumentKey, UnitState],
) -> OptionMoves:
    """Options known at both moments as arrays, in their order."""
    kept = list(instruments)
    first = [before[one.venue, one.name] for one in kept]
    last = [after[one.venue, one.name] for one in kept]
    places: dict[tuple[str, str], int] = {}
    markets: list[tuple[UnderlyingMarket, UnderlyingMarket]] = []
    numbers = []
    for one, other in zip(first, last, strict=True):
        key = (one.market.venue, one.market.underlying)
        if key not in places:
            places[key] = len(markets)
            markets.append((one.market, other.market))
        numbers.append(places[key])

    def column(states: list[UnitState], name: str) -> FloatArray:
        return np.array([getattr(state, name) for state in states], dtype=np.float64)

    return OptionMoves(
        is_call=np.array(
            [one.option_type is not None and one.option_type.value == "call" for one in kept],
            dtype=np.bool_,
        ),
        is_inverse=np.array([one.is_inverse for one in kept], dtype=np.bool_),
        strike=np.array([float(one.strike or 0) for one in kept], dtype=np.float64),
        expiry_ns=np.array([one.expiry_ns or 0 for one in kept], dtype=np.int64),
        market=np.array(numbers, dtype=np.int64),
        forward_before=column(first, "price"),
        forward_after=column(last, "price"),
        index_before=column(first, "index"),
        index_after=column(last, "index"),
        years_before=column(first, "years"),
        years_after=column(last, "years"),
        vol_before=column(first, "vol"),
        vol_after=column(last, "vol"),
        rate_before=column(first, "rate"),
        rate_after=column(last, "rate"),
        markets_before=tuple(one for one, _ in markets),
        markets_after=tuple(other for _, other in markets),
    )
