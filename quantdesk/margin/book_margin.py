"""Margin of a book of positions on a market: what the desk shows, reports and compares.

`statement_for` prices each leg by the one rule of `portfolio.leg_marks`, nets what one account
holds of one instrument, and asks each venue's standard model. Nothing is offset, accounts and
currencies are never added, and a leg without a price is excluded by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.margin import (
    MarginBook,
    MarginPosition,
    MarginPrices,
    MarginRequirement,
    MarginStatement,
)
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput, PricingError
from quantdesk.margin.model import standard_margin
from quantdesk.margin.sizes import BINANCE
from quantdesk.margin.statements import merged
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMark, LegMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueMargin:
    """The venue's own margin of one account in one currency, as it reported it.

    is_shared : both are the whole account's, expressed in `currency` (cross collateral)
    """

    venue: str
    account: str
    currency: str
    event_ns: int
    initial: Decimal | None = None
    maintenance: Decimal | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginGap:
    """Ours beside the venue's in one currency. A gap is ours less the venue's; None where the venue
    said nothing, or where its figure is the whole cross-collateral account's.
    """

    venue_figure: VenueMargin
    initial: Decimal
    maintenance: Decimal
    initial_gap: Decimal | None
    maintenance_gap: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMargin:
    """Margin of what one account holds of one instrument, and what it was priced at.

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
    """A holding that could not be margined, and why; it is in no total."""

    venue: str
    account: str
    instrument_name: str
    quantity: Decimal
    reason: str


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
    """

    as_of_ns: int
    source: str
    accounts: tuple[AccountMargin, ...]
    excluded: tuple[ExcludedPosition, ...]

    @property
    def is_complete(self) -> bool:
        """False where the totals miss a leg."""
        return not self.excluded

    @property
    def legs(self) -> tuple[LegMargin, ...]:
        """Legs of all accounts."""
        return tuple(leg for account in self.accounts for leg in account.legs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holding:
    """What one account holds of one instrument, over all tags."""

    account: str
    instrument: Instrument
    quantity: Decimal


def statement_for(
    positions: Sequence[Position],
    market: MarketData,
    *,
    venue_figures: Sequence[VenueMargin] = (),
) -> BookMargin:
    """Standard margin of `positions` on `market`, by the parameters of the market's own moment.

    Positions of one account in one instrument are netted over their tags, as the venue holds them;
    nothing else is. A leg that can not be marked (see `LegMarks.mark`), whose venue has no model or
    whose contract the law does not know is in `excluded` with its reason and in no total.

    venue_figures : the venue's own margins where an account is connected; each stands beside ours
        in its account's `gaps`

    Never raises for a position; raises InvalidInput where two figures are of one account and
    currency.
    """
    marks = LegMarks(market)
    excluded: list[ExcludedPosition] = []
    priced: dict[tuple[str, str], list[tuple[_Holding, LegMark]]] = {}
    for holding in _held(positions):
        key = (holding.instrument.venue, holding.account)
        try:
            mark = marks.mark(holding.instrument)
            standard_margin(holding.instrument.venue, 0)
        except PricingError as error:
            excluded.append(_left_out(holding, str(error)))
            continue
        priced.setdefault(key, []).append((holding, mark))
    figures = _by_account(venue_figures)
    accounts = []
    for venue, account in sorted({*priced, *figures}):
        legs, statement = _account_legs(
            venue, account, priced.get((venue, account), []), marks, excluded
        )
        accounts.append(
            AccountMargin(
                venue=venue,
                account=account,
                statement=statement,
                legs=legs,
                gaps=_gaps(statement, figures.get((venue, account), [])),
            )
        )
    return BookMargin(
        as_of_ns=max((one.as_of_ns for one in market.markets), default=0),
        source=market.source,
        accounts=tuple(accounts),
        excluded=tuple(excluded),
    )


def _held(positions: Sequence[Position]) -> Iterator[_Holding]:
    """Net holdings in the order of their first position; a holding that nets to 0 is still there:
    the venue lists it flat and it needs no margin.
    """
    instruments: dict[tuple[str, str, str], Instrument] = {}
    net: dict[tuple[str, str, str], Decimal] = {}
    for position in positions:
        instrument = position.instrument
        key = (instrument.venue, position.account, instrument.name)
        instruments.setdefault(key, instrument)
        net[key] = net.get(key, Decimal(0)) + position.quantity
    for key, quantity in net.items():
        yield _Holding(account=key[1], instrument=instruments[key], quantity=quantity)


def _left_out(holding: _Holding, reason: str) -> ExcludedPosition:
    return ExcludedPosition(
        venue=holding.instrument.venue,
        account=holding.account,
        instrument_name=holding.instrument.name,
        quantity=holding.quantity,
        reason=reason,
    )


def _account_legs(
    venue: str,
    account: str,
    priced: Sequence[tuple[_Holding, LegMark]],
    marks: LegMarks,
    excluded: list[ExcludedPosition],
) -> tuple[tuple[LegMargin, ...], MarginStatement]:
    """Legs and statement of one account; what the law refuses is appended to `excluded`.

    Each market is margined at its own moment: recorded ones of two coins are of different days.
    """
    by_moment: dict[int, list[tuple[_Holding, LegMark]]] = {}
    for holding, mark in priced:
        market = marks.market_of(holding.instrument)
        assert market is not None, holding.instrument.name
        by_moment.setdefault(market.as_of_ns, []).append((holding, mark))
    parts = [
        standard_margin(venue, as_of_ns).statement(_margin_book(held))
        for as_of_ns, held in by_moment.items()
    ]
    statement = merged(parts) if parts else _nothing(venue, marks.as_of_ns(venue) or 0)
    by_name = {holding.instrument.name: (holding, mark) for holding, mark in priced}
    excluded.extend(
        _left_out(by_name[leg.instrument_name][0], leg.reason) for leg in statement.excluded
    )
    legs = tuple(_leg(leg, *by_name[leg.instrument_name]) for leg in statement.legs)
    return legs, statement


def _leg(requirement: MarginRequirement, holding: _Holding, mark: LegMark) -> LegMargin:
    return LegMargin(
        venue=holding.instrument.venue,
        account=holding.account,
        instrument=holding.instrument,
        requirement=requirement,
        mark=mark,
        underlying=_margin_prices(holding.instrument, mark).underlying,
    )


def _nothing(venue: str, as_of_ns: int) -> MarginStatement:
    return standard_margin(venue, as_of_ns).statement(MarginBook())


def _margin_book(held: Sequence[tuple[_Holding, LegMark]]) -> MarginBook:
    return MarginBook(
        positions=tuple(
            MarginPosition(instrument=holding.instrument, quantity=holding.quantity)
            for holding, _ in held
        ),
        prices={
            holding.instrument.name: _margin_prices(holding.instrument, mark)
            for holding, mark in held
        },
    )


def _margin_prices(instrument: Instrument, mark: LegMark) -> MarginPrices:
    """Deribit margins an option on its expiry's forward, Binance on the index."""
    is_on_index = instrument.venue == BINANCE and instrument.kind is InstrumentKind.OPTION
    underlying = mark.index if is_on_index else mark.forward
    return MarginPrices(mark=mark.mark, underlying=underlying)


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
        is_comparable = not figure.is_shared
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
