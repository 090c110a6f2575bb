"""Deribit portfolio margin: the worst cell of the risk matrix, and the add-ons.

    risk matrix margin = worst case + roll shock + delta shock + correlation contingency
    initial            = risk matrix margin + spot + market-maker protection + open orders
    maintenance        = mm_factor · risk matrix margin

Segregated mode is one settlement currency in itself; cross mode is all of them in USD. Futures
settled in coin are proved against captured simulation replies; the option part is unproved until a
reply with options is matched, and every figure says so in `status`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from quantdesk.domain.venue_rule import RuleStatus
from quantdesk.errors import InvalidInput
from quantdesk.margin.portfolio_cells import PairTerms, cells_after, delta_shocks, pair_terms
from quantdesk.margin.portfolio_parameters import (
    EXTENDED_MOVES,
    HANDED_IN,
    PortfolioParameters,
)
from quantdesk.margin.risk_vectors import (
    RiskLegs,
    RiskVectors,
    cell_names,
    joined,
    risk_vectors,
    roll_moves,
)
from quantdesk.market.chain import FloatArray, IntArray

UNPROVED = "unproved: no captured simulation reply with options has been matched"
UNCERTAIN = "uncertain"
VERIFIED = "verified"
TIE = 1e-12
"""Cells this near to the worst, relative, are as bad as it."""


class MarginMode(Enum):
    """Whether each settlement currency is margined by itself or all together, in USD."""

    SEGREGATED = "segregated"
    CROSS = "cross"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairBook:
    """Legs of one underlying in one settlement currency, and its index price in USD.

    orders : what resting orders would add, one leg an order; each is filled where it hurts
    """

    parameters: PortfolioParameters
    legs: RiskLegs
    index: float
    orders: RiskLegs | None = None

    @property
    def is_inverse(self) -> bool:
        """True where the pair settles in its coin, by its legs or else its orders."""
        legs = self.legs if len(self.legs) or self.orders is None else self.orders
        return bool(legs.is_inverse.all())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairRisk:
    """Risk of one pair, in its settlement currency.

    raw : (27 + 8,) aggregated profit, standard first, before dampener and pnl_offset
    cells : (27 + 8,) the same after both
    worst : the loss of the worst cell, from 0 up; `binding` its number, None where nothing loses
    roll_shock, delta_shock : from 0 up
    """

    book: PairBook
    vectors: RiskVectors
    raw: FloatArray
    cells: FloatArray
    worst: float
    binding: int | None
    roll_shock: float
    delta_shock: float

    @property
    def binding_name(self) -> str:
        """The binding cell in words, "none" where no cell loses."""
        return "none" if self.binding is None else cell_names(self.book.parameters)[self.binding]

    @property
    def risk_matrix_margin(self) -> float:
        """Worst case and shocks together; the correlation contingency is 0 in every capture."""
        return self.worst + self.roll_shock + self.delta_shock

    @property
    def has_options(self) -> bool:
        """True where the figure rests on the unproved part, resting orders included."""
        orders = self.book.orders
        rests_on_orders = orders is not None and bool(orders.is_option.any())
        return rests_on_orders or bool(self.book.legs.is_option.any())

    @property
    def is_verified(self) -> bool:
        """True where captured replies confirm every part: coin futures whose floors bind."""
        parameters, legs = self.book.parameters, self.book.legs
        at_floor = roll_moves(legs, parameters) <= parameters.min_annualised_move
        as_captured = parameters.origins["parameters"].status is RuleStatus.VERIFIED
        return (
            as_captured
            and not any(one.source == HANDED_IN for one in parameters.origins.values())
            and not self.has_options
            and self.book.is_inverse
            and self.delta_shock == 0
            and bool(at_floor.all())
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PortfolioMargin:
    """Portfolio margin of one settlement currency in that currency, or in cross mode of all in USD.

    pairs : one an underlying and settlement currency
    prices : of a unit of each pair's settlement currency, in `currency`; 1 in segregated mode
    cells : (27 + 8,) sum over the pairs, each after its own offset; cells meet by their number
    worst : the loss of the worst cell, from 0 up; `binding` its number, None where nothing loses
    """

    currency: str
    mode: MarginMode
    pairs: tuple[PairRisk, ...]
    prices: tuple[float, ...]
    cells: FloatArray
    worst: float
    binding: int | None
    open_orders: float
    spot_margin: float
    mmp_margin: float

    @property
    def roll_shock(self) -> float:
        """Sum over the pairs."""
        return self._sum([pair.roll_shock for pair in self.pairs])

    @property
    def delta_shock(self) -> float:
        """Sum over the pairs."""
        return self._sum([pair.delta_shock for pair in self.pairs])

    @property
    def correlation_contingency(self) -> float:
        """0: no pair of a capture is in the correlation set, and its formula is not established."""
        return 0.0

    def _sum(self, parts: Sequence[float]) -> float:
        return sum(part * price for part, price in zip(parts, self.prices, strict=True))

    @property
    def mm_factor(self) -> float:
        """The largest of the pairs', 0 for none."""
        return max((pair.book.parameters.mm_factor for pair in self.pairs), default=0.0)

    @property
    def risk_matrix_margin(self) -> float:
        """Worst case, shocks and contingency."""
        return self.worst + self.roll_shock + self.delta_shock + self.correlation_contingency

    @property
    def initial(self) -> float:
        """What must be there to open."""
        return self.risk_matrix_margin + self.spot_margin + self.mmp_margin + self.open_orders

    @property
    def maintenance(self) -> float:
        """What must be there to keep."""
        return self.mm_factor * self.risk_matrix_margin

    @property
    def binding_name(self) -> str:
        """The binding cell in words; with the moves of each pair where they differ."""
        if self.binding is None:
            return "none"
        names = {
            pair.book.parameters.pair: cell_names(pair.book.parameters)[self.binding]
            for pair in self.pairs
        }
        if len(set(names.values())) == 1:
            return next(iter(names.values()))
        return "; ".join(f"{pair} {name}" for pair, name in names.items())

    @property
    def has_options(self) -> bool:
        """True where the figure rests on the unproved part."""
        return any(pair.has_options for pair in self.pairs)

    @property
    def status(self) -> str:
        """ "verified" for coin futures alone, "uncertain" for what no capture settles, or the
        option part's words.
        """
        if self.has_options:
            return UNPROVED
        is_verified = (
            self.mode is MarginMode.SEGREGATED
            and self.open_orders == 0
            and len(self.pairs) <= 1
            and all(pair.is_verified for pair in self.pairs)
        )
        return VERIFIED if is_verified else UNCERTAIN


def pair_risk(book: PairBook) -> PairRisk:
    """The risk of one pair.

    Raises InvalidInput for an index that is not above 0, and for legs of two settlements in one.
    """
    pair = book.parameters.pair
    if not (book.index > 0 and np.isfinite(book.index)):
        raise InvalidInput("index_price", book.index, f"of {pair} must be above 0")
    everything = book.legs if book.orders is None else joined(book.legs, book.orders)
    if len(everything) and bool(everything.is_inverse.any()) != bool(everything.is_inverse.all()):
        rule = f"of {pair} must be of one settlement: coin or dollar, not both"
        raise InvalidInput("is_inverse", "both", rule)
    vectors = risk_vectors(book.legs, book.parameters)
    raw = np.concatenate([vectors.standard.sum(axis=0), vectors.extended.sum(axis=0)])
    cells = adjusted_cells(raw, book)
    worst, binding = worst_cell(cells)
    return PairRisk(
        book=book,
        vectors=vectors,
        raw=raw,
        cells=cells,
        worst=worst,
        binding=binding,
        roll_shock=float((np.abs(_by_expiry(book, vectors.delta)) * _expiry_moves(book)).sum()),
        delta_shock=delta_shock_of(float(vectors.delta.sum()), book),
    )


def terms_of(book: PairBook) -> PairTerms:
    """What the cells and the delta of a pair are held to."""
    return pair_terms(book.parameters, book.index, is_inverse=book.is_inverse)


def adjusted_cells(raw: FloatArray, book: PairBook) -> FloatArray:
    """Aggregated cells (…, 27 + 8) after the dampener (extended ones) and the offset (gains)."""
    terms = terms_of(book)
    return cells_after(raw, terms) if raw.ndim > 1 else cells_after(raw[None, :], terms)[0]


def worst_cell(cells: FloatArray) -> tuple[float, int | None]:
    """The loss of the worst cell and its number, None where nothing loses.

    Of cells that lose alike the one with vols unchanged is named, as both captures do.
    """
    if cells.size == 0:
        return 0.0, None
    lowest = float(cells.min())
    if lowest >= 0:
        return 0.0, None
    ties = np.flatnonzero(cells <= lowest * (1 - TIE))
    standard = cells.size - len(EXTENDED_MOVES)
    unchanged = ties[(ties < standard) & (ties % 3 == 1)]
    number = int(unchanged[0]) if unchanged.size else int(ties[0])
    return -lowest, number


def _expiries(book: PairBook) -> tuple[IntArray, IntArray]:
    """Distinct expiries, and the place of each leg's among them."""
    found, place = np.unique(book.legs.expiry, return_inverse=True)
    return found, place


def _by_expiry(book: PairBook, delta: FloatArray) -> FloatArray:
    if not len(book.legs):
        return np.zeros(0)
    _, place = _expiries(book)
    sums: FloatArray = np.bincount(place, weights=delta).astype(np.float64)
    return sums


def _expiry_moves(book: PairBook) -> FloatArray:
    """Cost of a coin of delta at each expiry: the relative move, in USD for linear pairs."""
    found, place = _expiries(book)
    moves = np.zeros(found.size)
    moves[place] = basis_costs(book)
    return moves


def basis_costs(book: PairBook) -> FloatArray:
    """What the roll shock asks for a coin of delta of each leg (n,), settlement currency."""
    unit = 1.0 if book.is_inverse else book.index
    costs: FloatArray = roll_moves(book.legs, book.parameters) * unit
    return costs


def expiry_deltas(book: PairBook, delta: FloatArray) -> FloatArray:
    """Net delta of the expiry of each leg (n,), coins."""
    if not len(book.legs):
        return np.zeros(0)
    _, place = _expiries(book)
    net: FloatArray = np.bincount(place, weights=delta).astype(np.float64)[place]
    return net


def delta_shock_of(delta: float, book: PairBook) -> float:
    """Delta shock of a total delta in coins, settlement currency."""
    return float(delta_shocks(np.array([delta]), terms_of(book))[0])


def _with_orders(risk: PairRisk) -> tuple[FloatArray, float]:
    """Cells of one pair with every order filled where it hurts, and what its shocks grow by."""
    book = risk.book
    orders = book.orders
    if orders is None or not len(orders):
        return risk.cells, 0.0
    vectors = risk_vectors(orders, book.parameters)
    hurt = np.minimum(np.concatenate([vectors.standard, vectors.extended], axis=1), 0.0)
    cells = adjusted_cells(risk.raw + hurt.sum(axis=0), book)
    whole = PairBook(parameters=book.parameters, legs=joined(book.legs, orders), index=book.index)
    none = np.zeros(len(orders))
    held = np.concatenate([risk.vectors.delta, none])
    bought = np.concatenate([risk.vectors.delta * 0, np.maximum(vectors.delta, 0)])
    sold = np.concatenate([risk.vectors.delta * 0, np.minimum(vectors.delta, 0)])
    ends = np.stack([np.abs(_by_expiry(whole, held + side)) for side in (bought, sold, 0 * held)])
    rolled = float((ends.max(axis=0) * _expiry_moves(whole)).sum()) - risk.roll_shock
    total = float(risk.vectors.delta.sum())
    shocks = [delta_shock_of(total + float(side.sum()), book) for side in (bought, sold)]
    return cells, rolled + max(*shocks, risk.delta_shock) - risk.delta_shock


def open_order_margin(pairs: Sequence[PairRisk], prices: Sequence[float]) -> float:
    """What resting orders add to the risk matrix margin, in the currency of `prices`, from 0 up.

    Each order is filled in the cells, and on the side of delta, where it hurts, and nowhere else.
    """
    if not any(pair.book.orders is not None for pair in pairs):
        return 0.0
    held = np.zeros_like(pairs[0].cells)
    filled = np.zeros_like(held)
    shocks = 0.0
    for pair, price in zip(pairs, prices, strict=True):
        cells, shock = _with_orders(pair)
        held += pair.cells * price
        filled += cells * price
        shocks += shock * price
    return max(worst_cell(filled)[0] - worst_cell(held)[0], 0.0) + shocks


def portfolio_margin(
    currency: str,
    books: Sequence[PairBook],
    *,
    spot_margin: float = 0.0,
    mmp_margin: float = 0.0,
) -> PortfolioMargin:
    """Portfolio margin of the pairs that settle in one currency (segregated).

    spot_margin, mmp_margin : as the venue reports them, 0 where nothing says otherwise
    """
    pairs = tuple(pair_risk(book) for book in books)
    return _margin(
        currency,
        MarginMode.SEGREGATED,
        pairs,
        prices=(1.0,) * len(pairs),
        spot_margin=spot_margin,
        mmp_margin=mmp_margin,
    )


def cross_margin(
    books: Sequence[PairBook], *, spot_margin: float = 0.0, mmp_margin: float = 0.0
) -> PortfolioMargin:
    """Portfolio margin of all pairs together, in USD at their index prices."""
    pairs = tuple(pair_risk(book) for book in books)
    return _margin(
        "USD",
        MarginMode.CROSS,
        pairs,
        prices=tuple(pair.book.index if pair.book.is_inverse else 1.0 for pair in pairs),
        spot_margin=spot_margin,
        mmp_margin=mmp_margin,
    )


def _margin(
    currency: str,
    mode: MarginMode,
    pairs: tuple[PairRisk, ...],
    *,
    prices: tuple[float, ...],
    spot_margin: float,
    mmp_margin: float,
) -> PortfolioMargin:
    cells = np.zeros(pairs[0].cells.size if pairs else 0)
    for pair, price in zip(pairs, prices, strict=True):
        cells = cells + pair.cells * price
    worst, binding = worst_cell(cells)
    return PortfolioMargin(
        currency=currency,
        mode=mode,
        pairs=pairs,
        prices=prices,
        cells=cells,
        worst=worst,
        binding=binding,
        open_orders=open_order_margin(pairs, prices),
        spot_margin=spot_margin,
        mmp_margin=mmp_margin,
    )
