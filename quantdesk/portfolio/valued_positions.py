"""Positions with their marks: value and open profit, by leg and in a tree a trader reads.

For positions whose history is not here (a file, an account, an idea): profit is from the average
price to the mark, in the settlement currency; in USD it is that at the index of now, since the
index of the entry is not known. With fills, `portfolio.pnl` knows both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput, PricingError
from quantdesk.portfolio.contract_values import EXACT, worth
from quantdesk.portfolio.holding import times, usd_rate
from quantdesk.portfolio.leg_marks import LegMark, LegMarks
from quantdesk.portfolio.pnl import unrealised_of

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuedPosition:
    """One position at its mark; `currency` is the settlement currency.

    value : what it adds to equity: an option's worth, a future's open profit
    unrealised : from the average price to the mark; None where nobody said what it cost
    `*_usd` : the same at the index of now
    reason : why it has no mark, "" where it has one
    """

    position: Position
    currency: str
    mark: LegMark | None
    value: Decimal | None
    value_usd: Decimal | None
    unrealised: Decimal | None
    unrealised_usd: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSums:
    """Sums of some positions in one currency; None where none is known. `unknown_*` count the
    positions that a sum misses.
    """

    value: Decimal | None
    unrealised: Decimal | None
    unknown_value: int
    unknown_unrealised: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBranch:
    """Positions that share a name at one level of the tree.

    path : names from the root to here, each sortable; by_currency and usd : sums, never mixed
    branches : the next level, sorted; at the last level empty, and `legs` hold the positions
    """

    path: tuple[str | int | Decimal, ...]
    level: str
    by_currency: Mapping[str, PositionSums]
    usd: PositionSums
    positions: int
    branches: tuple[PositionBranch, ...]
    legs: tuple[ValuedPosition, ...]


LEVELS: Mapping[str, Callable[[Position], str | int | Decimal]] = {
    "venue": lambda one: one.instrument.venue,
    "account": lambda one: one.account,
    "underlying": lambda one: one.instrument.underlying,
    "expiry": lambda one: one.instrument.expiry_ns or 0,
    "strike": lambda one: one.instrument.strike or ZERO,
    "strategy": lambda one: one.strategy,
    "structure": lambda one: one.structure,
    "leg": lambda one: one.instrument.name,
}
"""What positions may be grouped by. An expiry of 0 is what never expires, a strike of 0 what has
none, a name of "" what has no tag."""

BY_CONTRACT = ("underlying", "expiry", "strike")
BY_TAG = ("strategy", "structure")


def value_positions(positions: Iterable[Position], marks: LegMarks) -> tuple[ValuedPosition, ...]:
    """Each of `positions` at its mark, in order; one that can not be marked says why."""
    found: dict[tuple[str, str], LegMark | str] = {}
    return tuple(
        _valued(position, _mark(position.instrument, marks, found)) for position in positions
    )


def _mark(
    instrument: Instrument, marks: LegMarks, found: dict[tuple[str, str], LegMark | str]
) -> LegMark | str:
    key = (instrument.venue, instrument.name)
    if key not in found:
        try:
            found[key] = marks.mark(instrument)
        except PricingError as error:
            found[key] = str(error)
    return found[key]


def _valued(position: Position, mark: LegMark | str) -> ValuedPosition:
    instrument = position.instrument
    if isinstance(mark, str):
        return ValuedPosition(
            position=position,
            currency=instrument.settlement_currency,
            mark=None,
            value=None,
            value_usd=None,
            unrealised=None,
            unrealised_usd=None,
            reason=mark,
        )
    rate = usd_rate(instrument, mark.index)
    unrealised = unrealised_of(position, mark.mark)
    value = unrealised
    if not instrument.is_future:
        value = worth(instrument, position.quantity, mark.mark)
    return ValuedPosition(
        position=position,
        currency=instrument.settlement_currency,
        mark=mark,
        value=value,
        value_usd=None if value is None else times(value, rate),
        unrealised=unrealised,
        unrealised_usd=None if unrealised is None else times(unrealised, rate),
    )


def tree(valued: Sequence[ValuedPosition], by: Sequence[str] = BY_CONTRACT) -> PositionBranch:
    """`valued` grouped level by level. Raises InvalidInput for a level that is none, or twice."""
    for level in by:
        if level not in LEVELS or list(by).count(level) > 1:
            raise InvalidInput("by", level, f"must be once, of {', '.join(LEVELS)}")
    return _branch((), "book", valued, tuple(by))


def _branch(
    path: tuple[str | int | Decimal, ...],
    level: str,
    valued: Sequence[ValuedPosition],
    by: tuple[str, ...],
) -> PositionBranch:
    grouped: dict[str | int | Decimal, list[ValuedPosition]] = {}
    if by:
        for one in valued:
            grouped.setdefault(LEVELS[by[0]](one.position), []).append(one)
    # The names of one level are of one type, so that they sort.
    names: list[str | int | Decimal] = sorted(grouped)
    by_currency: dict[str, list[ValuedPosition]] = {}
    for one in valued:
        by_currency.setdefault(one.currency, []).append(one)
    return PositionBranch(
        path=path,
        level=level,
        by_currency={
            currency: _sums([(one.value, one.unrealised) for one in by_currency[currency]])
            for currency in sorted(by_currency)
        },
        usd=_sums([(one.value_usd, one.unrealised_usd) for one in valued]),
        positions=len(valued),
        branches=tuple(_branch((*path, name), by[0], grouped[name], by[1:]) for name in names),
        legs=() if by else tuple(valued),
    )


def _sums(pairs: Sequence[tuple[Decimal | None, Decimal | None]]) -> PositionSums:
    values = [value for value, _ in pairs if value is not None]
    profits = [profit for _, profit in pairs if profit is not None]
    return PositionSums(
        value=_sum(values),
        unrealised=_sum(profits),
        unknown_value=len(pairs) - len(values),
        unknown_unrealised=len(pairs) - len(profits),
    )


def _sum(values: Sequence[Decimal]) -> Decimal | None:
    if not values:
        return None
    total = ZERO
    for value in values:
        total = EXACT.add(total, value)
    return total
