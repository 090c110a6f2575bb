"""A chain: every listed option of one underlying at one moment, as parallel arrays.

Frozen and passive: `market.state` builds it, `market.valuation` computes from it. In arrays NaN
means "no quote" (floats) and 0 means "never" (instants).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType
from quantdesk.errors import InvalidInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

QUOTE_COLUMNS = (
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "mark",
    "last",
    "forward",
    "index_price",
    "venue_bid_iv",
    "venue_mark_iv",
    "venue_ask_iv",
    "venue_delta",
    "venue_gamma",
    "venue_vega",
    "venue_theta",
    "venue_rho",
    "open_interest",
    "volume",
)
"""Names of the float columns that come from quotes, in the order of `Chain`'s fields."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """All options of one underlying at one venue; row i of every array is `instruments[i]`.

    Rows are sorted by expiry, strike, call before put. Prices are in each instrument's quote
    currency (the coin for inverse options), sizes in its amount unit, IVs are fractions, Greeks
    are the venue's own (see `domain.events.VenueGreeks`). Arrays are read-only, shape (n,).

    `forward` and `event_ns` are those of the row's own quote: rows of one capture differ.
    `forward_index` names where the venue takes a row's forward from ("" where it does not say).
    `price_coins` is how many coins of underlying a row's price is for: a price divided by it is
    per coin, as models have it. `doubts` says, by name, why a quote is not believed; what the doubt
    is about is no quote.
    """

    venue: str
    underlying: str
    instruments: tuple[Instrument, ...]
    expiry_ns: IntArray
    strike: FloatArray
    is_call: BoolArray
    is_inverse: BoolArray
    price_coins: FloatArray
    event_ns: IntArray
    recv_ns: IntArray
    forward_index: tuple[str, ...]
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray
    mark: FloatArray
    last: FloatArray
    forward: FloatArray
    index_price: FloatArray
    venue_bid_iv: FloatArray
    venue_mark_iv: FloatArray
    venue_ask_iv: FloatArray
    venue_delta: FloatArray
    venue_gamma: FloatArray
    venue_vega: FloatArray
    venue_theta: FloatArray
    venue_rho: FloatArray
    open_interest: FloatArray
    volume: FloatArray
    doubts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.instruments)
        for column in fields(self):
            value = getattr(self, column.name)
            if isinstance(value, np.ndarray):
                if value.shape != (rows,):
                    raise InvalidInput(column.name, value.shape, f"must have shape ({rows},)")
                value.flags.writeable = False

    def __len__(self) -> int:
        return len(self.instruments)

    def __repr__(self) -> str:
        expiries = len(set(self.expiry_ns.tolist()))
        return f"<{self.underlying} {self.venue}: {len(self)} options, {expiries} expiries>"

    def take(self, rows: IntArray | BoolArray) -> Chain:
        """The same chain with only the given rows (indices or mask), order kept."""
        picked = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        values: dict[str, Any] = {}
        for column in fields(self):
            value = getattr(self, column.name)
            if isinstance(value, np.ndarray):
                values[column.name] = value[picked]
            elif isinstance(value, tuple):
                values[column.name] = tuple(value[i] for i in picked.tolist())
            else:
                values[column.name] = value
        return Chain(**values)


def chain_order(instrument: Instrument) -> tuple[int, float, bool, str]:
    """Sort key of a chain's rows: expiry, strike, call before put, name."""
    assert instrument.expiry_ns is not None
    assert instrument.strike is not None
    is_put = instrument.option_type is OptionType.PUT
    return (instrument.expiry_ns, float(instrument.strike), is_put, instrument.name)


def build_chain(
    *,
    venue: str,
    underlying: str,
    instruments: Sequence[Instrument],
    columns: dict[str, FloatArray],
    event_ns: IntArray,
    recv_ns: IntArray,
    forward_index: Sequence[str],
    doubts: Mapping[str, str] | None = None,
) -> Chain:
    """A chain from instruments already in `chain_order` and their quote columns (copied).

    Raises InvalidInput if an instrument is not an option, the order is wrong, or a column is
    missing or of another length.
    """
    for instrument in instruments:
        if instrument.kind is not InstrumentKind.OPTION:
            raise InvalidInput("instruments", instrument.name, "must all be options")
    keys = [chain_order(instrument) for instrument in instruments]
    if any(left >= right for left, right in itertools.pairwise(keys)):
        raise InvalidInput("instruments", "order", "must be sorted by chain_order, without repeats")
    return Chain(
        venue=venue,
        underlying=underlying,
        instruments=tuple(instruments),
        expiry_ns=np.array([i.expiry_ns for i in instruments], dtype=np.int64),
        strike=np.array([float(i.strike or 0) for i in instruments], dtype=np.float64),
        is_call=np.array([i.option_type is OptionType.CALL for i in instruments], dtype=np.bool_),
        is_inverse=np.array([i.is_inverse for i in instruments], dtype=np.bool_),
        price_coins=np.array([float(i.unit_size) for i in instruments], dtype=np.float64),
        event_ns=event_ns.astype(np.int64, copy=True),
        recv_ns=recv_ns.astype(np.int64, copy=True),
        forward_index=tuple(forward_index),
        doubts=dict(doubts or {}),
        **{name: columns[name].astype(np.float64, copy=True) for name in QUOTE_COLUMNS},
    )
