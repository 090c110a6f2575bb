"""What a venue does to the Greeks it shows near expiry, in words: why its own differ from ours.

From the venue's published rules and recorded tickers; nothing here enters a sum.
"""

from __future__ import annotations

from quantdesk.market.market_data import UnderlyingMarket

AVERAGING_NS = 30 * 60 * 1_000_000_000
"""Deribit settles on the average index of the last half hour, over which it fades delta; Binance
settles so too, but says nothing of its Greeks."""

DAY_NS = 86_400 * 1_000_000_000
HOUR_NS = 3_600 * 1_000_000_000
MINUTE_NS = 60 * 1_000_000_000
_FADING_VENUES = frozenset({"deribit"})


def averaging_share(market: UnderlyingMarket, expiry_ns: int) -> float:
    """Share that the venue leaves of a delta: 1 before the average begins, 0 at expiry."""
    if market.venue not in _FADING_VENUES:
        return 1.0
    left = expiry_ns - market.as_of_ns
    return min(max(left / AVERAGING_NS, 0.0), 1.0)


def decay_note(market: UnderlyingMarket, expiry_ns: int) -> str:
    """Why the venue's Greeks of an option differ near its expiry; "" where they need not."""
    left = expiry_ns - market.as_of_ns
    notes = []
    if market.venue == "deribit" and left < DAY_NS:
        notes.append(
            f"last day: {market.venue} counts theta for the {left / HOUR_NS:.1f} h left only, "
            "and never more than the option's value"
        )
    if averaging_share(market, expiry_ns) < 1.0:
        notes.append(
            f"settlement average under way, {left / MINUTE_NS:.0f} of 30 minutes left: the venue "
            f"fades delta to {averaging_share(market, expiry_ns):.0%} of itself, ours is not faded"
        )
    return "; ".join(notes)
