"""What an expiry is worth, and how the market runs into it.

Pure. Delivery is on one mean of the index per expiry (`UnderlyingIndex.mean`); what is here turns
it into option payoffs, and says how far the averaging has come.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS

FloatArray = NDArray[np.float64]

PAYOFF_DECIMALS = 8
"""Deribit settles inverse options to the satoshi."""


def averaged_share(venue_ns: int, expiry_ns: int) -> float:
    """Part of the delivery price that is already fixed at `venue_ns`: 0 before the window, 1 after.

    By it the expected delivery is share × mean so far + (1 − share) × forward, and an expiring
    option's delta is (1 − share) of the Black one.
    """
    left_ns = max(0, expiry_ns - venue_ns)
    return max(0.0, 1.0 - left_ns / DELIVERY_WINDOW_NS)


def coin_payoff(is_call: NDArray[np.bool_], strike: FloatArray, delivery: float) -> FloatArray:
    """Payoff of one inverse option each (n,), in coin: max(D − K, 0)/D, max(K − D, 0)/D."""
    gain = np.where(is_call, delivery - strike, strike - delivery)
    return np.round(np.maximum(gain, 0.0) / delivery, PAYOFF_DECIMALS)
