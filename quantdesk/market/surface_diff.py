"""What changed between two surfaces: forward, ATM, risk reversal and butterfly by expiry.

At the money is at each surface's own forward, so that a move of the underlying is no change of
vol. An expiry that only one of them has is named and not compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from quantdesk.errors import OutOfDomain
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_points import TermPoint, term_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryChange:
    """One expiry in the earlier and the later surface; None where a wing has no such delta."""

    expiry_ns: int
    before: TermPoint
    after: TermPoint

    @property
    def forward_return(self) -> float:
        """Change of the forward, a fraction."""
        return self.after.forward / self.before.forward - 1.0


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
            changes.append(ExpiryChange(expiry_ns=expiry_ns, before=old, after=new))
    return SurfaceDiff(
        before=before,
        after=after,
        changes=tuple(changes),
        only_before=tuple(sorted(first.keys() - second.keys())),
        only_after=tuple(sorted(second.keys() - first.keys())),
        unknown=tuple(unknown),
    )
