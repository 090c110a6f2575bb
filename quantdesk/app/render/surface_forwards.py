"""The forwards of a fit beside those that were not taken: bounds of parity, basis, discount."""

from __future__ import annotations

from quantdesk.domain.times import expiry_code
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.forward_curve import ForwardPoint

ABSENT = "–"

HEADINGS = (
    *("expiry", "forward by", "low bp", "high bp", "pairs", "venue bp", "future bp", "parity bp"),
    *("basis %", "discount"),
)
"""Bounds and other forwards are basis points from the fit's; the basis is a year's."""

UNDISCOUNTED = "1.0000"


def forward_record(each: SliceFit) -> dict[str, object] | None:
    """The forward of a slice beside those that were not taken; None where it was not looked at."""
    found = each.quotes.evidence
    if found is None:
        return None
    return {
        "venue": found.venue_price,
        "future": found.future_price,
        "parity": found.parity_price,
        "pairs": found.pairs,
        "low": found.low,
        "high": found.high,
        "is_consistent": found.is_consistent,
        "basis": found.basis,
        "discount": found.discount,
        "discount_source": found.discount_source,
        "words": found.words,
    }


def forward_rows(fit: SurfaceFit) -> list[tuple[str, ...]]:
    """A table of the forwards of `fit`, headings first; nothing where they were not looked at.

    Columns that say nothing of any expiry are left out.
    """
    looked_at = [each.quotes.evidence for each in fit.slices]
    rows = [_row(found) for found in looked_at if found is not None and found.price is not None]
    if not rows:
        return []
    told = [
        at
        for at in range(len(HEADINGS))
        if any(row[at] not in (ABSENT, UNDISCOUNTED) for row in rows)
    ]
    return [tuple(row[at] for at in told) for row in (HEADINGS, *rows)]


def _row(found: ForwardPoint) -> tuple[str, ...]:
    others = (found.low, found.high, found.venue_price, found.future_price, found.parity_price)
    low, high, *rest = (_points(found, price) for price in others)
    return (
        expiry_code(found.expiry_ns),
        found.source,
        low,
        high,
        str(found.pairs) if found.pairs else ABSENT,
        *rest,
        ABSENT if found.basis is None else f"{100 * found.basis:.2f}",
        f"{found.discount:.4f}",
    )


def _points(found: ForwardPoint, price: float | None) -> str:
    if price is None or found.price is None:
        return ABSENT
    return f"{1e4 * (price / found.price - 1.0):+.1f}"
