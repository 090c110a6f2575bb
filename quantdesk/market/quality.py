"""Which quotes to trust: stale, crossed, one-sided. Flags only; nothing is removed here."""

from __future__ import annotations

import numpy as np

from quantdesk.market.chain import BoolArray, Chain

STALE_AFTER_NS = 180 * 1_000_000_000
"""A quote older than this on the venue's clock is stale: the venue re-sends a ticker whenever its
index moves, so minutes of silence on one option mean that something is wrong with its channel; a
sweep of a whole chain over REST takes about two."""


def stale_rows(chain: Chain, as_of_ns: int, stale_after_ns: int = STALE_AFTER_NS) -> BoolArray:
    """Rows whose quote is older than `stale_after_ns` at `as_of_ns`, or was never there."""
    return (as_of_ns - chain.event_ns) > stale_after_ns


def crossed_rows(chain: Chain) -> BoolArray:
    """Rows whose bid is above their ask."""
    with np.errstate(invalid="ignore"):
        return chain.bid > chain.ask


def one_sided_rows(chain: Chain) -> BoolArray:
    """Rows with a bid or an ask, not both."""
    return np.isnan(chain.bid) ^ np.isnan(chain.ask)
