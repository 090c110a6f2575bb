"""What one unit of each instrument does in the risk matrix: a book's cells are sums of these.

Portfolio margin before dampener, offset and worst case is linear in what is held, so that a gate
can keep sums and answer for any ticket without pricing an option again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.margin.deribit_portfolio import PairBook, basis_costs, terms_of
from quantdesk.margin.portfolio_book import portfolio_books
from quantdesk.margin.portfolio_cells import PairTerms
from quantdesk.margin.portfolio_parameters import PortfolioParameters
from quantdesk.margin.risk_vectors import risk_vectors
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import MarketData

Key = tuple[str, str]
"""Venue and instrument name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PortfolioUnit:
    """One unit (of the amount unit, long) of an instrument in the risk matrix of its pair.

    currency : settlement currency, the unit of all money here
    cells : (27 + 8,) profit, standard first, before dampener and offset
    delta : coins, as the roll shock takes it
    expiry : instant of the expiry whose deltas meet, 0 for a perpetual
    basis_cost : what the roll shock asks for a coin of delta there
    usd : of one unit of the settlement currency
    is_option : True where the figures are unproved
    """

    parameters: PortfolioParameters
    terms: PairTerms
    currency: str
    cells: FloatArray
    delta: float
    expiry: int
    basis_cost: float
    usd: float
    is_option: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioUnits:
    """Units by instrument, and the reason for each instrument that has none."""

    units: Mapping[Key, PortfolioUnit]
    reasons: Mapping[Key, str]


def portfolio_units(instruments: Sequence[Instrument], market: MarketData) -> PortfolioUnits:
    """The units of `instruments` on `market`, by the captured parameters. Never raises."""
    held = [Position(instrument=one, quantity=Decimal(1)) for one in instruments]
    made = portfolio_books(held, market)
    units: dict[Key, PortfolioUnit] = {}
    for account in made.accounts:
        for currency, books in account.books:
            for book in books:
                for name, unit in zip(book.legs.names, _units(book, currency), strict=True):
                    units[(account.venue, name)] = unit
    reasons = {(one.venue, one.instrument_name): one.reason for one in made.excluded}
    return PortfolioUnits(units=units, reasons=reasons)


def _units(book: PairBook, currency: str) -> list[PortfolioUnit]:
    vectors = risk_vectors(book.legs, book.parameters)
    cells = np.concatenate([vectors.standard, vectors.extended], axis=1)
    costs, terms = basis_costs(book), terms_of(book)
    return [
        PortfolioUnit(
            parameters=book.parameters,
            terms=terms,
            currency=currency,
            cells=cells[row],
            delta=float(vectors.delta[row]),
            expiry=int(book.legs.expiry[row]),
            basis_cost=float(costs[row]),
            usd=book.index if book.is_inverse else 1.0,
            is_option=bool(book.legs.is_option[row]),
        )
        for row in range(len(book.legs))
    ]
