"""The recorded chains and underlying paths that the simulated venue opens on.

Files made by `build`, read and checked here. Where they come from and what was changed is in
PROVENANCE.md beside them. Knows the recorded layout; what a venue does with it is not here.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import msgspec

from quantdesk.errors import ConfigError
from quantdesk.simulator.path import UnderlyingPath

SAMPLES: tuple[str, ...] = ("btc-2026-06-27", "eth-2026-01-31")
"""Names that `load_sample` knows: underlying and day of the recording."""

_NS_PER_MS = 1_000_000


class TickStep(msgspec.Struct, frozen=True):
    """A coarser tick that applies above a price."""

    tick_size: float
    above_price: float


class RecordedInstrument(msgspec.Struct, frozen=True):
    """An option's instrument record, as the venue listed it. Times in ms."""

    state: str
    price_index: str
    kind: Literal["option"]
    instrument_name: str
    maker_commission: float
    taker_commission: float
    instrument_type: Literal["reversed"]
    expiration_timestamp: int
    is_active: bool
    creation_timestamp: int
    instrument_id: int
    tick_size: float
    contract_size: float
    strike: float
    base_currency: str
    quote_currency: str
    settlement_currency: str
    option_type: Literal["call", "put"]
    min_trade_amount: float
    block_trade_commission: float
    block_trade_min_trade_amount: float
    block_trade_tick_size: float
    settlement_period: str
    counter_currency: str
    tick_size_steps: tuple[TickStep, ...]


class RecordedGreeks(msgspec.Struct, frozen=True):
    """Greeks in the venue's units."""

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class RecordedTicker(msgspec.Struct, frozen=True):
    """An option's ticker as recorded: prices in coin, IVs in percent, 0 where there is no quote."""

    timestamp: int
    state: str
    stats: msgspec.Raw
    greeks: RecordedGreeks
    interest_rate: float
    index_price: float
    instrument_name: str
    last_price: float | None
    min_price: float
    max_price: float
    open_interest: float
    mark_price: float
    best_ask_price: float
    best_bid_price: float
    mark_iv: float
    bid_iv: float
    ask_iv: float
    underlying_price: float
    underlying_index: str
    estimated_delivery_price: float
    best_ask_amount: float
    best_bid_amount: float
    settlement_price: float | None = None


class _SampleFile(msgspec.Struct, frozen=True):
    format: Literal["quantdesk.simulator.sample/1"]
    name: str
    underlying: str
    index_name: str
    opened_ms: int
    index_price: float
    path: str
    beta: float
    simulated: dict[str, str]
    instruments: tuple[RecordedInstrument, ...]
    tickers: tuple[RecordedTicker, ...]


class _PathFile(msgspec.Struct, frozen=True):
    format: Literal["quantdesk.simulator.path/1"]
    name: str
    step_ns: int
    return_unit: float
    returns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One recorded chain and the path that moves it.

    Attributes
    ----------
    opened_ns : UTC nanoseconds of the recorded moment; no ticker is later
    index_price : USD per coin at that moment
    beta : log return of this underlying for one of the path's
    simulated : field name to the rule that made it, for what was not recorded
    instruments, tickers : pairwise, in the order recorded
    """

    name: str
    underlying: str
    index_name: str
    opened_ns: int
    index_price: float
    path: UnderlyingPath
    beta: float
    simulated: Mapping[str, str]
    instruments: tuple[RecordedInstrument, ...]
    tickers: tuple[RecordedTicker, ...]


def load_sample(name: str) -> Sample:
    """The shipped sample called `name`. Raises ConfigError for a name not in `SAMPLES`."""
    if name not in SAMPLES:
        raise ConfigError(f"sample {name!r} is not shipped; there are: {', '.join(SAMPLES)}")
    document = msgspec.json.decode(_unpacked(name), type=_SampleFile)
    path = msgspec.json.decode(_unpacked(document.path), type=_PathFile)
    return Sample(
        name=document.name,
        underlying=document.underlying,
        index_name=document.index_name,
        opened_ns=document.opened_ms * _NS_PER_MS,
        index_price=document.index_price,
        path=UnderlyingPath(path.returns, unit=path.return_unit, step_ns=path.step_ns),
        beta=document.beta,
        simulated=document.simulated,
        instruments=document.instruments,
        tickers=document.tickers,
    )


def _unpacked(name: str) -> bytes:
    return gzip.decompress(files(__name__).joinpath(f"{name}.json.gz").read_bytes())
