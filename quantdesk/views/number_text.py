"""Numbers as text: fixed decimals, thousands separators, a dash where there is none.

No digit is ever cut off to make a number fit: it changes its notation or is replaced by "#",
which nobody takes for a number.
"""

from __future__ import annotations

from functools import lru_cache
from math import floor, isfinite, log10

from quantdesk.domain.instrument import TickScheme

DASH = "–"
"""Shown where there is no value. Never 0, never blank."""

STRIKE_LENGTH_MAX = 14

DECIMALS_MAX = 12
"""More than any venue's tick has; a bound against absurd instrument records."""


def number_text(value: float | None, decimals: int, width: int | None = None) -> str:
    """`value` with `decimals` and thousands separators; the dash for None, NaN and infinities.

    With `width` the text is at most that long: separators go first, then decimals as long as
    three digits still tell, then the notation becomes scientific, then it is "#" throughout.
    """
    if value is None or not isfinite(value):
        return DASH
    text = f"{value:,.{decimals}f}"
    if text[0] == "-" and text.strip("-0.,") == "":
        text = text[1:]
    if width is None or len(text) <= width:
        return text
    return _squeezed(value, decimals, width)


def _squeezed(value: float, decimals: int, width: int) -> str:
    told = 2 - floor(log10(abs(value))) if value else decimals
    for fewer in range(decimals, min(max(told, 0), decimals) - 1, -1):
        plain = f"{value:.{fewer}f}"
        if len(plain) <= width:
            return plain
    for digits in range(4, -1, -1):
        mantissa, exponent = f"{value:.{digits}e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
        if len(text) <= width:
            return text
    return "#" * width


def percent_text(fraction: float | None, decimals: int = 2, width: int | None = None) -> str:
    """A fraction in percent without the sign: 0.6512 is "65.12"."""
    scaled = None if fraction is None else fraction * 100.0
    return number_text(scaled, decimals, width)


def exact_text(value: float | None) -> str:
    """All digits that are known of `value`: the shortest text that reads back as the same float."""
    if value is None or not isfinite(value):
        return DASH
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,}"


def precise_text(value: float | None) -> str:
    """A computed number to eight significant digits: more than any input of it has."""
    return DASH if value is None or not isfinite(value) else f"{value:,.8g}"


def strike_text(strike: float) -> str:
    """A strike with thousands separators and only the decimals it has, in at most 14 characters."""
    if not isfinite(strike):
        return DASH
    text = f"{strike:,.8f}".rstrip("0").rstrip(".")
    return text if len(text) <= STRIKE_LENGTH_MAX else f"{strike:.7g}"


@lru_cache(maxsize=256)
def tick_decimals(ticks: TickScheme) -> int:
    """Decimals that show every price of the grid: those of its finest tick."""
    finest = min((ticks.tick, *(tick for _, tick in ticks.steps)))
    exponent = finest.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # TickScheme refuses ticks that are not finite
    return min(max(-exponent, 0), DECIMALS_MAX)
