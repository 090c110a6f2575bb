"""A structure as a trader words it, before a market is looked at: legs with anchors.

A *plan* says "the 20-delta put of the next monthly"; `resolve` turns it into listed instruments.
Plans are what builders make, what text and TOML hold and what a screen edits. Knows no market.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from quantdesk.errors import InvalidInput
from quantdesk.structures.anchors import AnchorKind, StrikeAnchor

VENUES = ("deribit", "binance")

_NAME = re.compile(r"[a-z0-9][A-Za-z0-9_/.%-]*(?: [A-Za-z0-9_/.%-]+)*")
_UNDERLYING = re.compile(r"[A-Z][A-Z0-9]{1,9}")

SAME_STRIKE = StrikeAnchor(kind=AnchorKind.DISTANCE, size=Decimal(0), is_signed=True)
"""The strike of the leg before, written +0."""

LEGS_MAX = 24
"""More legs than any structure has; a longer text is a mistake."""


class LegKind(Enum):
    """What a leg is. The value is how the text form writes it."""

    CALL = "C"
    PUT = "P"
    FUTURE = "FUT"
    PERPETUAL = "PERP"
    SPOT = "SPOT"
    NAMED = "NAME"

    @property
    def is_option(self) -> bool:
        """True for calls and puts, which alone have a strike."""
        return self in (LegKind.CALL, LegKind.PUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPlan:
    """One leg, with its strike and expiry as anchors.

    quantity : signed; options, linear contracts and spot in coins on Deribit, contracts on Binance;
        inverse futures in coins too, turned into the venue's USD amount when they are resolved
    strike : of options. Of an inverse future it may be "+0": its USD amount is then taken at the
        strike of the leg before (what hedges a conversion), not at its mark. Else None
    expiry : a word of `market.selection.EXPIRY_WORDS`; "" takes the expiry of the leg before
    name : the venue's own instrument name, of a NAMED leg only
    price : limit a unit in the quote currency; None leaves it to the market
    """

    quantity: Decimal
    kind: LegKind
    strike: StrikeAnchor | None = None
    expiry: str = ""
    name: str = ""
    price: Decimal | None = None

    def __post_init__(self) -> None:
        if not (self.quantity.is_finite() and self.quantity != 0):
            raise InvalidInput("quantity", str(self.quantity), "of a leg must be a number, not 0")
        if self.kind.is_option != (self.strike is not None) and not self.is_sized_at_strike:
            rule = "must be given for calls and puts; of FUT and PERP it may be +0"
            raise InvalidInput("strike", str(self.strike), rule)
        if (self.kind is LegKind.NAMED) != bool(self.name):
            raise InvalidInput("name", self.name, "must be given for a named leg, and only there")
        if self.price is not None and not (self.price.is_finite() and self.price >= 0):
            raise InvalidInput("price", str(self.price), "of a leg must be a number from 0 up")

    @property
    def is_sized_at_strike(self) -> bool:
        """True for a future whose USD amount is counted at the strike of the leg before."""
        return self.kind in (LegKind.FUTURE, LegKind.PERPETUAL) and self.strike == SAME_STRIKE


@dataclass(frozen=True, slots=True, kw_only=True)
class StructurePlan:
    """Legs in order, and what the whole is called ("iron condor"; "" for a free mix).

    venue, underlying : where and on what; "" leaves it to whoever resolves the plan
    """

    legs: tuple[LegPlan, ...]
    name: str = ""
    venue: str = ""
    underlying: str = ""

    def __post_init__(self) -> None:
        if not self.legs:
            raise InvalidInput("legs", "", "of a structure must be at least one")
        if len(self.legs) > LEGS_MAX:
            raise InvalidInput("legs", len(self.legs), f"of a structure must be at most {LEGS_MAX}")
        # The line form tells a name from a venue and an underlying by how its first word looks.
        if self.name and (not _NAME.fullmatch(self.name) or self.name.split()[0] in VENUES):
            rule = "must be words, the first in lower case and no venue: ic-27mar"
            raise InvalidInput("name", self.name, rule)
        if self.venue and self.venue not in VENUES:
            raise InvalidInput("venue", self.venue, f"must be one of {', '.join(VENUES)}")
        if self.underlying and not _UNDERLYING.fullmatch(self.underlying):
            raise InvalidInput("underlying", self.underlying, "must be a coin's code: BTC")
