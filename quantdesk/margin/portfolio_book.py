"""From positions and resting orders on a market to the legs that portfolio margin takes.

What one account holds of one instrument is netted, as the venue holds it. A leg that can not be
marked, or that the law has no parameters for, is excluded by name and in no total.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType
from quantdesk.domain.margin import MarginOrder
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput, PricingError
from quantdesk.margin.book_margin import AccountOrder, ExcludedPosition
from quantdesk.margin.deribit_portfolio import PairBook
from quantdesk.margin.parameter_choices import ParameterChoice, with_choices
from quantdesk.margin.portfolio_parameters import PortfolioParameters, portfolio_parameters
from quantdesk.margin.resting_orders import closing_and_opening
from quantdesk.margin.risk_vectors import RiskLegs
from quantdesk.margin.sizes import BINANCE, DERIBIT
from quantdesk.market.market_data import MarketData
from quantdesk.market.quoted_vols import quoted_vol
from quantdesk.portfolio.leg_marks import LegMark, LegMarks

PERPETUAL_NS = 0
"""Stands for "no expiry" among expiry instants."""

NO_BINANCE_RULE = (
    "has no portfolio margin that is established for options; its standard margin stands alone"
)

Row = tuple[str, bool, bool, bool, float, float, float, float, float, int, float]
"""Name, is option, is call, is inverse, coins, forward, strike, years, vol, expiry instant (0 for
none), years to expiry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBooks:
    """What one account holds and bids at one venue, by settlement currency.

    held : net quantity by instrument name, amount unit
    """

    venue: str
    account: str
    books: tuple[tuple[str, tuple[PairBook, ...]], ...]
    held: dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioBooks:
    """The books of each account, and what could not be put into one."""

    accounts: tuple[AccountBooks, ...]
    excluded: tuple[ExcludedPosition, ...]


@dataclass(slots=True, kw_only=True)
class _Pair:
    """Rows of one underlying in one settlement currency, while they are collected."""

    parameters: PortfolioParameters
    index: float
    legs: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)

    def book(self) -> PairBook:
        return PairBook(
            parameters=self.parameters,
            legs=risk_legs(self.legs),
            index=self.index,
            orders=risk_legs(self.orders) if self.orders else None,
        )


@dataclass(slots=True, kw_only=True)
class _Account:
    held: dict[str, Decimal] = field(default_factory=dict)
    pairs: dict[tuple[str, str], _Pair] = field(default_factory=dict)


class _Working:
    """The books while they are made."""

    def __init__(self, market: MarketData, choices: Sequence[ParameterChoice]) -> None:
        self.marks = LegMarks(market)
        self.choices = choices
        self.accounts: dict[tuple[str, str], _Account] = {}
        self.excluded: list[ExcludedPosition] = []

    def terms(self, instrument: Instrument) -> tuple[PortfolioParameters, float]:
        """Parameters and index of an instrument. Raises PricingError where the law does not know
        it.
        """
        if instrument.venue != DERIBIT:
            rule = NO_BINANCE_RULE if instrument.venue == BINANCE else "has no portfolio margin"
            raise InvalidInput("venue", instrument.venue, f"of {instrument.name} {rule}")
        if not (instrument.is_future or instrument.kind is InstrumentKind.OPTION):
            rule = f"of {instrument.name} has no risk vector: it is collateral"
            raise InvalidInput("instrument", instrument.kind.value, rule)
        parameters = portfolio_parameters(instrument.underlying, is_inverse=instrument.is_inverse)
        market = self.marks.market_of(instrument)
        index = None if market is None else market.index_price
        if index is None or not index > 0:
            rule = f"of {instrument.underlying} must be known and above 0 for {instrument.name}"
            raise InvalidInput("index_price", index, rule)
        return with_choices(parameters, self.choices), index

    def pair(
        self, account: str, instrument: Instrument, terms: tuple[PortfolioParameters, float]
    ) -> _Pair:
        mine = self.accounts.setdefault((instrument.venue, account), _Account())
        key = (instrument.settlement_currency, instrument.underlying)
        return mine.pairs.setdefault(key, _Pair(parameters=terms[0], index=terms[1]))

    def leave_out(
        self,
        account: str,
        instrument: Instrument,
        quantity: Decimal,
        error: PricingError,
        order_id: str | None = None,
    ) -> None:
        self.excluded.append(
            ExcludedPosition(
                venue=instrument.venue,
                account=account,
                instrument_name=instrument.name,
                quantity=quantity,
                reason=str(error),
                order_id=order_id,
            )
        )

    def hold(self, account: str, instrument: Instrument, quantity: Decimal) -> None:
        try:
            terms = self.terms(instrument)
            row = _row(instrument, quantity, self.marks)
        except PricingError as error:
            self.leave_out(account, instrument, quantity, error)
            return
        self.pair(account, instrument, terms).legs.append(row)
        self.accounts[(instrument.venue, account)].held[instrument.name] = quantity

    def rest(self, account: str, orders: Sequence[MarginOrder], held: Decimal) -> None:
        """Orders of one account on one instrument; a reduce-only one only closes."""
        for order, closing, opening in closing_and_opening(orders, held):
            amount = closing + opening
            if not amount:
                continue
            quantity = amount if order.quantity > 0 else -amount
            try:
                terms = self.terms(order.instrument)
                row = _row(order.instrument, quantity, self.marks)
            except PricingError as error:
                self.leave_out(account, order.instrument, quantity, error, order.order_id)
                continue
            self.pair(account, order.instrument, terms).orders.append(row)


def portfolio_books(
    positions: Sequence[Position],
    market: MarketData,
    *,
    orders: Sequence[AccountOrder] = (),
    choices: Sequence[ParameterChoice] = (),
) -> PortfolioBooks:
    """The legs of `positions` and `orders` by account, settlement currency and underlying.

    Never raises for a position or order; what can not be margined is in `excluded`.
    """
    working = _Working(market, choices)
    net: dict[tuple[str, str, str], Decimal] = {}
    for account, instrument, quantity in _netted(positions):
        net[(instrument.venue, account, instrument.name)] = quantity
        working.hold(account, instrument, quantity)
    for account, found in _by_instrument(orders):
        instrument = found[0].instrument
        held = net.get((instrument.venue, account, instrument.name), Decimal(0))
        working.rest(account, found, held)
    return PortfolioBooks(
        accounts=tuple(
            AccountBooks(venue=key[0], account=key[1], books=_books(mine), held=mine.held)
            for key, mine in sorted(working.accounts.items())
        ),
        excluded=tuple(working.excluded),
    )


def _books(mine: _Account) -> tuple[tuple[str, tuple[PairBook, ...]], ...]:
    found: dict[str, list[PairBook]] = {}
    for currency, underlying in sorted(mine.pairs):
        found.setdefault(currency, []).append(mine.pairs[(currency, underlying)].book())
    return tuple((currency, tuple(books)) for currency, books in found.items())


def _netted(positions: Sequence[Position]) -> Iterator[tuple[str, Instrument, Decimal]]:
    """(account, instrument, net quantity) of what does not net to nothing."""
    instruments: dict[tuple[str, str, str], Instrument] = {}
    net: dict[tuple[str, str, str], Decimal] = {}
    for position in positions:
        instrument = position.instrument
        key = (instrument.venue, position.account, instrument.name)
        instruments.setdefault(key, instrument)
        net[key] = net.get(key, Decimal(0)) + position.quantity
    for key, quantity in net.items():
        if quantity != 0:
            yield key[1], instruments[key], quantity


def _by_instrument(orders: Sequence[AccountOrder]) -> Iterator[tuple[str, list[MarginOrder]]]:
    grouped: dict[tuple[str, str, str], list[MarginOrder]] = {}
    for one in orders:
        instrument = one.order.instrument
        key = (instrument.venue, one.account, instrument.name)
        grouped.setdefault(key, []).append(one.order)
    for key, found in grouped.items():
        yield key[1], found


def _row(instrument: Instrument, quantity: Decimal, marks: LegMarks) -> Row:
    """The leg of `quantity`. Raises PricingError naming what is missing."""
    mark = marks.mark(instrument)
    market = marks.market_of(instrument)
    assert market is not None, "what has a mark has a market"
    expiry_ns = instrument.expiry_ns or PERPETUAL_NS
    years = float(pricing.years_between(market.as_of_ns, expiry_ns)) if expiry_ns else 0.0
    if instrument.is_future:
        held, price = float(instrument.coins(quantity, mark.mark)), float(mark.mark)
        terms = (price, 0.0, 0.0, 0.0, expiry_ns, years)
        return (instrument.name, False, False, instrument.is_inverse, held, *terms)
    if mark.forward is None or instrument.strike is None:
        raise InvalidInput("forward", None, f"of {instrument.name} is not known")
    forward, strike = float(mark.forward), float(instrument.strike)
    is_call = instrument.option_type is OptionType.CALL
    vol = _vol(instrument, mark, marks, years)
    held = float(instrument.coins(quantity, mark.forward))
    terms = (forward, strike, years, vol, expiry_ns, years)
    return (instrument.name, True, is_call, instrument.is_inverse, held, *terms)


def _vol(instrument: Instrument, mark: LegMark, marks: LegMarks, years: float) -> float:
    """The venue's mark vol, else the chain's, else the one of the mark. Raises InvalidInput."""
    listed = marks.option_row(instrument)
    if listed is not None:
        own = quoted_vol(*listed)
        if np.isfinite(own):
            return own
    assert mark.forward is not None
    assert instrument.strike is not None
    forward = float(mark.forward)
    value = float(mark.mark) * (forward if instrument.is_inverse else 1.0)
    is_call = instrument.option_type is OptionType.CALL
    solved = pricing.implied_vol(value, is_call, forward, float(instrument.strike), years)
    vol = float(solved.vol)
    if np.isfinite(vol) and vol > 0:
        return vol
    raise InvalidInput("mark_iv", None, f"of {instrument.name} is not known")


def risk_legs(rows: Sequence[Row]) -> RiskLegs:
    """Rows as columns."""
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
        expiry=np.array([row[9] for row in rows], dtype=np.int64),
        expiry_years=np.array([row[10] for row in rows], dtype=np.float64),
    )
