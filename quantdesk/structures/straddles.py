"""A call and a put of one expiry, in their proportions. A negative quantity is short."""

from __future__ import annotations

from quantdesk.structures.making import Anchor, Size, above, call, number, put
from quantdesk.structures.plan import StructurePlan


def straddle(
    *, strike: Anchor = "atm", expiry: str = "monthly", quantity: Size = 1
) -> StructurePlan:
    """The call and the put of one strike."""
    size = number("quantity", quantity)
    return StructurePlan(legs=(call(size, strike, expiry), put(size, "+0")), name="straddle")


def strangle(
    *,
    put_strike: Anchor = "25d",
    call_strike: Anchor = "25d",
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """An out-of-the-money put and call."""
    size = number("quantity", quantity)
    legs = (put(size, put_strike, expiry), call(size, call_strike))
    return StructurePlan(legs=legs, name="strangle")


def guts(
    *,
    call_strike: Anchor = "75d",
    put_strike: Anchor = "75d",
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """An in-the-money call and put."""
    size = number("quantity", quantity)
    legs = (call(size, call_strike, expiry), put(size, put_strike))
    return StructurePlan(legs=legs, name="guts")


def strip(*, strike: Anchor = "atm", expiry: str = "monthly", quantity: Size = 1) -> StructurePlan:
    """One call and two puts of one strike."""
    size = number("quantity", quantity)
    return StructurePlan(legs=(call(size, strike, expiry), put(2 * size, "+0")), name="strip")


def strap(*, strike: Anchor = "atm", expiry: str = "monthly", quantity: Size = 1) -> StructurePlan:
    """Two calls and one put of one strike."""
    size = number("quantity", quantity)
    return StructurePlan(legs=(call(2 * size, strike, expiry), put(size, "+0")), name="strap")


def risk_reversal(
    *,
    put_strike: Anchor = "25d",
    call_strike: Anchor = "25d",
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A put sold, a call bought: long the underlying and its skew."""
    size = number("quantity", quantity)
    legs = (put(-size, put_strike, expiry), call(size, call_strike))
    return StructurePlan(legs=legs, name="risk reversal")


def seagull(
    *,
    put_strike: Anchor = "25d",
    call_strike: Anchor = "40d",
    width: Anchor = 10000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A call spread bought, paid for with a put sold."""
    size = number("quantity", quantity)
    legs = (put(-size, put_strike, expiry), call(size, call_strike), call(-size, above(width)))
    return StructurePlan(legs=legs, name="seagull")


def jade_lizard(
    *,
    put_strike: Anchor = "25d",
    short: Anchor = "30d",
    wing: Anchor = 5000,
    expiry: str = "monthly",
    quantity: Size = 1,
) -> StructurePlan:
    """A put and a call spread sold: no loss above where the credit covers the width."""
    size = number("quantity", quantity)
    legs = (put(-size, put_strike, expiry), call(-size, short), call(size, above(wing)))
    return StructurePlan(legs=legs, name="jade lizard")
