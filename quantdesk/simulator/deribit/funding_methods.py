"""The public methods on a perpetual's funding."""

from __future__ import annotations

import msgspec

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.calls import Call, Method
from quantdesk.simulator.deribit.index_methods import HOUR_S, MINUTE_S, last_instants
from quantdesk.simulator.deribit.market import NS_PER_MS
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params
from quantdesk.simulator.futures import FUNDING_PERIOD_NS, HOUR_NS
from quantdesk.simulator.trading_floor import RATE_DECIMALS

HISTORY_MAX = 744
"""Hours of a month: what the venue answers at most."""

LENGTHS = {"8h": (10 * MINUTE_S, 48), "24h": (HOUR_S, 24), "1m": (8 * HOUR_S, 90)}
"""Seconds between the points of a funding chart, and how many there are."""


class PeriodParams(msgspec.Struct, frozen=True):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int


class FundingChartParams(msgspec.Struct, frozen=True):
    instrument_name: str
    length: str


def _refused(call: Call) -> Refusal | None:
    """Why the instrument has no funding."""
    line = call.face.market.line_of.get(call.params.instrument_name)
    if line is None:
        return refusals.NOT_FOUND
    future = call.face.market.future(line)
    is_perpetual = future is not None and future.is_perpetual
    return None if is_perpetual else invalid_params("instrument_name", "must be a perpetual")


def _period(call: Call) -> Refusal | tuple[int, int]:
    """Venue times of the period asked for, not beyond now."""
    refusal = _refused(call)
    if refusal is not None:
        return refusal
    from_ms, to_ms = call.params.start_timestamp, call.params.end_timestamp
    if not 0 <= from_ms <= to_ms:
        return invalid_params("start_timestamp", "must be from 0 to end_timestamp")
    now_ms = call.face.venue.stamp_ms
    return min(from_ms, now_ms) * NS_PER_MS, min(to_ms, now_ms) * NS_PER_MS


def _value(call: Call) -> object:
    """What a long paid over the period, as part of its value."""
    period = _period(call)
    if isinstance(period, Refusal):
        return period
    rate = call.face.venue.futures.funding_rate(call.params.instrument_name, *period)
    return round(rate, RATE_DECIMALS)


def _history(call: Call) -> object:
    """A record an hour, oldest first: the rates of the hour and of the eight that end with it."""
    period = _period(call)
    if isinstance(period, Refusal):
        return period
    first = -(-period[0] // HOUR_NS)
    last = period[1] // HOUR_NS
    hours = range(max(first, last - HISTORY_MAX + 1), last + 1)
    return [_hour(call, hour * HOUR_NS) for hour in hours]


def _hour(call: Call, end_ns: int) -> dict[str, object]:
    name, futures = call.params.instrument_name, call.face.venue.futures
    index = futures.contracts[futures.row_of[name]].index
    now, before = (
        float(index.price_at((at - index.opened_ns) // index.step_ns))
        for at in (end_ns, end_ns - HOUR_NS)
    )
    return {
        "timestamp": end_ns // NS_PER_MS,
        "index_price": now,
        "prev_index_price": before,
        "interest_8h": round(
            futures.eight_hour_rate(name, end_ns - FUNDING_PERIOD_NS, end_ns), RATE_DECIMALS
        ),
        "interest_1h": round(futures.funding_rate(name, end_ns - HOUR_NS, end_ns), RATE_DECIMALS),
    }


def _chart(call: Call) -> object:
    """Points of the rate over eight hours, and the rates of now."""
    refusal = _refused(call)
    if refusal is not None:
        return refusal
    if call.params.length not in LENGTHS:
        return invalid_params("length", f"must be one of {', '.join(LENGTHS)}")
    spacing_s, count = LENGTHS[call.params.length]
    name, venue = call.params.instrument_name, call.face.venue
    contract = venue.futures.contracts[venue.futures.row_of[name]]
    index = contract.index
    instants = last_instants(venue.stamp_ms * NS_PER_MS, spacing_s, count)
    prices = index.prices_at(index.steps_of(instants)).tolist()
    rates = [
        venue.futures.eight_hour_rate(name, at - FUNDING_PERIOD_NS, at) for at in instants.tolist()
    ]
    return {
        "current_interest": contract.current_funding,
        "interest_8h": contract.funding_8h,
        "data": [
            {
                "index_price": price,
                "interest_8h": round(rate, RATE_DECIMALS),
                "timestamp": at // NS_PER_MS,
            }
            for at, price, rate in zip(instants.tolist(), prices, rates, strict=True)
        ],
    }


METHODS: dict[str, Method] = {
    "public/get_funding_rate_value": Method(run=_value, params=PeriodParams),
    "public/get_funding_rate_history": Method(run=_history, params=PeriodParams),
    "public/get_funding_chart_data": Method(run=_chart, params=FundingChartParams),
}
