"""SVI slices by other packages, on the quotes that the kernel is given; the results unchecked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantdesk.pricing.columns import FloatArray
from quantdesk.pricing.smile import RawSvi
from quantdesk.pricing.surface import SliceQuotes

FORWARD = 80_000.0
"""QuantLib's sections are told strikes; the result does not depend on it."""


def scipy_svi(quotes: SliceQuotes) -> RawSvi:
    """Least squares of residuals in half-spreads within bounds; no condition on the slice."""
    optimize = pytest.importorskip("scipy.optimize", reason="scipy is not installed")
    mid, half = (quotes.bid_iv + quotes.ask_iv) / 2, (quotes.ask_iv - quotes.bid_iv) / 2

    def residuals(x: Any) -> Any:
        a, b, rho, m, s = x
        away = quotes.log_moneyness - m
        w = a + b * (rho * away + np.hypot(away, s))
        return (np.sqrt(np.maximum(w, 1e-12) / quotes.years) - mid) / half

    start = [0.1 * quotes.years, 0.1, -0.1, 0.0, 0.1]
    bounds = ([-1, 1e-6, -0.999, -2, 1e-4], [1, 2, 0.999, 2, 3])
    return RawSvi(*optimize.least_squares(residuals, start, bounds=bounds).x.tolist())


def svi_vols(svi: RawSvi, quotes: SliceQuotes) -> FloatArray:
    """Vols of raw SVI at the quotes, NaN where its variance is below 0, which a peer may find."""
    away = quotes.log_moneyness - svi.m
    w = svi.a + svi.b * (svi.rho * away + np.hypot(away, svi.s))
    return np.sqrt(np.where(w >= 0, w, np.nan) / quotes.years)


def quantlib_section(quotes: SliceQuotes) -> Any:
    """QuantLib's SVI section, fitted to the middles with its own optimiser and defaults."""
    ql = pytest.importorskip("QuantLib", reason="QuantLib is not installed")
    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    vols = ((quotes.bid_iv + quotes.ask_iv) / 2).tolist()
    section = ql.SviInterpolatedSmileSection(
        today + max(round(quotes.years * 365), 1),
        ql.QuoteHandle(ql.SimpleQuote(FORWARD)),
        (FORWARD * np.exp(quotes.log_moneyness)).tolist(),
        False,
        ql.QuoteHandle(ql.SimpleQuote(vols[len(vols) // 2])),
        [ql.QuoteHandle(ql.SimpleQuote(vol)) for vol in vols],
        0.1 * quotes.years, 0.1, 0.1, -0.1, 0.0, False, False, False, False, False,
    )  # fmt: skip
    section.rmsError()  # nothing is fitted before something is asked
    return section


def section_rmse(section: Any, quotes: SliceQuotes) -> float:
    """RMSE of a QuantLib section to the middles, a vol."""
    strikes = (FORWARD * np.exp(quotes.log_moneyness)).tolist()
    found = np.array([section.volatility(strike) for strike in strikes])
    return float(np.sqrt(np.mean((found - (quotes.bid_iv + quotes.ask_iv) / 2) ** 2)))
