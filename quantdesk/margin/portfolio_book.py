"""From positions on a market to the legs that portfolio margin takes, by settlement currency.

Positions of one account in one instrument are netted, as the venue holds them. A leg that can not
be marked, or that the law has no parameters for, is excluded by name and in no total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput, PricingError
from quantdesk.margin.book_margin import ExcludedPosition
from quantdesk.margin.deribit_portfolio import PairBook, PortfolioMargin, portfolio_margin
from quantdesk.margin.portfolio_parameters import PortfolioParameters, portfolio_parameters
from quantdesk.margin.risk_vectors import RiskLegs
from quantdesk.margin.sizes import DERIBIT
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.portfolio.contract_values import coins, is_future
from quantdesk.portfolio.leg_marks import LegMark, LegMarks

PERPETUAL_NS = 0
"""Stands for "no expiry" among expiry instants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioBooks:
    """Pair books by settlement currency, and what could not be put into one."""

    books: tuple[tuple[str, tuple[PairBook, ...]], ...]
    excluded: tuple[ExcludedPosition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioStatement:
    """Portfolio margin of a book, a settlement currency at a time (segregated)."""

    margins: tuple[PortfolioMargin, ...]
    excluded: tuple[ExcludedPosition, ...]


Row = tuple[str, bool, bool, bool, float, float, float, float, float, int, float]


def portfolio_statement(positions: Sequence[Position], market: MarketData) -> PortfolioStatement:
    """Segregated portfolio margin of the Deribit positions of one account on `market`.

    Never raises for a position; what can not be margined is in `excluded`.
    """
    made = portfolio_books(positions, market)
    margins = tuple(portfolio_margin(currency, books) for currency, books in made.books)
    return PortfolioStatement(margins=margins, excluded=made.excluded)


def portfolio_books(positions: Sequence[Position], market: MarketData) -> PortfolioBooks:
    """The legs of `positions`, netted by instrument, by settlement currency and underlying."""
    marks = LegMarks(market)
    rows: dict[tuple[str, str], list[Row]] = {}
    markets: dict[tuple[str, str], tuple[UnderlyingMarket, PortfolioParameters]] = {}
    excluded = []
    for instrument, quantity in _netted(positions):
        try:
            if instrument.venue != DERIBIT:
                rule = f"of {instrument.name} has no portfolio margin that is known"
                raise InvalidInput("venue", instrument.venue, rule)
            parameters = portfolio_parameters(instrument.underlying)
            mark = marks.mark(instrument)
            own = marks.market_of(instrument)
            assert own is not None, "what has a mark has a market"
            row = _row(instrument, quantity, mark, own)
        except PricingError as error:
            excluded.append(
                ExcludedPosition(
                    venue=instrument.venue,
                    account="",
                    instrument_name=instrument.name,
                    quantity=quantity,
                    reason=str(error),
                )
            )
            continue
        key = (instrument.settlement_currency, instrument.underlying)
        rows.setdefault(key, []).append(row)
        markets[key] = own, parameters
    return PortfolioBooks(books=_books(rows, markets), excluded=tuple(excluded))


def _netted(positions: Sequence[Position]) -> list[tuple[Instrument, Decimal]]:
    instruments: dict[str, Instrument] = {}
    net: dict[str, Decimal] = {}
    for position in positions:
        key = f"{position.instrument.venue} {position.instrument.name}"
        instruments.setdefault(key, position.instrument)
        net[key] = net.get(key, Decimal(0)) + position.quantity
    return [(instruments[key], quantity) for key, quantity in net.items() if quantity != 0]


def _row(instrument: Instrument, quantity: Decimal, mark: LegMark, market: UnderlyingMarket) -> Row:
    years = 0.0
    expiry_ns = instrument.expiry_ns or PERPETUAL_NS
    if expiry_ns:
        years = float(pricing.years_between(market.as_of_ns, expiry_ns))
    if is_future(instrument):
        held = float(coins(instrument, quantity, mark.mark))
        price = float(mark.mark)
        return (
            instrument.name,
            False,
            False,
            instrument.is_inverse,
            held,
            price,
            0.0,
            0.0,
            0.0,
            expiry_ns,
            years,
        )
    if instrument.kind is not InstrumentKind.OPTION:
        rule = f"of {instrument.name} has no risk vector: it is collateral"
        raise InvalidInput("instrument", instrument.kind.value, rule)
    if mark.forward is None or instrument.strike is None:
        raise InvalidInput("forward", None, f"of {instrument.name} is not known")
    forward, strike = float(mark.forward), float(instrument.strike)
    is_call = instrument.option_type is OptionType.CALL
    value = float(mark.mark) * (forward if instrument.is_inverse else 1.0)
    solved = pricing.implied_vol(value, is_call, forward, strike, years)
    vol = _listed_vol(instrument, market, float(solved.vol))
    held = float(coins(instrument, quantity, mark.forward))
    return (
        instrument.name,
        True,
        is_call,
        instrument.is_inverse,
        held,
        forward,
        strike,
        years,
        vol,
        expiry_ns,
        years,
    )


def _listed_vol(instrument: Instrument, market: UnderlyingMarket, solved: float) -> float:
    """The venue's mark vol, else the chain's, else the one of the mark. Raises InvalidInput."""
    for row in np.flatnonzero(market.chain.expiry_ns == instrument.expiry_ns):
        if market.chain.instruments[int(row)].name != instrument.name:
            continue
        for vol in (market.chain.venue_mark_iv[row], market.values.greeks_iv[row]):
            if np.isfinite(vol) and vol > 0:
                return float(vol)
    if np.isfinite(solved) and solved > 0:
        return solved
    raise InvalidInput("mark_iv", None, f"of {instrument.name} is not known")


def _books(
    rows: dict[tuple[str, str], list[Row]],
    markets: dict[tuple[str, str], tuple[UnderlyingMarket, PortfolioParameters]],
) -> tuple[tuple[str, tuple[PairBook, ...]], ...]:
    found: dict[str, list[PairBook]] = {}
    for key in sorted(rows):
        market, parameters = markets[key]
        if market.index_price is None:
            continue
        found.setdefault(key[0], []).append(
            PairBook(parameters=parameters, legs=risk_legs(rows[key]), index=market.index_price)
        )
    return tuple((currency, tuple(books)) for currency, books in found.items())


def risk_legs(rows: Sequence[Row]) -> RiskLegs:
    """Rows of (name, is option, is call, is inverse, coins, forward, strike, years, vol, expiry
    instant, years to expiry) as columns; expiry instants become bucket numbers.
    """
    buckets = {instant: n for n, instant in enumerate(sorted({row[9] for row in rows}))}
    floats = np.array([row[4:9] for row in rows], dtype=np.float64).reshape(len(rows), 5)
    flags = np.array([row[1:4] for row in rows], dtype=np.bool_).reshape(len(rows), 3)
    return RiskLegs(
        names=tuple(row[0] for row in rows),
        is_option=flags[:, 0],
        is_call=flags[:, 1],
        is_inverse=flags[:, 2],
        coins=floats[:, 0],
        forward=floats[:, 1],
        strike=floats[:, 2],
        years=floats[:, 3],
        vol=floats[:, 4],
        expiry=np.array([buckets[row[9]] for row in rows], dtype=np.int64),
        expiry_years=np.array([row[10] for row in rows], dtype=np.float64),
    )
