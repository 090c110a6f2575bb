"""Deribit's request credits: which bucket a method spends from, and how much."""

from __future__ import annotations

from quantdesk.venues.transport.rate_limit import TokenBucket

REFILL_PER_S = 10_000.0

PLAIN_COST = 500
PLAIN_RESERVE = 5_000
"""Ten plain requests are kept for what keeps a connection alive and an account known."""

URGENT = frozenset({"public/auth", "public/test", "public/set_heartbeat"})


class RequestBudget:
    """Credits of one client address or account, in the venue's three buckets.

    A plain request costs 500 of 50,000; a list of instruments 10,000 of 500,000; a subscription
    3,000 of 30,000; each refills 10,000 a second (rate limits as documented in 2026).
    """

    def __init__(self) -> None:
        self._plain = TokenBucket(capacity=50_000, refill_per_s=REFILL_PER_S, reserve=PLAIN_RESERVE)
        self._lists = TokenBucket(capacity=500_000, refill_per_s=REFILL_PER_S)
        self._subscriptions = TokenBucket(capacity=30_000, refill_per_s=REFILL_PER_S)

    def reserve(self, method: str, now_s: float) -> float:
        """Spend what `method` costs; seconds to wait before sending it, 0 for at once."""
        if method == "public/get_instruments":
            return self._lists.reserve(10_000, now_s)
        if method.endswith(("/subscribe", "/unsubscribe")):
            return self._subscriptions.reserve(3_000, now_s)
        is_urgent = method in URGENT or method.startswith("private/")
        return self._plain.reserve(PLAIN_COST, now_s, is_urgent=is_urgent)

    def words(self, now_s: float) -> str:
        """What is left of the buckets, for people."""
        left = (
            f"{bucket.left(now_s):,.0f} of {bucket.capacity:,.0f} for {what}"
            for what, bucket in (
                ("requests", self._plain),
                ("lists", self._lists),
                ("subscriptions", self._subscriptions),
            )
        )
        return f"credits left: {', '.join(left)}; {PLAIN_RESERVE:,} kept back"
