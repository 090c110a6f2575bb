"""Every option that the simulated Binance lists, as arrays: contract, surface and published state.

Holds state; `market` moves it. Prices in USDT a contract, IVs as fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantdesk.domain.instrument import Instrument, OptionType
from quantdesk.errors import InvalidInput
from quantdesk.simulator.binance.ladder import (
    Contract,
    contract_on,
    expiry_symbols,
    strikes_between,
)
from quantdesk.simulator.binance.surface import RecordedExpiry
from quantdesk.simulator.samples import Sample

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_IV = -1.0
"""What the venue publishes where a quote has no IV (captured 17 December 2025)."""

_NS_PER_MS = 1_000_000
_DAY_NS = 86_400_000_000_000

PUBLISHED = (
    "mark",
    "bid",
    "bid_amount",
    "ask",
    "ask_amount",
    "bid_iv",
    "ask_iv",
    "delta",
    "gamma",
    "theta",
    "vega",
    "rate",
    "price_low",
    "price_high",
)
"""Published values of a row; a bid or ask of 0 is none, an IV of −1 likewise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpiryRows:
    """One expiry of one underlying: its rows of the board and how its forward follows the index.

    index_name : of the simulated venue's index, "btc_usd"
    """

    contract: Contract
    index_name: str
    expiry_ns: int
    rows: slice
    basis: float


class BinanceBoard:
    """The options made from some samples; rows by underlying, expiry, strike, call before put.

    Attributes
    ----------
    instruments, names, row_of : the contracts
    expiries : groups of rows, by underlying and expiry
    is_call, strike, iv : of each row (n,)
    bid_below, ask_above : distance of the quotes from the mark, NaN for none (n,)
    quote_amounts : sizes of bid and ask (2, n)
    published : one array (n,) for each of `PUBLISHED`
    is_open : False once expired (n,)
    """

    def __init__(self, samples: Sequence[Sample], *, opened_ns: int) -> None:
        """Lists what has not expired at `opened_ns`. Raises InvalidInput if that is nothing."""
        self.expiries: list[ExpiryRows] = []
        instruments: list[Instrument] = []
        ivs, belows, aboves, amounts = [], [], [], []
        for sample in samples:
            contract = contract_on(sample.underlying)
            for expiry_ns, recorded in _recorded_expiries(sample, opened_ns):
                strikes = strikes_between(
                    contract,
                    lowest=recorded.strike_lowest,
                    highest=recorded.strike_highest,
                    forward=sample.index_price * recorded.basis,
                    days=(expiry_ns - opened_ns) / _DAY_NS,
                )
                if not len(strikes):
                    continue
                listed = expiry_symbols(contract, expiry_ns, strikes.tolist())
                start, end = len(instruments), len(instruments) + len(listed)
                both = np.repeat(strikes, 2)
                is_call = np.tile(np.array([True, False]), len(strikes))
                distances = recorded.distances(both, is_call)
                instruments += listed
                ivs.append(recorded.mark_ivs(both))
                belows.append(distances.bid_below)
                aboves.append(distances.ask_above)
                amounts.append(np.vstack((distances.bid_amount, distances.ask_amount)))
                self.expiries.append(
                    ExpiryRows(
                        contract=contract,
                        index_name=sample.index_name,
                        expiry_ns=expiry_ns,
                        rows=slice(start, end),
                        basis=recorded.basis,
                    )
                )
        if not instruments:
            raise InvalidInput("samples", [s.name for s in samples], "must hold a live option")
        self.instruments = tuple(instruments)
        self.names = tuple(instrument.name for instrument in instruments)
        self.row_of = {name: row for row, name in enumerate(self.names)}
        self.is_call = np.array([i.option_type is OptionType.CALL for i in instruments])
        self.strike = np.array([float(i.strike or 0) for i in instruments])
        self.iv: FloatArray = np.concatenate(ivs)
        self.bid_below: FloatArray = np.concatenate(belows)
        self.ask_above: FloatArray = np.concatenate(aboves)
        self.quote_amounts: FloatArray = np.hstack(amounts)
        self.published = {name: np.zeros(len(instruments)) for name in PUBLISHED}
        self.is_open = np.ones(len(instruments), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.names)

    def contract_of(self, row: int) -> Contract:
        """The contract that a row's option is of."""
        return contract_on(self.instruments[row].underlying)

    def open_rows(self, underlying_symbol: str | None = None) -> list[int]:
        """Rows that trade, of one underlying or of all."""
        return [
            row
            for row in np.flatnonzero(self.is_open).tolist()
            if underlying_symbol in (None, self.instruments[row].index_name)
        ]


def _recorded_expiries(sample: Sample, opened_ns: int) -> list[tuple[int, RecordedExpiry]]:
    """The sample's expiries after `opened_ns`, in time order."""
    groups: dict[int, list[int]] = {}
    for row, instrument in enumerate(sample.instruments):
        groups.setdefault(instrument.expiration_timestamp * _NS_PER_MS, []).append(row)
    return [
        (
            expiry_ns,
            RecordedExpiry(
                [sample.instruments[row].strike for row in rows],
                [sample.instruments[row].option_type == "call" for row in rows],
                [sample.tickers[row] for row in rows],
            ),
        )
        for expiry_ns, rows in sorted(groups.items())
        if expiry_ns > opened_ns
    ]
