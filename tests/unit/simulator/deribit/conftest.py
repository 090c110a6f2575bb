"""The Deribit face of a simulated venue on a free loopback port, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from quantdesk.simulator import DeribitServer, SimulatedVenue
from tests.unit.simulator.deribit.client import Client, connect

TOKEN_LIFE_S = 365 * 86_400
"""Of the traders' tokens: their tests run through days."""


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
