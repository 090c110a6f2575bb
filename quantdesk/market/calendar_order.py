"""Which expiry is out of order: total variance at the money rises with time, whatever the market.

An expiry all of whose quotes nearest the money lie below those of several shorter ones, or above
those of several longer ones, is a broken one among whole ones. Fitted with the others it would bend
them all; none of 1,381 recorded pairs of neighbouring expiries is out of order.

Where two contradict each other and nobody else, the line of the others tells who is wrong: total
variance at the money over time, straight between them, of constant vol beyond. Of the recorded
expiries beyond four days none lies outside it by more than a factor of 1.1 once its own quotes'
width and the line's are allowed for, so that a whole one is not named at 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.domain.times import expiry_code
from quantdesk.market.chain import FloatArray

NEAREST = 3
"""Quotes nearest the money that must all agree: two wrong ones among them decide nothing."""

WITNESSES = 2
"""Expiries that must contradict one before it is the one in doubt."""

LINE_REACH = 1.2
"""Factor of vol outside the line of the others from which an expiry is off it."""

LINE_EXPIRIES = 3
"""Fewest other expiries that make a line."""

LINE_FACTOR = 3.0
"""Factor in time within which one of them must lie for the line to say anything of an expiry."""

LINE_YEARS_MIN = 4.0 / 365.0
"""Shorter expiries have vols of their own, by day and event: they make no line and are on none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRange:
    """Least bid and greatest ask vol of an expiry's quotes nearest the money, fractions."""

    expiry_ns: int
    years: float
    bid_iv: float
    ask_iv: float

    @property
    def least(self) -> float:
        """Least total variance that they have."""
        return self.bid_iv**2 * self.years

    @property
    def greatest(self) -> float:
        """Greatest total variance that they have."""
        return self.ask_iv**2 * self.years


def money_range(
    expiry_ns: int, years: float, k: FloatArray, bid_iv: FloatArray, ask_iv: FloatArray
) -> MoneyRange | None:
    """The range of two-sided quotes (n,); None of fewer than three, which tell too little."""
    if k.size < NEAREST:
        return None
    rows = np.argsort(np.abs(k), kind="stable")[:NEAREST]
    return MoneyRange(
        expiry_ns=expiry_ns,
        years=years,
        bid_iv=float(bid_iv[rows].min()),
        ask_iv=float(ask_iv[rows].max()),
    )


def out_of_order(ranges: Sequence[MoneyRange]) -> dict[int, str]:
    """Expiries of `ranges`, ascending in years, that others contradict, and why: by instant.

    One at a time, the one that most contradict; of two that contradict each other alone, the one
    off the line of the others. Else who is wrong can not be told, and none is named.
    """
    left, found = list(ranges), dict[int, str]()
    while True:
        against = {each.expiry_ns: _against(each, left) for each in left}
        counts = sorted((len(others) for others in against.values()), reverse=True)
        if not counts or counts[0] == 0:
            return found
        if counts[0] < WITNESSES:
            worst = _off_line(left, against)
        elif counts[:2] == [counts[0]] * 2:
            worst = None
        else:
            worst = max(left, key=lambda each: len(against[each.expiry_ns]))
        if worst is None:
            return found
        found[worst.expiry_ns] = _reason(worst, against[worst.expiry_ns])
        left.remove(worst)


def _off_line(
    ranges: Sequence[MoneyRange], against: Mapping[int, Sequence[MoneyRange]]
) -> MoneyRange | None:
    """One of a pair that is off the line of those in no pair, where the other one is on it."""
    line = [each for each in ranges if not against[each.expiry_ns] and each.years > LINE_YEARS_MIN]
    if len(line) < LINE_EXPIRIES or not _is_line(line):
        return None
    for each in ranges:
        if each.years > LINE_YEARS_MIN and against[each.expiry_ns]:
            (other,) = against[each.expiry_ns]
            off, on = _outside(each, line), _outside(other, line)
            if off is not None and on is not None and on <= LINE_REACH < off:
                return each
    return None


def _is_line(line: Sequence[MoneyRange]) -> bool:
    # Where one of them is off the line of the rest, either may be what is broken.
    for each in line:
        off = _outside(each, [other for other in line if other is not each])
        if off is not None and off > LINE_REACH:
            return False
    return True


def _outside(each: MoneyRange, line: Sequence[MoneyRange]) -> float | None:
    """Factor of vol, 1 or more, by which `each` lies outside `line`; None where it says nothing."""
    years = np.array([other.years for other in line])
    if np.exp(np.abs(np.log(each.years / years)).min()) > LINE_FACTOR:
        return None
    least = _line_vol(each.years, years, np.array([other.bid_iv for other in line]))
    greatest = _line_vol(each.years, years, np.array([other.ask_iv for other in line]))
    return max(each.bid_iv / greatest, least / each.ask_iv, 1.0)


def _line_vol(years: float, at: FloatArray, vols: FloatArray) -> float:
    if years <= at[0]:
        return float(vols[0])
    if years >= at[-1]:
        return float(vols[-1])
    return float(np.sqrt(np.interp(years, at, vols**2 * at) / years))


def _against(each: MoneyRange, others: Sequence[MoneyRange]) -> list[MoneyRange]:
    return [
        other
        for other in others
        if (other.years < each.years and other.least > each.greatest)
        or (other.years > each.years and other.greatest < each.least)
    ]


def _reason(worst: MoneyRange, against: Sequence[MoneyRange]) -> str:
    shorter = [other for other in against if other.years < worst.years]
    longer = [other for other in against if other.years > worst.years]
    side, kind, others = (
        ("below", "shorter", shorter)
        if len(shorter) >= len(longer)
        else ("above", "longer", longer)
    )
    names = ", ".join(expiry_code(other.expiry_ns) for other in others[:WITNESSES])
    more = ", …" if len(others) > WITNESSES else ""
    noun = "expiry" if len(others) == 1 else "expiries"
    line = " and off the line of the others" if len(against) == 1 else ""
    return (
        f"its quotes at the money are broken: total variance {side} that of {len(others)} {kind} "
        f"{noun} ({names}{more}){line}"
    )
