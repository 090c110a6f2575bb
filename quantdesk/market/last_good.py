"""What stands where the newest quotes of an expiry make no smile: those it was last fitted to.

An expiry fails where its quotes carry no slice, or one of grade F, which is no market's smile. Its
last good quotes are then fitted again with the others', so that the surface stays free of
arbitrage as a whole, and the slice says since when it is held and why. An expiry in its last half
hour, or one that is no longer listed, is let go.

One that is held comes back once its quotes make a smile by themselves: alone it has all freedom,
and what is no smile then is none among others. So the others are not fitted again for it while it
fails. One that fails among others only is tried among them, from where the last trial ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from quantdesk.domain.times import format_instant
from quantdesk.market.fitting import FitOptions, FitRefusal, SurfaceFit, fit_surface
from quantdesk.market.fitting_grades import Grade
from quantdesk.market.quote_changes import reached
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_clock import fit_on_clock
from quantdesk.market.surface_quotes import YEARS_MIN, ExpiryQuotes, SurfaceQuotes, trusted

Fitted = SurfaceFit | FitRefusal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldFit:
    """What quotes came to, and what it took.

    trials : fits that expiries failed in, in turn, before they were held
    alone : expiries in doubt, each fitted by itself, by instant
    solved : slices that the kernel solved for all of it
    """

    fit: Fitted
    trials: tuple[SurfaceFit, ...] = ()
    alone: Mapping[int, Fitted] = field(default_factory=dict)
    solved: int = 0


def fit_or_hold(
    quotes: SurfaceQuotes,
    *,
    choice: SurfaceChoice,
    previous: SurfaceFit,
    before: HeldFit | None = None,
) -> HeldFit:
    """The fit of `quotes`, with those of `previous` for every expiry that fails.

    `previous`, the last good fit, and `before`, what the quotes before these came to, were made by
    `choice`. `before` saves work and nothing else: slices of the answer start from `previous`.
    """
    doubts = Doubts(options=choice.options, known={} if before is None else before.alone)
    trials = () if before is None else before.trials
    if not all(each.refusal for each in quotes.expiries):
        quotes = with_last_good(quotes, still_failing(quotes, previous, doubts), previous)
    made: list[SurfaceFit] = []
    solved = 0
    while True:
        start = min((*trials[len(made) :][:1], previous), key=partial(reached, quotes))
        found = fit_on_clock(quotes, options=choice.options, choice=choice.clock, previous=start)
        solved += _solved(found, start)
        if isinstance(found, FitRefusal):
            break
        if failed := first_failures(found, previous, quotes, doubts):
            made.append(found)
            quotes = with_last_good(quotes, failed, previous)
        elif start is not previous:
            # What was to fail again did not: the answer goes on from what is shown.
            trials = ()
        else:
            break
    return HeldFit(fit=found, trials=tuple(made), alone=doubts.fits, solved=solved + doubts.solved)


def _solved(fit: Fitted, start: Fitted | None) -> int:
    return 0 if fit is start or isinstance(fit, FitRefusal) else fit.refitted or 0


@dataclass(slots=True, kw_only=True)
class Doubts:
    """Expiries in doubt fitted each by itself, each once."""

    options: FitOptions
    known: Mapping[int, Fitted] = field(default_factory=dict)
    fits: dict[int, Fitted] = field(default_factory=dict)
    solved: int = 0

    def is_bad(self, expiry: ExpiryQuotes, quotes: SurfaceQuotes) -> bool:
        """Whether the quotes of `expiry` make no smile by themselves."""
        at = expiry.expiry_ns
        if at not in self.fits:
            self.fits[at] = self._fit(expiry, quotes)
        fit = self.fits[at]
        return isinstance(fit, FitRefusal) or fit.slices[0].grade is Grade.F

    def _fit(self, expiry: ExpiryQuotes, quotes: SurfaceQuotes) -> Fitted:
        # Its trust, too, is its own: what broken neighbours say of it must not stand.
        own = replace(quotes, expiries=trusted([expiry]))
        known = self.known.get(expiry.expiry_ns)
        start = known if isinstance(known, SurfaceFit) else None
        fit = fit_surface(own, options=self.options, previous=start)
        self.solved += _solved(fit, start)
        return fit


def still_failing(quotes: SurfaceQuotes, previous: SurfaceFit, doubts: Doubts) -> dict[int, str]:
    """Expiries that fail whatever the others quote, and why: by instant.

    Those refused, and of those that `previous` holds the ones that make no smile by themselves.
    """
    good = _replaceable(previous, quotes)
    held = {each.expiry_ns for each in previous.slices if each.quotes.held}
    reasons = {}
    for each in quotes.expiries:
        if each.expiry_ns not in good:
            continue
        if each.refusal:
            reasons[each.expiry_ns] = each.refusal
        elif each.expiry_ns in held and doubts.is_bad(each, quotes):
            reasons[each.expiry_ns] = "grade F by itself"
    return reasons


def first_failures(
    found: SurfaceFit, previous: SurfaceFit, quotes: SurfaceQuotes, doubts: Doubts
) -> dict[int, str]:
    """Expiries whose quotes are to be replaced by those of `previous`, and why: by instant.

    All without a slice, and of those of grade F the ones that are it by themselves, too: the others
    may be fine again without them. Where none is, the longest, as it bounds the others. Expiries
    that are held already, have no time left, or that `previous` had no better slice of are not
    among them.
    """
    good = _replaceable(previous, quotes)
    reasons = {expiry_ns: reason for expiry_ns, reason in found.refused if expiry_ns in good}
    bad = [each for each in found.slices if each.grade is Grade.F and each.expiry_ns in good]
    for each in [each for each in bad if doubts.is_bad(each.quotes, quotes)] or bad[-1:]:
        reasons[each.expiry_ns] = f"grade F, {each.in_spread:.0%} of quotes inside"
    return reasons


def _replaceable(previous: SurfaceFit, quotes: SurfaceQuotes) -> set[int]:
    held = {each.expiry_ns for each in quotes.expiries if each.held or each.years < YEARS_MIN}
    return {each.expiry_ns for each in previous.slices if each.grade is not Grade.F} - held


def with_last_good(
    quotes: SurfaceQuotes, failed: Mapping[int, str], previous: SurfaceFit
) -> SurfaceQuotes:
    """`quotes` with those of `previous` for the expiries of `failed`, trusted as they now stand."""
    if not failed:
        return quotes
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
