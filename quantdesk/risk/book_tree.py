"""A book as a tree with Greeks: groups within one underlying, their sums, and what each sum misses.

Money sums are `portfolio.valued_positions`'s; this adds the Greeks of the same groups. The root
holds several underlyings and therefore has no Greeks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from quantdesk.portfolio.valued_positions import (
    PositionBranch,
    PositionSums,
    ValuedPosition,
    tree,
)
from quantdesk.risk.exposure import Exposures
from quantdesk.risk.greeks import DeskGreeks
from quantdesk.risk.leg_state import LegState, leg_states

Path = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLeg:
    """One position: its money, its Greeks and its state; None where it could not be valued.

    reason : why it has no Greeks, "" where it has
    """

    valued: ValuedPosition
    greeks: DeskGreeks | None
    state: LegState | None
    mark_source: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookGroup:
    """Positions that share a name at one level.

    path : names from the root; level : what the last of them is
    by_currency, usd : money, currencies never mixed
    greeks : None for the root and where no leg could be valued;  left_out : legs they miss
    """

    path: Path
    level: str
    positions: int
    by_currency: Mapping[str, PositionSums]
    usd: PositionSums
    greeks: DeskGreeks | None
    left_out: int
    groups: tuple[BookGroup, ...]
    legs: tuple[BookLeg, ...]

    def every_leg(self) -> Iterator[BookLeg]:
        """The legs of this group and of those in it, in the tree's order."""
        yield from self.legs
        for group in self.groups:
            yield from group.every_leg()


def book_tree(
    valued: tuple[ValuedPosition, ...], exposures: Exposures, by: tuple[str, ...]
) -> BookGroup:
    """`valued` and their Greeks, grouped level by level; `by` begins with "underlying".

    `exposures` are of the same position objects. Raises InvalidInput for a level that is none.
    """
    assert by[:1] == ("underlying",), "Greeks are never added across underlyings"
    book = exposures.book
    rows = {id(position): row for row, position in enumerate(book.positions)}
    states = leg_states(book)
    reasons = {id(one.position): one.reason for one in book.excluded}

    def leg(one: ValuedPosition) -> BookLeg:
        row = rows.get(id(one.position))
        if row is None:
            reason = reasons.get(id(one.position), one.reason)
            return BookLeg(valued=one, greeks=None, state=None, reason=reason)
        mark = book.marks[row]
        return BookLeg(
            valued=one,
            greeks=exposures.position(row),
            state=states[row],
            mark_source=mark.vol_source or mark.forward_source,
        )

    def group(branch: PositionBranch) -> BookGroup:
        below = tuple(group(each) for each in branch.branches)
        legs = tuple(leg(each) for each in branch.legs)
        known = [
            row for row in (rows.get(id(one.position)) for one in _legs(branch)) if row is not None
        ]
        greeks = None
        if branch.path and known:
            sums = np.add.reduce(exposures.by_position[sorted(known)], axis=0)
            greeks = DeskGreeks(*sums.tolist())
        return BookGroup(
            path=branch.path,
            level=branch.level,
            positions=branch.positions,
            by_currency=branch.by_currency,
            usd=branch.usd,
            greeks=greeks,
            left_out=branch.positions - len(known),
            groups=below,
            legs=legs,
        )

    return group(tree(valued, by))


def _legs(branch: PositionBranch) -> Iterator[ValuedPosition]:
    yield from branch.legs
    for each in branch.branches:
        yield from _legs(each)
