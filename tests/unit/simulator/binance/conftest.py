"""The Binance face of a simulated venue on a free loopback port, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from quantdesk.simulator import SimulatedVenue
from quantdesk.simulator.binance.accounts import draw_accounts
from quantdesk.simulator.binance.server import BinanceServer
from tests.unit.simulator.binance.client import Client, connect


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
