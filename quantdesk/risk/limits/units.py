"""What one unit of an instrument adds to each additive measure and loses in each scenario.

Measured once on a market, by the same valuation as the risk report; a book and its open orders are
then sums of these rows. An instrument that can not be marked has NaN rows and a reason: a limit
that looks at it knows nothing and lets nothing pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.margin import MarginBook, MarginPosition, MarginPrices
from quantdesk.domain.position import Position
from quantdesk.errors import PricingError
from quantdesk.margin.model import standard_margin
from quantdesk.margin.portfolio_units import PortfolioUnit, PortfolioUnits, portfolio_units
from quantdesk.margin.sizes import BINANCE
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.exposure import expose
from quantdesk.risk.greeks import GREEK_FIELDS
from quantdesk.risk.limits.limit import Limit
from quantdesk.risk.limits.var_units import VarMoves
from quantdesk.risk.prepare import prepare
from quantdesk.risk.revaluation import ScenarioTable, group_pnl
from quantdesk.risk.scenario import Scenario
from quantdesk.risk.stresses import STRESSES
from quantdesk.risk.valuation import Surfaces, ValuedBook, value_positions

COLUMNS = (
    ("delta", "black", "coin"),
    ("delta", "black", "usd"),
    ("delta", "premium-adjusted", "coin"),
    ("delta", "premium-adjusted", "usd"),
    ("gamma", "", "usd"),
    ("gamma", "", "coin"),
    ("vega", "usd-per-point", ""),
    ("vega", "coin-per-point", ""),
    ("weighted_vega", "sqrt-30d-usd-per-point", ""),
    ("weighted_vega", "sqrt-30d-coin-per-point", ""),
    ("theta", "", ""),
    ("notional", "", ""),
    ("contracts", "", ""),
)
"""Measure, convention and unit of each column of a unit's row."""

CONTRACTS = len(COLUMNS) - 1
_COLUMN_OF = {key: number for number, key in enumerate(COLUMNS)}

Key = tuple[str, str]
"""Venue and instrument name."""


def column_of(limit: Limit) -> int:
    """The column that an additive limit is about."""
    return _COLUMN_OF[(limit.measure.root, limit.convention, limit.chosen_unit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an order's price is compared with.

    mark : quote currency;  usd : of one quote currency unit;  event_ns : 0 where nobody said
    coins : signed coins of underlying of one unit; an option's price is for all of them
    is_call, is_inverse, forward, strike, years, vol : of options
    rate : of options settled in dollars, behind the discount of their expiry
    """

    mark: float
    usd: float
    event_ns: int
    coins: float
    is_call: bool = False
    is_inverse: bool = False
    forward: float = 0.0
    strike: float = 0.0
    years: float = 0.0
    vol: float = 0.0
    rate: float = 0.0

    @property
    def black_unit(self) -> float:
        """Of an option, the price in quote currency of a unit whose Black value is 1 USD a coin."""
        usd = 1.0 / self.forward if self.is_inverse else math.exp(-self.rate * self.years)
        return usd * self.coins

    def price_at(self, vol: float) -> float:
        """Price in quote currency at another vol."""
        value = float(
            np.asarray(
                pricing.price(self.is_call, self.forward, self.strike, self.years, max(vol, 0.0))
            )
        )
        return value * self.black_unit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitRisk:
    """One unit (of the amount unit, long) of an instrument.

    row : (13,) by `COLUMNS`;  stress : USD P&L by stress
    recorded : USD P&L by recorded move, for each convention of VaR that was asked for and has any
    margin : USD of standard initial margin as (a unit long, a unit short, square): a·q + c·q²
    margin_reason : why it is not known
    portfolio : in the risk matrix of portfolio margin; None where nobody asked or it has none
    portfolio_reason : why it has none
    quote : None where it can not be marked;  reason : why, "" where it can
    """

    row: FloatArray
    stress: FloatArray
    recorded: Mapping[str, FloatArray]
    margin: tuple[float, float, float]
    quote: Quote | None
    reason: str = ""
    margin_reason: str = ""
    portfolio: PortfolioUnit | None = None
    portfolio_reason: str = ""


def unmarked_unit(
    instrument: Instrument, reason: str, stresses: int, moves: Mapping[str, int] | None = None
) -> UnitRisk:
    """A unit of which only the number of contracts is known.

    stresses : how many there are;  moves : how many recorded ones by convention
    """
    row = np.full(len(COLUMNS), np.nan)
    row[CONTRACTS] = contracts_a_unit(instrument)
    return UnitRisk(
        row=row,
        stress=np.full(stresses, np.nan),
        recorded={name: np.full(count, np.nan) for name, count in (moves or {}).items()},
        margin=(np.nan, np.nan, np.nan),
        quote=None,
        reason=reason,
    )


def contracts_a_unit(instrument: Instrument) -> float:
    """Contracts in one unit of amount; a held coin is one of itself."""
    if instrument.kind is InstrumentKind.SPOT:
        return 1.0
    return float(instrument.unit_size / instrument.contract_size)


@dataclass(slots=True, kw_only=True)
class MarketUnits:
    """Units on one market, measured when first asked for and kept.

    stresses : of stress limits;  moves : of VaR limits, None where there are none
    with_portfolio : whether there are limits on portfolio margin
    """

    market: MarketData
    surfaces: Surfaces = field(default_factory=dict)
    stresses: Sequence[Scenario] = STRESSES
    moves: VarMoves | None = None
    with_portfolio: bool = False
    _known: dict[Key, UnitRisk] = field(default_factory=dict)
    _marks: LegMarks | None = None

    @property
    def as_of_ns(self) -> int:
        """The latest moment of the markets."""
        return self.market.as_of_ns

    def unit(self, instrument: Instrument) -> UnitRisk:
        """The unit of `instrument`; never raises."""
        key = (instrument.venue, instrument.name)
        if key not in self._known:
            self.measure((instrument,))
        return self._known[key]

    def measure(self, instruments: Iterable[Instrument]) -> None:
        """Measure all that are not known yet in one go."""
        wanted = {(one.venue, one.name): one for one in instruments}
        new = [one for key, one in wanted.items() if key not in self._known]
        if not new:
            return
        units = [Position(instrument=one, quantity=Decimal(1)) for one in new]
        book = value_positions(units, self.market, surfaces=self.surfaces)
        for exclusion in book.excluded:
            instrument = exclusion.position.instrument
            self._known[(instrument.venue, instrument.name)] = unmarked_unit(
                instrument, exclusion.reason, len(self.stresses), self._moves_counts
            )
        if len(book):
            self._add(book)

    def _add(self, book: ValuedBook) -> None:
        rows = _rows(book)
        stress = self._pnl(book, self.stresses)
        recorded = self._recorded(book)
        quotes = _quotes(book)
        matrix = PortfolioUnits(units={}, reasons={})
        if self.with_portfolio:
            matrix = portfolio_units([one.instrument for one in book.positions], self.market)
        if self._marks is None:
            self._marks = LegMarks(self.market)
        for number, position in enumerate(book.positions):
            instrument = position.instrument
            key = (instrument.venue, instrument.name)
            margin, margin_reason = _standard(instrument, self._marks)
            self._known[key] = UnitRisk(
                row=rows[number],
                stress=stress[key],
                recorded={name: legs[key] for name, legs in recorded.items()},
                margin=margin,
                margin_reason=margin_reason,
                quote=quotes[number],
                portfolio=matrix.units.get(key),
                portfolio_reason=matrix.reasons.get(key, ""),
            )

    @property
    def _moves_counts(self) -> Mapping[str, int]:
        if self.moves is None:
            return {}
        return {name: len(sample) for name, sample in self.moves.samples.items()}

    def _recorded(self, book: ValuedBook) -> Mapping[str, Mapping[Key, FloatArray]]:
        """USD P&L (moves,) of a unit of each instrument, by convention."""
        if self.moves is None:
            return {}
        prepared = prepare(book, surfaces=self.surfaces)
        return {
            name: dict(zip(prepared.legs, self.moves.legs_usd(prepared, name), strict=True))
            for name in self.moves.samples
        }

    def _pnl(self, book: ValuedBook, scenarios: Sequence[Scenario]) -> Mapping[Key, FloatArray]:
        """USD P&L (scenarios,) of a unit of each instrument."""
        prepared = prepare(book, surfaces=self.surfaces)
        table = ScenarioTable.of(scenarios, prepared.underlyings)
        if not len(table):
            return {key: np.zeros(0) for key in prepared.legs}
        each = [group_pnl(one, table, each=True, threads=1).usd for one in prepared.groups]
        return dict(zip(prepared.legs, np.concatenate(each), strict=True))


def _rows(book: ValuedBook) -> FloatArray:
    """(n, 13) by `COLUMNS`."""
    greeks = expose(book, threads=1).by_position
    at = {name: greeks[:, number] for number, name in enumerate(GREEK_FIELDS)}
    price, coins, index = np.empty(len(book)), np.empty(len(book)), np.empty(len(book))
    for columns, prices in (
        (book.options, book.options.forward),
        (book.delta_ones, book.delta_ones.price),
    ):
        price[columns.rows], coins[columns.rows] = prices, columns.coins
        index[columns.rows] = columns.index
    contracts = [contracts_a_unit(position.instrument) for position in book.positions]
    found = (
        at["delta_black"],
        at["dollar_delta"],
        at["delta_premium_adjusted"],
        at["delta_premium_adjusted"] * price,
        at["gamma_per_pct_usd"],
        at["gamma_per_pct_coin"],
        at["vega_per_point"],
        at["vega_per_point"] / price,
        at["vega_per_point_weighted"],
        at["vega_per_point_weighted"] / price,
        at["theta_per_day"],
        coins * index,
        np.array(contracts),
    )
    return np.stack(found, axis=1)


def _quotes(book: ValuedBook) -> list[Quote | None]:
    """What each position's orders are compared with: the venue's mark, else the model's price.

    Where the venue rounds its mark to 0 that is the model's price, but no less than the one tick
    that an order must pay.
    """
    found: list[Quote | None] = [None] * len(book)
    options, others = book.options, book.delta_ones
    for place, row in enumerate(options.rows.tolist()):
        quote = Quote(
            mark=book.marks[row].venue_mark or 0.0,
            usd=float(options.index[place]) if options.is_inverse[place] else 1.0,
            event_ns=book.marks[row].event_ns,
            coins=float(options.coins[place]),
            is_call=bool(options.is_call[place]),
            is_inverse=bool(options.is_inverse[place]),
            forward=float(options.forward[place]),
            strike=float(options.strike[place]),
            years=float(options.years[place]),
            vol=float(options.vol[place]),
            rate=float(options.rate[place]),
        )
        if not quote.mark:
            is_rounded = book.marks[row].venue_mark is not None
            tick = float(book.positions[row].instrument.ticks.tick) if is_rounded else 0.0
            quote = replace(quote, mark=max(quote.price_at(quote.vol), tick))
        found[row] = quote
    for place, row in enumerate(others.rows.tolist()):
        found[row] = Quote(
            mark=float(others.price[place]),
            usd=1.0,
            event_ns=book.marks[row].event_ns,
            coins=float(others.coins[place]),
        )
    return found


def _standard(instrument: Instrument, marks: LegMarks) -> tuple[tuple[float, float, float], str]:
    """Standard initial margin in USD, from the law's own answers for one and for two units; NaN
    and the reason where it is not known.

    It is a·q for options and a·q + c·q² for futures, so that two answers give both letters.
    """
    unknown = (np.nan, np.nan, np.nan)
    if instrument.kind is InstrumentKind.SPOT:
        return (0.0, 0.0, 0.0), ""
    market = marks.market_of(instrument)
    if market is None or market.index_price is None:
        return unknown, f"no index of {instrument.underlying} is known"
    try:
        mark = marks.mark(instrument)
        # Binance's law is by the index, Deribit's by the forward of the option's expiry.
        underlying = mark.index if instrument.venue == BINANCE else mark.forward
        prices = {instrument.name: MarginPrices(mark=mark.mark, underlying=underlying)}
        asked = []
        for quantity in (1, 2, -1):
            held = MarginPosition(instrument=instrument, quantity=Decimal(quantity))
            statement = standard_margin(instrument.venue, market.as_of_ns).statement(
                MarginBook(positions=(held,), prices=prices)
            )
            if statement.excluded:
                return unknown, statement.excluded[0].reason
            asked.append(statement.total(instrument.settlement_currency).initial)
    except PricingError as error:
        return unknown, str(error)
    usd = market.index_price if instrument.is_inverse else 1.0
    one, two, short = asked
    square = (two - 2 * one) / 2
    return (float(one - square) * usd, float(short - square) * usd, float(square) * usd), ""
