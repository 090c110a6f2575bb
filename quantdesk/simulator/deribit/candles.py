"""Candles of an instrument: from what was traded here, and of futures from the mark where nothing
was.

A bar without trades follows the future's mark along the path, at no volume; so a chart has a past
before the venue opened. An option's bars are those with trades only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.calls import Call, Method
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.market import NS_PER_MS
from quantdesk.simulator.deribit.records import PublicTrade
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params

MINUTE_MS = 60_000
CANDLES_MAX = 5_000
MARKS_PER_CANDLE = 12
AMOUNT_DECIMALS = 8

RESOLUTIONS: dict[str, int] = {
    **{str(m): m for m in (1, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720)},
    "1D": 1_440,
}
"""Minutes of a bar by the venue's word for it."""


class Candle(msgspec.Struct, frozen=True, kw_only=True):
    """One bar, as the `chart.trades` channel prints it. Volume in coin, cost in quote currency."""

    tick: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    cost: float


class ChartParams(msgspec.Struct, frozen=True):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int
    # Documented as text; clients send a number too.
    resolution: str | int


def traded_candle(tick_ms: int, trades: Sequence[PublicTrade], *, is_future: bool) -> Candle:
    """The bar of at least one trade, oldest first. Amounts of futures are USD, of options coins."""
    coins = sum(t.amount / t.price if is_future else t.amount for t in trades)
    cost = sum(t.amount if is_future else t.amount * t.price for t in trades)
    prices = [trade.price for trade in trades]
    return Candle(
        tick=tick_ms,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=round(coins, AMOUNT_DECIMALS),
        cost=round(cost, AMOUNT_DECIMALS),
    )


def latest_candle(face: DeribitFace, name: str, minutes: int) -> Candle | None:
    """The bar that the latest trade fell into; None before the first."""
    trades = face.tape.of_instrument(name)
    if not trades:
        return None
    width_ms = minutes * MINUTE_MS
    tick_ms = trades[-1].timestamp // width_ms * width_ms
    return traded_candle(
        tick_ms,
        [trade for trade in trades if trade.timestamp >= tick_ms],
        is_future=face.market.kind(face.market.line_of[name]) == "future",
    )


def _candles(face: DeribitFace, name: str, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
    """The latest bars that begin in [from_ms, to_ms] and are not in the future."""
    width_ms = minutes * MINUTE_MS
    trades: dict[int, list[PublicTrade]] = {}
    for trade in face.tape.of_instrument(name):
        trades.setdefault(trade.timestamp // width_ms * width_ms, []).append(trade)
    future = face.market.future(face.market.line_of[name])
    last = min(to_ms, face.venue.stamp_ms) // width_ms
    first = max(-(-from_ms // width_ms), last - CANDLES_MAX + 1, 0)
    ticks = [at * width_ms for at in range(first, last + 1)]
    if future is None:
        return [traded_candle(at, trades[at], is_future=False) for at in ticks if trades.get(at)]
    empty = [at for at in ticks if at not in trades]
    marked = {candle.tick: candle for candle in _marked(face, name, empty, width_ms)}
    return [
        traded_candle(at, trades[at], is_future=True) if at in trades else marked[at]
        for at in ticks
    ]


def _marked(face: DeribitFace, name: str, ticks: Sequence[int], width_ms: int) -> Iterable[Candle]:
    """Bars of a future's mark, those of now as far as they are."""
    if not ticks:
        return []
    venue = face.venue
    record = venue.futures.contracts[venue.futures.row_of[name]].record
    offsets = np.linspace(0, width_ms, MARKS_PER_CANDLE + 1).astype(np.int64)
    instants = np.asarray(ticks, dtype=np.int64)[:, None] + offsets[None, :]
    instants = np.minimum(instants, venue.stamp_ms) * NS_PER_MS
    marks = venue.futures.marks_at(name, instants.reshape(-1)).reshape(instants.shape)
    prices = np.round(np.rint(marks / record.tick_size) * record.tick_size, 2)
    return [
        Candle(
            tick=tick,
            open=row[0],
            high=max(row),
            low=min(row),
            close=row[-1],
            volume=0.0,
            cost=0.0,
        )
        for tick, row in zip(ticks, prices.tolist(), strict=True)
    ]


def _chart(call: Call) -> object:
    """Bars as columns, oldest first."""
    params, name = call.params, call.params.instrument_name
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    minutes = minutes_of(str(params.resolution))
    if isinstance(minutes, Refusal):
        return minutes
    if params.start_timestamp > params.end_timestamp:
        return invalid_params("start_timestamp", "must not be after end_timestamp")
    shown = _candles(call.face, name, minutes, params.start_timestamp, params.end_timestamp)
    return {
        "status": "ok" if shown else "no_data",
        "ticks": [candle.tick for candle in shown],
        "open": [candle.open for candle in shown],
        "high": [candle.high for candle in shown],
        "low": [candle.low for candle in shown],
        "close": [candle.close for candle in shown],
        "volume": [candle.volume for candle in shown],
        "cost": [candle.cost for candle in shown],
    }


def minutes_of(resolution: str) -> int | Refusal:
    """Minutes of a bar."""
    minutes = RESOLUTIONS.get(resolution)
    if minutes is None:
        return invalid_params("resolution", f"must be one of {', '.join(RESOLUTIONS)}")
    return minutes


METHODS: dict[str, Method] = {
    "public/get_tradingview_chart_data": Method(run=_chart, params=ChartParams),
}
