"""Whether quotes are still what they were, expiry by expiry, as far as a surface goes by them.

Ages in words, marks and sizes are not among what is compared: they change a chain without touching
its surface.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantdesk.market.fitting import SurfaceFit, kernel_quotes
from quantdesk.market.surface_quotes import ExpiryQuotes, SurfaceQuotes


def is_unchanged(new: SurfaceQuotes, old: SurfaceQuotes) -> bool:
    """Whether a surface of `old` is the one of `new` too, but for their moment."""
    if new.reference_ns != old.reference_ns:
        return False
    usable, before = _usable(new), _usable(old)
    if usable.keys() != before.keys() or dirty_expiries(new, old):
        return False
    # Trust is by all quotes, those too that leave an expiry refused.
    return all(np.array_equal(usable[at].weight, before[at].weight) for at in usable)


def dirty_expiries(new: SurfaceQuotes, old: SurfaceQuotes) -> tuple[int, ...]:
    """Instants of those usable expiries of `new` whose quotes are not those of `old`."""
    before = _usable(old)
    return tuple(
        at
        for at, each in _usable(new).items()
        if at not in before or not _is_same(each, before[at])
    )


def reached(quotes: SurfaceQuotes, fit: SurfaceFit) -> int:
    """How many expiries the kernel is given other quotes of than for `fit`, or of only one."""
    usable = _usable(quotes)
    before = {each.expiry_ns: each.quotes for each in fit.slices}
    both = usable.keys() & before.keys()
    return len(usable.keys() ^ before.keys()) + sum(
        not _is_fed_alike(usable[at], before[at]) for at in both
    )


def _usable(quotes: SurfaceQuotes) -> dict[int, ExpiryQuotes]:
    return {each.expiry_ns: each for each in quotes.expiries if not each.refusal}


def _is_same(new: ExpiryQuotes, old: ExpiryQuotes) -> bool:
    return (
        new.names == old.names
        and _kinds(new.reasons) == _kinds(old.reasons)
        and new.forward == old.forward
        and np.array_equal(new.log_moneyness, old.log_moneyness)
        and np.array_equal(new.bid_iv, old.bid_iv, equal_nan=True)
        and np.array_equal(new.ask_iv, old.ask_iv, equal_nan=True)
    )


def _kinds(reasons: Sequence[str]) -> list[str]:
    # A stale quote's age grows in words, and it takes no more part for it.
    return ["stale" if reason.startswith("stale: ") else reason for reason in reasons]


def _is_fed_alike(new: ExpiryQuotes, old: ExpiryQuotes) -> bool:
    one, other = kernel_quotes(new), kernel_quotes(old)
    return one.years == other.years and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("log_moneyness", "bid_iv", "ask_iv", "trust")
    )
