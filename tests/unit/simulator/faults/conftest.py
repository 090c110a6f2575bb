"""Both faces of one still market on free loopback ports, with the control endpoint on each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import (
    BinanceServer,
    DeribitServer,
    Fault,
    FaultConductor,
    Sample,
    SimulatedVenue,
)
from tests.unit.simulator.conftest import MACHINE_START_NS


@dataclass
class Rig:
    """Both servers, and the wishes of a test over the real endpoint."""

    deribit: DeribitServer
    binance: BinanceServer
    session: aiohttp.ClientSession

    async def ask(self, venue: str, wish: object) -> tuple[int, Any]:
        """POST `wish` to the control endpoint of `venue`: status and body."""
        async with self.session.post(self._url(venue), json=wish) as response:
            return response.status, await response.json()

    async def let(self, venue: str, kind: str, **fields: object) -> None:
        """Let one fault happen now."""
        status, body = await self.ask(venue, {"kind": kind, **fields})
        assert status == 200, body

    async def listed(self, venue: str) -> Any:
        """GET of the control endpoint."""
        async with self.session.get(self._url(venue)) as response:
            assert response.status == 200
            return await response.json()

    def _url(self, venue: str) -> str:
        http = self.deribit.http_url.removesuffix("/api/v2")
        return f"{http if venue == 'deribit' else self.binance.rest_url}/simulator/faults"


@asynccontextmanager
async def running(sample: Sample, script: Sequence[Fault] = ()) -> AsyncIterator[Rig]:
    """A rig with `script` playing."""
    venue = SimulatedVenue(sample, clock=ManualClock(MACHINE_START_NS))
    conductor = FaultConductor(script)
    async with (
        DeribitServer(
            venue, step_s=None, prices=None, routes=conductor.routes("deribit")
        ) as deribit,
        BinanceServer(venue, step_s=None, routes=conductor.routes("binance")) as binance,
        aiohttp.ClientSession() as session,
    ):
        conductor.add("deribit", deribit)
        conductor.add("binance", binance)
        async with conductor:
            yield Rig(deribit, binance, session)


@pytest.fixture
async def rig(btc: Sample) -> AsyncIterator[Rig]:
    async with running(btc) as rig:
        yield rig
