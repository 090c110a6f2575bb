"""The desk from a script or notebook: chains as values, their columns as arrays.

What `import quantdesk as qd` offers beside the pricing functions. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantdesk.app.notebook_surface import Surface
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.structure import Listed
from quantdesk.domain.times import parse_instant
from quantdesk.errors import ConfigError, OutOfDomain
from quantdesk.market.chain import QUOTE_COLUMNS
from quantdesk.market.fitting import FitOptions, FitRefusal
from quantdesk.market.market_data import MarketData
from quantdesk.market.selection import parse_window
from quantdesk.market.surface_clock import fit_on_clock
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.made_numbers import SAMPLE_OF
from quantdesk.runtime.sources import file_snapshot
from quantdesk.runtime.surfaces import quotes_of, read_clock
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot, select_rows
from quantdesk.structures.resolve import future_price

COMPUTED_COLUMNS = (
    "years",
    "bid_iv",
    "mark_iv",
    "ask_iv",
    "delta",
    "delta_premium_adjusted",
    "gamma",
    "vega",
    "theta",
)
"""Columns of `chain_columns` that the desk computed; the units are those of `ChainValues`."""


class StillDesk:
    """A desk that stands still: one snapshot to look things up in.

    `snapshot` is the whole of it.
    """

    def __init__(self, snapshot: DeskSnapshot) -> None:
        self.snapshot = snapshot

    def __repr__(self) -> str:
        coins = ", ".join(f"{c.underlying} {len(c.chain)} options" for c in self.snapshot.chains)
        return f"<desk {self.snapshot.environment.value}: {self.snapshot.source}; {coins}>"

    def chain(
        self, underlying: str, *, expiry: str | None = None, window: str | None = None
    ) -> ChainSnapshot:
        """The chain of `underlying`; `expiry` and `window` as on the command line.

        Raises ConfigError for an underlying that is not here, InvalidInput for an expiry or a
        window that makes no sense.
        """
        chain = self.snapshot.chain(underlying.upper())
        if chain is None:
            here = ", ".join(c.underlying for c in self.snapshot.chains)
            raise ConfigError(f"underlying {underlying!r}: this desk has {here}")
        strikes = None if window is None else parse_window(window)
        return chain.take(select_rows(chain, expiry, strikes))

    def perpetual(self, underlying: str, *, venue: str | None = None) -> Listed:
        """The perpetual of `underlying`; quantities are coins, whatever the venue counts in.

        Raises ConfigError where none is listed and quoted.
        """
        for chain in self.snapshot.chains:
            if chain.underlying != underlying.upper() or venue not in (None, chain.venue):
                continue
            for quote in chain.futures.values():
                instrument = quote.instrument
                if instrument.kind is not InstrumentKind.PERPETUAL:
                    continue
                price = future_price(chain.market(), instrument)
                return Listed(
                    instrument=instrument, usd_per_coin=price if instrument.is_inverse else None
                )
        raise ConfigError(f"perpetual {underlying!r}: this desk lists none")

    def surface(
        self,
        underlying: str,
        *,
        venue: str | None = None,
        model: str = "spline",
        clock: str = "calendar",
        exclude: Sequence[str] = (),
    ) -> Surface:
        """The volatility surface of `underlying`, fitted to its chain, with its grade.

        `surface.implied_vol("monthly", strikes)` reads it; `risk_report(..., surface=surface)`
        values with it. Raises ConfigError for an underlying that is not here, OutOfDomain where its
        quotes carry no surface, saying why, InvalidInput for an unknown model or an unknown name in
        `exclude`.

        Parameters
        ----------
        clock : what variance runs on between expiries: "calendar", "weekend" or a TOML file
        exclude : names of options to leave out
        """
        chain = self.snapshot.chain(underlying.upper(), venue)
        if chain is None:
            here = ", ".join(f"{c.underlying} at {c.venue}" for c in self.snapshot.chains)
            raise ConfigError(f"underlying {underlying!r}: this desk has {here}")
        fit = fit_on_clock(
            quotes_of(chain, exclude), options=FitOptions(model=model), choice=read_clock(clock)
        )
        if isinstance(fit, FitRefusal):
            raise OutOfDomain(f"{fit.underlying} at {fit.venue}: no surface: {fit.reason}")
        return Surface(fit, chain)

    def market(self) -> MarketData:
        """Every chain as risk, margin and structures take it."""
        return self.snapshot.market()


def sample(name: str = "deribit-2026-06-27") -> StillDesk:
    """A shipped recorded chain at its recorded moment: no network, no clock.

    "deribit-2026-06-27" is BTC, "deribit-2026-01-31" ETH. Raises ConfigError for another name.
    """
    names = {f"deribit-{file.split('-', 1)[1]}": coin for coin, file in SAMPLE_OF.items()}
    if name not in names:
        raise ConfigError(f"sample {name!r}: there are {', '.join(names)}")
    return StillDesk(opening_snapshot(names[name]))


def read_market(
    path: str | Path, *, underlying: str | None = None, at: str | None = None
) -> StillDesk:
    """A recorded market file, or the desk's own chain JSON, at its own moment.

    `at` picks a moment of a file with several (ISO-8601 UTC; the last if left out). Raises
    ChainFileError where the file is not understood.
    """
    at_ns = None if at is None else parse_instant(at)
    return StillDesk(file_snapshot(Path(path), underlying, at_ns))


def chain_columns(chain: ChainSnapshot) -> dict[str, NDArray[Any]]:
    """The chain as columns, one array (n,) each, as a data frame takes them.

    `expiry` is datetime64[ns] in UTC, `option_type` "call" or "put"; prices are in the quote
    currency, IVs fractions, Greeks as in `ChainValues`; NaN is no value. Arrays are copies.
    """
    raw, values = chain.chain, chain.values
    columns: dict[str, NDArray[Any]] = {
        "instrument_name": np.array([instrument.name for instrument in raw.instruments]),
        "expiry": raw.expiry_ns.astype("datetime64[ns]"),
        "strike": raw.strike.copy(),
        "option_type": np.where(raw.is_call, "call", "put"),
    }
    columns |= {name: getattr(raw, name).copy() for name in QUOTE_COLUMNS}
    columns["forward"] = values.forward.copy()
    return columns | {name: getattr(values, name).copy() for name in COMPUTED_COLUMNS}
