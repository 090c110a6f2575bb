"""Futures and a perpetual on each underlying: simulated by rule, since no sample recorded them.

The rules, all functions of the path step:

* Listed is a perpetual, and a dated future for each expiry whose recorded option tickers name one
  as their underlying. Contract terms are the venue's published ones.
* A dated future is marked on the forward of its expiry, so that parity holds with the options. The
  perpetual stands above the index by a tenth of the index's log return over the last five minutes,
  at most half a percent.
* Both are marked again when the index moves, the perpetual after two seconds at the latest.
* Quoted around the mark: the perpetual one tick wide with 100,000 USD a side, dated ones five ticks
  wide with 50,000 USD.
* Funding by Deribit's published rule on that premium: max(0.025 %, premium) + min(−0.025 %,
  premium) for eight hours.
* Order prices are limited to 1.5 % around the mark, as in captured tickers of the perpetual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from quantdesk.domain.times import expiry_code
from quantdesk.simulator.option_market import REMARK_STEPS_MAX, Expiry
from quantdesk.simulator.samples import Sample, TickStep
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS, UnderlyingIndex

NS_PER_MS = 1_000_000
HOUR_NS = 3_600_000_000_000
FUNDING_PERIOD_NS = 8 * HOUR_NS

PREMIUM_SHARE = 0.1
PREMIUM_MAX = 0.005
PREMIUM_WINDOW_STEPS = 1_200
"""Five minutes of 250 ms steps."""

FUNDING_DEADBAND = 0.00025
FUNDING_SAMPLE_NS = 30 * 1_000_000_000
"""Funding over a period is the mean of the rate at instants so far apart."""

FUNDING_SAMPLES_MAX = 100_000
"""Instants of a period at most; those of a long one (over 34 days) lie further apart."""

LIMIT_SHARE = 0.015
USD_DECIMALS = 2
RATE_DECIMALS = 8

PERPETUAL_EXPIRATION_MS = 32_503_708_800_000
"""What the venue prints as the expiration of a perpetual: the year 3000."""


class FutureRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A future's instrument record with the captured fields. Times in ms."""

    state: str
    price_index: str
    kind: str
    instrument_name: str
    max_leverage: int
    maker_commission: float
    taker_commission: float
    instrument_type: str
    expiration_timestamp: int
    creation_timestamp: int
    is_active: bool
    tick_size: float
    contract_size: float
    instrument_id: int
    min_trade_amount: float
    future_type: str
    max_liquidation_commission: float
    block_trade_commission: float
    block_trade_min_trade_amount: int
    block_trade_tick_size: float
    settlement_currency: str
    settlement_period: str
    base_currency: str
    counter_currency: str
    quote_currency: str
    tick_size_steps: tuple[TickStep, ...] = ()


class _Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's contract terms of one underlying's futures."""

    tick: float
    contract_size: float
    leverage_max: int
    liquidation_fee_max: float
    block_amount_min: int
    block_tick: float


_TERMS = {
    "BTC": _Terms(
        tick=0.5,
        contract_size=10.0,
        leverage_max=50,
        liquidation_fee_max=0.0075,
        block_amount_min=200_000,
        block_tick=0.01,
    ),
    "ETH": _Terms(
        tick=0.05,
        contract_size=1.0,
        leverage_max=50,
        liquidation_fee_max=0.009,
        block_amount_min=100_000,
        block_tick=0.01,
    ),
}

_ID_FIRST = 800_001

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Top = tuple[float, float, float, float]
"""Best bid, its amount, best ask, its amount."""


class PublishedFuture(NamedTuple):
    """What is published of a future, to be compared."""

    mark: float
    index_price: float
    expected_delivery: float
    price_min: float
    price_max: float
    current_funding: float
    funding_8h: float
    top: Top
    is_open: bool


@dataclass(slots=True, kw_only=True)
class Future:
    """One future and what is published of it. Prices in USD, amounts in USD; 0 for an empty side.

    expiry : of the options on the same forward; None for the perpetual
    house : what the market makers quote; 0 for an empty side
    top : what stands best in the book, likewise
    opening_price : the first mark, on the tick grid
    """

    record: FutureRecord
    index: UnderlyingIndex
    expiry: Expiry | None
    mark: float = 0.0
    index_price: float = 0.0
    expected_delivery: float = 0.0
    price_min: float = 0.0
    price_max: float = 0.0
    current_funding: float = 0.0
    funding_8h: float = 0.0
    house: Top = (0.0, 0.0, 0.0, 0.0)
    top: Top = (0.0, 0.0, 0.0, 0.0)
    stamp_ms: int = 0
    change_id: int = 0
    marked_step: int = 0
    is_open: bool = True
    opening_price: float = 0.0
    delivery_price: float | None = None

    @property
    def name(self) -> str:
        """Instrument name."""
        return self.record.instrument_name

    @property
    def is_perpetual(self) -> bool:
        """True for the one without an end."""
        return self.expiry is None

    def published(self) -> PublishedFuture:
        """Every value that a client sees, but the time stamp."""
        return PublishedFuture(
            mark=self.mark,
            index_price=self.index_price,
            expected_delivery=self.expected_delivery,
            price_min=self.price_min,
            price_max=self.price_max,
            current_funding=self.current_funding,
            funding_8h=self.funding_8h,
            top=self.top,
            is_open=self.is_open,
        )


class FuturesMarket:
    """The futures of the market, in the order of the samples; perpetuals first in each."""

    def __init__(
        self,
        samples: Sequence[Sample],
        indexes: Mapping[str, UnderlyingIndex],
        expiries: Sequence[Expiry],
        *,
        opened_ns: int,
    ) -> None:
        """`expiries` are those of the options, alive at `opened_ns`."""
        self._opened_ns = opened_ns
        self.contracts: list[Future] = []
        for sample in samples:
            index = indexes[sample.index_name]
            dated = [
                expiry
                for expiry in expiries
                if expiry.index is index
                and expiry.underlying_index
                == f"{sample.underlying}-{expiry_code(expiry.expiry_ns)}"
            ]
            for expiry in (None, *dated):
                number = _ID_FIRST + len(self.contracts)
                record = _record(sample, expiry, instrument_id=number, opened_ns=opened_ns)
                self.contracts.append(Future(record=record, index=index, expiry=expiry))
        self.row_of = {contract.name: row for row, contract in enumerate(self.contracts)}
        self.move(0, None)
        for contract in self.contracts:
            tick = contract.record.tick_size
            contract.opening_price = round(round(contract.mark / tick) * tick, USD_DECIMALS)

    def __len__(self) -> int:
        return len(self.contracts)

    def move(self, step: int, expected: Mapping[str, float] | None) -> None:
        """Mark every open future at path step `step`.

        expected : expected delivery price by index name; None takes the index
        """
        for contract in self.contracts:
            if not contract.is_open:
                continue
            index = contract.index
            venue_ns = self._opened_ns + step * index.step_ns
            if contract.expiry is not None and contract.expiry.expiry_ns <= venue_ns:
                _deliver(contract, contract.expiry)
                continue
            price = index.price_at(step)
            if contract.expiry is not None:
                contract.expected_delivery = expected[index.name] if expected else price
                contract.mark = contract.expiry.forward
            elif price != contract.index_price or step - contract.marked_step >= REMARK_STEPS_MAX:
                contract.expected_delivery = price
                contract.marked_step = step
                self._mark_perpetual(contract, price, step)
            contract.index_price = price
            _quote(contract)

    def _mark_perpetual(self, contract: Future, price: float, step: int) -> None:
        index = contract.index
        premium = float(_premiums(index, np.array([step], dtype=np.int64))[0])
        contract.mark = round(price * (1 + premium), USD_DECIMALS)
        contract.current_funding = round(_eight_hour_rate(premium), RATE_DECIMALS)
        venue_ns = self._opened_ns + step * index.step_ns
        eight_hours = self._mean_rate(index, venue_ns - FUNDING_PERIOD_NS, venue_ns)
        contract.funding_8h = round(eight_hours, RATE_DECIMALS)

    def funding_rate(self, name: str, from_ns: int, to_ns: int) -> float:
        """What a perpetual's long pays its short over a period, as part of the position value."""
        contract = self.contracts[self.row_of[name]]
        share = (to_ns - from_ns) / FUNDING_PERIOD_NS
        return self._mean_rate(contract.index, from_ns, to_ns) * share

    def eight_hour_rate(self, name: str, from_ns: int, to_ns: int) -> float:
        """Mean eight-hour rate of a perpetual over a period."""
        return self._mean_rate(self.contracts[self.row_of[name]].index, from_ns, to_ns)

    def marks_at(self, name: str, instants_ns: IntArray) -> FloatArray:
        """Marks of a future at venue times (n,), those before the opening by the path's rule."""
        contract = self.contracts[self.row_of[name]]
        steps = contract.index.steps_of(instants_ns)
        prices = contract.index.prices_at(steps)
        if contract.expiry is not None:
            return np.round(prices * contract.expiry.basis, USD_DECIMALS)
        return np.round(prices * (1 + _premiums(contract.index, steps)), USD_DECIMALS)

    def _mean_rate(self, index: UnderlyingIndex, from_ns: int, to_ns: int) -> float:
        """Mean eight-hour rate over a period."""
        spacing_ns = max(FUNDING_SAMPLE_NS, (to_ns - from_ns) // FUNDING_SAMPLES_MAX)
        instants = np.arange(from_ns, max(to_ns, from_ns + 1), spacing_ns)
        premiums = _premiums(index, (instants - self._opened_ns) // index.step_ns)
        rates = np.maximum(FUNDING_DEADBAND, premiums) + np.minimum(-FUNDING_DEADBAND, premiums)
        return float(np.mean(rates))


def _record(
    sample: Sample, expiry: Expiry | None, *, instrument_id: int, opened_ns: int
) -> FutureRecord:
    terms, coin = _TERMS[sample.underlying], sample.underlying
    if expiry is None:
        name, ends_ms, period = f"{coin}-PERPETUAL", PERPETUAL_EXPIRATION_MS, "perpetual"
    else:
        name, ends_ms = expiry.underlying_index, expiry.expiry_ns // NS_PER_MS
        options = (i for i in sample.instruments if i.expiration_timestamp == ends_ms)
        period = next(options).settlement_period
    return FutureRecord(
        state="open",
        price_index=sample.index_name,
        kind="future",
        instrument_name=name,
        max_leverage=terms.leverage_max,
        maker_commission=0.0,
        taker_commission=0.0005,
        instrument_type="reversed",
        expiration_timestamp=ends_ms,
        creation_timestamp=opened_ns // NS_PER_MS,
        is_active=True,
        tick_size=terms.tick,
        contract_size=terms.contract_size,
        instrument_id=instrument_id,
        min_trade_amount=terms.contract_size,
        future_type="reversed",
        max_liquidation_commission=terms.liquidation_fee_max,
        block_trade_commission=0.00025,
        block_trade_min_trade_amount=terms.block_amount_min,
        block_trade_tick_size=terms.block_tick,
        settlement_currency=coin,
        settlement_period=period,
        base_currency=coin,
        counter_currency="USD",
        quote_currency="USD",
    )


def _premiums(index: UnderlyingIndex, steps: IntArray) -> FloatArray:
    """Premium of the perpetual over its index at `steps`, as part of it."""
    moved = index.log_returns(steps, PREMIUM_WINDOW_STEPS)
    return np.clip(PREMIUM_SHARE * moved, -PREMIUM_MAX, PREMIUM_MAX)


def _eight_hour_rate(premium: float) -> float:
    return max(FUNDING_DEADBAND, premium) + min(-FUNDING_DEADBAND, premium)


def _quote(contract: Future) -> None:
    """House quotes and price limits around the mark, on the tick grid."""
    tick, mark = contract.record.tick_size, contract.mark
    width, amount = (1, 100_000.0) if contract.is_perpetual else (5, 50_000.0)
    bid = math.ceil(round(mark / tick - (width + 1) / 2, 6)) * tick
    contract.house = (
        round(bid, USD_DECIMALS),
        amount,
        round(bid + width * tick, USD_DECIMALS),
        amount,
    )
    contract.price_min = round(math.floor(mark * (1 - LIMIT_SHARE) / tick) * tick, USD_DECIMALS)
    contract.price_max = round(math.ceil(mark * (1 + LIMIT_SHARE) / tick) * tick, USD_DECIMALS)


def _deliver(contract: Future, expiry: Expiry) -> None:
    end_ns = expiry.expiry_ns
    price = expiry.index.mean(end_ns - DELIVERY_WINDOW_NS, end_ns)
    contract.mark = contract.index_price = contract.expected_delivery = price
    contract.delivery_price = price
    contract.house = contract.top = (0.0, 0.0, 0.0, 0.0)
    contract.price_min = contract.price_max = 0.0
    contract.is_open = False
    contract.stamp_ms = end_ns // NS_PER_MS
