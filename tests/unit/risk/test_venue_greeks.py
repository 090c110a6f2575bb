"""Our Greeks beside those a venue published, position by position, on a recorded chain."""

from __future__ import annotations

from pathlib import Path

import quantdesk as qd
from tests.unit.risk.venue_rows import venue_rows, worst_differences

TICKERS = Path(__file__).parents[2] / "fixtures" / "chain_files" / "btc_2026-06-27_tickers.json"


def test_recorded_tickers_have_our_greeks() -> None:
    rows = list(venue_rows(qd.read_market(TICKERS).market()))
    assert len(rows) >= 20
    worst = worst_differences(rows)
    assert worst["delta"] < 1e-4
    assert worst["gamma"] <= 5.1e-6  # published to five decimals
    assert worst["vega"] < 0.02
    assert worst["theta"] < 0.05


def test_plain_theta_is_not_what_the_venue_publishes_on_the_last_day() -> None:
    rows = list(venue_rows(qd.read_market(TICKERS).market()))
    off = [row for row in rows if abs(row.ours.theta_per_day - row.theta) > 0.05 * abs(row.theta)]
    assert off
    assert all("28JUN26" in row.name for row in off)
