"""One option, alone or with the coin it covers. Each function words legs; nothing is priced."""

from __future__ import annotations

from quantdesk.structures.making import Anchor, Size, call, number, option, put, underlying
from quantdesk.structures.plan import StructurePlan


def single(
    *, kind: str = "call", strike: Anchor = "atm", expiry: str = "monthly", quantity: Size = 1
) -> StructurePlan:
    """One call or put; a negative quantity is short."""
    size = number("quantity", quantity)
    name = f"{'long' if size > 0 else 'short'} {kind}"
    return StructurePlan(legs=(option(kind, size, strike, expiry),), name=name)


def covered_call(
    *,
    strike: Anchor = "20d",
    expiry: str = "monthly",
    quantity: Size = 1,
    held_as: str = "spot",
) -> StructurePlan:
    """Coin held, a call sold against it."""
    size = number("quantity", quantity)
    legs = (call(-size, strike, expiry), underlying(held_as, size, expiry))
    return StructurePlan(legs=legs, name="covered call")


def cash_secured_put(
    *, strike: Anchor = "20d", expiry: str = "monthly", quantity: Size = 1
) -> StructurePlan:
    """A put sold, its strike kept in cash."""
    size = number("quantity", quantity)
    return StructurePlan(legs=(put(-size, strike, expiry),), name="cash-secured put")


def protective_put(
    *,
    strike: Anchor = "20d",
    expiry: str = "monthly",
    quantity: Size = 1,
    held_as: str = "spot",
) -> StructurePlan:
    """Coin held, a put bought under it."""
    size = number("quantity", quantity)
    legs = (put(size, strike, expiry), underlying(held_as, size, expiry))
    return StructurePlan(legs=legs, name="protective put")


def collar(
    *,
    long: Anchor = "20d",
    short: Anchor = "20d",
    expiry: str = "monthly",
    quantity: Size = 1,
    held_as: str = "spot",
) -> StructurePlan:
    """Coin held between a put bought and a call sold."""
    size = number("quantity", quantity)
    legs = (
        put(size, long, expiry),
        call(-size, short),
        underlying(held_as, size, expiry),
    )
    return StructurePlan(legs=legs, name="collar")


def synthetic(
    *, strike: Anchor = "atm", expiry: str = "monthly", quantity: Size = 1
) -> StructurePlan:
    """A call bought and the put of its strike sold: the forward."""
    size = number("quantity", quantity)
    legs = (call(size, strike, expiry), put(-size, "+0"))
    return StructurePlan(legs=legs, name="synthetic")


def conversion(
    *,
    strike: Anchor = "atm",
    expiry: str = "monthly",
    quantity: Size = 1,
    held_as: str = "future",
) -> StructurePlan:
    """The future bought, the call sold and the put of its strike bought.

    With inverse contracts the future is of K USD a coin: then the whole is worth 1 − K/F coin
    (F the future's entry price) whatever the delivery price.
    """
    size = number("quantity", quantity)
    legs = (
        call(-size, strike, expiry),
        put(size, "+0"),
        underlying(held_as, size, expiry, at_strike=True),
    )
    return StructurePlan(legs=legs, name="conversion")


def reversal(
    *,
    strike: Anchor = "atm",
    expiry: str = "monthly",
    quantity: Size = 1,
    held_as: str = "future",
) -> StructurePlan:
    """A conversion the other way round: the future sold, the call bought, the put sold."""
    size = number("quantity", quantity)
    legs = (
        call(size, strike, expiry),
        put(-size, "+0"),
        underlying(held_as, -size, expiry, at_strike=True),
    )
    return StructurePlan(legs=legs, name="reversal")
