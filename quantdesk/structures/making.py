"""What every builder of the catalogue is written with: one leg of a plan, in a line."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from quantdesk.errors import InvalidInput
from quantdesk.structures.anchors import AnchorKind, StrikeAnchor, plain, strike_anchor
from quantdesk.structures.plan import SAME_STRIKE, LegKind, LegPlan

Anchor = str | int | float | Decimal | StrikeAnchor
"""A strike as a caller may give it: `anchors.ANCHOR_WORDS`, or a number for the strike itself."""

Size = str | int | float | Decimal
"""A quantity or distance as a caller may give it."""

HEDGES = {"spot": LegKind.SPOT, "perpetual": LegKind.PERPETUAL, "future": LegKind.FUTURE}
"""What the underlying itself may be held as."""


def number(field: str, value: Size) -> Decimal:
    """`value` as an exact number, not 0. Raises InvalidInput."""
    try:
        exact = plain(Decimal(str(value)))
    except InvalidOperation:
        raise InvalidInput(field, value, "must be a number") from None
    if isinstance(value, bool) or not exact.is_finite() or exact == 0:
        raise InvalidInput(field, value, "must be a finite number, not 0")
    return exact


def leg_ratio(value: Size) -> Decimal:
    """A ratio of legs, above 1. Raises InvalidInput."""
    exact = number("ratio", value)
    if exact <= 1:
        raise InvalidInput("ratio", value, "must be above 1; at 1 it is a vertical")
    return exact


def call(quantity: Decimal, strike: Anchor, expiry: str = "") -> LegPlan:
    """A call leg."""
    return LegPlan(
        quantity=quantity, kind=LegKind.CALL, strike=strike_anchor(strike), expiry=expiry
    )


def put(quantity: Decimal, strike: Anchor, expiry: str = "") -> LegPlan:
    """A put leg."""
    return LegPlan(quantity=quantity, kind=LegKind.PUT, strike=strike_anchor(strike), expiry=expiry)


def option(kind: str, quantity: Decimal, strike: Anchor, expiry: str = "") -> LegPlan:
    """A leg of the option type that `kind` words: "call" or "put". Raises InvalidInput."""
    if kind not in ("call", "put"):
        raise InvalidInput("kind", kind, "must be call or put")
    return (call if kind == "call" else put)(quantity, strike, expiry)


def underlying(held_as: str, quantity: Decimal, expiry: str, *, at_strike: bool = False) -> LegPlan:
    """The underlying itself, held as spot, perpetual or future. Raises InvalidInput.

    at_strike : an inverse future's USD amount is taken at the strike of the leg before
    """
    kind = HEDGES.get(held_as)
    if kind is None:
        raise InvalidInput("held_as", held_as, f"must be one of {', '.join(HEDGES)}")
    return LegPlan(
        quantity=quantity,
        kind=kind,
        expiry=expiry if kind is LegKind.FUTURE else "",
        strike=SAME_STRIKE if at_strike and kind is not LegKind.SPOT else None,
    )


def above(anchor: Anchor, *, leg: int = 0) -> StrikeAnchor:
    """`anchor` where a number is a distance above the strike of `leg`, 0 for the leg before."""
    return _beyond(anchor, Decimal(1), leg)


def below(anchor: Anchor, *, leg: int = 0) -> StrikeAnchor:
    """`anchor` where a number is a distance below the strike of `leg`, 0 for the leg before."""
    return _beyond(anchor, Decimal(-1), leg)


def _beyond(anchor: Anchor, sign: Decimal, leg: int) -> StrikeAnchor:
    """A bare number is a distance; "10d", "5%" and "1s" stay what they are."""
    wanted = strike_anchor(anchor)
    if wanted.kind is AnchorKind.STRIKE:
        size = sign * wanted.size
        return StrikeAnchor(kind=AnchorKind.DISTANCE, size=size, is_signed=True, leg=leg)
    if wanted.kind is AnchorKind.DISTANCE and wanted.size * sign <= 0:
        side = "above" if sign > 0 else "below"
        raise InvalidInput("wing", str(wanted), f"must lie {side} the leg before")
    return wanted
