"""A resolved structure back as a plan that names its instruments: what is kept and pasted."""

from __future__ import annotations

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.structure import Leg, Structure
from quantdesk.structures.plan import LegKind, LegPlan, StructurePlan


def exact_plan(structure: Structure) -> StructurePlan:
    """The plan of exactly these legs; it resolves to them on any market that lists them."""
    instrument = structure.legs[0].instrument
    return StructurePlan(
        legs=tuple(_leg(leg) for leg in structure.legs),
        name=structure.name,
        venue=instrument.venue,
        underlying=instrument.underlying,
    )


def _leg(leg: Leg) -> LegPlan:
    if leg.instrument.kind is InstrumentKind.SPOT:
        return LegPlan(quantity=leg.quantity, kind=LegKind.SPOT, price=leg.price)
    return LegPlan(
        quantity=leg.quantity, kind=LegKind.NAMED, name=leg.instrument.name, price=leg.price
    )
