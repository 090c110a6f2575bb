"""The simulated market: recorded chains that live on, on a clock of their own.

Venue-neutral and deterministic: its state is moved by `advance` alone, and follows from the
samples, the seed and the venue times it was advanced to. Opens no socket; the machine's clock is
handed in and only its differences are used. Faces (`deribit`) read `board` and `indexes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from quantdesk.domain.ports import Clock
from quantdesk.errors import InvalidInput
from quantdesk.simulator import marking
from quantdesk.simulator.board import (
    MARK_FIELDS,
    QUOTE_FIELDS,
    Field,
    FloatArray,
    IntArray,
    OptionBoard,
)
from quantdesk.simulator.quoting import PriceGrid, Quotes, follow_mark
from quantdesk.simulator.samples import Sample
from quantdesk.simulator.settlement import averaged_share, coin_payoff
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS, UnderlyingIndex

SPEED_MAX = 100_000.0
NS_PER_MS = 1_000_000
YEAR_NS = 365 * 86_400 * 1_000_000_000

REMARK_STEPS_MAX = 8
"""An expiry whose forward stands still is marked again after this many path steps (2 s): time
passes for its Greeks, and a client that measures ages sees that the venue lives."""

_ID_BASE = 60_000_000_000
_ID_STRIDE = 4096
"""More than a board has rows: ids of one step never reach those of the next."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketChanges:
    """What one `advance` changed. Rows are ascending row numbers of the board.

    rows : a published value other than the time stamp differs
    quote_rows, mark_rows : those of `rows` with another top of book; with another mark or mark IV
    delivered_rows : expired in this advance; part of `rows`
    index_names : indexes whose price differs
    """

    rows: IntArray
    quote_rows: IntArray
    mark_rows: IntArray
    delivered_rows: IntArray
    index_names: tuple[str, ...]


_NO_ROWS = np.empty(0, dtype=np.int64)
_NO_CHANGES = MarketChanges(
    rows=_NO_ROWS, quote_rows=_NO_ROWS, mark_rows=_NO_ROWS, delivered_rows=_NO_ROWS, index_names=()
)


@dataclass(slots=True)
class _Expiry:
    """One expiry of one index: its rows, and the forward they were last marked on."""

    index: UnderlyingIndex
    expiry_ns: int
    rows: IntArray
    basis: float
    forward: float
    marked_step: int


class SimulatedVenue:
    """A market over recorded chains. `board` and `indexes` are its published state."""

    def __init__(self, *samples: Sample, clock: Clock, speed: float = 1.0, seed: int = 0) -> None:
        """Opens at the latest recorded moment of `samples`; options expired by then are not listed.

        clock : the machine's; the venue's runs `speed` times as fast
        seed : 0 begins each underlying path where it was recorded, any other somewhere else in it

        At the opening moment of its own sample every option is as recorded. An underlying recorded
        earlier than the venue opens keeps its opening index and IVs and is marked at once for the
        shorter time left. Raises InvalidInput.
        """
        if not samples:
            raise InvalidInput("samples", samples, "must hold at least one sample")
        if not 0 < speed <= SPEED_MAX:
            raise InvalidInput("speed", speed, f"must be above 0 and at most {SPEED_MAX:g}")
        self.samples = samples
        self.seed = seed
        self.opened_ns = max(sample.opened_ns for sample in samples)
        self._clock = clock
        self._speed = Fraction(speed)
        self._machine_opened_ns = clock.now_ns()
        self._now_ns = self.opened_ns
        self._step = 0
        self._step_length_ns = samples[0].path.step_ns
        self.board = OptionBoard(samples, opened_ns=self.opened_ns)
        self._indexes = {sample.index_name: self._index(sample) for sample in samples}
        if len(self._indexes) != len(samples):
            raise InvalidInput("samples", [s.name for s in samples], "must differ in underlying")
        self._expiries = self._open_expiries()
        if len(self.board) > _ID_STRIDE:
            raise InvalidInput(
                "samples", len(self.board), f"must hold at most {_ID_STRIDE} options"
            )
        self.board.change_id += _ID_BASE + np.arange(len(self.board))
        self._opening_marks = _model_marks_at_recording(self.board)
        for sample in samples:
            if sample.opened_ns < self.opened_ns:
                self._mark_at_once(sample.index_name)

    @property
    def indexes(self) -> Mapping[str, UnderlyingIndex]:
        """Price indexes by name."""
        return MappingProxyType(self._indexes)

    @property
    def stamp_ms(self) -> int:
        """Venue time of the published state, ms: the begin of the current path step."""
        return self._step_ns() // NS_PER_MS

    @property
    def clock(self) -> Clock:
        """The machine's clock, for what happens in its time (heartbeats)."""
        return self._clock

    def now_ns(self) -> int:
        """Venue time, UTC ns: never runs backwards, whatever the machine's clock does."""
        passed = (self._clock.now_ns() - self._machine_opened_ns) * self._speed
        self._now_ns = max(self._now_ns, self.opened_ns + int(passed))
        return self._now_ns

    def index_price(self, index_name: str) -> float:
        """Published price of an index, USD, as of the last `advance`."""
        return self._indexes[index_name].price_at(self._step)

    def estimated_delivery(self, index_name: str) -> float:
        """Expected delivery price of the next expiry: the index but in its last 30 minutes."""
        for expiry in self._expiries:
            if expiry.index.name == index_name:
                return self._expected_delivery(
                    expiry, self._step_ns(), self.index_price(index_name)
                )
        return self.index_price(index_name)

    def advance(self) -> MarketChanges:
        """Move the market to the clock's time; says what changed, which may be nothing."""
        step = (self.now_ns() - self.opened_ns) // self._step_length_ns
        if step == self._step:
            return _NO_CHANGES
        before = self.board.published.copy()
        step_before, self._step = self._step, step
        moved = tuple(
            name
            for name, index in self._indexes.items()
            if index.price_at(self._step) != index.price_at(step_before)
        )
        delivered = self._deliver()
        for expiry in self._expiries:
            self._follow(expiry)
        return self._published_changes(before, delivered, moved)

    def _index(self, sample: Sample) -> UnderlyingIndex:
        if sample.path.step_ns != self._step_length_ns:
            raise InvalidInput("path.step_ns", sample.path.step_ns, "must be that of all samples")
        # The same draw for every underlying: what is correlated in the path stays so.
        draws = np.random.Generator(np.random.PCG64(self.seed))
        start = int(draws.integers(sample.path.period)) if self.seed else 0
        return UnderlyingIndex(
            sample.index_name,
            price=sample.index_price,
            path=sample.path,
            beta=sample.beta,
            opened_ns=self.opened_ns,
            path_start=start,
        )

    def _open_expiries(self) -> list[_Expiry]:
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
                _Expiry(
                    index=index,
                    expiry_ns=expiry_ns,
                    rows=rows,
                    basis=basis,
                    forward=round(index.price_opening * basis, marking.USD_DECIMALS),
                    marked_step=0,
                )
            )
        return expiries

    def _mark_at_once(self, index_name: str) -> None:
        for expiry in self._expiries:
            if expiry.index.name == index_name:
                self._mark(expiry, expiry.forward)
                self.board.stamp_ms[expiry.rows] = self.opened_ns // NS_PER_MS

    def _step_ns(self) -> int:
        """Venue time at which the current step began."""
        return self.opened_ns + self._step * self._step_length_ns

    def _expected_delivery(self, expiry: _Expiry, venue_ns: int, price: float) -> float:
        share = averaged_share(venue_ns, expiry.expiry_ns)
        if share == 0.0:
            return price
        mean = expiry.index.mean(expiry.expiry_ns - DELIVERY_WINDOW_NS, venue_ns)
        return round(share * mean + (1 - share) * price, marking.USD_DECIMALS)

    def _follow(self, expiry: _Expiry) -> None:
        """Mark the expiry again where its forward moved or its last mark is old."""
        index = expiry.index
        forward = round(
            index.price_opening * index.ratio_at(self._step) * expiry.basis, marking.USD_DECIMALS
        )
        expected = self._expected_delivery(expiry, self._step_ns(), forward)
        is_old = self._step - expiry.marked_step >= REMARK_STEPS_MAX
        if self._step != expiry.marked_step and (expected != expiry.forward or is_old):
            self._mark(expiry, expected)

    def _mark(self, expiry: _Expiry, forward: float) -> None:
        """Publish marks, quotes, IVs and Greeks of the expiry's rows at the current step."""
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
        index_price = expiry.index.price_at(self._step)
        delta = marks.delta * (1 - averaged_share(venue_ns, expiry.expiry_ns))
        lowest = np.maximum(grid.nearest(opening[Field.MIN_PRICE] + shift), grid.fine)
        highest = np.maximum(grid.nearest(opening[Field.MAX_PRICE] + shift), grid.fine)
        values = {
            Field.BID: quotes.bid,
            Field.BID_AMOUNT: quotes.bid_amount,
            Field.ASK: quotes.ask,
            Field.ASK_AMOUNT: quotes.ask_amount,
            Field.MARK: np.round(marks.price, marking.MARK_DECIMALS),
            Field.MARK_IV: iv,
            Field.BID_IV: marking.quote_ivs(quotes.bid, is_call, forwards, strike, years),
            Field.ASK_IV: marking.quote_ivs(quotes.ask, is_call, forwards, strike, years),
            Field.DELTA: np.round(delta, marking.GREEK_DECIMALS),
            Field.GAMMA: np.round(marks.gamma, marking.GREEK_DECIMALS),
            Field.VEGA: np.round(marks.vega, marking.GREEK_DECIMALS),
            Field.THETA: np.round(marks.theta, marking.GREEK_DECIMALS),
            Field.RHO: np.round(marks.rho, marking.GREEK_DECIMALS),
            Field.UNDERLYING: forward,
            Field.INDEX: index_price,
            Field.ESTIMATED_DELIVERY: self._expected_delivery(expiry, venue_ns, index_price),
            Field.MIN_PRICE: lowest,
            Field.MAX_PRICE: highest,
        }
        for field, value in values.items():
            board.published[field, rows] = value
        expiry.forward, expiry.marked_step = forward, self._step

    def _deliver(self) -> list[IntArray]:
        """Close the expiries that time has reached: payoff as mark, no quotes, no Greeks."""
        board, now_ns = self.board, self._step_ns()
        delivered = []
        for expiry in self._expiries:
            if expiry.expiry_ns > now_ns:
                continue
            rows, end_ns = expiry.rows, expiry.expiry_ns
            price = expiry.index.mean(end_ns - DELIVERY_WINDOW_NS, end_ns)
            iv = board.published[Field.MARK_IV, rows]
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
            delivered.append(rows)
        self._expiries = [e for e in self._expiries if e.expiry_ns > now_ns]
        return delivered

    def _published_changes(
        self,
        before: FloatArray,
        delivered: list[IntArray],
        index_names: tuple[str, ...],
    ) -> MarketChanges:
        """Compare with `before`; stamp what changed and number its new books."""
        board = self.board
        differs = board.published != before
        rows = np.flatnonzero(differs.any(axis=0))
        quote_rows = np.flatnonzero(differs[list(QUOTE_FIELDS)].any(axis=0))
        mark_rows = np.flatnonzero(differs[list(MARK_FIELDS)].any(axis=0))
        board.stamp_ms[rows[board.is_open[rows]]] = self._step_ns() // NS_PER_MS
        board.change_id[quote_rows] = _ID_BASE + self._step * _ID_STRIDE + quote_rows
        return MarketChanges(
            rows=rows,
            quote_rows=quote_rows,
            mark_rows=mark_rows,
            delivered_rows=np.concatenate(delivered) if delivered else _NO_ROWS,
            index_names=index_names,
        )


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
