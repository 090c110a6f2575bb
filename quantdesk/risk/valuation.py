"""Positions × market → what each is worth and what drives it; what can not be marked is excluded.

Options are valued by Black-76 on the forward of their own expiry, all at the market's one moment,
dollar-settled ones at the discount that parity of their expiry says (`market.discounts`),
with the vol of their own quotes (`market.quoted_vols`). A surface that is handed in stands before
it; the market's own serves what no quote gives a vol. Each leg says which. Reads no clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.position import Position
from quantdesk.domain.structure import Leg, Structure
from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import MarketData, UnderlyingMarket, VolSurface
from quantdesk.market.quoted_vols import quoted_vols
from quantdesk.portfolio.leg_marks import VENUE_MARK, LegMarks
from quantdesk.risk.columns import DeltaOneColumns, OptionColumns

Holding = Position | Structure | Leg
Surfaces = Mapping[tuple[str, str], VolSurface]
"""Fitted surfaces by (venue, underlying) that somebody chose; they stand before a leg's own vol."""

_COMBOS = (InstrumentKind.OPTION_COMBO, InstrumentKind.FUTURE_COMBO)

SURFACE = "surface"
SURFACE_FOR_WANT = "surface, no quote gives a vol"
"""Sources of vols: a surface that was chosen; the market's, where a leg has no vol of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A position that is in no number of the report, and why."""

    position: Position
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where the numbers of a valued position come from.

    forward_source, vol_source : in words; `vol_source` is "" for what has no vol
    venue_mark : the venue's own mark, quote currency; None where it gives none
    event_ns : instant of the quote behind it; 0 where the market does not say
    chain_row : row in its market's chain; None for what is no listed option
    """

    forward_source: str
    vol_source: str
    venue_mark: float | None
    event_ns: int
    chain_row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValuedBook:
    """Positions that could be marked, as arrays, and those that could not.

    positions, marks : row by row;  market_of : number of each row's market
    coins : the underlying of each market: "BTC" also of one that its venue calls "BTC_USDC"
    """

    positions: tuple[Position, ...]
    marks: tuple[Mark, ...]
    market_of: tuple[int, ...]
    options: OptionColumns
    delta_ones: DeltaOneColumns
    markets: tuple[UnderlyingMarket, ...]
    coins: tuple[str, ...]
    excluded: tuple[Exclusion, ...]

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Coins that were valued, sorted."""
        return tuple(sorted({position.instrument.underlying for position in self.positions}))


def as_positions(holdings: Iterable[Holding] | Holding) -> tuple[Position, ...]:
    """Positions, structures and legs as positions; a structure's name becomes their tag.

    Raises InvalidInput for anything else.
    """
    if isinstance(holdings, Position | Structure | Leg):
        holdings = (holdings,)
    found: list[Position] = []
    for held in holdings:
        if isinstance(held, Position):
            found.append(held)
        elif isinstance(held, Structure):
            found.extend(_of_leg(leg, held.name) for leg in held.legs)
        elif isinstance(held, Leg):
            found.append(_of_leg(held, ""))
        else:
            raise InvalidInput("positions", held, "must hold positions, structures or legs")
    return tuple(found)


def _of_leg(leg: Leg, structure: str) -> Position:
    return Position(
        instrument=leg.instrument,
        quantity=leg.quantity,
        average_price=leg.price,
        structure=structure,
    )


def value_positions(
    positions: Sequence[Position], market: MarketData, *, surfaces: Surfaces | None = None
) -> ValuedBook:
    """Mark each of `positions` on `market`, on `surfaces` instead of their own vols where given.

    A position that is unknown, expired, or without forward, index or vol is excluded with its
    reason; the others are not touched by it. An option whose mark is rounded to 0 has a vol.
    """
    working = _Working(market, surfaces or {})
    for position in positions:
        try:
            working.add(position)
        except InvalidInput as error:
            working.excluded.append(Exclusion(position=position, reason=str(error)))
    return working.book()


class _MarketLooks:
    """One market with what is looked up in it again and again. `chosen` stands before all vols."""

    def __init__(self, number: int, market: UnderlyingMarket, chosen: VolSurface | None) -> None:
        self.number, self.market = number, market
        self.surface = market.surface if chosen is None else chosen
        self.row_of = {one.name: row for row, one in enumerate(market.chain.instruments)}
        vols, self.sources = quoted_vols(market)
        self.vols = vols.tolist()
        self.marks = market.chain.mark.tolist()
        self.event_ns = market.chain.event_ns.tolist()
        self.chosen_vols = np.full(len(market.chain), np.nan).tolist()
        if chosen is not None and len(market.chain):
            self.chosen_vols = chosen.implied_vol(
                market.chain.expiry_ns, market.chain.strike
            ).tolist()

    def vol(self, instrument: Instrument, row: int | None) -> tuple[float, str]:
        """Vol of an option and its source. Raises InvalidInput where there is none."""
        if row is None:
            vol = self._vol_on_surface(instrument)
            if vol > 0:
                return vol, SURFACE
            rule = f"{self.listed_rule}, or on its surface"
            raise InvalidInput("instrument_name", instrument.name, rule)
        for vol, source in (
            (self.chosen_vols[row], SURFACE),
            (self.vols[row], self.sources[row]),
        ):
            if vol > 0:
                return vol, source
        vol = self._vol_on_surface(instrument)
        if vol > 0:
            return vol, SURFACE_FOR_WANT
        rule = f"of {instrument.name} must give a vol: no mark, quote, IV or surface does"
        raise InvalidInput("mark", None if math.isnan(self.marks[row]) else self.marks[row], rule)

    @property
    def listed_rule(self) -> str:
        """What is asked of a name that the market does not know."""
        return f"must be listed in the {self.market.venue} {self.market.underlying} market"

    def _vol_on_surface(self, instrument: Instrument) -> float:
        """NaN where there is no surface or it does not reach."""
        if self.surface is None:
            return math.nan
        assert instrument.expiry_ns is not None
        assert instrument.strike is not None
        vols = self.surface.implied_vol(
            np.array([instrument.expiry_ns]), np.array([float(instrument.strike)])
        )
        return float(vols[0])


class _Working:
    """A book while it is valued."""

    def __init__(self, market: MarketData, surfaces: Surfaces) -> None:
        self.finder, self.surfaces = LegMarks(market), surfaces
        self.coins: list[str] = []
        self.looks: dict[tuple[str, str], _MarketLooks] = {}
        self.positions: list[Position] = []
        self.marks: list[Mark] = []
        self.market_of: list[int] = []
        self.options: list[tuple[float, ...]] = []
        self.option_expiries: list[int] = []
        self.delta_ones: list[tuple[float, ...]] = []
        self.delta_one_expiries: list[int] = []
        self.excluded: list[Exclusion] = []

    def look(self, instrument: Instrument) -> _MarketLooks:
        market = self.finder.market_of(instrument)
        if market is None:
            known = ", ".join(f"{m.venue}/{m.underlying}" for m in self.finder.market.markets)
            rule = f"of {instrument.name} must be one of the market's: {known or 'none'}"
            raise InvalidInput("market", f"{instrument.venue}/{instrument.underlying}", rule)
        key = (market.venue, market.underlying)
        if key not in self.looks:
            self.looks[key] = _MarketLooks(len(self.looks), market, self.surfaces.get(key))
            self.coins.append(instrument.underlying)
        return self.looks[key]

    def add(self, position: Position) -> None:
        instrument = position.instrument
        if instrument.kind in _COMBOS:
            raise InvalidInput(
                "kind", instrument.kind.value, f"of {instrument.name} must be given by its legs"
            )
        look = self.look(instrument)
        index = _index_price(look.market, instrument)
        expiry_ns = instrument.expiry_ns or 0
        if 0 < expiry_ns <= look.market.as_of_ns:
            rule = f"of {instrument.name} must be later than {format_instant(look.market.as_of_ns)}"
            raise InvalidInput("expiry", format_instant(expiry_ns), rule)
        if instrument.kind is InstrumentKind.OPTION:
            self._add_option(position, look, index, expiry_ns)
        else:
            self._add_delta_one(position, look, index, expiry_ns)

    def _add_option(
        self, position: Position, look: _MarketLooks, index: float, expiry_ns: int
    ) -> None:
        instrument = position.instrument
        row = look.row_of.get(instrument.name)
        if row is None and look.surface is None:
            raise InvalidInput("instrument_name", instrument.name, look.listed_rule)
        forward = look.market.forwards.get(expiry_ns)
        if forward is None or forward.price is None or not forward.price > 0:
            raise InvalidInput(
                "forward", None, f"of {format_instant(expiry_ns)} is needed for {instrument.name}"
            )
        vol, source = look.vol(instrument, row)
        venue_mark = None if row is None or np.isnan(look.marks[row]) else look.marks[row]
        mark = Mark(
            forward_source=forward.source,
            vol_source=source,
            venue_mark=venue_mark,
            event_ns=0 if row is None else look.event_ns[row],
            chain_row=row,
        )
        assert instrument.strike is not None
        assert instrument.option_type is not None
        years = float(pricing.years_between(look.market.as_of_ns, expiry_ns))
        self.options.append(
            (
                len(self.positions),
                look.number,
                float(position.quantity * instrument.unit_size),
                forward.price,
                index,
                float(instrument.strike),
                years,
                vol,
                _rate(instrument, forward.discount, years),
                instrument.option_type.value == "call",
                instrument.is_inverse,
            )
        )
        self.option_expiries.append(expiry_ns)
        self._keep(position, mark, look)

    def _add_delta_one(
        self, position: Position, look: _MarketLooks, index: float, expiry_ns: int
    ) -> None:
        instrument = position.instrument
        is_spot = instrument.kind is InstrumentKind.SPOT
        if is_spot:
            price, source, event_ns = index, f"index {look.market.index_source}", 0
        else:
            found = self.finder.mark(instrument)
            price, source, event_ns = float(found.mark), found.mark_source, found.event_ns
        amount = float(position.quantity * instrument.unit_size)
        venue_mark = price if source == VENUE_MARK else None
        mark = Mark(forward_source=source, vol_source="", venue_mark=venue_mark, event_ns=event_ns)
        self.delta_ones.append(
            (
                len(self.positions),
                look.number,
                amount / price if instrument.is_inverse_future else amount,
                price,
                index,
                pricing.years_between(look.market.as_of_ns, expiry_ns) if expiry_ns else 0.0,
                instrument.is_inverse,
                is_spot,
            )
        )
        self.delta_one_expiries.append(expiry_ns)
        self._keep(position, mark, look)

    def _keep(self, position: Position, mark: Mark, look: _MarketLooks) -> None:
        self.positions.append(position)
        self.marks.append(mark)
        self.market_of.append(look.number)

    def book(self) -> ValuedBook:
        option = _table(self.options, 11)
        delta_one = _table(self.delta_ones, 8)
        return ValuedBook(
            positions=tuple(self.positions),
            marks=tuple(self.marks),
            market_of=tuple(self.market_of),
            options=OptionColumns(
                rows=option[0].astype(np.int64),
                market=option[1].astype(np.int64),
                coins=option[2],
                forward=option[3],
                index=option[4],
                strike=option[5],
                expiry_ns=np.array(self.option_expiries, dtype=np.int64),
                years=option[6],
                vol=option[7],
                rate=option[8],
                is_call=option[9] != 0,
                is_inverse=option[10] != 0,
            ),
            delta_ones=DeltaOneColumns(
                rows=delta_one[0].astype(np.int64),
                market=delta_one[1].astype(np.int64),
                coins=delta_one[2],
                price=delta_one[3],
                index=delta_one[4],
                expiry_ns=np.array(self.delta_one_expiries, dtype=np.int64),
                years=delta_one[5],
                is_inverse=delta_one[6] != 0,
                is_spot=delta_one[7] != 0,
            ),
            markets=tuple(look.market for look in self.looks.values()),
            coins=tuple(self.coins),
            excluded=tuple(self.excluded),
        )


def _rate(instrument: Instrument, discount: float, years: float) -> float:
    """The rate behind the discount of a linear option's expiry; a coin premium has none in it."""
    return 0.0 if instrument.is_inverse else -math.log(discount) / years


def _index_price(market: UnderlyingMarket, instrument: Instrument) -> float:
    price = market.index_price
    if price is None or not price > 0:
        where = f"{market.underlying} at {market.venue}"
        rule = f"of {where} is needed for {instrument.name} and the market has none"
        raise InvalidInput("index_price", price, rule)
    return price


def _table(rows: list[tuple[float, ...]], width: int) -> list[FloatArray]:
    if not rows:
        return [np.empty(0, dtype=np.float64) for _ in range(width)]
    return [np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)]
