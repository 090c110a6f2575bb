"""The quotes behind a fit, row by row: each with its residual, or with why it took no part."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from quantdesk.app.render.known_numbers import known
from quantdesk.domain.times import format_instant
from quantdesk.market.fitting import FitRefusal, SliceFit, SurfaceFit
from quantdesk.market.surface_quotes import (
    FORWARD_REACH,
    QUOTES_MIN,
    VOL_MAX,
    YEARS_MIN,
    ExpiryQuotes,
    SurfaceQuotes,
)
from quantdesk.market.variance_clock import DAYS_PER_YEAR

BY_HAND = "excluded by hand"

ROW_COLUMNS = (
    *("instrument_name", "option_type", "strike", "log_moneyness", "bid_iv", "ask_iv"),
    *("fit_iv", "residual", "inside", "used", "reason"),
)


def quote_rows(expiry: ExpiryQuotes, fitted: SliceFit | None) -> list[dict[str, Any]]:
    """Every row of an expiry as plain values: vols are fractions, None where there is none.

    residual : fit − mid of rows that the fit is scored on;  inside : whether the fit lies within
    bid and ask there;  reason : why a row took no part, "" where it did
    """
    rows = []
    for row, name in enumerate(expiry.names):
        residual = None if fitted is None else known(float(fitted.residual[row]))
        values = (
            name,
            "call" if expiry.is_call[row] else "put",
            float(expiry.strike[row]),
            known(float(expiry.log_moneyness[row])),
            known(float(expiry.bid_iv[row])),
            known(float(expiry.ask_iv[row])),
            None if fitted is None else known(float(fitted.fit_iv[row])),
            residual,
            None if fitted is None or residual is None else bool(fitted.is_inside[row]),
            fitted is not None and bool(expiry.is_used[row]),
            expiry.reasons[row],
        )
        rows.append(dict(zip(ROW_COLUMNS, values, strict=True)))
    return rows


def filters_record(fit: SurfaceFit, stale_after_s: float | None) -> dict[str, Any]:
    """The filters that decided which quotes took part; `stale_after_s` None where it is not kept.

    Each stale row names the limit that it was held against in its reason.
    """
    return {
        "stale_after_s": stale_after_s,
        "iv_max": VOL_MAX,
        "minutes_to_expiry_min": YEARS_MIN * DAYS_PER_YEAR * 24 * 60,
        "quotes_min": QUOTES_MIN,
        "forward_factor_max": FORWARD_REACH,
        "excluded": [
            name
            for each in fit.slices
            for name, reason in zip(each.quotes.names, each.quotes.reasons, strict=True)
            if reason == BY_HAND
        ],
    }


def fitted_quotes(fit: SurfaceFit) -> SurfaceQuotes:
    """The quotes of the fitted expiries, as the fit itself keeps them."""
    return SurfaceQuotes(
        venue=fit.venue,
        underlying=fit.underlying,
        as_of_ns=fit.as_of_ns,
        expiries=tuple(each.quotes for each in fit.slices),
        reference_ns=fit.reference_ns,
    )


def quotes_parquet(quotes: SurfaceQuotes, fit: SurfaceFit | FitRefusal) -> bytes:
    """Every row of every expiry, the columns of the JSON after expiry and years."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows: list[dict[str, Any]] = []
    for expiry in quotes.expiries:
        fitted = fit.slice_at(expiry.expiry_ns) if isinstance(fit, SurfaceFit) else None
        head = {"expiry": format_instant(expiry.expiry_ns), "expiry_years": expiry.years}
        rows += [head | row for row in quote_rows(expiry, fitted)]
    names = ("expiry", "expiry_years", *ROW_COLUMNS)
    columns = {name: [row[name] for row in rows] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quotes.parquet"
        write_parquet(path, columns, metadata={"as_of": format_instant(quotes.as_of_ns)})
        return path.read_bytes()
