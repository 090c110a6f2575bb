"""Files of quotes with one thing wrong, in the layout of recorded quotes."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from quantdesk import pricing

MOMENT = "2026-03-02T12:00:00Z"
MATURITY = "2026-03-27T08:00:00Z"
YEARS = (24 + 20 / 24) / 365
COLUMNS = (
    *("ref_date", "kind", "maturity", "bid", "ask"),
    *("open_interest", "volume", "strike", "option_type"),
)

Row = dict[str, object]


def plain_vol(k: float) -> float:
    """A mild smile around 60 %."""
    return 0.6 - 0.1 * k + 0.15 * k * k


def quote_rows(
    *,
    forward: float = 80_000.0,
    spot: float | None = 80_000.0,
    future: float | None = 80_000.0,
    maturity: str = MATURITY,
    years: float = YEARS,
    strikes: Sequence[float] = tuple(range(50_000, 120_001, 5_000)),
    vol: Callable[[float], float] = plain_vol,
    half: float = 0.02,
) -> list[Row]:
    """Spot, future and out-of-the-money options around `vol`, half-spreads of `half` in vol."""
    rows: list[Row] = []
    if spot is not None:
        rows.append({"kind": "spot", "bid": spot - 1, "ask": spot + 1})
    if future is not None:
        rows.append({"kind": "forward", "maturity": maturity, "bid": future - 5, "ask": future + 5})
    for strike in strikes:
        is_call, middle = strike >= forward, vol(math.log(strike / forward))
        low, high = (
            float(np.asarray(pricing.price(is_call, forward, strike, years, middle + move)))
            for move in (-half, half)
        )
        rows.append(
            {
                "kind": "option",
                "maturity": maturity,
                "bid": round(low / forward, 6),
                "ask": round(high / forward, 6),
                "strike": strike,
                "option_type": "call" if is_call else "put",
            }
        )
    return rows


def options_of(rows: list[Row]) -> list[Row]:
    """The rows that are options, the same objects."""
    return [row for row in rows if row["kind"] == "option"]


def write_rows(folder: Path, rows: list[Row]) -> Path:
    """A file of `rows` at `MOMENT`."""
    path = folder / "btc_bad.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({"ref_date": MOMENT, **row} for row in rows)
    return path
