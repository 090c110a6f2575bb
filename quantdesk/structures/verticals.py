"""Two options or more of one type and one expiry: verticals, ratio and back spreads, boxes."""

from __future__ import annotations

from quantdesk.structures.making import (
    Anchor,
    Size,
    above,
    below,
    call,
    leg_ratio,
    number,
    option,
    put,
)
from quantdesk.structures.plan import LegPlan, StructurePlan


def bull_call_spread(
    *,
    long: Anchor = "50d",
    width: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A call bought, a higher one sold."""
    size = number("quantity", quantity)
    legs = (call(size, long, expiry), call(-size, above(width)))
    return StructurePlan(legs=legs, name="bull call spread")


def bear_call_spread(
    *,
    short: Anchor = "30d",
    width: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A call sold, a higher one bought."""
    size = number("quantity", quantity)
    legs = (call(-size, short, expiry), call(size, above(width)))
    return StructurePlan(legs=legs, name="bear call spread")


def bull_put_spread(
    *,
    short: Anchor = "30d",
    width: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A put sold, a lower one bought."""
    size = number("quantity", quantity)
    legs = (put(-size, short, expiry), put(size, below(width)))
    return StructurePlan(legs=legs, name="bull put spread")


def bear_put_spread(
    *,
    long: Anchor = "50d",
    width: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A put bought, a lower one sold."""
    size = number("quantity", quantity)
    legs = (put(size, long, expiry), put(-size, below(width)))
    return StructurePlan(legs=legs, name="bear put spread")


def ratio_spread(
    *,
    kind: str = "call",
    long: Anchor = "40d",
    short: Anchor = "20d",
    ratio: Size = 2,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """One option bought, more of a farther one sold."""
    size = number("quantity", quantity)
    legs = (option(kind, size, long, expiry), option(kind, -size * leg_ratio(ratio), short))
    return StructurePlan(legs=legs, name=f"{kind} ratio spread")


def back_spread(
    *,
    kind: str = "call",
    short: Anchor = "40d",
    long: Anchor = "20d",
    ratio: Size = 2,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """One option sold, more of a farther one bought."""
    size = number("quantity", quantity)
    legs = (option(kind, -size, short, expiry), option(kind, size * leg_ratio(ratio), long))
    return StructurePlan(legs=legs, name=f"{kind} back spread")


def box(
    *,
    strike: Anchor = "atm",
    width: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A bull call spread and a bear put spread of the same strikes.

    A linear box pays K₂ − K₁ whatever happens; an inverse one (K₂ − K₁)/D coin, fixed in USD only.
    """
    size = number("quantity", quantity)
    legs: tuple[LegPlan, ...] = (
        put(-size, strike, expiry),
        call(size, "+0"),
        call(-size, above(width)),
        put(size, "+0"),
    )
    return StructurePlan(legs=legs, name="box")
