"""Realistic quotes of smiles for the benches: skewed, noisy, wide in the wings."""

from __future__ import annotations

import numpy as np

from quantdesk.pricing.surface import SliceQuotes

SEED = 20260605


def sample_expiry(
    *, years: float, count: int, generator: np.random.Generator | None = None
) -> SliceQuotes:
    """Quotes of one expiry: three deviations each side, middles off by a third of the half-spread.

    Half-spreads go from 0.3 vol points at the money to some 3 in the wings.
    """
    noise = generator or np.random.default_rng(SEED)
    x = np.linspace(-3.0, 2.5, count)
    level = 0.38 + 0.08 * np.sqrt(years) / (1.0 + np.sqrt(years))
    k = x * level * np.sqrt(years)
    vol = level * (1.0 - 0.05 * x + 0.12 * (np.sqrt(x * x + 0.6) - np.sqrt(0.6)))
    half = 0.003 + 0.0025 * x * x
    middle = vol + half * noise.uniform(-0.33, 0.33, count)
    return SliceQuotes(years=years, log_moneyness=k, bid_iv=middle - half, ask_iv=middle + half)


def sample_chain(*, expiries: int, count: int) -> list[SliceQuotes]:
    """A chain from one day to a year, times spread evenly on a logarithmic scale."""
    noise = np.random.default_rng(SEED)
    years = np.geomspace(1.0 / 365.0, 1.0, expiries)
    return [sample_expiry(years=t, count=count, generator=noise) for t in years.tolist()]
