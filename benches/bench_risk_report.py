"""What does a risk report cost, from positions to bytes?

Goal: the full JSON of 1,000 positions, without plots, warm, in at most 150 ms. The market is the
shipped recorded chain of 330 options, so that positions share instruments as books do; and a chain
of 900 options, each held at least once, made by rule.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import quantdesk as qd
from quantdesk.app.render.risk_formats import risk_report_bytes
from quantdesk.domain.position import Position
from quantdesk.market.chain import Chain
from quantdesk.market.market_data import MarketData
from quantdesk.market.valuation import value_chain
from quantdesk.risk.report import build_report
from tests.unit.risk.books import random_book

POSITIONS = 1_000
SHIFTS = (0, 137, 311)
"""Dollars between the strikes of the three copies of the chain that make the larger one."""


@cache
def recorded() -> tuple[MarketData, tuple[Position, ...]]:
    market = qd.sample("deribit-2026-06-27").snapshot.market()
    return market, random_book(market, POSITIONS - 2)


@cache
def large() -> tuple[MarketData, tuple[Position, ...]]:
    """Some 900 options that can be marked, and 1,000 positions that hold each of them."""
    market = qd.sample("deribit-2026-06-27").snapshot.market()
    one = market.markets[0]
    keep = np.flatnonzero(one.chain.mark > 0)
    chain = _with_more_strikes(one.chain.take(keep))
    forward = np.array([one.forwards[ns].price for ns in chain.expiry_ns.tolist()], dtype=float)
    bigger = replace(one, chain=chain, values=value_chain(chain, forward))
    instruments = chain.instruments
    random = np.random.default_rng(4)
    picks = [*range(len(instruments)), *random.integers(0, len(instruments), POSITIONS)][:POSITIONS]
    lots = random.integers(1, 90, POSITIONS) * random.choice([-1, 1], POSITIONS)
    book = tuple(
        Position(instrument=instruments[pick], quantity=Decimal(int(lot)) / 10)
        for pick, lot in zip(picks, lots, strict=True)
    )
    return replace(market, markets=(bigger,)), book


def _with_more_strikes(chain: Chain) -> Chain:
    rows = np.tile(np.arange(len(chain)), len(SHIFTS))
    shift = np.repeat(SHIFTS, len(chain))
    order = np.lexsort((~chain.is_call[rows], chain.strike[rows] + shift, chain.expiry_ns[rows]))
    wide = chain.take(rows[order])
    strikes = wide.strike + shift[order]
    instruments = tuple(
        replace(one, name=f"{one.name}-{strike:.0f}", strike=Decimal(repr(strike)))
        for one, strike in zip(wide.instruments, strikes.tolist(), strict=True)
    )
    return replace(wide, strike=strikes, instruments=instruments)


@pytest.mark.benchmark(group="risk report")
@pytest.mark.parametrize("source", [recorded, large], ids=["recorded chain", "900 options"])
def test_full_json_of_a_thousand_positions(benchmark: BenchmarkFixture, source: object) -> None:
    assert callable(source)
    market, book = source()

    def report() -> bytes:
        built = build_report(book, market, collateral={"BTC": Decimal(10)}, threads=1)
        return risk_report_bytes(built, "json")

    record = json.loads(benchmark(report))
    assert len(record["positions"]) == POSITIONS
    assert record["excluded"] == []
    assert len({row["instrument_name"] for row in record["positions"]}) >= 250


@pytest.mark.benchmark(group="risk report")
def test_value_of_a_thousand_positions(benchmark: BenchmarkFixture) -> None:
    market, book = large()
    built = benchmark(build_report, book, market, threads=1)
    assert len(built.book) == POSITIONS
