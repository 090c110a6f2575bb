"""Which numbers of a simulated venue were made by rule and which opened as recorded, by column.

The samples say it of their own fields (`simulator.samples`); here it is said of a chain's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from quantdesk.simulator import load_sample

SAMPLE_OF = {"BTC": "btc-2026-06-27", "ETH": "eth-2026-01-31"}
"""Which shipped sample an underlying of the embedded venue opens on."""

_COLUMNS_OF = {
    "mark_iv": ("venue_mark_iv",),
    "mark_price": ("mark",),
    "bid_iv, ask_iv": ("venue_bid_iv", "venue_ask_iv"),
    "greeks": ("venue_delta", "venue_gamma", "venue_vega", "venue_theta", "venue_rho"),
    "best_bid_amount, best_ask_amount": ("bid_size", "ask_size"),
    "underlying_price": ("forward",),
    "index_price": ("index_price",),
    "stats.volume": ("volume",),
}
"""Columns of a chain by the sample's fields."""

_PRICES = ("bid", "ask", "mark", "last")
_SIZES = ("bid_size", "ask_size", "open_interest", "volume")

BINANCE_RULE = (
    "from the surface of the recorded Deribit chain, in USDT, on Binance's strikes, ticks and steps"
)


@cache
def made_by_rule(venue: str, underlying: str) -> Mapping[str, str]:
    """The rule of each column that the simulated `venue` did not open with as recorded.

    No Binance chain is recorded whole, so that all of its prices and sizes are made. Empty for an
    underlying without a sample.
    """
    sample_name = SAMPLE_OF.get(underlying)
    if sample_name is None:
        return MappingProxyType({})
    sample = load_sample(sample_name)
    rules = {
        column: rule
        for field, rule in sample.simulated.items()
        for column in _COLUMNS_OF.get(field, ())
    }
    if venue == "binance":
        modelled = [column for columns in _COLUMNS_OF.values() for column in columns]
        made = dict.fromkeys((*_PRICES, *_SIZES, *modelled), BINANCE_RULE)
        # The index is the same at both venues.
        made.pop("index_price")
        rules = made | {name: rule for name, rule in rules.items() if name not in made}
    return MappingProxyType(rules)
