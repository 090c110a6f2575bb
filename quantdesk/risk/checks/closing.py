"""Whether a ticket does nothing but close what is held: what may pass where a measure is unknown.

A position that can not be valued makes every sum that it is in unknown. Such a sum can not let an
order grow it; but less of the position itself can only make less unknown, so closing it is free.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from quantdesk.market.chain import BoolArray
from quantdesk.risk.limits.cells import CellMap, Slot
from quantdesk.risk.limits.findings import TOLERANCE
from quantdesk.risk.limits.trial import Trial


def instrument_of(slot: Slot) -> Hashable:
    """What a slot is netted with: its instrument, whoever holds it."""
    return slot.instrument.venue, slot.instrument.name


def account_instrument_of(slot: Slot) -> Hashable:
    """The same where accounts stand for themselves, as venues margin them."""
    return slot.instrument.venue, slot.instrument.name, slot.account


def only_reduces(
    trial: Trial,
    place: int,
    cells: CellMap,
    slots: Sequence[Slot],
    *,
    group_of: Callable[[Slot], Hashable] = instrument_of,
) -> bool:
    """True where the ticket takes nothing of a cell's scope that is netted (`group_of`) through
    nothing, open orders of the same side filled too. A leg that the cell does not look at reduces
    nothing of it.
    """
    groups = [group_of(slot) for slot in trial.slots]
    for group in dict.fromkeys(groups):
        held = buys = sells = 0.0
        for own in slots:
            if group_of(own) == group and place in cells.of_slot(own.number):
                held, buys, sells = held + own.held, buys + own.buys, sells + own.sells
        legs = trial.quantity[np.array([one == group for one in groups])]
        noise = TOLERANCE * abs(held)
        bought = float(np.maximum(legs, 0).sum())
        sold = float(np.minimum(legs, 0).sum())
        if bought and held + buys + bought > noise:
            return False
        if sold and held + sells + sold < -noise:
            return False
    return True


def blind_beyond_closing(
    blind: BoolArray,
    unknown: BoolArray,
    trial: Trial,
    cells: CellMap,
    slots: Sequence[Slot],
    *,
    group_of: Callable[[Slot], Hashable] = instrument_of,
) -> BoolArray:
    """`blind` (cells,) without those where all that the ticket does is to close unknown legs.

    unknown : (slots, cells) what a cell can not measure. A leg that it can measure, beside them, is
        held to the limit, whose use is unknown
    """
    found = blind.copy()
    for place in np.flatnonzero(blind).tolist():
        is_unknown = bool(unknown[trial.rows, place].all())
        found[place] = not (
            is_unknown and only_reduces(trial, place, cells, slots, group_of=group_of)
        )
    return found
