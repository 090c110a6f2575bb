"""Every option of the simulated market, as arrays: contract law, opening state, published state.

Published values are what a client of the venue sees: rounded by the venue's rules, 0 for a side
without quote. Holds state; the rules that move it are in `marking`, `quoting` and `settlement`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from quantdesk.errors import InvalidInput
from quantdesk.simulator.samples import RecordedInstrument, RecordedTicker, Sample

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NS_PER_MS = 1_000_000


class Field(IntEnum):
    """Rows of `OptionBoard.published`. Prices in coin, IVs in percent, underlying in USD."""

    BID = 0
    BID_AMOUNT = 1
    ASK = 2
    ASK_AMOUNT = 3
    MARK = 4
    MARK_IV = 5
    BID_IV = 6
    ASK_IV = 7
    DELTA = 8
    GAMMA = 9
    VEGA = 10
    THETA = 11
    RHO = 12
    UNDERLYING = 13
    INDEX = 14
    ESTIMATED_DELIVERY = 15
    MIN_PRICE = 16
    MAX_PRICE = 17


QUOTE_FIELDS = (Field.BID, Field.BID_AMOUNT, Field.ASK, Field.ASK_AMOUNT)
MARK_FIELDS = (Field.MARK, Field.MARK_IV)

_TICKER_FIELD = {
    Field.BID: "best_bid_price",
    Field.BID_AMOUNT: "best_bid_amount",
    Field.ASK: "best_ask_price",
    Field.ASK_AMOUNT: "best_ask_amount",
    Field.MARK: "mark_price",
    Field.MARK_IV: "mark_iv",
    Field.BID_IV: "bid_iv",
    Field.ASK_IV: "ask_iv",
    Field.UNDERLYING: "underlying_price",
    Field.INDEX: "index_price",
    Field.ESTIMATED_DELIVERY: "estimated_delivery_price",
    Field.MIN_PRICE: "min_price",
    Field.MAX_PRICE: "max_price",
}


class OptionBoard:
    """The options of one or more samples, one row each, in the order of the samples.

    Attributes
    ----------
    instruments, recorded : the record and the opening ticker of each row
    index_of : name of the row's price index
    expiry_ns, is_call, strike : contract, (n,)
    tick, tick_above, tick_coarse : price grid; `tick_coarse` applies above `tick_above` (n,)
    opening : published values as recorded (fields, n)
    published : published values now (fields, n)
    house : what the market makers quote now (4, n), in the order of `QUOTE_FIELDS`
    marked_ns : venue time of the row's mark (n,)
    stamp_ms : venue time of the row's last change (n,)
    change_id : of the row's book (n,); grows, not by one
    is_open : false once delivered (n,)
    delivery_price : USD, NaN before delivery (n,)
    """

    def __init__(self, samples: Sequence[Sample], *, opened_ns: int) -> None:
        """Rows are the options not yet expired at `opened_ns`. Raises InvalidInput if none is."""
        pairs = [
            (sample, instrument, ticker)
            for sample in samples
            for instrument, ticker in zip(sample.instruments, sample.tickers, strict=True)
            if instrument.expiration_timestamp * _NS_PER_MS > opened_ns
        ]
        if not pairs:
            raise InvalidInput("samples", [s.name for s in samples], "must hold a live option")
        self.instruments = tuple(instrument for _, instrument, _ in pairs)
        self.recorded = tuple(ticker for _, _, ticker in pairs)
        self.index_of = tuple(sample.index_name for sample, _, _ in pairs)
        self.names = tuple(instrument.instrument_name for instrument in self.instruments)
        self.row_of = {name: row for row, name in enumerate(self.names)}
        if len(self.row_of) != len(self.names):
            raise InvalidInput("samples", [s.name for s in samples], "must not share an option")
        self.expiry_ns = _whole(i.expiration_timestamp * _NS_PER_MS for i in self.instruments)
        self.is_call = np.array([i.option_type == "call" for i in self.instruments])
        self.strike = np.array([i.strike for i in self.instruments])
        self.tick, self.tick_above, self.tick_coarse = _grids(self.instruments)
        self.opening = _opening(self.recorded)
        self.published = self.opening.copy()
        self.house = self.opening[list(QUOTE_FIELDS)]
        self.stamp_ms = _whole(t.timestamp for t in self.recorded)
        self.marked_ns = self.stamp_ms * _NS_PER_MS
        self.change_id = np.zeros(len(pairs), dtype=np.int64)
        self.is_open = np.ones(len(pairs), dtype=np.bool_)
        self.delivery_price = np.full(len(pairs), np.nan)

    def __len__(self) -> int:
        return len(self.names)


def _whole(values: Iterable[int]) -> IntArray:
    return np.array(list(values), dtype=np.int64)


def _grids(instruments: Sequence[RecordedInstrument]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fine tick, where it ends, coarse tick. One step is all that the recorded records have."""
    fine, above, coarse = [], [], []
    for instrument in instruments:
        if len(instrument.tick_size_steps) > 1:
            raise InvalidInput(
                "tick_size_steps", instrument.tick_size_steps, "must hold one step at most"
            )
        fine.append(instrument.tick_size)
        step = instrument.tick_size_steps[0] if instrument.tick_size_steps else None
        above.append(step.above_price if step else np.inf)
        coarse.append(step.tick_size if step else instrument.tick_size)
    return np.array(fine), np.array(above), np.array(coarse)


def _opening(recorded: Sequence[RecordedTicker]) -> FloatArray:
    values = np.empty((len(Field), len(recorded)))
    for field, name in _TICKER_FIELD.items():
        values[field] = [getattr(ticker, name) for ticker in recorded]
    for field in (Field.DELTA, Field.GAMMA, Field.VEGA, Field.THETA, Field.RHO):
        values[field] = [getattr(ticker.greeks, field.name.lower()) for ticker in recorded]
    return values
