"""Where a strike is wanted: a number, a delta, a percentage, sigmas, or a distance.

    70000      that strike                      atm      the strike nearest the forward
    20d        Black delta 0.20                 20d-pa   premium-adjusted delta 0.20
    +5% -5%    away from the forward            5%       the same, out of the money
    +1s -1.5s  standard deviations, F·exp(nσ√T) 1s       the same, out of the money
    +5000      above the strike of the leg before, -5000 below, +0 the same
    #1+5000    the same, measured from leg 1

Pure text and values; `strikes` finds the listed strike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from quantdesk.errors import InvalidInput

ANCHOR_WORDS = (
    "a strike (70000), a delta (20d or 20d-pa), percent (+5%), sigmas (1.5s), "
    "a distance from the leg before (+5000) or atm"
)

DELTA_MAX = Decimal(99)
PERCENT_MAX = Decimal(1000)
SIGMA_MAX = Decimal(10)


class AnchorKind(Enum):
    """How an anchor is measured."""

    STRIKE = "strike"
    ATM = "atm"
    DELTA = "delta"
    DELTA_PREMIUM_ADJUSTED = "delta_premium_adjusted"
    PERCENT = "percent"
    SIGMA = "sigma"
    DISTANCE = "distance"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeAnchor:
    """A wanted strike.

    size : the strike in USD; hundredths of delta; percent; sigmas; USD of distance; 0 for ATM
    is_signed : the text gave a sign, so that it does not follow the option's type
    leg : of a distance, the leg it is measured from, counted from 1; 0 is the leg before
    """

    kind: AnchorKind
    size: Decimal = Decimal(0)
    is_signed: bool = False
    leg: int = 0

    def __str__(self) -> str:
        number = f"{abs(self.size):f}"
        sign = "-" if self.size < 0 else "+"
        match self.kind:
            case AnchorKind.ATM:
                return "atm"
            case AnchorKind.STRIKE:
                return number
            case AnchorKind.DELTA:
                return f"{number}d"
            case AnchorKind.DELTA_PREMIUM_ADJUSTED:
                return f"{number}d-pa"
            case AnchorKind.DISTANCE:
                return f"{f'#{self.leg}' if self.leg else ''}{sign}{number}"
            case AnchorKind.PERCENT | AnchorKind.SIGMA:
                unit = "%" if self.kind is AnchorKind.PERCENT else "s"
                return f"{sign if self.is_signed else ''}{number}{unit}"


_TEXT = re.compile(
    r"(?:#(?P<leg>[1-9]\d?))?(?P<sign>[+-])?(?P<number>\d{1,12}(?:\.\d{1,8})?)(?P<unit>d-pa|d|%|s|)"
)


def parse_anchor(text: str) -> StrikeAnchor:
    """The anchor that `text` writes. Raises InvalidInput naming what is allowed."""
    word = text.strip().lower().replace(",", "").replace("_", "")
    if word == "atm":
        return StrikeAnchor(kind=AnchorKind.ATM)
    match = _TEXT.fullmatch(word)
    if match is None:
        raise InvalidInput("strike", text, f"must be {ANCHOR_WORDS}")
    leg = int(match["leg"] or 0)
    if leg and (match["unit"] or not match["sign"]):
        raise InvalidInput("strike", text, "from a leg must be a distance: #1+5000")
    size, sign, unit = plain(Decimal(match["number"])), match["sign"], match["unit"]
    signed = -size if sign == "-" else size
    match unit:
        case "d" | "d-pa":
            if sign or not 0 < size <= DELTA_MAX:
                raise InvalidInput("strike", text, "a delta must be from above 0 to 99, no sign")
            is_plain = unit == "d"
            kind = AnchorKind.DELTA if is_plain else AnchorKind.DELTA_PREMIUM_ADJUSTED
            return StrikeAnchor(kind=kind, size=size)
        case "%":
            if size > PERCENT_MAX or signed <= -100:
                raise InvalidInput("strike", text, f"must be above -100% and up to {PERCENT_MAX}%")
            return StrikeAnchor(kind=AnchorKind.PERCENT, size=signed, is_signed=bool(sign))
        case "s":
            if size > SIGMA_MAX:
                raise InvalidInput("strike", text, f"must be at most {SIGMA_MAX} sigmas")
            return StrikeAnchor(kind=AnchorKind.SIGMA, size=signed, is_signed=bool(sign))
    if sign:
        return StrikeAnchor(kind=AnchorKind.DISTANCE, size=signed, is_signed=True, leg=leg)
    if size <= 0:
        raise InvalidInput("strike", text, "must be above 0")
    return StrikeAnchor(kind=AnchorKind.STRIKE, size=size)


def strike_anchor(value: object) -> StrikeAnchor:
    """An anchor from text, or a strike from a number. Raises InvalidInput."""
    if isinstance(value, StrikeAnchor):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise InvalidInput("strike", value, f"must be {ANCHOR_WORDS}")
    return parse_anchor(value if isinstance(value, str) else f"{plain(Decimal(str(value))):f}")


def plain(number: Decimal) -> Decimal:
    """`number` without trailing zeros or exponent, so that equal numbers are written alike."""
    whole = number.to_integral_value()
    return whole if number == whole else number.normalize()
