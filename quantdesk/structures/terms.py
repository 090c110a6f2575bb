"""What a leg pays, as numbers: the contract law that payoff, chances and pricing share.

Every leg is brought to coins of underlying; who pays in what is `is_inverse`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from quantdesk.domain.instrument import InstrumentKind, OptionType
from quantdesk.domain.structure import Leg
from quantdesk.errors import InvalidInput


class Payout(Enum):
    """What sort of claim a leg is."""

    CALL = "call"
    PUT = "put"
    FORWARD = "forward"
    HELD_COIN = "held coin"

    @property
    def has_premium(self) -> bool:
        """True for options, which venues price by their own amount unit."""
        return self in (Payout.CALL, Payout.PUT)

    @property
    def is_bought(self) -> bool:
        """True for what is paid for at entry; a forward is not."""
        return self is not Payout.FORWARD


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTerms:
    """A leg as a claim; exact.

    size : coins of underlying, signed; of an inverse future its USD notional, signed
    strike : of options, USD; else 0
    entry : price a coin paid at entry: coin for inverse options, USD for the rest
    expiry_ns : None for a perpetual and held coin
    """

    payout: Payout
    is_inverse: bool
    size: Fraction
    strike: Fraction
    entry: Fraction
    expiry_ns: int | None

    @property
    def is_option(self) -> bool:
        """True where the payoff has a kink."""
        return self.payout.has_premium


def leg_terms(leg: Leg, price: Decimal) -> LegTerms:
    """The claim of `leg` entered at `price`, quote currency for one amount unit of an option, for
    one coin of anything else.

    Raises InvalidInput for a kind of contract that has no payoff here, and for a future whose price
    is not above 0.
    """
    instrument = leg.instrument
    kind = instrument.kind
    if kind is InstrumentKind.OPTION:
        is_call = instrument.option_type is OptionType.CALL
        payout = Payout.CALL if is_call else Payout.PUT
    elif instrument.is_future:
        payout = Payout.FORWARD
    elif kind is InstrumentKind.SPOT:
        payout = Payout.HELD_COIN
    else:
        raise InvalidInput(
            "instrument", instrument.name, f"a {kind.value} has no payoff of its own"
        )
    if payout is Payout.FORWARD and price <= 0:
        raise InvalidInput("price", f"{price:f}", f"of {instrument.name} must be above 0")
    return LegTerms(
        payout=payout,
        is_inverse=instrument.is_inverse,
        size=Fraction(leg.quantity * instrument.unit_size),
        strike=Fraction(instrument.strike or 0),
        entry=Fraction(price) / Fraction(instrument.unit_size if payout.has_premium else 1),
        expiry_ns=instrument.expiry_ns,
    )
