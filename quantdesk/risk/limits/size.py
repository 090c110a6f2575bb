"""The largest size of a ticket that passes: every lot up to it passes and the next one fails, or
the answer says that the passing sizes are not an interval.

Every check of the desk lets n lots pass wherever it lets more pass, so that halving finds the edge;
sizes are tried besides, all of them where they are few, so that a check that broke this rule would
be seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from quantdesk.risk.limits.ticket import Ticket

TRIED_MAX = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class LargestSize:
    """lots : of `of` lots asked for, each up to it passes and the next fails; 0 where none passes

    is_interval : False where sizes above `lots + 1` pass too, or smaller ones fail
    ticket : the ticket at that size, None for 0
    """

    lots: int
    of: int
    is_interval: bool
    ticket: Ticket | None

    @property
    def sentence(self) -> str:
        """The size in the ticket's own words."""
        if self.ticket is None:
            text = "no size passes"
        elif len(self.ticket.legs) == 1:
            text = f"largest size that passes: {abs(self.ticket.legs[0].quantity):f}"
        else:
            text = f"largest size that passes: {self.lots} of {self.of} lots ({self.ticket})"
        if not self.is_interval:
            text += "; the sizes that pass are not an interval: larger ones pass too"
        return text


def largest_size(ticket: Ticket, passes: Callable[[Ticket], bool]) -> LargestSize:
    """The largest size of `ticket`, which itself does not pass, in its ratios.

    One leg whose size is off its venue's grid is asked about from the size below it on.
    """
    asked_for, ticket = ticket, ticket.on_grid()
    whole = ticket.lots
    first = _first_lot(ticket, whole)
    failing = whole if ticket is asked_for else whole + 1

    asked: dict[int, bool] = {}

    def ask(lots: int) -> bool:
        if lots not in asked:
            asked[lots] = passes(ticket.of_lots(lots))
        return asked[lots]

    low = _edge(ask, first - 1, failing)
    sizes = _tried(first, failing)
    broken = [n for n in sizes if ask(n) is not (n <= low)]
    if broken and broken[0] <= low:
        # A smaller size fails: what passes without a gap ends before the first that does.
        passing = max((n for n in sizes if n < broken[0]), default=first - 1)
        low = _edge(ask, passing, broken[0])
    lots = low if low >= first else 0
    return LargestSize(
        lots=lots,
        of=whole,
        is_interval=not broken,
        ticket=ticket.of_lots(lots) if lots else None,
    )


def _edge(ask: Callable[[int], bool], low: int, high: int) -> int:
    """Lots from `low`, which pass or are none, whose next one fails, as `high` does."""
    while high - low > 1:
        middle = (low + high) // 2
        if ask(middle):
            low = middle
        else:
            high = middle
    return low


def _first_lot(ticket: Ticket, whole: int) -> int:
    """The smallest number of lots in which every leg reaches its venue's smallest order."""
    needed = 1
    for leg in ticket.legs:
        lot = abs(leg.quantity) / whole
        needed = max(needed, math.ceil(leg.instrument.amount_min / lot))
    return min(needed, whole)


def _tried(first: int, failing: int) -> list[int]:
    step = max((failing - first) // TRIED_MAX, 1)
    return list(range(first, failing, step))
