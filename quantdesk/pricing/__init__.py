"""The numpy face of the kernel: prices, partials, implied vols, forwards, day count.

The only room that may import `quantdesk._core`. Knows no venue, no currency, no clock.
"""

from quantdesk.pricing import daycount
from quantdesk.pricing.black import OUTPUTS, Greeks, greeks, greeks_one, is_valid, price, price_one
from quantdesk.pricing.daycount import years_between
from quantdesk.pricing.implied import ImpliedVols, IvStatus, implied_vol, implied_vol_one
from quantdesk.pricing.parity import parity_forward, parity_forward_coin

__all__ = [
    "OUTPUTS",
    "Greeks",
    "ImpliedVols",
    "IvStatus",
    "daycount",
    "greeks",
    "greeks_one",
    "implied_vol",
    "implied_vol_one",
    "is_valid",
    "parity_forward",
    "parity_forward_coin",
    "price",
    "price_one",
    "years_between",
]
