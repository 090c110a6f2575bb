"""Three or four strikes of one expiry: butterflies and condors, plain and iron."""

from __future__ import annotations

from quantdesk.structures.making import Anchor, Size, above, below, call, number, option, put
from quantdesk.structures.plan import StructurePlan


def butterfly(
    *,
    kind: str = "call",
    strike: Anchor = "atm",
    wing: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """Two sold in the middle, one bought on each side."""
    return _butterfly(kind, strike, wing, wing, expiry, quantity, f"{kind} butterfly")


def broken_wing(
    *,
    kind: str = "call",
    strike: Anchor = "atm",
    wing: Anchor = 5000,
    far_wing: Anchor = 10000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A butterfly with unequal wings: the farther one out of the money."""
    near_low = kind == "call"
    low, high = (wing, far_wing) if near_low else (far_wing, wing)
    return _butterfly(kind, strike, low, high, expiry, quantity, f"{kind} broken wing")


def _butterfly(  # noqa: PLR0917 -- private, one call a builder
    kind: str,
    strike: Anchor,
    low: Anchor,
    high: Anchor,
    expiry: str,
    quantity: Size,
    name: str,
) -> StructurePlan:
    size = number("quantity", quantity)
    legs = (
        option(kind, -2 * size, strike, expiry),
        option(kind, size, below(low, leg=1)),
        option(kind, size, above(high, leg=1)),
    )
    return StructurePlan(legs=legs, name=name)


def condor(
    *,
    kind: str = "call",
    low: Anchor = "60d",
    high: Anchor = "40d",
    wing: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """Two inner strikes sold, two outer ones bought, all of one type."""
    size = number("quantity", quantity)
    legs = (
        option(kind, -size, low, expiry),
        option(kind, size, below(wing)),
        option(kind, -size, high),
        option(kind, size, above(wing)),
    )
    return StructurePlan(legs=legs, name=f"{kind} condor")


def iron_condor(
    *,
    short: Anchor = "20d",
    wing: Anchor = 5000,
    short_put: Anchor | None = None,
    short_call: Anchor | None = None,
    long_put: Anchor | None = None,
    long_call: Anchor | None = None,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A put spread and a call spread sold.

    `short` and `wing` serve both sides where a side's own anchor is not given; a wing that is a
    bare number is the distance of the long leg from the short one.
    """
    size = number("quantity", quantity)
    legs = (
        put(-size, short if short_put is None else short_put, expiry),
        put(size, below(wing if long_put is None else long_put)),
        call(-size, short if short_call is None else short_call),
        call(size, above(wing if long_call is None else long_call)),
    )
    return StructurePlan(legs=legs, name="iron condor")


def iron_butterfly(
    *,
    strike: Anchor = "atm",
    wing: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A straddle sold between a put and a call bought."""
    size = number("quantity", quantity)
    legs = (
        put(-size, strike, expiry),
        put(size, below(wing)),
        call(-size, "#1+0"),
        call(size, above(wing)),
    )
    return StructurePlan(legs=legs, name="iron butterfly")
