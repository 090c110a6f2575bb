"""Profit summed along what a trader asks for: leg, structure, strategy, expiry, underlying, venue.

Currencies are never added: a group has one sum a currency, and one in USD. A row without a total
makes no sum smaller in silence: the group counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum

from quantdesk.portfolio.contract_values import EXACT
from quantdesk.portfolio.pnl import PnlRow

ZERO = Decimal(0)


class Dimension(Enum):
    """What rows are grouped by."""

    LEG = "leg"
    """One instrument at one venue, over accounts and tags."""
    STRUCTURE = "structure"
    STRATEGY = "strategy"
    EXPIRY = "expiry"
    UNDERLYING = "underlying"
    VENUE = "venue"


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlSums:
    """Sums of some rows in one currency; None where no row has one, `unknown` counts those."""

    value: Decimal | None = None
    realised: Decimal | None = None
    unrealised: Decimal | None = None
    fees: Decimal | None = None
    funding: Decimal | None = None
    total: Decimal | None = None
    day: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlGroup:
    """Rows that share a name along one dimension.

    key : the venue where the dimension is LEG or VENUE, with the group's name: sorts the groups
    by_currency : sums of the rows settled in each currency; `usd` of all of them
    unmarked : rows whose total is not known; unknown_usd : those whose USD total is not
    """

    dimension: Dimension
    key: tuple[str | int, ...]
    name: str
    rows: int
    by_currency: Mapping[str, PnlSums]
    usd: PnlSums
    unmarked: int
    unknown_usd: int


_KEYS: Mapping[Dimension, Callable[[PnlRow], tuple[str | int, ...]]] = {
    Dimension.LEG: lambda row: (row.key.venue, row.key.instrument_name),
    Dimension.STRUCTURE: lambda row: (row.key.structure,),
    Dimension.STRATEGY: lambda row: (row.key.strategy,),
    Dimension.EXPIRY: lambda row: (row.instrument.expiry_ns or 0,),
    Dimension.UNDERLYING: lambda row: (row.instrument.underlying,),
    Dimension.VENUE: lambda row: (row.key.venue,),
}


def roll_up(rows: Iterable[PnlRow], by: Dimension) -> tuple[PnlGroup, ...]:
    """`rows` in groups, sorted by key. An expiry of 0 is what never expires, a tag of "" none."""
    grouped: dict[tuple[str | int, ...], list[PnlRow]] = {}
    for row in rows:
        grouped.setdefault(_KEYS[by](row), []).append(row)
    return tuple(_group(by, key, grouped[key]) for key in sorted(grouped))


def _group(by: Dimension, key: tuple[str | int, ...], rows: Sequence[PnlRow]) -> PnlGroup:
    currencies = sorted({row.currency for row in rows})
    return PnlGroup(
        dimension=by,
        key=key,
        name=str(key[-1]),
        rows=len(rows),
        by_currency={
            currency: _sums([row for row in rows if row.currency == currency], "")
            for currency in currencies
        },
        usd=_sums(rows, "_usd"),
        unmarked=sum(row.total is None for row in rows),
        unknown_usd=sum(row.total_usd is None for row in rows),
    )


def _sums(rows: Sequence[PnlRow], suffix: str) -> PnlSums:
    names = [field.name for field in fields(PnlSums)]
    if suffix:
        names.remove("value")
    return PnlSums(**{name: _sum(rows, name + suffix) for name in names})


def _sum(rows: Sequence[PnlRow], name: str) -> Decimal | None:
    """Sum of the known ones; None where none is known."""
    total: Decimal | None = None
    for row in rows:
        value: Decimal | None = getattr(row, name)
        if value is not None:
            total = EXACT.add(ZERO if total is None else total, value)
    return total
