"""Which expiry is out of order: total variance at the money rises with time, whatever the market.

An expiry all of whose quotes nearest the money lie below those of several shorter ones, or above
those of several longer ones, is a broken one among whole ones. Fitted with the others it would bend
them all; none of 1,381 recorded pairs of neighbouring expiries is out of order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.domain.times import expiry_code
from quantdesk.market.chain import FloatArray

NEAREST = 3
"""Quotes nearest the money that must all agree: two wrong ones among them decide nothing."""

WITNESSES = 2
"""Expiries that must contradict one before it is the one in doubt."""


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

    One at a time, the one that most contradict; where two are contradicted alike, or by a single
    other, who is wrong can not be told, and none is named.
    """
    left, found = list(ranges), dict[int, str]()
    while True:
        against = {each.expiry_ns: _against(each, left) for each in left}
        counts = sorted((len(others) for others in against.values()), reverse=True)
        if not counts or counts[0] < WITNESSES or counts[:2] == [counts[0]] * 2:
            return found
        worst = max(left, key=lambda each: len(against[each.expiry_ns]))
        found[worst.expiry_ns] = _reason(worst, against[worst.expiry_ns])
        left.remove(worst)


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
    return (
        f"its quotes at the money are broken: total variance {side} that of {len(others)} {kind} "
        f"{noun} ({names}{more})"
    )
