"""What a user may say of a surface that is fitted again and again: model, weights, filters, clock.

One frozen value an underlying and venue; the desk fits by it until another one comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from quantdesk.domain.times import NS_PER_S
from quantdesk.errors import InvalidInput
from quantdesk.market.fitting import FitOptions
from quantdesk.market.own_vols import VolOverride
from quantdesk.market.surface_clock import CALENDAR_CHOICE, ClockChoice
from quantdesk.market.surface_quotes import STALE_AFTER_NS
from quantdesk.pricing.surface import SMOOTHING

EXCLUDED_MAX = 256
"""Options left out by hand: more are a filter, and filters have a setting of their own."""

STALE_CHOICES_S = (STALE_AFTER_NS / NS_PER_S, 60.0, 10.0, 3600.0)
"""Ages beyond which a quote takes no part, as the keyboard cycles through them."""

SMOOTHING_CHOICES = (SMOOTHING, 2.0, 7.0, 0.07, 0.2)
FLOOR_CHOICES = (0.0015, 0.005, 0.0005)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceChoice:
    """How one underlying of one venue is fitted.

    options : model and weights
    stale_after_s : quotes older than this take no part
    excluded : names of options left out by hand, sorted
    overrides : the user's own vols, beside the market's
    clock : what variance runs on between listed expiries
    """

    options: FitOptions = field(default_factory=FitOptions)
    stale_after_s: float = STALE_CHOICES_S[0]
    excluded: tuple[str, ...] = ()
    overrides: tuple[VolOverride, ...] = ()
    clock: ClockChoice = CALENDAR_CHOICE

    def __post_init__(self) -> None:
        if not (math.isfinite(self.stale_after_s) and self.stale_after_s > 0):
            raise InvalidInput("stale_after_s", self.stale_after_s, "must be finite and above 0")
        if len(self.excluded) > EXCLUDED_MAX:
            rule = f"must be at most {EXCLUDED_MAX} options"
            raise InvalidInput("excluded", len(self.excluded), rule)
        object.__setattr__(self, "excluded", tuple(sorted(set(self.excluded))))

    @property
    def stale_after_ns(self) -> int:
        """`stale_after_s` as the filter takes it."""
        return round(self.stale_after_s * NS_PER_S)

    def toggled(self, name: str) -> SurfaceChoice:
        """The choice with the option called `name` left out, or taken in again."""
        if name in self.excluded:
            kept = tuple(each for each in self.excluded if each != name)
        else:
            kept = (*self.excluded, name)
        return replace(self, excluded=kept)

    def override(self, expiry_ns: int) -> VolOverride:
        """The own vols of one expiry; an empty override where nothing was said."""
        for each in self.overrides:
            if each.expiry_ns == expiry_ns:
                return each
        return VolOverride(expiry_ns=expiry_ns)

    def with_override(self, override: VolOverride) -> SurfaceChoice:
        """The choice with these own vols of that expiry; an empty one removes them."""
        kept = [each for each in self.overrides if each.expiry_ns != override.expiry_ns]
        if not override.is_empty:
            kept.append(override)
        kept.sort(key=lambda each: each.expiry_ns)
        return replace(self, overrides=tuple(kept))

    def is_fitted_alike(self, other: SurfaceChoice) -> bool:
        """Whether a fit by `other` is one by this: own vols do not touch the fit."""
        return replace(self, overrides=()) == replace(other, overrides=())


DEFAULT_CHOICE = SurfaceChoice()
"""The desk's own model with its own weights and filters; nothing left out."""
