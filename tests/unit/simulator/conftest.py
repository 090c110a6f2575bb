"""A simulated venue on a clock that the test moves, and its server on a free loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, Sample, SimulatedVenue, load_sample
from tests.unit.simulator.client import Client, connect

MACHINE_START_NS = 1_700_000_000_000_000_000
TOKEN_LIFE_S = 365 * 86_400
"""Of the traders' tokens: their tests run through days."""


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
async def server(venue: SimulatedVenue) -> AsyncIterator[DeribitServer]:
    async with DeribitServer(venue, step_s=None, prices=None) as server:
        yield server


@pytest.fixture
async def client(server: DeribitServer) -> AsyncIterator[Client]:
    async with connect(server.ws_url) as client:
        yield client


@pytest.fixture
async def trader(server: DeribitServer) -> AsyncIterator[Client]:
    """The first account on a connection of its own."""
    server.face.tokens.access_life_s = TOKEN_LIFE_S
    async with connect(server.ws_url) as client:
        await client.log_in(server.face.accounts[0])
        yield client


@pytest.fixture
async def other(server: DeribitServer) -> AsyncIterator[Client]:
    """The second account, to trade against."""
    server.face.tokens.access_life_s = TOKEN_LIFE_S
    async with connect(server.ws_url) as client:
        await client.log_in(server.face.accounts[1])
        yield client
