"""Portfolio margin of a book: by account and settlement currency, explained, beside the venue's.

Binance has no portfolio margin for options that is established: its positions are excluded here by
name, and its standard margin stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.margin.book_margin import AccountOrder, ExcludedPosition, VenueMargin
from quantdesk.margin.deribit_portfolio import (
    UNPROVED,
    MarginMode,
    PortfolioMargin,
    cross_margin,
    portfolio_margin,
)
from quantdesk.margin.parameter_choices import ParameterChoice
from quantdesk.margin.portfolio_balance import DOLLARS, Balances, Equity, MarginBalance
from quantdesk.margin.portfolio_book import AccountBooks, portfolio_books
from quantdesk.margin.portfolio_explain import (
    LegPart,
    LiquidationDistance,
    leg_parts,
    liquidation_distance,
)
from quantdesk.margin.portfolio_parameters import StatedParameter, stated_parameters
from quantdesk.margin.sizes import DERIBIT
from quantdesk.market.market_data import MarketData

PM_SUFFIX = "_pm"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioGap:
    """The venue's own margins of the account and ours less them, in the margin's currency.

    None where the venue said nothing, or margins the account by another model; `reason` says so.
    """

    model: str
    event_ns: int
    initial: float | None
    maintenance: float | None
    initial_gap: float | None
    maintenance_gap: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPortfolio:
    """One account in one settlement currency, or in cross mode in all of them.

    quantities : by instrument name, amount unit
    balance, liquidation : None where no margin balance is known
    gap : None where no account is connected
    """

    venue: str
    account: str
    margin: PortfolioMargin
    parts: tuple[LegPart, ...]
    quantities: Mapping[str, Decimal]
    balance: MarginBalance | None
    liquidation: LiquidationDistance | None
    gap: PortfolioGap | None

    @property
    def unattributed(self) -> float:
        """What of the risk matrix margin the gradient parts do not carry: dampener and caps."""
        return self.margin.risk_matrix_margin - sum(part.euler for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioStatement:
    """Portfolio margin of a whole book.

    parameters : of each pair that is in it, by pair
    excluded : holdings and orders that are in no total, each with its reason
    notes : what a reader must know besides, in sentences
    """

    as_of_ns: int
    source: str
    mode: MarginMode
    accounts: tuple[AccountPortfolio, ...]
    parameters: tuple[tuple[str, tuple[StatedParameter, ...]], ...]
    excluded: tuple[ExcludedPosition, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """False where the totals miss a leg."""
        return not self.excluded

    @property
    def label(self) -> str:
        """What must be said of every number here, "" where all are verified."""
        worst = {one.margin.status for one in self.accounts}
        return UNPROVED if UNPROVED in worst else "uncertain" if worst - {"verified"} else ""

    def __str__(self) -> str:
        lines = [f"Deribit portfolio margin, {self.mode.value}; {self.label or 'verified'}"]
        for one in self.accounts:
            margin = one.margin
            lines.append(
                f"{one.venue} {one.account}".strip() + f" {margin.currency}: initial "
                f"{margin.initial:,.6f}, maintenance {margin.maintenance:,.6f}, worst "
                f"{margin.worst:,.6f} at {margin.binding_name}"
            )
        lines += [f"left out: {one.instrument_name}: {one.reason}" for one in self.excluded]
        return "\n".join(lines)


def portfolio_statement(
    positions: Sequence[Position],
    market: MarketData,
    *,
    mode: MarginMode = MarginMode.SEGREGATED,
    orders: Sequence[AccountOrder] = (),
    cash: Mapping[str, Decimal] | None = None,
    equities: Sequence[Equity] = (),
    venue_figures: Sequence[VenueMargin] = (),
    choices: Sequence[ParameterChoice] = (),
    with_liquidation: bool = True,
) -> PortfolioStatement:
    """Portfolio margin of the Deribit positions of `positions` on `market`, account by account.

    Parameters
    ----------
    mode : each settlement currency by itself, or all of an account together in USD
    orders : resting orders, each filled in the scenarios where it hurts
    cash : by currency; with open value it is the margin balance, and liquidation distances follow
    equities : the same of connected accounts, where `cash` does not say otherwise
    venue_figures : the venue's own margins of connected accounts
    choices : parameters handed in, in place of the captured ones
    with_liquidation : False leaves the distances out, which cost a few hundred margins each

    Never raises for a position or order; what can not be margined is in `excluded`. Raises
    InvalidInput for cash that goes with no single account, is no number, or has no price.
    """
    made = portfolio_books(positions, market, orders=orders, choices=choices)
    _check_cash(cash or {}, made.accounts)
    balances = Balances(positions, market, cash=cash or {}, equities=equities)
    accounts = []
    for books in made.accounts:
        for margin in _margins(books, mode):
            balance = balances.of(books.venue, books.account, margin)
            accounts.append(
                AccountPortfolio(
                    venue=books.venue,
                    account=books.account,
                    margin=margin,
                    parts=leg_parts(margin),
                    quantities=books.held,
                    balance=balance,
                    liquidation=None
                    if balance is None or not with_liquidation
                    else liquidation_distance(margin, balance.amount, in_coins=balance.in_coins),
                    gap=_gap(books, margin, venue_figures),
                )
            )
    return PortfolioStatement(
        as_of_ns=market.as_of_ns,
        source=market.source,
        mode=mode,
        accounts=tuple(accounts),
        parameters=_parameters(accounts),
        excluded=made.excluded,
        notes=_notes(cash or {}, accounts, mode),
    )


def cash_of_one_account(
    positions: Sequence[Position], cash: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """`cash` where one Deribit account holds all that is margined, nothing where several do."""
    accounts = {one.account for one in positions if one.instrument.venue == DERIBIT}
    return dict(cash) if len(accounts) == 1 else {}


def _margins(books: AccountBooks, mode: MarginMode) -> list[PortfolioMargin]:
    if mode is MarginMode.CROSS:
        return [cross_margin([pair for _, pairs in books.books for pair in pairs])]
    return [portfolio_margin(currency, pairs) for currency, pairs in books.books]


def _check_cash(cash: Mapping[str, Decimal], accounts: Sequence[AccountBooks]) -> None:
    for currency, amount in cash.items():
        if not amount.is_finite():
            raise InvalidInput("cash", amount, f"in {currency} must be a number")
    if cash and len(accounts) > 1:
        names = ", ".join(f"{one.venue} {one.account}".strip() for one in accounts)
        raise InvalidInput("cash", ", ".join(cash), f"goes with one account; the book has {names}")


def _parameters(
    accounts: Sequence[AccountPortfolio],
) -> tuple[tuple[str, tuple[StatedParameter, ...]], ...]:
    found = {
        pair.book.parameters.pair: stated_parameters(pair.book.parameters)
        for one in accounts
        for pair in one.margin.pairs
    }
    return tuple(sorted(found.items()))


def _notes(
    cash: Mapping[str, Decimal], accounts: Sequence[AccountPortfolio], mode: MarginMode
) -> tuple[str, ...]:
    notes = []
    if mode is MarginMode.SEGREGATED:
        used = {one.margin.currency for one in accounts}
        notes += [
            f"cash in {currency}: nothing here settles in it; segregated margin does not count it"
            for currency in cash
            if currency not in used
        ]
    if any(pair.book.orders is not None for one in accounts for pair in one.margin.pairs):
        notes.append(
            "open orders: each is filled where it hurts; premium and fee of the fill are not in it"
        )
    return tuple(notes)


def _gap(
    books: AccountBooks, margin: PortfolioMargin, figures: Sequence[VenueMargin]
) -> PortfolioGap | None:
    mine = [one for one in figures if (one.venue, one.account) == (books.venue, books.account)]
    for figure in mine:
        price = _price_of(figure, margin)
        if price is not None:
            return _gap_to(figure, margin, price)
    return None


def _price_of(figure: VenueMargin, margin: PortfolioMargin) -> float | None:
    """What a unit of the figure's currency is in the margin's; None where they do not meet."""
    if margin.mode is MarginMode.SEGREGATED:
        return 1.0 if figure.currency == margin.currency else None
    for pair in margin.pairs:
        if pair.book.parameters.pair.startswith(f"{figure.currency.lower()}_"):
            return pair.book.index
    return 1.0 if figure.currency in DOLLARS else None


def _gap_to(figure: VenueMargin, margin: PortfolioMargin, price: float) -> PortfolioGap:
    wanted = f"{margin.mode.value}{PM_SUFFIX}"
    initial = None if figure.initial is None else float(figure.initial) * price
    maintenance = None if figure.maintenance is None else float(figure.maintenance) * price
    reason = ""
    if figure.model != wanted:
        model = figure.model or "a model that its venue does not name"
        reason = f"the account is margined by {model}, not {wanted}: no gap"
    return PortfolioGap(
        model=figure.model,
        event_ns=figure.event_ns,
        initial=initial,
        maintenance=maintenance,
        initial_gap=None if reason or initial is None else margin.initial - initial,
        maintenance_gap=None if reason or maintenance is None else margin.maintenance - maintenance,
        reason=reason,
    )
