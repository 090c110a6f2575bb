"""Quotes made of a known smile, and recorded ones, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from quantdesk.market.surface_quotes import ExpiryQuotes, SurfaceQuotes

FIXTURES = Path(__file__).parents[2] / "fixtures" / "chain_files"
RECORDED = FIXTURES.parent / "surface" / "btc_2026-05-21_quotes.csv.gz"
AS_OF_NS = 1_769_155_200_000_000_000
DAY_NS = 86_400 * 1_000_000_000


def smile_vol(k: np.ndarray, years: float) -> np.ndarray:
    """A skewed smile that no expiry's twin crosses."""
    x = k / np.sqrt(years)
    return np.asarray(0.5 - 0.06 * x + 0.08 * np.sqrt(x * x + 0.05))


def expiry(days: int, *, count: int = 21, half: float = 0.005) -> ExpiryQuotes:
    """Two-sided quotes of one expiry around `smile_vol`, all used."""
    years = days / 365.0
    k = np.linspace(-1.2, 1.2, count) * np.sqrt(years)
    vol = smile_vol(k, years)
    return ExpiryQuotes(
        expiry_ns=AS_OF_NS + days * DAY_NS,
        years=years,
        forward=80_000.0,
        forward_source="venue",
        names=tuple(f"{days}-{row}" for row in range(count)),
        strike=80_000.0 * np.exp(k),
        is_call=k >= 0,
        log_moneyness=k,
        bid_iv=vol - half,
        ask_iv=vol + half,
        is_used=np.ones(count, dtype=np.bool_),
        reasons=("",) * count,
    )


def chain(*days: int) -> SurfaceQuotes:
    """A chain of such expiries."""
    return SurfaceQuotes(
        venue="deribit",
        underlying="BTC",
        as_of_ns=AS_OF_NS,
        expiries=tuple(expiry(each) for each in days or (2, 9, 30, 120)),
    )
