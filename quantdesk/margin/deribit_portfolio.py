"""Deribit portfolio margin of one settlement currency: the worst cell, the add-ons, and why.

    risk matrix margin = worst case + roll shock + delta shock + correlation contingency
    initial            = risk matrix margin + spot + market-maker protection + open orders
    maintenance        = mm_factor · risk matrix margin

Futures are proved against captured simulation replies; the option part is unproved until a reply
with options is matched, and says so in `origins`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.margin.portfolio_parameters import EXTENDED_MOVES, PortfolioParameters
from quantdesk.margin.risk_vectors import (
    RiskLegs,
    RiskVectors,
    cell_names,
    risk_vectors,
    roll_moves,
)
from quantdesk.market.chain import FloatArray

UNPROVED = "unproved: no captured simulation reply with options has been matched"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairBook:
    """Legs of one underlying in one settlement currency, and its index price in USD.

    orders : what resting orders would add, one leg an order; each is filled where it hurts
    """

    parameters: PortfolioParameters
    legs: RiskLegs
    index: float
    orders: RiskLegs | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairRisk:
    """Risk of one pair, in its settlement currency.

    cells : (27 + 8,) aggregated profit, standard first, after dampener and pnl_offset
    worst : the loss of the worst cell, from 0 up; `binding` its number, None where nothing loses
    roll_shock, delta_shock : from 0 up
    """

    book: PairBook
    vectors: RiskVectors
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
        """True where the figure rests on the unproved part."""
        return bool(self.book.legs.is_option.any())


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioMargin:
    """Portfolio margin of one settlement currency, in that currency.

    pairs : one an underlying; in segregated mode their margins add up
    """

    currency: str
    pairs: tuple[PairRisk, ...]
    open_orders: float
    spot_margin: float
    mmp_margin: float

    @property
    def risk_matrix_margin(self) -> float:
        """Sum over the pairs."""
        return sum(pair.risk_matrix_margin for pair in self.pairs)

    @property
    def initial(self) -> float:
        """What must be there to open."""
        return self.risk_matrix_margin + self.spot_margin + self.mmp_margin + self.open_orders

    @property
    def maintenance(self) -> float:
        """What must be there to keep."""
        return sum(pair.book.parameters.mm_factor * pair.risk_matrix_margin for pair in self.pairs)

    @property
    def status(self) -> str:
        """ "verified" for futures alone, else why it is not."""
        return UNPROVED if any(pair.has_options for pair in self.pairs) else "verified"


def pair_risk(book: PairBook) -> PairRisk:
    """The risk of one pair. Raises InvalidInput for an index that is not above 0."""
    if not book.index > 0:
        raise InvalidInput("index_price", book.index, f"of {book.parameters.pair} must be above 0")
    vectors = risk_vectors(book.legs, book.parameters)
    total = np.concatenate([vectors.standard.sum(axis=0), vectors.extended.sum(axis=0)])
    cells = adjusted_cells(total, book)
    worst, binding = _worst(cells)
    return PairRisk(
        book=book,
        vectors=vectors,
        cells=cells,
        worst=worst,
        binding=binding,
        roll_shock=_roll_shock(book.legs, vectors.delta, book.parameters),
        delta_shock=delta_shock_of(float(vectors.delta.sum()), book),
    )


def adjusted_cells(total: FloatArray, book: PairBook) -> FloatArray:
    """Aggregated cells (…, 27 + 8) after the dampener (extended ones) and the offset (gains)."""
    parameters = book.parameters
    standard = total.shape[-1] - len(EXTENDED_MOVES)
    room = (np.abs(EXTENDED_MOVES) / parameters.price_range - 1) * parameters.extended_dampener
    # The dampener is in USD: in coin for inverse books, whose cells are coin.
    unit = book.index if len(book.legs) and bool(book.legs.is_inverse.all()) else 1.0
    extended = total[..., standard:]
    shrunk = np.sign(extended) * np.maximum(np.abs(extended) - room / unit, 0.0)
    cells = np.concatenate([total[..., :standard], shrunk], axis=-1)
    cap = parameters.max_offsetable_pnl / unit
    gains = np.minimum(cells * parameters.pnl_offset, cap) if parameters.pnl_offset else 0.0
    adjusted: FloatArray = np.where(cells > 0, gains, cells)
    return adjusted


def _worst(cells: FloatArray) -> tuple[float, int | None]:
    if cells.size == 0:
        return 0.0, None
    number = int(np.argmin(cells))
    loss = max(-float(cells[number]), 0.0)
    return loss, number if loss > 0 else None


def _roll_shock(legs: RiskLegs, delta: FloatArray, parameters: PortfolioParameters) -> float:
    """Σ over expiries |delta| · move."""
    return float((np.abs(_by_expiry(legs, delta)) * _expiry_moves(legs, parameters)).sum())


def _by_expiry(legs: RiskLegs, delta: FloatArray) -> FloatArray:
    if not len(legs):
        return np.zeros(0)
    sums: FloatArray = np.bincount(legs.expiry, weights=delta).astype(np.float64)
    return sums


def _expiry_moves(legs: RiskLegs, parameters: PortfolioParameters) -> FloatArray:
    moves = np.zeros(int(legs.expiry.max()) + 1 if len(legs) else 0)
    moves[legs.expiry] = roll_moves(legs, parameters)
    return moves


def delta_shock_of(delta: float, book: PairBook) -> float:
    """Delta shock of a total delta in coins, settlement currency.

    Nothing below the threshold; above it a share of the excess that grows with it, capped.
    """
    parameters = book.parameters
    excess = abs(delta) - parameters.delta_total_liq_shock_threshold / book.index
    if excess <= 0:
        return 0.0
    share = min(parameters.m_inc * excess, parameters.max_delta_shock)
    in_coin = share * excess
    is_inverse = bool(book.legs.is_inverse.all())
    return in_coin if is_inverse else in_coin * book.index


def open_order_margin(risk: PairRisk) -> float:
    """What resting orders add: each is filled in the cells, and on the side of delta, it hurts."""
    orders = risk.book.orders
    if orders is None or not len(orders):
        return 0.0
    vectors = risk_vectors(orders, risk.book.parameters)
    hurt = np.concatenate([vectors.standard, vectors.extended], axis=1)
    held = np.concatenate([risk.vectors.standard.sum(axis=0), risk.vectors.extended.sum(axis=0)])
    cells = adjusted_cells(held + np.minimum(hurt, 0.0).sum(axis=0), risk.book)
    moves = roll_moves(orders, risk.book.parameters)
    worst, _ = _worst(cells)
    rolled = float((np.abs(vectors.delta) * moves).sum())
    return max(worst - risk.worst, 0.0) + rolled


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
    return PortfolioMargin(
        currency=currency,
        pairs=pairs,
        open_orders=sum(open_order_margin(pair) for pair in pairs),
        spot_margin=spot_margin,
        mmp_margin=mmp_margin,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossMargin:
    """Portfolio margin over settlement currencies, in USD.

    cells : (27 + 8,) summed over the pairs after each one's offset; cells meet by their number
    """

    pairs: tuple[PairRisk, ...]
    cells: FloatArray
    worst: float
    binding: int | None
    roll_shock: float
    delta_shock: float
    open_orders: float

    @property
    def risk_matrix_margin(self) -> float:
        """Worst case and shocks, USD."""
        return self.worst + self.roll_shock + self.delta_shock

    @property
    def initial(self) -> float:
        """What must be there to open, USD."""
        return self.risk_matrix_margin + self.open_orders

    @property
    def maintenance(self) -> float:
        """What must be there to keep, USD, at the largest mm_factor of the pairs."""
        factor = max((pair.book.parameters.mm_factor for pair in self.pairs), default=0.0)
        return factor * self.risk_matrix_margin

    @property
    def status(self) -> str:
        """ "uncertain" for what no cross-collateral reply settles, or the option part's word."""
        return UNPROVED if any(pair.has_options for pair in self.pairs) else "uncertain"


def cross_margin(books: Sequence[PairBook]) -> CrossMargin:
    """Portfolio margin of all pairs together, in USD at their index prices."""
    pairs = tuple(pair_risk(book) for book in books)
    to_usd = [pair.book.index if _is_inverse(pair) else 1.0 for pair in pairs]
    width = max((pair.cells.size for pair in pairs), default=0)
    cells = np.zeros(width)
    for pair, price in zip(pairs, to_usd, strict=True):
        cells += pair.cells * price
    worst, binding = _worst(cells)
    priced = list(zip(pairs, to_usd, strict=True))
    return CrossMargin(
        pairs=pairs,
        cells=cells,
        worst=worst,
        binding=binding,
        roll_shock=sum(pair.roll_shock * price for pair, price in priced),
        delta_shock=sum(pair.delta_shock * price for pair, price in priced),
        open_orders=sum(open_order_margin(pair) * price for pair, price in priced),
    )


def _is_inverse(pair: PairRisk) -> bool:
    return len(pair.book.legs) > 0 and bool(pair.book.legs.is_inverse.all())
