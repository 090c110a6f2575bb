"""Symmetric structures on a real ladder: their true wing widths, and a warning where uneven."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import OptionType
from quantdesk.domain.structure import Structure
from quantdesk.structures.anchors import plain
from quantdesk.structures.ladder import exact_strike

SYMMETRIC = (
    "call butterfly",
    "put butterfly",
    "call condor",
    "put condor",
    "iron condor",
    "iron butterfly",
)
"""Names of structures whose two wings a trader takes to be equal."""


def wing_widths(structure: Structure) -> tuple[Decimal, Decimal] | None:
    """Widths of the lower and upper wing in USD, None for a structure that has no two wings.

    Of iron structures the widths of the put and of the call spread; of butterflies and condors the
    distances of the outer strikes from their neighbours.
    """
    if structure.name not in SYMMETRIC:
        return None
    strikes = sorted({exact_strike(leg.instrument) for leg in structure.legs})
    puts = sorted(_strikes(structure, OptionType.PUT))
    calls = sorted(_strikes(structure, OptionType.CALL))
    if structure.name.startswith("iron"):
        if len(puts) < 2 or len(calls) < 2:
            return None
        return puts[-1] - puts[0], calls[-1] - calls[0]
    if len(strikes) < 3:
        return None
    return strikes[1] - strikes[0], strikes[-1] - strikes[-2]


def wing_warnings(structure: Structure) -> tuple[str, ...]:
    """A sentence where the wings of a symmetric structure are not equal."""
    widths = wing_widths(structure)
    if widths is None or widths[0] == widths[1]:
        return ()
    return (f"uneven wings: {plain(widths[0]):,f} below, {plain(widths[1]):,f} above",)


def _strikes(structure: Structure, option_type: OptionType) -> set[Decimal]:
    return {
        exact_strike(leg.instrument)
        for leg in structure.legs
        if leg.instrument.option_type is option_type
    }
