"""Margin of a book of positions on a market: what the desk shows, reports and compares.

`statement_for` prices each leg by the one rule of `portfolio.leg_marks`, nets what one account
holds of one instrument, and asks each venue's standard model. Nothing is offset, accounts and
currencies are never added, and a leg without a price is excluded by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.margin import (
    MarginBook,
    MarginOrder,
    MarginPosition,
    MarginPrices,
    MarginRequirement,
    MarginStatement,
)
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput, PricingError
from quantdesk.margin.model import standard_margin
from quantdesk.margin.parameters import OptionUnderlying
from quantdesk.margin.sizes import BINANCE
from quantdesk.margin.statements import merged
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMark, LegMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueMargin:
    """The venue's own margin of one account in one currency, as it reported it.

    is_shared : both are the whole account's, expressed in `currency` (cross collateral)
    model : the venue's word for the account's margin model, "" where it does not say
    """

    venue: str
    account: str
    currency: str
    event_ns: int
    initial: Decimal | None = None
    maintenance: Decimal | None = None
    is_shared: bool = False
    model: str = ""

    @property
    def is_portfolio(self) -> bool:
        """True where the account is margined as a portfolio, by no standard model."""
        return self.model.endswith("_pm")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginGap:
    """Ours beside the venue's in one currency. A gap is ours less the venue's; None where the venue
    said nothing, where its figure is the whole cross-collateral account's, or of a portfolio model.
    """

    venue_figure: VenueMargin
    initial: Decimal
    maintenance: Decimal
    initial_gap: Decimal | None
    maintenance_gap: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOrder:
    """A resting order of one account."""

    account: str
    order: MarginOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMargin:
    """Margin of what one account holds of one instrument, or of one of its resting orders, and what
    it was priced at.

    `requirement.origin` says whether the rule is verified, derived or uncertain.
    underlying : what the law takes as the underlying's price, USD per coin; None for futures, whose
        own mark it is
    """

    venue: str
    account: str
    instrument: Instrument
    requirement: MarginRequirement
    mark: LegMark
    underlying: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedPosition:
    """A holding or order that could not be margined, and why; it is in no total."""

    venue: str
    account: str
    instrument_name: str
    quantity: Decimal
    reason: str
    order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMargin:
    """One account at one venue: its legs, and totals by settlement currency in `statement`."""

    venue: str
    account: str
    statement: MarginStatement
    legs: tuple[LegMargin, ...]
    gaps: tuple[MarginGap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookMargin:
    """Margin of a whole book.

    as_of_ns : latest moment of the markets it was priced on
    accounts : by venue, then account ("" for a file's or hypothetical positions)
    excluded : holdings that are in no total: unmarked ones first, then what the law refused
    option_underlying : what Deribit's law took as an option's underlying
    """

    as_of_ns: int
    source: str
    accounts: tuple[AccountMargin, ...]
    excluded: tuple[ExcludedPosition, ...]
    option_underlying: OptionUnderlying = OptionUnderlying.FORWARD

    @property
    def is_complete(self) -> bool:
        """False where the totals miss a leg."""
        return not self.excluded

    @property
    def legs(self) -> tuple[LegMargin, ...]:
        """Legs of all accounts."""
        return tuple(leg for account in self.accounts for leg in account.legs)


@dataclass(slots=True, kw_only=True)
class _Account:
    """What one account at one venue holds and bids, with the marks of both, by market moment."""

    venue: str
    account: str
    positions: dict[int, list[MarginPosition]] = field(default_factory=dict)
    orders: dict[int, list[MarginOrder]] = field(default_factory=dict)
    marks: dict[str, tuple[Instrument, LegMark]] = field(default_factory=dict)

    @property
    def moments(self) -> list[int]:
        """Moments of the markets of everything here, in the order in which they came."""
        return list(dict.fromkeys([*self.positions, *self.orders]))


class _Working:
    """A book's margin while it is made."""

    def __init__(self, market: MarketData, option_underlying: OptionUnderlying) -> None:
        self.marks = LegMarks(market)
        self.option_underlying = option_underlying
        self.accounts: dict[tuple[str, str], _Account] = {}
        self.excluded: list[ExcludedPosition] = []

    def account(self, venue: str, account: str) -> _Account:
        key = (venue, account)
        return self.accounts.setdefault(key, _Account(venue=venue, account=account))

    def add(
        self, account: str, instrument: Instrument, quantity: Decimal, order: MarginOrder | None
    ) -> None:
        """Put a holding or an order to its account, or leave it out with its reason."""
        try:
            mark = self.marks.mark(instrument)
            standard_margin(instrument.venue, 0)
        except PricingError as error:
            order_id = None if order is None else order.order_id
            self.leave_out(account, instrument, quantity, str(error), order_id)
            return
        market = self.marks.market_of(instrument)
        assert market is not None, instrument.name
        mine = self.account(instrument.venue, account)
        mine.marks[instrument.name] = (instrument, mark)
        if order is None:
            held = MarginPosition(instrument=instrument, quantity=quantity)
            mine.positions.setdefault(market.as_of_ns, []).append(held)
        else:
            mine.orders.setdefault(market.as_of_ns, []).append(order)

    def leave_out(
        self,
        account: str,
        instrument: Instrument,
        quantity: Decimal,
        reason: str,
        order_id: str | None,
    ) -> None:
        self.excluded.append(
            ExcludedPosition(
                venue=instrument.venue,
                account=account,
                instrument_name=instrument.name,
                quantity=quantity,
                reason=reason,
                order_id=order_id,
            )
        )

    def prices(self, instrument: Instrument, mark: LegMark) -> MarginPrices:
        """What the law prices `instrument` at: on Binance, or where so chosen, on the index."""
        is_on_index = instrument.kind is InstrumentKind.OPTION and (
            instrument.venue == BINANCE or self.option_underlying is OptionUnderlying.INDEX
        )
        return MarginPrices(mark=mark.mark, underlying=mark.index if is_on_index else mark.forward)

    def statement(self, mine: _Account, balances: Mapping[str, Decimal]) -> MarginStatement:
        """Each market is margined at its own moment: recorded ones of two coins are of different
        days.
        """
        moments = mine.moments or [self.marks.as_of_ns(mine.venue) or 0]
        prices = {name: self.prices(*marked) for name, marked in mine.marks.items()}
        statement = merged(
            [
                standard_margin(mine.venue, as_of_ns).statement(
                    MarginBook(
                        positions=tuple(mine.positions.get(as_of_ns, ())),
                        orders=tuple(mine.orders.get(as_of_ns, ())),
                        prices=prices,
                        margin_balances=balances,
                    )
                )
                for as_of_ns in moments
            ]
        )
        for leg in statement.excluded:
            instrument = mine.marks[leg.instrument_name][0]
            self.leave_out(mine.account, instrument, leg.quantity, leg.reason, leg.order_id)
        return statement


def statement_for(
    positions: Sequence[Position],
    market: MarketData,
    *,
    venue_figures: Sequence[VenueMargin] = (),
    orders: Sequence[AccountOrder] = (),
    margin_balances: Mapping[tuple[str, str, str], Decimal] | None = None,
    option_underlying: OptionUnderlying = OptionUnderlying.FORWARD,
) -> BookMargin:
    """Standard margin of `positions` on `market`, by the parameters of the market's own moment.

    Positions of one account in one instrument are netted over their tags, as the venue holds them;
    nothing else is. A leg that can not be marked (see `LegMarks.mark`), whose venue has no model or
    whose contract the law does not know is in `excluded` with its reason and in no total.

    Parameters
    ----------
    venue_figures : the venue's own margins where an account is connected; each stands beside ours
        in its account's `gaps`
    orders : resting orders, which reserve initial margin
    margin_balances : by (venue, account, currency); needed where a Binance order buys back a short
    option_underlying : what Deribit's law takes as an option's underlying; not established

    Never raises for a position or order; raises InvalidInput where two figures are of one account
    and currency, and for a figure of a venue without a model.
    """
    working = _Working(market, option_underlying)
    for account, instrument, quantity in _held(positions):
        working.add(account, instrument, quantity, None)
    for one in orders:
        working.add(one.account, one.order.instrument, one.order.quantity, one.order)
    figures = _by_account(venue_figures)
    for venue, account in figures:
        working.account(venue, account)
    accounts = []
    for key in sorted(working.accounts):
        mine = working.accounts[key]
        balances = {
            currency: balance
            for (venue, account, currency), balance in (margin_balances or {}).items()
            if (venue, account) == key
        }
        statement = working.statement(mine, balances)
        accounts.append(
            AccountMargin(
                venue=mine.venue,
                account=mine.account,
                statement=statement,
                legs=tuple(_leg(mine, leg, working) for leg in statement.legs),
                gaps=_gaps(statement, figures.get(key, [])),
            )
        )
    return BookMargin(
        as_of_ns=market.as_of_ns,
        source=market.source,
        accounts=tuple(accounts),
        excluded=tuple(working.excluded),
        option_underlying=option_underlying,
    )


def _held(positions: Sequence[Position]) -> Iterator[tuple[str, Instrument, Decimal]]:
    """(account, instrument, net quantity) in the order of their first position. What nets to 0 is
    still there: the venue lists it flat and it needs no margin.
    """
    instruments: dict[tuple[str, str, str], Instrument] = {}
    net: dict[tuple[str, str, str], Decimal] = {}
    for position in positions:
        instrument = position.instrument
        key = (instrument.venue, position.account, instrument.name)
        instruments.setdefault(key, instrument)
        net[key] = net.get(key, Decimal(0)) + position.quantity
    for key, quantity in net.items():
        yield key[1], instruments[key], quantity


def _leg(mine: _Account, requirement: MarginRequirement, working: _Working) -> LegMargin:
    instrument, mark = mine.marks[requirement.instrument_name]
    return LegMargin(
        venue=mine.venue,
        account=mine.account,
        instrument=instrument,
        requirement=requirement,
        mark=mark,
        underlying=working.prices(instrument, mark).underlying,
    )


def _by_account(
    figures: Sequence[VenueMargin],
) -> Mapping[tuple[str, str], list[VenueMargin]]:
    grouped: dict[tuple[str, str], list[VenueMargin]] = {}
    for figure in figures:
        group = grouped.setdefault((figure.venue, figure.account), [])
        if any(one.currency == figure.currency for one in group):
            rule = f"of account {figure.account!r} at {figure.venue} must be given once"
            raise InvalidInput("currency", figure.currency, rule)
        group.append(figure)
    return grouped


def _gaps(statement: MarginStatement, figures: Sequence[VenueMargin]) -> tuple[MarginGap, ...]:
    gaps = []
    for figure in sorted(figures, key=lambda one: one.currency):
        total = statement.total(figure.currency)
        is_comparable = not (figure.is_shared or figure.is_portfolio)
        gaps.append(
            MarginGap(
                venue_figure=figure,
                initial=total.initial,
                maintenance=total.maintenance,
                initial_gap=_gap(total.initial, figure.initial) if is_comparable else None,
                maintenance_gap=(
                    _gap(total.maintenance, figure.maintenance) if is_comparable else None
                ),
            )
        )
    return tuple(gaps)


def _gap(ours: Decimal, theirs: Decimal | None) -> Decimal | None:
    return None if theirs is None else ours - theirs
