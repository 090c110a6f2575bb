"""What the desk computes from a chain's quotes: implied vols and Greeks, row by row.

Everything here is one batch call into the kernel per quantity. Each row is valued at its own
quote's forward and time, since forwards move while a chain is captured.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, Chain, FloatArray
from quantdesk.market.quality import crossed_rows, one_sided_rows
from quantdesk.pricing import IvStatus

__all__ = [
    "IV_NO_QUOTE",
    "IV_RECORDED",
    "IV_TICK_NOISE",
    "ChainValues",
    "GreeksSource",
    "IvStatus",
    "value_chain",
]

IV_NO_QUOTE = 255
"""Status of a row that has no price to invert; beside the kernel's `IvStatus` codes."""

IV_RECORDED = 254
"""Status of an IV taken as recorded, from a file that holds IVs and no prices."""

IV_TICK_NOISE = 253
"""Status of a mark in the money that determines no vol: half a tick of it moves the vol by more
than a vol point."""

TICK_NOISE_POINTS = 1.0
"""Vol points that half a tick may move an IV before it counts as noise."""

GRID_TOLERANCE = 1e-6
"""Ticks that a price may lie from the grid and still be on it: what a float leaves."""

DAYS_PER_YEAR = 365.0
VOL_POINT = 0.01


class GreeksSource(IntEnum):
    """Where the vol behind a row's Greeks comes from."""

    NONE = 0
    MARK = 1
    TWIN = 2
    VENUE_IV = 3
    MID = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainValues:
    """Computed columns of a chain, read-only arrays of shape (n,), NaN where there is none.

    forward : the row's own, or its expiry's where the quote carries none; USD per coin
    discount : what a linear price is divided by to give its Black value (`market.discounts`); 1 for
        inverse options and where it is not known
    years : ACT/365 from the row's `event_ns` to expiry
    bid_iv, mark_iv, ask_iv : fractions; `*_status` are `IvStatus` codes, `IV_NO_QUOTE`,
        `IV_RECORDED` or (mark only) `IV_TICK_NOISE`
    greeks_iv, greeks_source : the vol the Greeks are taken at, and a `GreeksSource`
    delta : Black, on the forward
    delta_premium_adjusted : delta − mark in coin; inverse options with a mark only
    gamma : per USD;  vega : USD per vol point;  theta : USD per calendar day, plain ∂V/∂t / 365;
        all for one coin of underlying
    is_crossed, is_one_sided : quality of the quote
    """

    forward: FloatArray
    discount: FloatArray
    years: FloatArray
    bid_iv: FloatArray
    mark_iv: FloatArray
    ask_iv: FloatArray
    bid_iv_status: NDArray[np.uint8]
    mark_iv_status: NDArray[np.uint8]
    ask_iv_status: NDArray[np.uint8]
    greeks_iv: FloatArray
    greeks_source: NDArray[np.int8]
    delta: FloatArray
    delta_premium_adjusted: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    is_crossed: BoolArray
    is_one_sided: BoolArray

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).flags.writeable = False

    def take(self, rows: BoolArray) -> ChainValues:
        """The same columns with only the rows of the mask (n,)."""
        return ChainValues(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def value_chain(
    chain: Chain,
    forward: FloatArray,
    *,
    discount: FloatArray | None = None,
    previous: ChainValues | None = None,
    dirty: BoolArray | None = None,
) -> ChainValues:
    """Implied vols and Greeks of every row of `chain` at `forward` (n,), USD per coin.

    `discount` (n,) is that of linear rows, above 0; None is 1 for all. Vols are those of the
    undiscounted value, per coin: price ÷ `Chain.price_coins` ÷ discount.
    With `previous` (of the same instruments) only rows where `dirty` (n,) is true are computed
    anew; a strike's call and put must be dirty together, as each may lend the other its vol.
    Raises InvalidInput if the shapes do not fit.
    """
    if forward.shape != (len(chain),):
        raise InvalidInput("forward", forward.shape, f"must have shape ({len(chain)},)")
    if discount is None:
        discount = np.ones(len(chain))
    if discount.shape != forward.shape or not (discount > 0).all():
        raise InvalidInput("discount", discount.shape, f"must be ({len(chain)},) and above 0")
    if previous is None or dirty is None or dirty.all():
        return _value_rows(chain, forward, discount)
    if previous.years.shape != forward.shape:
        raise InvalidInput("previous", previous.years.shape, "must be of the same instruments")
    rows = np.flatnonzero(dirty)
    if rows.size == 0:
        return previous
    fresh = _value_rows(chain.take(rows), forward[rows], discount[rows])
    merged = {}
    for field in fields(ChainValues):
        column = getattr(previous, field.name).copy()
        column[rows] = getattr(fresh, field.name)
        merged[field.name] = column
    return ChainValues(**merged)


def _value_rows(chain: Chain, forward: FloatArray, discount: FloatArray) -> ChainValues:
    years = pricing.years_between(chain.event_ns, chain.expiry_ns)
    discount = np.where(chain.is_inverse, 1.0, discount)
    to_usd = _to_value(chain, forward, discount)
    bid_iv, bid_status = _implied(chain, chain.bid * to_usd, forward, years, chain.venue_bid_iv)
    mark_iv, mark_status = _implied(chain, chain.mark * to_usd, forward, years, chain.venue_mark_iv)
    ask_iv, ask_status = _implied(chain, chain.ask * to_usd, forward, years, chain.venue_ask_iv)
    is_noise = in_money_rows(chain, forward) & tick_noise_rows(
        chain, forward, years, mark_iv, discount
    )
    mark_iv[is_noise], mark_status[is_noise] = np.nan, IV_TICK_NOISE
    greeks_iv, source = _greeks_iv(chain, forward, mark_iv, (bid_iv + ask_iv) / 2)
    raw = pricing.greeks(
        chain.is_call,
        forward,
        chain.strike,
        np.maximum(years, 0.0),
        greeks_iv,
        which=("delta", "gamma", "vega", "theta"),
    )
    mark_coin = np.where(chain.is_inverse, chain.mark, np.nan)
    return ChainValues(
        forward=np.array(forward),
        discount=discount,
        years=years,
        bid_iv=bid_iv,
        mark_iv=mark_iv,
        ask_iv=ask_iv,
        bid_iv_status=bid_status,
        mark_iv_status=mark_status,
        ask_iv_status=ask_status,
        greeks_iv=greeks_iv,
        greeks_source=source,
        delta=_asked(raw.delta),
        delta_premium_adjusted=_asked(raw.delta) - mark_coin,
        gamma=_asked(raw.gamma),
        vega=_asked(raw.vega) * VOL_POINT,
        theta=_asked(raw.theta) / DAYS_PER_YEAR,
        is_crossed=crossed_rows(chain),
        is_one_sided=one_sided_rows(chain),
    )


def _to_value(chain: Chain, forward: FloatArray, discount: FloatArray) -> FloatArray:
    """What a quoted price is multiplied with to give undiscounted forward value, USD per coin.

    An inverse option's coin price times its own forward is its value in dollars.
    """
    return np.where(chain.is_inverse, forward, 1.0 / discount) / chain.price_coins


def _asked(column: FloatArray | None) -> FloatArray:
    assert column is not None, "the kernel returns every column named in `which`"
    return column


def _implied(
    chain: Chain,
    price_usd: FloatArray,
    forward: FloatArray,
    years: FloatArray,
    recorded_iv: FloatArray,
) -> tuple[FloatArray, NDArray[np.uint8]]:
    result = pricing.implied_vol(price_usd, chain.is_call, forward, chain.strike, years)
    vol = np.array(result.vol)
    status = np.array(result.status)
    no_price = np.isnan(price_usd)
    status[no_price] = IV_NO_QUOTE
    if np.isnan(chain.bid).all() and np.isnan(chain.ask).all() and np.isnan(chain.mark).all():
        recorded = ~np.isnan(recorded_iv)
        vol[recorded] = recorded_iv[recorded]
        status[recorded] = IV_RECORDED
    return vol, status


def _greeks_iv(
    chain: Chain,
    forward: FloatArray,
    mark_iv: FloatArray,
    mid_iv: FloatArray,
) -> tuple[FloatArray, NDArray[np.int8]]:
    """The vol for Greeks: own mark, own mid, the strike's other side, the venue's mark IV.

    Deep in the money a mark rounded to the tick lies below intrinsic, or so near it that its last
    digit decides, and determines no vol; but its Greeks exist: put-call parity gives both sides of
    a strike one vol. It is borrowed from an out-of-the-money side only: the other way round it
    would be what rounding left of a large mark.
    """
    vol = mark_iv.copy()
    source = np.where(np.isnan(vol), GreeksSource.NONE, GreeksSource.MARK).astype(np.int8)
    # Mid IV only where there is no mark at all: a mark that failed to invert keeps its reason.
    mid = np.where(np.isnan(chain.mark), mid_iv, np.nan)
    _fill(vol, source, mid, GreeksSource.MID)
    twin_iv = _twin_values(chain, vol)
    _fill(vol, source, np.where(in_money_rows(chain, forward), twin_iv, np.nan), GreeksSource.TWIN)
    _fill(vol, source, chain.venue_mark_iv, GreeksSource.VENUE_IV)
    return vol, source


def in_money_rows(chain: Chain, forward: FloatArray) -> BoolArray:
    """Rows whose option is in the money at `forward` (n,)."""
    return np.where(chain.is_call, chain.strike < forward, chain.strike > forward)


def tick_noise_rows(
    chain: Chain,
    forward: FloatArray,
    years: FloatArray,
    mark_iv: FloatArray,
    discount: FloatArray,
) -> BoolArray:
    """Rows (n,) whose mark IV moves by more than `TICK_NOISE_POINTS` with half a tick of the mark.

    There the last digit of the mark decides the vol. Marks that are not all on the grid of ticks
    were not rounded to it, and none of them is noise by that.
    """
    is_noise = np.zeros(len(chain), dtype=np.bool_)
    rows = np.flatnonzero(np.isfinite(mark_iv) & ~np.isnan(chain.mark))
    tick = np.array([float(chain.instruments[row].ticks.tick) for row in rows.tolist()])
    steps = chain.mark[rows] / tick
    if rows.size == 0 or np.any(np.abs(steps - np.round(steps)) > GRID_TOLERANCE):
        return is_noise
    raw = pricing.greeks(
        chain.is_call[rows],
        forward[rows],
        chain.strike[rows],
        np.maximum(years[rows], 0.0),
        mark_iv[rows],
        which=("vega",),
    )
    half_tick_usd = tick / 2 * _to_value(chain, forward, discount)[rows]
    is_noise[rows] = half_tick_usd > TICK_NOISE_POINTS * VOL_POINT * _asked(raw.vega)
    return is_noise


def _fill(vol: FloatArray, source: NDArray[np.int8], other: FloatArray, kind: GreeksSource) -> None:
    rows = np.isnan(vol) & ~np.isnan(other)
    vol[rows] = other[rows]
    source[rows] = kind


def _twin_values(chain: Chain, values: FloatArray) -> FloatArray:
    """`values` of the other side of each row's strike; rows are sorted, so twins are neighbours."""
    twin = np.full(len(chain), np.nan)
    if len(chain) < 2:
        return twin
    same = (
        (chain.expiry_ns[1:] == chain.expiry_ns[:-1])
        & (chain.strike[1:] == chain.strike[:-1])
        & (chain.is_call[1:] != chain.is_call[:-1])
    )
    left = np.flatnonzero(same)
    twin[left] = values[left + 1]
    twin[left + 1] = values[left]
    return twin
