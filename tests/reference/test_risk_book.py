"""A book's Greeks and scenarios beside vollib and QuantLib, and beside the venue on whole chains.

The libraries price options one by one; the book is linear, since neither knows coin-settled ones.
Runs in an environment of its own (`make oracle`).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import quantdesk as qd
from quantdesk.market.market_data import MarketData
from quantdesk.risk.greeks import DeskGreeks
from quantdesk.risk.report import RiskReport, build_report
from tests.unit.market.chains import NOW, SEP, YEAR_NS
from tests.unit.risk.books import FORWARDS, INDEX, made_market, only, position
from tests.unit.risk.venue_rows import venue_rows, worst_differences

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "deribit"
VOL = 0.5
MARKET: MarketData = made_market(inverse=False, vol=VOL)
LOTS = np.random.default_rng(6).integers(-40, 41, len(only(MARKET).chain)) / 10
SPOTS, VOLS = (-0.3, -0.05, 0.0, 0.2), (-0.1, 0.0, 0.25)


def legs() -> list[tuple[bool, float, int, float]]:
    """(is_call, strike, expiry_ns, coins) of the book."""
    chain = only(MARKET).chain
    return [
        (bool(chain.is_call[row]), float(chain.strike[row]), int(chain.expiry_ns[row]), lots)
        for row, lots in enumerate(LOTS.tolist())
        if lots
    ]


@pytest.fixture(scope="module")
def report() -> RiskReport:
    instruments = only(MARKET).chain.instruments
    held = [position(one, lots) for one, lots in zip(instruments, LOTS, strict=True) if lots]
    built = build_report(held, MARKET)
    assert not built.excluded
    return built


def net(report: RiskReport) -> DeskGreeks:
    return report.greeks.underlying("BTC").greeks


def close(found: float, expected: list[float]) -> None:
    """A sum agrees to 1e-9 of the absolute sum of its parts."""
    assert found == pytest.approx(sum(expected), abs=1e-9 * sum(map(abs, expected)))


def years(expiry_ns: int) -> float:
    return (expiry_ns - NOW) / YEAR_NS


def test_net_greeks_are_those_of_vollib(report: RiskReport) -> None:
    analytical = pytest.importorskip(
        "vollib.black.greeks.analytical", reason="vollib is not installed here"
    )
    parts: dict[str, list[float]] = {"delta": [], "gamma": [], "vega": [], "theta": []}
    for is_call, strike, expiry, coins in legs():
        arguments = ("c" if is_call else "p", FORWARDS[expiry], strike, years(expiry), 0.0, VOL)
        forward = FORWARDS[expiry]
        parts["delta"].append(coins * analytical.delta(*arguments))
        parts["gamma"].append(coins * analytical.gamma(*arguments) * forward**2 / 100)
        parts["vega"].append(coins * analytical.vega(*arguments))
        parts["theta"].append(coins * analytical.theta(*arguments))
    greeks = net(report)
    close(greeks.delta_black, parts["delta"])
    close(greeks.gamma_per_pct_usd, parts["gamma"])
    close(greeks.vega_per_point, parts["vega"])
    close(greeks.theta_per_day, parts["theta"])


def quantlib_black(library: Any, *, is_call: bool, strike: float, forward: float, s: float) -> Any:
    kind = library.Option.Call if is_call else library.Option.Put
    return library.BlackCalculator(library.PlainVanillaPayoff(kind, strike), forward, s, 1.0)


def test_net_greeks_are_those_of_quantlib(report: RiskReport) -> None:
    library: Any = pytest.importorskip("QuantLib", reason="QuantLib is not installed here")
    value, delta, gamma, vega = [], [], [], []
    for is_call, strike, expiry, coins in legs():
        forward, time = FORWARDS[expiry], years(expiry)
        black = quantlib_black(
            library, is_call=is_call, strike=strike, forward=forward, s=VOL * math.sqrt(time)
        )
        value.append(coins * black.value())
        delta.append(coins * black.deltaForward())
        gamma.append(coins * black.gammaForward() * forward**2 / 100)
        vega.append(coins * black.vega(time) / 100)
    greeks = net(report)
    close(greeks.value_usd, value)
    close(greeks.delta_black, delta)
    close(greeks.gamma_per_pct_usd, gamma)
    close(greeks.vega_per_point, vega)


@pytest.mark.parametrize("days", [0.0, 30.0, 100.0])
def test_scenarios_are_those_of_quantlib(report: RiskReport, days: float) -> None:
    library: Any = pytest.importorskip("QuantLib", reason="QuantLib is not installed here")
    cube = report.scenario(spot=SPOTS, vol=VOLS, days=days).pnl_usd()[0, :, :, 0, 0]
    for s, spot in enumerate(SPOTS):
        for v, vol in enumerate(VOLS):
            parts = []
            for is_call, strike, expiry, coins in legs():
                now = quantlib_black(
                    library,
                    is_call=is_call,
                    strike=strike,
                    forward=FORWARDS[expiry],
                    s=VOL * math.sqrt(years(expiry)),
                ).value()
                left = years(expiry) - days / 365
                # What expired on the way settles on the index.
                settles_on = FORWARDS[expiry] if left > 0 else INDEX
                then = quantlib_black(
                    library,
                    is_call=is_call,
                    strike=strike,
                    forward=settles_on * (1 + spot),
                    s=(VOL + vol) * math.sqrt(max(left, 0.0)),
                ).value()
                parts.append(coins * (then - now))
            close(float(cube[s, v]), parts)
    assert years(SEP) * 365 < 100.0


def test_a_discounted_book_is_revalued_as_vollib_prices_it() -> None:
    vollib: Any = pytest.importorskip("vollib.black", reason="vollib is not installed here")
    discount = 0.98
    market = made_market(inverse=False, vol=VOL, discount=discount)
    held = [
        position(one, lots) for one, lots in zip(only(market).chain.instruments, LOTS, strict=True)
    ]
    built = build_report([one for one in held if one.quantity], market)
    cube = built.scenario(spot=SPOTS, vol=VOLS, days=7.0).pnl_usd()[0, :, :, 0, 0]
    start, moved = [], np.zeros(cube.shape)
    for is_call, strike, expiry, coins in legs():
        flag, time = "c" if is_call else "p", years(expiry)
        rate = -math.log(discount) / time
        now = coins * vollib.black(flag, FORWARDS[expiry], strike, time, rate, VOL)
        start.append(now)
        for s, spot in enumerate(SPOTS):
            for v, vol in enumerate(VOLS):
                forward, left = FORWARDS[expiry] * (1 + spot), time - 7 / 365
                moved[s, v] += (
                    coins * vollib.black(flag, forward, strike, left, rate, VOL + vol) - now
                )
    assert net(built).value_usd == pytest.approx(sum(start), rel=1e-7)
    np.testing.assert_allclose(cube, moved, rtol=1e-7)


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("chains_ticker/btc_2026-06-27_rest.json.gz", 330),
        ("chains_ticker/btc_all_kinds_2024-04-28.csv.gz", 252),
        ("chains_book/btc_2020-05-14.csv.gz", 310),
        ("chains_book/btc_2020-05-21.csv.gz", 326),
        ("chains_book/btc_2021-02-11.csv.gz", 488),
        ("chains_book/eth_2021-02-11.csv.gz", 498),
        ("chains_eod/btc_eod_2022-02.csv.gz", 440),
    ],
)
def test_whole_recorded_chains_have_the_venue_s_greeks(path: str, options: int) -> None:
    """Worst over all: delta 5e-4, gamma 5.4e-6 (published to 1e-5), vega 0.014 USD a point."""
    if not (RECORDED / path).exists():
        pytest.skip(f"the recorded chain {path} is not beside this checkout")
    rows = list(venue_rows(qd.read_market(RECORDED / path).market()))
    assert len(rows) == options
    worst = worst_differences(rows)
    assert worst["delta"] < 6e-4
    assert worst["gamma"] < 5.6e-6
    assert worst["vega"] < 0.02
    assert worst["theta"] < 0.05
