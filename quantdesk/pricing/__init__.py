"""The numpy face of the kernel: prices, partials, implied vols, scenarios, forwards, day count.

The only room that may import `quantdesk._core`. Knows no venue, no currency, no clock.
"""

from quantdesk.pricing import daycount
from quantdesk.pricing.black import (
    OUTPUTS,
    Greeks,
    OptionGreeks,
    greeks,
    greeks_one,
    is_valid,
    price,
    price_one,
)
from quantdesk.pricing.chain import chain_greeks
from quantdesk.pricing.daycount import years_between
from quantdesk.pricing.digital import Digital, digital, touch_probability
from quantdesk.pricing.faces import (
    CoinGreeks,
    SpotGreeks,
    coin_greeks,
    coin_payoff,
    coin_pnl,
    spot_greeks,
)
from quantdesk.pricing.implied import ImpliedVols, IvStatus, implied_vol, implied_vol_one
from quantdesk.pricing.parity import parity_forward, parity_forward_coin
from quantdesk.pricing.scenario import (
    SCENARIO_OUTPUTS,
    Book,
    ByGroup,
    ScenarioCube,
    grid,
    scenarios,
)
from quantdesk.pricing.simd import set_simd_path, simd_path, simd_paths

__all__ = [
    "OUTPUTS",
    "SCENARIO_OUTPUTS",
    "Book",
    "ByGroup",
    "CoinGreeks",
    "Digital",
    "Greeks",
    "ImpliedVols",
    "IvStatus",
    "OptionGreeks",
    "ScenarioCube",
    "SpotGreeks",
    "chain_greeks",
    "coin_greeks",
    "coin_payoff",
    "coin_pnl",
    "daycount",
    "digital",
    "greeks",
    "greeks_one",
    "grid",
    "implied_vol",
    "implied_vol_one",
    "is_valid",
    "parity_forward",
    "parity_forward_coin",
    "price",
    "price_one",
    "scenarios",
    "set_simd_path",
    "simd_path",
    "simd_paths",
    "spot_greeks",
    "touch_probability",
    "years_between",
]
