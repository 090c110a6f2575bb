"""Margin before and after a hypothetical ticket, model by model. Never added over currencies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from quantdesk.margin.book_margin import BookMargin
from quantdesk.margin.portfolio_statement import PortfolioStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginChange:
    """One account's margin in one currency, before and after a ticket, in that currency.

    model : "deribit standard", "portfolio segregated" and so on
    binding_before, binding_after : the worst cell of a portfolio model in words, "" for others
    """

    venue: str
    account: str
    model: str
    currency: str
    initial_before: float
    initial_after: float
    maintenance_before: float
    maintenance_after: float
    binding_before: str = ""
    binding_after: str = ""

    @property
    def initial_change(self) -> float:
        """What the ticket adds to the initial margin."""
        return self.initial_after - self.initial_before

    @property
    def maintenance_change(self) -> float:
        """What the ticket adds to the maintenance margin."""
        return self.maintenance_after - self.maintenance_before


Key = tuple[str, str, str, str]
Figures = tuple[float, float, str]
NOTHING: Figures = (0.0, 0.0, "none")


def standard_changes(before: BookMargin, after: BookMargin) -> tuple[MarginChange, ...]:
    """Changes of the standard margin, by account and currency."""
    return _changes(dict(_standard(before)), dict(_standard(after)), nothing=(0.0, 0.0, ""))


def portfolio_changes(
    before: PortfolioStatement, after: PortfolioStatement
) -> tuple[MarginChange, ...]:
    """Changes of the portfolio margin, by account and currency."""
    return _changes(dict(_portfolio(before)), dict(_portfolio(after)), nothing=NOTHING)


def _standard(margin: BookMargin) -> Iterator[tuple[Key, Figures]]:
    for account in margin.accounts:
        for total in account.statement.totals:
            key = (account.venue, account.account, account.statement.model, total.currency)
            yield key, (float(total.initial), float(total.maintenance), "")


def _portfolio(statement: PortfolioStatement) -> Iterator[tuple[Key, Figures]]:
    model = f"portfolio {statement.mode.value}"
    for one in statement.accounts:
        margin = one.margin
        key = (one.venue, one.account, model, margin.currency)
        yield key, (margin.initial, margin.maintenance, margin.binding_name)


def _changes(
    before: dict[Key, Figures], after: dict[Key, Figures], *, nothing: Figures
) -> tuple[MarginChange, ...]:
    found = []
    for key in sorted({*before, *after}):
        old, new = before.get(key, nothing), after.get(key, nothing)
        found.append(
            MarginChange(
                venue=key[0],
                account=key[1],
                model=key[2],
                currency=key[3],
                initial_before=old[0],
                initial_after=new[0],
                maintenance_before=old[1],
                maintenance_after=new[1],
                binding_before=old[2],
                binding_after=new[2],
            )
        )
    return tuple(found)
