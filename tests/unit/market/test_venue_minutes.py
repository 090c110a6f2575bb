"""Minutes to expiry as Deribit counts them, against the vegas that it published."""

from __future__ import annotations

import gzip
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from quantdesk.market.variance_clock import MINUTES_PER_YEAR, NS_PER_MINUTE, venue_minutes

FIXTURES = Path(__file__).parents[2] / "fixtures" / "deribit"
NORMAL = NormalDist()

LATE = 0.1
"""Minutes by which a ticker may be stamped later than its Greeks were made."""


def tickers() -> list[dict[str, Any]]:
    """Recorded tickers of options with a vega: a session of 2021, an answer of 2026."""
    with gzip.open(FIXTURES / "ws_mixed_2021-07-22.txt.gz", "rt") as lines:
        found: list[dict[str, Any]] = [
            json.loads(line[line.index("{") :])["params"]["data"]
            for line in lines
            if '"channel":"ticker.' in line
        ]
    rest = json.loads((FIXTURES / "rest_btc_2026-06-27.json").read_text())
    answers = rest["tickers"]
    found += answers.values() if isinstance(answers, dict) else answers
    return [each for each in found if each.get("greeks", {}).get("vega")]


def vega(ticker: dict[str, Any], minutes: float) -> float:
    strike = float(ticker["instrument_name"].split("-")[2])
    forward, root = ticker["underlying_price"], math.sqrt(minutes / MINUTES_PER_YEAR)
    deviation = ticker["mark_iv"] / 100 * root
    d1 = math.log(forward / strike) / deviation + deviation / 2
    return float(forward * NORMAL.pdf(d1) * root / 100)


def at_money(ticker: dict[str, Any]) -> bool:
    """Where the printed digits of vol leave the minute open by less than a tenth."""
    delta = float(ticker["greeks"]["delta"])
    return 0.45 < abs(delta) < 0.55


def minutes_left(ticker: dict[str, Any]) -> tuple[float, int]:
    """Minutes to expiry by the ticker's stamp: exact, and as the venue counts them."""
    day = datetime.strptime(ticker["instrument_name"].split("-")[1], "%d%b%y").replace(tzinfo=UTC)
    expiry_ns = int(day.timestamp()) * 1_000_000_000 + 480 * NS_PER_MINUTE
    now_ns = ticker["timestamp"] * 1_000_000
    return (expiry_ns - now_ns) / NS_PER_MINUTE, venue_minutes(now_ns, expiry_ns)


def test_published_vegas_are_of_the_nearest_whole_minute() -> None:
    known, apart = 0, 0
    for ticker in filter(at_money, tickers()):
        exact, counted = minutes_left(ticker)
        if abs(exact % 1 - 0.5) < LATE:
            continue
        known += 1
        published = ticker["greeks"]["vega"]
        per_minute = vega(ticker, counted + 0.5) - vega(ticker, counted - 0.5)
        assert (published - vega(ticker, counted)) / per_minute == pytest.approx(0.0, abs=0.1)
        apart += abs(published - vega(ticker, exact)) > 0.1 * per_minute
        apart += abs(published - vega(ticker, math.floor(exact))) > 0.1 * per_minute
    assert known >= 5
    # Neither the exact time nor the minutes that have passed whole give these vegas.
    assert apart >= 5
