"""What changed between two surfaces: forward, ATM, risk reversal, butterfly and vols by strike.

At the money is at each surface's own forward, so that a move of the underlying is no change of
vol; at a fixed strike it is, along the skew. Changes are in vol and in half-spreads of the later
quote: below one the market has not moved. An expiry that only one of them has is named and not
compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quantdesk.errors import OutOfDomain
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_points import TermPoint, term_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeChange:
    """Vols of one strike on both surfaces, and the half-spread of its later quote: fractions."""

    strike: float
    before: float
    after: float
    half_spread: float

    @property
    def change(self) -> float:
        """After less before, a fraction."""
        return self.after - self.before

    @property
    def half_spreads(self) -> float:
        """The change in half-spreads of the later quote."""
        return self.change / self.half_spread


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryChange:
    """One expiry in the earlier and the later surface.

    strikes : those that both surfaces were fitted to, ascending
    """

    expiry_ns: int
    before: TermPoint
    after: TermPoint
    strikes: tuple[StrikeChange, ...] = ()

    @property
    def forward_return(self) -> float:
        """Change of the forward, a fraction."""
        return self.after.forward / self.before.forward - 1.0

    @property
    def mean_change(self) -> float | None:
        """Mean change of vol at fixed strikes; None without one that both have."""
        changes = [each.change for each in self.strikes]
        return math.fsum(changes) / len(changes) if changes else None

    @property
    def furthest(self) -> StrikeChange | None:
        """The strike that moved most in half-spreads; None without one that both have."""
        return max(self.strikes, key=lambda each: abs(each.half_spreads), default=None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceDiff:
    """`changes` ascending in expiry; `only_before`, `only_after`, `unknown` are expiry instants.

    unknown : in both, but a smile of theirs has no option of the delta asked for
    """

    before: SurfaceFit
    after: SurfaceFit
    changes: tuple[ExpiryChange, ...]
    only_before: tuple[int, ...]
    only_after: tuple[int, ...]
    unknown: tuple[int, ...]


def term_points(fit: SurfaceFit, *, delta: float = 0.25) -> dict[int, TermPoint | None]:
    """ATM, RR and BF of each fitted expiry; None where its smile has no option of that delta."""
    found: dict[int, TermPoint | None] = {}
    for each in fit.slices:
        try:
            found[each.expiry_ns] = term_structure(fit, [each.expiry_ns], delta=delta)[0]
        except OutOfDomain:
            found[each.expiry_ns] = None
    return found


def surface_diff(before: SurfaceFit, after: SurfaceFit, *, delta: float = 0.25) -> SurfaceDiff:
    """The change from `before` to `after`, at the deltas ±`delta`."""
    first, second = term_points(before, delta=delta), term_points(after, delta=delta)
    changes, unknown = [], []
    for expiry_ns in sorted(first.keys() & second.keys()):
        old, new = first[expiry_ns], second[expiry_ns]
        if old is None or new is None:
            unknown.append(expiry_ns)
        else:
            changes.append(
                ExpiryChange(
                    expiry_ns=expiry_ns,
                    before=old,
                    after=new,
                    strikes=_strike_changes(before, after, expiry_ns),
                )
            )
    return SurfaceDiff(
        before=before,
        after=after,
        changes=tuple(changes),
        only_before=tuple(sorted(first.keys() - second.keys())),
        only_after=tuple(sorted(second.keys() - first.keys())),
        unknown=tuple(unknown),
    )


def _strike_changes(
    before: SurfaceFit, after: SurfaceFit, expiry_ns: int
) -> tuple[StrikeChange, ...]:
    first, second = before.slice_at(expiry_ns), after.slice_at(expiry_ns)
    if first is None or second is None:
        return ()
    used = second.quotes.is_used & np.isin(
        second.quotes.strike, first.quotes.strike[first.quotes.is_used]
    )
    strikes = second.quotes.strike[used]
    half = (second.quotes.ask_iv[used] - second.quotes.bid_iv[used]) / 2
    instant = np.array(expiry_ns)
    columns = (strikes, before.implied_vol(instant, strikes), after.implied_vol(instant, strikes))
    return tuple(
        StrikeChange(strike=strike, before=old, after=new, half_spread=width)
        for strike, old, new, width in sorted(
            zip(*(column.tolist() for column in (*columns, half)), strict=True)
        )
    )
