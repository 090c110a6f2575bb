"""What stands where the newest quotes of an expiry make no smile: those it was last fitted to.

An expiry fails where its quotes carry no slice, or one of grade F, which is no market's smile. Its
last good quotes are then fitted again with the others', so that the surface stays free of
arbitrage as a whole, and the slice says since when it is held and why. An expiry in its last half
hour, or one that is no longer listed, is let go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from quantdesk.domain.times import format_instant
from quantdesk.market.fitting import FitRefusal, SliceFit, SurfaceFit, fit_surface
from quantdesk.market.fitting_grades import Grade
from quantdesk.market.surface_quotes import YEARS_MIN, ExpiryQuotes, SurfaceQuotes, trusted


def first_failures(
    found: SurfaceFit, previous: SurfaceFit, quotes: SurfaceQuotes
) -> dict[int, str]:
    """Expiries whose quotes are to be replaced by those of `previous`, and why: by instant.

    All without a slice, and of those of grade F the ones that are it by themselves, too: the others
    may be fine again without them. Where none is, the longest, as it bounds the others. Expiries
    that are held already, have no time left, or that `previous` had no better slice of are not
    among them.
    """
    held = {each.expiry_ns for each in quotes.expiries if each.held or each.years < YEARS_MIN}
    good = {each.expiry_ns for each in previous.slices if each.grade is not Grade.F} - held
    reasons = {expiry_ns: reason for expiry_ns, reason in found.refused if expiry_ns in good}
    bad = [each for each in found.slices if each.grade is Grade.F and each.expiry_ns in good]
    for each in [each for each in bad if _is_bad_alone(each, found, quotes)] or bad[-1:]:
        reasons[each.expiry_ns] = f"grade F, {each.in_spread:.0%} of quotes inside"
    return reasons


def _is_bad_alone(slice_fit: SliceFit, found: SurfaceFit, quotes: SurfaceQuotes) -> bool:
    # Its trust, too, is its own: what broken neighbours say of it must not stand.
    alone = fit_surface(
        replace(quotes, expiries=trusted([slice_fit.quotes])), options=found.options
    )
    return isinstance(alone, FitRefusal) or alone.slices[0].grade is Grade.F


def with_last_good(
    quotes: SurfaceQuotes, failed: Mapping[int, str], previous: SurfaceFit
) -> SurfaceQuotes:
    """`quotes` with those of `previous` for the expiries of `failed`, trusted as they now stand."""
    expiries = tuple(
        _held(each, failed[each.expiry_ns], previous) if each.expiry_ns in failed else each
        for each in quotes.expiries
    )
    return replace(quotes, expiries=trusted(expiries))


def _held(new: ExpiryQuotes, reason: str, previous: SurfaceFit) -> ExpiryQuotes:
    last = previous.slice_at(new.expiry_ns)
    if last is None:
        return new
    since = format_instant(previous.as_of_ns)
    words = f"Held from {since}: the quotes since make no smile ({reason})."
    return replace(last.quotes, years=new.years, held=last.quotes.held or words)
