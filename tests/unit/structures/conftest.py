"""The shipped BTC sample as a market: a real chain of 2026-06-27, inverse, with its futures."""

from __future__ import annotations

import pytest

import quantdesk as qd
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.snapshot import ChainSnapshot


@pytest.fixture(scope="session")
def chain() -> ChainSnapshot:
    return qd.sample("deribit-2026-06-27").chain("BTC")


@pytest.fixture(scope="session")
def market(chain: ChainSnapshot) -> UnderlyingMarket:
    return chain.market()
