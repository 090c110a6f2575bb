"""`--cash` and `--add` of `quantdesk margin`: a balance, and a ticket that is not held yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from quantdesk.app.cli.structure_options import fitted_market, read_plan
from quantdesk.app.cli.ticket_market import ticket_market
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.position import Position
from quantdesk.errors import ConfigError
from quantdesk.market.market_data import MarketData
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.plan import StructurePlan
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import format_line

TICKETS_MAX = 20
"""More hypothetical tickets than this are a book: it belongs in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tickets:
    """Hypothetical tickets on the market: exact legs as text, positions, what was bent."""

    line: str
    positions: tuple[Position, ...]
    warnings: tuple[str, ...]


def parse_cash(texts: Sequence[str]) -> dict[str, Decimal]:
    """Amounts by currency of "BTC=1.5". Raises ConfigError."""
    found: dict[str, Decimal] = {}
    for text in texts:
        name, _, value = text.partition("=")
        currency = name.strip().upper()
        try:
            amount = Decimal(value.strip())
        except InvalidOperation:
            amount = Decimal("NaN")
        if not currency.isalnum() or not amount.is_finite():
            raise ConfigError(f"--cash {text[:80]!r}: must look like BTC=1.5")
        if currency in found:
            raise ConfigError(f"--cash {text[:80]!r}: {currency} is given twice")
        found[currency] = amount
    return found


def read_tickets(texts: Sequence[str]) -> tuple[StructurePlan, ...]:
    """The plans of --add. Raises ConfigError, StorageError or InvalidInput."""
    if len(texts) > TICKETS_MAX:
        raise ConfigError(f"--add: {len(texts)} tickets; at most {TICKETS_MAX}")
    return tuple(read_plan(text) for text in texts)


def resolve_tickets(plans: Sequence[StructurePlan], market: MarketData, *, account: str) -> Tickets:
    """The tickets as positions of `account`; held coin needs no margin and is left away.

    Raises ConfigError where nothing says on which chain, InvalidInput for a leg without a contract.
    """
    lines: list[str] = []
    positions: list[Position] = []
    warnings: list[str] = []
    for plan in plans:
        resolved = resolve(plan, fitted_market(ticket_market(plan, market, of="--add")))
        lines.append(format_line(exact_plan(resolved.structure)))
        warnings += resolved.warnings
        warnings += [
            f"{leg.instrument.name} is held coin: collateral, in no margin; --cash says how much"
            for leg in resolved.structure.legs
            if leg.instrument.kind is InstrumentKind.SPOT
        ]
        positions += [
            Position(instrument=leg.instrument, quantity=leg.quantity, account=account)
            for leg in resolved.structure.legs
            if leg.instrument.kind is not InstrumentKind.SPOT
        ]
    return Tickets(line="; ".join(lines), positions=tuple(positions), warnings=tuple(warnings))


def account_for(positions: Sequence[Position], venues: set[str], named: str | None) -> str:
    """The account that tickets are added to: the one named, or the only one at their venues.

    Raises ConfigError where several hold something there and none is named.
    """
    there = sorted({one.account for one in positions if one.instrument.venue in venues})
    if named is not None:
        return named
    if len(there) > 1:
        shown = ", ".join(name or "(no name)" for name in there)
        raise ConfigError(f"--add: the book has accounts {shown}; say which with --add-to")
    return there[0] if there else ""
