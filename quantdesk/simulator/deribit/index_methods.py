"""The public methods on indexes: names, charts, DVOL, historical volatility."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from quantdesk.simulator.deribit.calls import Call, Flag, Method, Text, given
from quantdesk.simulator.deribit.market import NS_PER_MS
from quantdesk.simulator.deribit.market_methods import CURRENCIES
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params

NS_PER_S = 1_000_000_000
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
MS_PER_S = 1_000
BARS_MAX = 1_000

RANGES = {
    "1h": (MINUTE_S, 60),
    "1d": (5 * MINUTE_S, 288),
    "2d": (10 * MINUTE_S, 288),
    "1m": (HOUR_S, 720),
    "1y": (DAY_S, 365),
    "all": (DAY_S, 1_000),
}
"""Seconds between the points of an index chart, and how many there are."""

RESOLUTIONS_S = {"1": 1, "60": 60, "3600": 3_600, "43200": 43_200, "1D": DAY_S}

HISTORY_HOURS = 15 * 24
"""Historical volatility is that of the hourly returns of fifteen days, as the venue has it."""

_HOURS_A_YEAR = 365 * 24
_TYPES = ("all", "spot", "derivative")


class NamesParams(msgspec.Struct, frozen=True):
    extended: Flag = msgspec.UNSET


class SupportedParams(msgspec.Struct, frozen=True):
    type: Text = msgspec.UNSET


class CurrencyParams(msgspec.Struct, frozen=True):
    currency: str


class IndexChartParams(msgspec.Struct, frozen=True):
    index_name: str
    range: str


class VolatilityParams(msgspec.Struct, frozen=True):
    currency: str
    start_timestamp: int
    end_timestamp: int
    # Documented as text; clients send a number too.
    resolution: str | int


def index_of(call: Call, currency: str) -> str | Refusal:
    """Name of the index of a currency that is listed here."""
    if currency not in call.face.market.currencies:
        return invalid_params("currency", f"must be one of {_listed(call)}")
    return f"{currency.lower()}_usd"


def _listed(call: Call) -> str:
    return ", ".join(call.face.market.currencies)


def _names(call: Call) -> object:
    names = list(call.face.venue.indexes)
    if call.params.extended is not True:
        return names
    return [
        {
            "name": name,
            "future_combo_creation_enabled": False,
            "option_combo_creation_enabled": False,
        }
        for name in names
    ]


def _supported(call: Call) -> object:
    kind = given(call.params.type, "all")
    if kind not in _TYPES:
        return invalid_params("type", f"must be one of {', '.join(_TYPES)}")
    return [] if kind == "spot" else list(call.face.venue.indexes)


def _index(call: Call) -> object:
    """The older form of the index price: by currency, with the expected delivery price."""
    currency = call.params.currency
    if currency not in CURRENCIES:
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")
    name = index_of(call, currency)
    if isinstance(name, Refusal):
        return name
    venue = call.face.venue
    return {currency: venue.index_price(name), "edp": venue.estimated_delivery(name)}


def _index_chart(call: Call) -> object:
    """[time in ms, price] pairs up to now, oldest first."""
    name, venue = call.params.index_name, call.face.venue
    if name not in venue.indexes:
        return invalid_params("index_name", f"must be one of {', '.join(venue.indexes)}")
    if call.params.range not in RANGES:
        return invalid_params("range", f"must be one of {', '.join(RANGES)}")
    spacing_s, count = RANGES[call.params.range]
    instants = last_instants(venue.stamp_ms * NS_PER_MS, spacing_s, count)
    index = venue.indexes[name]
    prices = index.prices_at(index.steps_of(instants))
    return list(zip((instants // NS_PER_MS).tolist(), prices.tolist(), strict=True))


def last_instants(now_ns: int, spacing_s: int, count: int) -> NDArray[np.int64]:
    """The last `count` whole multiples of `spacing_s` up to `now_ns`, oldest first."""
    spacing_ns = spacing_s * NS_PER_S
    return (now_ns // spacing_ns - np.arange(count - 1, -1, -1, dtype=np.int64)) * spacing_ns


def _historical_volatility(call: Call) -> object:
    """[time in ms, percent] by the hour: annualised, of the index's hourly returns."""
    name = index_of(call, call.params.currency)
    if isinstance(name, Refusal):
        return name
    venue = call.face.venue
    index = venue.indexes[name]
    instants = last_instants(venue.stamp_ms * NS_PER_MS, HOUR_S, 2 * HISTORY_HOURS)
    returns = np.diff(np.log(index.prices_at(index.steps_of(instants))))
    windows = np.lib.stride_tricks.sliding_window_view(returns, HISTORY_HOURS)
    volatility = 100 * np.sqrt(np.mean(windows**2, axis=1) * _HOURS_A_YEAR)
    shown = instants[-len(volatility) :] // NS_PER_MS
    return list(zip(shown.tolist(), np.round(volatility, 6).tolist(), strict=True))


def _volatility_index(call: Call) -> object:
    """DVOL bars [time in ms, open, high, low, close]: those since the opening of the venue.

    The latest of a long time; `continuation` is then the end of the time to ask for next.
    """
    params = call.params
    name = index_of(call, params.currency)
    if isinstance(name, Refusal):
        return name
    width_s = RESOLUTIONS_S.get(str(params.resolution))
    if width_s is None:
        return invalid_params("resolution", f"must be one of {', '.join(RESOLUTIONS_S)}")
    if params.start_timestamp > params.end_timestamp:
        return invalid_params("start_timestamp", "must not be after end_timestamp")
    bars = call.face.venue.volatility_history(name).bars(
        width_s,
        from_s=params.start_timestamp // MS_PER_S // width_s * width_s,
        to_s=params.end_timestamp // MS_PER_S,
    )
    shown: Sequence[object] = [
        (bar.start_s * MS_PER_S, bar.open, bar.high, bar.low, bar.close) for bar in bars[-BARS_MAX:]
    ]
    is_cut = len(bars) > BARS_MAX
    return {
        "data": shown,
        "continuation": (bars[-BARS_MAX].start_s - width_s) * MS_PER_S if is_cut else None,
    }


METHODS: dict[str, Method] = {
    "public/get_index": Method(run=_index, params=CurrencyParams),
    "public/get_index_price_names": Method(run=_names, params=NamesParams),
    "public/get_supported_index_names": Method(run=_supported, params=SupportedParams),
    "public/get_index_chart_data": Method(run=_index_chart, params=IndexChartParams),
    "public/get_historical_volatility": Method(run=_historical_volatility, params=CurrencyParams),
    "public/get_volatility_index_data": Method(run=_volatility_index, params=VolatilityParams),
}
