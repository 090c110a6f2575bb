"""Options of two expiries: the near one sold, the far one bought. A negative quantity reverses."""

from __future__ import annotations

from quantdesk.structures.making import Anchor, Size, call, number, option, put
from quantdesk.structures.plan import StructurePlan


def calendar(
    *,
    kind: str = "call",
    strike: Anchor = "atm",
    expiry: str = "weekly",
    far: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """One strike, two expiries."""
    size = number("quantity", quantity)
    legs = (option(kind, -size, strike, expiry), option(kind, size, "+0", far))
    return StructurePlan(legs=legs, name=f"{kind} calendar")


def diagonal(
    *,
    kind: str = "call",
    short: Anchor = "30d",
    long: Anchor = "50d",
    expiry: str = "weekly",
    far: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """Two strikes, two expiries."""
    size = number("quantity", quantity)
    legs = (option(kind, -size, short, expiry), option(kind, size, long, far))
    return StructurePlan(legs=legs, name=f"{kind} diagonal")


def double_calendar(
    *,
    put_strike: Anchor = "25d",
    call_strike: Anchor = "25d",
    expiry: str = "weekly",
    far: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A put calendar below and a call calendar above."""
    size = number("quantity", quantity)
    legs = (
        put(-size, put_strike, expiry),
        put(size, "+0", far),
        call(-size, call_strike, expiry),
        call(size, "+0", far),
    )
    return StructurePlan(legs=legs, name="double calendar")


def double_diagonal(
    *,
    short: Anchor = "25d",
    long: Anchor = "15d",
    expiry: str = "weekly",
    far: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A strangle sold near, a wider one bought far."""
    size = number("quantity", quantity)
    legs = (
        put(-size, short, expiry),
        put(size, long, far),
        call(-size, short, expiry),
        call(size, long, far),
    )
    return StructurePlan(legs=legs, name="double diagonal")


def poor_mans_covered_call(
    *,
    long: Anchor = "75d",
    short: Anchor = "25d",
    expiry: str = "weekly",
    far: str = "quarterly",
    quantity: Size = 1,
) -> StructurePlan:
    """A deep far call in the coin's place, a near call sold against it."""
    size = number("quantity", quantity)
    legs = (call(size, long, far), call(-size, short, expiry))
    return StructurePlan(legs=legs, name="poor mans covered call")


def jelly_roll(
    *,
    strike: Anchor = "atm",
    expiry: str = "weekly",
    far: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """The synthetic of the near expiry sold, that of the far one bought: the forward between."""
    size = number("quantity", quantity)
    legs = (
        call(-size, strike, expiry),
        put(size, "+0"),
        call(size, "+0", far),
        put(-size, "+0"),
    )
    return StructurePlan(legs=legs, name="jelly roll")
