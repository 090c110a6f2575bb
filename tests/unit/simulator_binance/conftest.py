"""A simulated Binance on a clock that the test moves, and its server on a free loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import Sample, SimulatedVenue, load_sample
from quantdesk.simulator.binance.accounts import draw_accounts
from quantdesk.simulator.binance.server import BinanceServer
from tests.unit.simulator_binance.client import Client, connect

MACHINE_START_NS = 1_790_000_000_000_000_000


@pytest.fixture(scope="session")
def btc() -> Sample:
    return load_sample("btc-2026-06-27")


@pytest.fixture(scope="session")
def eth() -> Sample:
    return load_sample("eth-2026-01-31")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MACHINE_START_NS)


@pytest.fixture
def venue(btc: Sample, clock: ManualClock) -> SimulatedVenue:
    return SimulatedVenue(btc, clock=clock)


@pytest.fixture
async def server(venue: SimulatedVenue) -> AsyncIterator[BinanceServer]:
    accounts = draw_accounts(venue.seed, 2)
    async with BinanceServer(venue, accounts=accounts, step_s=None) as server:
        yield server


@pytest.fixture
async def client(server: BinanceServer) -> AsyncIterator[Client]:
    async with connect(server, server.accounts[0]) as client:
        yield client


@pytest.fixture
async def other(server: BinanceServer) -> AsyncIterator[Client]:
    """A second account's client."""
    async with connect(server, server.accounts[1]) as client:
        yield client
