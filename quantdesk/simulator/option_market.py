"""The options of the simulated market: marks, Greeks and the house's quotes, step by step.

Moves `OptionBoard` along the paths of the indexes. What stands in the books in the end is the
exchange's business: it is handed back by `publish_quotes`. Knows no account and no order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.simulator import marking
from quantdesk.simulator.board import QUOTE_FIELDS, Field, FloatArray, IntArray, OptionBoard
from quantdesk.simulator.quoting import PriceGrid, Quotes, follow_mark
from quantdesk.simulator.samples import Sample
from quantdesk.simulator.settlement import averaged_share, coin_payoff
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS, UnderlyingIndex
from quantdesk.simulator.volatility_index import Strip, thirty_day_volatility

NS_PER_MS = 1_000_000
YEAR_NS = 365 * 86_400 * 1_000_000_000

REMARK_STEPS_MAX = 8
"""An expiry whose forward stands still is marked again after this many path steps (2 s): time
passes for its Greeks, and a client that measures ages sees that the venue lives."""


@dataclass(slots=True)
class Expiry:
    """One expiry of one index: its rows, and the forward they were last marked on.

    underlying_index : the venue's name for what the forward is, as recorded
    """

    index: UnderlyingIndex
    expiry_ns: int
    underlying_index: str
    rows: IntArray
    basis: float
    forward: float
    marked_step: int


class OptionMarket:
    """Every option expiry that is not over. `board` is the published state.

    Attributes
    ----------
    expiries : those that live, in time order
    moved_rows : rows that were marked or delivered by the last `move`, or at the opening
    """

    def __init__(
        self, samples: Sequence[Sample], indexes: Mapping[str, UnderlyingIndex], *, opened_ns: int
    ) -> None:
        """At `opened_ns` every option is as recorded, but where its sample was recorded earlier:
        there the index and the IVs are kept, and marks follow at once from the shorter time left.
        """
        self.board = OptionBoard(samples, opened_ns=opened_ns)
        self._indexes = indexes
        self._opened_ns = opened_ns
        self._step = 0
        self.expiries = self._open_expiries()
        self._opening_marks = _model_marks_at_recording(self.board)
        self._moved: list[IntArray] = []
        for sample in samples:
            if sample.opened_ns < opened_ns:
                self._mark_at_once(sample.index_name)

    @property
    def moved_rows(self) -> IntArray:
        """See the class."""
        return np.concatenate([_NO_ROWS, *self._moved])

    def estimated_delivery(self, index_name: str) -> float:
        """Expected delivery price of the next expiry: the index but in its last 30 minutes."""
        price = self._indexes[index_name].price_at(self._step)
        for expiry in self.expiries:
            if expiry.index.name == index_name:
                return self.expected_delivery(expiry, price)
        return price

    def expected_delivery(self, expiry: Expiry, price: float) -> float:
        """`price` until the last 30 minutes, from then more and more the mean so far."""
        venue_ns = self._step_ns()
        share = averaged_share(venue_ns, expiry.expiry_ns)
        if share == 0.0:
            return price
        mean = expiry.index.mean(expiry.expiry_ns - DELIVERY_WINDOW_NS, venue_ns)
        return round(share * mean + (1 - share) * price, marking.USD_DECIMALS)

    def thirty_day_volatility(self, index_name: str) -> float | None:
        """DVOL of the live expiries of an index, percent points; None where nothing prices it."""
        board = self.board
        strips = [
            Strip(
                years=(expiry.expiry_ns - self._step_ns()) / YEAR_NS,
                forward=expiry.forward,
                is_call=board.is_call[expiry.rows],
                strike=board.strike[expiry.rows],
                mark=board.published[Field.MARK, expiry.rows],
            )
            for expiry in self.expiries
            if expiry.index.name == index_name
        ]
        return thirty_day_volatility(strips)

    def move(self, step: int) -> None:
        """Deliver what time has reached and mark the rest at path step `step`."""
        self._step = step
        self._moved = []
        for expiry in self.expiries:
            if expiry.expiry_ns <= self._step_ns():
                self._deliver(expiry)
        self.expiries = [e for e in self.expiries if e.expiry_ns > self._step_ns()]
        for expiry in self.expiries:
            self._follow(expiry)

    def publish_quotes(self, rows: IntArray, tops: FloatArray) -> None:
        """Publish what stands best in the books of `rows`, and the IVs of it.

        tops : float64 array (4, n), in the order of `QUOTE_FIELDS`; 0 for an empty side
        """
        board = self.board
        for field, values in zip(QUOTE_FIELDS, tops, strict=True):
            board.published[field, rows] = values
        forward = board.published[Field.UNDERLYING, rows]
        years = (board.expiry_ns[rows] - board.marked_ns[rows]) / YEAR_NS
        is_call, strike = board.is_call[rows], board.strike[rows]
        for side, iv in ((0, Field.BID_IV), (2, Field.ASK_IV)):
            ivs = marking.quote_ivs(tops[side], is_call, forward, strike, years)
            board.published[iv, rows] = np.where(board.is_open[rows], ivs, 0.0)

    def _open_expiries(self) -> list[Expiry]:
        """Expiries in time order. Basis: forward over index in the expiry's latest ticker."""
        board = self.board
        keys = sorted(set(zip(board.expiry_ns.tolist(), board.index_of, strict=True)))
        index_names = np.array(board.index_of)
        expiries = []
        for expiry_ns, index_name in keys:
            rows = np.flatnonzero((board.expiry_ns == expiry_ns) & (index_names == index_name))
            latest = board.recorded[int(rows[np.argmax(board.stamp_ms[rows])])]
            index = self._indexes[index_name]
            basis = latest.underlying_price / latest.index_price
            expiries.append(
                Expiry(
                    index=index,
                    expiry_ns=expiry_ns,
                    underlying_index=latest.underlying_index,
                    rows=rows,
                    basis=basis,
                    forward=round(index.price_opening * basis, marking.USD_DECIMALS),
                    marked_step=0,
                )
            )
        return expiries

    def _mark_at_once(self, index_name: str) -> None:
        for expiry in self.expiries:
            if expiry.index.name == index_name:
                self._mark(expiry, expiry.forward)
                self.board.stamp_ms[expiry.rows] = self._opened_ns // NS_PER_MS

    def _step_ns(self) -> int:
        """Venue time at which the current step began."""
        return self._opened_ns + self._step * next(iter(self._indexes.values())).step_ns

    def _follow(self, expiry: Expiry) -> None:
        """Mark the expiry again where its forward moved or its last mark is old."""
        index = expiry.index
        forward = round(
            index.price_opening * index.ratio_at(self._step) * expiry.basis, marking.USD_DECIMALS
        )
        expected = self.expected_delivery(expiry, forward)
        is_old = self._step - expiry.marked_step >= REMARK_STEPS_MAX
        if self._step != expiry.marked_step and (expected != expiry.forward or is_old):
            self._mark(expiry, expected)

    def _mark(self, expiry: Expiry, forward: float) -> None:
        """Publish marks, limits and Greeks of the expiry's rows at the current step, and quote."""
        board, rows = self.board, expiry.rows
        venue_ns = self._step_ns()
        is_call, strike = board.is_call[rows], board.strike[rows]
        forwards = np.full(len(rows), forward)
        years = np.full(len(rows), (expiry.expiry_ns - venue_ns) / YEAR_NS)
        iv = board.opening[Field.MARK_IV, rows]
        marks = marking.mark_options(is_call, forwards, strike, years, iv / 100)
        shift = marks.price - self._opening_marks[rows]
        grid = PriceGrid(
            fine=board.tick[rows], above=board.tick_above[rows], coarse=board.tick_coarse[rows]
        )
        opening = board.opening[:, rows]
        quotes = follow_mark(
            Quotes(**{f.name.lower(): opening[f] for f in QUOTE_FIELDS}), shift, grid
        )
        board.house[:, rows] = (quotes.bid, quotes.bid_amount, quotes.ask, quotes.ask_amount)
        index_price = expiry.index.price_at(self._step)
        delta = marks.delta * (1 - averaged_share(venue_ns, expiry.expiry_ns))
        lowest = np.maximum(grid.nearest(opening[Field.MIN_PRICE] + shift), grid.fine)
        highest = np.maximum(grid.nearest(opening[Field.MAX_PRICE] + shift), grid.fine)
        values = {
            Field.MARK: np.round(marks.price, marking.MARK_DECIMALS),
            Field.MARK_IV: iv,
            Field.DELTA: np.round(delta, marking.GREEK_DECIMALS),
            Field.GAMMA: np.round(marks.gamma, marking.GREEK_DECIMALS),
            Field.VEGA: np.round(marks.vega, marking.GREEK_DECIMALS),
            Field.THETA: np.round(marks.theta, marking.GREEK_DECIMALS),
            Field.RHO: np.round(marks.rho, marking.GREEK_DECIMALS),
            Field.UNDERLYING: forward,
            Field.INDEX: index_price,
            Field.ESTIMATED_DELIVERY: self.expected_delivery(expiry, index_price),
            Field.MIN_PRICE: lowest,
            Field.MAX_PRICE: highest,
        }
        for field, value in values.items():
            board.published[field, rows] = value
        board.marked_ns[rows] = venue_ns
        self._moved.append(rows)
        expiry.forward, expiry.marked_step = forward, self._step

    def _deliver(self, expiry: Expiry) -> None:
        """Close an expiry: payoff as mark, no quotes, no Greeks."""
        board, rows, end_ns = self.board, expiry.rows, expiry.expiry_ns
        price = expiry.index.mean(end_ns - DELIVERY_WINDOW_NS, end_ns)
        iv = board.published[Field.MARK_IV, rows]
        board.house[:, rows] = 0.0
        board.published[:, rows] = 0.0
        board.published[Field.MARK, rows] = coin_payoff(
            board.is_call[rows], board.strike[rows], price
        )
        board.published[Field.MARK_IV, rows] = iv
        for field in (Field.UNDERLYING, Field.INDEX, Field.ESTIMATED_DELIVERY):
            board.published[field, rows] = price
        board.delivery_price[rows] = price
        board.is_open[rows] = False
        board.stamp_ms[rows] = end_ns // NS_PER_MS
        self._moved.append(rows)


_NO_ROWS = np.empty(0, dtype=np.int64)


def _model_marks_at_recording(board: OptionBoard) -> FloatArray:
    """Unrounded mark of each row on its own recorded forward, time and IV, in coin."""
    marks = marking.mark_options(
        board.is_call,
        board.opening[Field.UNDERLYING],
        board.strike,
        (board.expiry_ns - board.stamp_ms * NS_PER_MS) / YEAR_NS,
        board.opening[Field.MARK_IV] / 100,
    )
    return marks.price
