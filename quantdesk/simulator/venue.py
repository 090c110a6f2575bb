"""The simulated market: recorded chains that live on, on a clock of their own, and trade.

Deterministic: its state follows from the samples, the seed, the venue times it was advanced to and
the orders it was given. Opens no socket; the machine's clock is handed in and only its differences
are used. Faces (`deribit`) read `board`, `futures`, `indexes` and the exchange.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from quantdesk.domain.ports import Clock
from quantdesk.errors import InvalidInput
from quantdesk.simulator.board import MARK_FIELDS, QUOTE_FIELDS, Field, IntArray
from quantdesk.simulator.exchange.events import BookChanged, ExchangeEvent, Trade
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.futures import FuturesMarket
from quantdesk.simulator.option_market import OptionMarket
from quantdesk.simulator.samples import Sample
from quantdesk.simulator.trading_floor import DayOfTrades, TradingFloor
from quantdesk.simulator.underlying import UnderlyingIndex
from quantdesk.simulator.volatility_index import VolatilityHistory

SPEED_MAX = 100_000.0
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketChanges:
    """What changed since it was last asked. Rows are ascending row numbers of the board.

    rows : a published value other than the time stamp differs
    quote_rows, mark_rows : those of `rows` with another top of book; with another mark or mark IV
    delivered_rows : expired since; part of `rows`
    futures, futures_quoted, futures_delivered : the same of the futures, as row numbers of theirs
    books : names of the instruments with another book at any level
    index_names : indexes whose price differs; volatility_names : those whose DVOL differs
    events : what the exchange told, in order
    """

    rows: IntArray
    quote_rows: IntArray
    mark_rows: IntArray
    delivered_rows: IntArray
    futures: tuple[int, ...]
    futures_quoted: tuple[int, ...]
    futures_delivered: tuple[int, ...]
    books: tuple[str, ...]
    index_names: tuple[str, ...]
    volatility_names: tuple[str, ...]
    events: tuple[ExchangeEvent, ...]


class SimulatedVenue:
    """A market over recorded chains. `board`, `futures` and `indexes` are its published state."""

    def __init__(
        self,
        *samples: Sample,
        clock: Clock,
        speed: float = 1.0,
        seed: int = 0,
        trades_per_minute: float = 0.0,
    ) -> None:
        """Opens at the latest recorded moment of `samples`; options expired by then are not listed.

        clock : the machine's; the venue's runs `speed` times as fast
        trades_per_minute : of the crowd, on average over all instruments; 0 leaves trading to
            clients
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
        self.speed = speed
        self.trades_per_minute = trades_per_minute
        self.opened_ns = max(sample.opened_ns for sample in samples)
        self._clock = clock
        self._speed = Fraction(speed)
        self._machine_opened_ns = clock.now_ns()
        self._now_ns = self.opened_ns
        self._step = 0
        self._step_length_ns = samples[0].path.step_ns
        self._indexes = {sample.index_name: self._index(sample) for sample in samples}
        if len(self._indexes) != len(samples):
            raise InvalidInput("samples", [s.name for s in samples], "must differ in underlying")
        self._options = OptionMarket(samples, self._indexes, opened_ns=self.opened_ns)
        self.board = self._options.board
        self.futures = FuturesMarket(
            samples, self._indexes, self._options.expiries, opened_ns=self.opened_ns
        )
        self._floor = TradingFloor(
            self._options,
            self.futures,
            self._indexes,
            opened_ns=self.opened_ns,
            trades_per_minute=trades_per_minute,
            seed=seed,
        )
        self._floor.take_events()
        self._floor.publish_quotes(self._options.moved_rows)
        for contract in self.futures.contracts:
            contract.stamp_ms = self.stamp_ms
        self._volatility: dict[str, float] = {}
        self._volatility_histories = {name: VolatilityHistory() for name in self._indexes}
        self._volatility_second = -1
        self._measure_volatility()
        self._told_options = self.board.published.copy()
        self._told_open = self.board.is_open.copy()
        self._told_futures = [contract.published() for contract in self.futures.contracts]

    @property
    def indexes(self) -> Mapping[str, UnderlyingIndex]:
        """Price indexes by name."""
        return MappingProxyType(self._indexes)

    @property
    def exchange(self) -> Exchange:
        """Accounts, orders and books. Its time is moved by `advance` and `trading_now_ns`."""
        return self._floor.exchange

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
        return self._options.estimated_delivery(index_name)

    def next_expiry_ns(self, index_name: str) -> int | None:
        """When the nearest option expiry of an index is; None where none is left."""
        lives = (e.expiry_ns for e in self._options.expiries if e.index.name == index_name)
        return min(lives, default=None)

    def volatility(self, index_name: str) -> float | None:
        """DVOL of an index in percent points, as measured last; None where no chain prices it."""
        return self._volatility.get(index_name)

    def volatility_history(self, index_name: str) -> VolatilityHistory:
        """DVOL since the opening."""
        return self._volatility_histories[index_name]

    def day_of_trades(self, name: str) -> DayOfTrades | None:
        """What was traded of an instrument here; None where nothing was."""
        return self._floor.day_of_trades(name)

    def trading_now_ns(self) -> int:
        """Bring the exchange's clock to venue time, for what is to happen at it now.

        Stops short of an expiry that the market has not reached with a step: prices and books go
        through it together.
        """
        now_ns = self.now_ns()
        ends = [expiry.expiry_ns - 1 for expiry in self._options.expiries[:1]]
        exchange = self._floor.exchange
        exchange.advance(max(exchange.now_ns, min([now_ns, *ends])))
        return exchange.now_ns

    def advance(self) -> MarketChanges:
        """Move the market to the clock's time; says what changed since the last call of either."""
        step = (self.now_ns() - self.opened_ns) // self._step_length_ns
        step_before, self._step = self._step, step
        if step == step_before:
            return self._changes((), ())
        self._options.move(step)
        expected = {name: self._options.estimated_delivery(name) for name in self._indexes}
        self.futures.move(step, expected)
        # An order may have brought the exchange past the begin of the step already.
        self._floor.follow(step, max(self._step_ns(), self._floor.exchange.now_ns))
        self._floor.publish_quotes(self._options.moved_rows)
        moved = tuple(
            name
            for name, index in self._indexes.items()
            if index.price_at(step) != index.price_at(step_before)
        )
        return self._changes(moved, self._measure_volatility())

    def untold_events(self) -> tuple[ExchangeEvent, ...]:
        """What the exchange told and neither `advance` nor `changes` has handed on yet."""
        return self._floor.untold_events()

    def changes(self) -> MarketChanges:
        """What orders changed since the last call, at the time of the last `advance`."""
        return self._changes((), ())

    def _measure_volatility(self) -> tuple[str, ...]:
        """Measure DVOL once a second of venue time; gives the indexes where it differs."""
        second = self._step_ns() // NS_PER_S
        if second == self._volatility_second:
            return ()
        self._volatility_second = second
        differs = []
        for name in self._indexes:
            value = self._options.thirty_day_volatility(name)
            if value is None:
                continue
            self._volatility_histories[name].note(self._step_ns(), value)
            if self._volatility.get(name) != value:
                self._volatility[name] = value
                differs.append(name)
        return tuple(differs)

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

    def _step_ns(self) -> int:
        """Venue time at which the current step began."""
        return self.opened_ns + self._step * self._step_length_ns

    def _changes(
        self, index_names: tuple[str, ...], volatility_names: tuple[str, ...]
    ) -> MarketChanges:
        """Compare with what was told before; stamp what changed."""
        events = self._floor.take_events()
        board, contracts = self.board, self.futures.contracts
        before, self._told_options = self._told_options, board.published.copy()
        was_open, self._told_open = self._told_open, board.is_open.copy()
        differs = board.published != before
        trades = {e.instrument_name for e in events if isinstance(e, Trade)}
        is_news = differs.any(axis=0)
        is_news[[board.row_of[name] for name in trades if name in board.row_of]] = True
        rows = np.flatnonzero(is_news)
        stamp_ms = max(self._step_ns(), self._floor.exchange.now_ns) // NS_PER_MS
        board.stamp_ms[rows[board.is_open[rows]]] = stamp_ms
        told, self._told_futures = self._told_futures, [one.published() for one in contracts]
        futures = tuple(
            row
            for row, now in enumerate(self._told_futures)
            if now != told[row] or contracts[row].name in trades
        )
        for row in futures:
            if contracts[row].is_open:
                contracts[row].stamp_ms = stamp_ms
        return MarketChanges(
            rows=rows,
            quote_rows=_rows_with(differs, QUOTE_FIELDS),
            mark_rows=_rows_with(differs, MARK_FIELDS),
            delivered_rows=np.flatnonzero(was_open & ~board.is_open),
            futures=futures,
            futures_quoted=tuple(row for row in futures if told[row].top != contracts[row].top),
            futures_delivered=tuple(
                row for row in futures if told[row].is_open and not contracts[row].is_open
            ),
            books=tuple({e.instrument_name: None for e in events if isinstance(e, BookChanged)}),
            index_names=index_names,
            volatility_names=volatility_names,
            events=events,
        )


def _rows_with(differs: NDArray[np.bool_], fields: tuple[Field, ...]) -> IntArray:
    return np.flatnonzero(differs[list(fields)].any(axis=0))
