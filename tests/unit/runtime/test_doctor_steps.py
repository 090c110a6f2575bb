"""The doctor's steps on venues with addresses, and what it says where one fails."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from quantdesk.runtime.accounts import load_accounts
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.doctor import Step, examine
from quantdesk.runtime.doctor import venue as venue_steps
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.simulation import SimulationPlan, running_simulation
from quantdesk.runtime.venues import VenueChoice, parse_venues


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("QUANTDESK_CONFIG", str(tmp_path / "none.toml"))
    # A machine that runs all tests at once may need longer than a user would wait.
    for limit in ("QUOTES_TIMEOUT_S", "BOOK_TIMEOUT_S", "ACCOUNTS_TIMEOUT_S"):
        monkeypatch.setattr(venue_steps, limit, 90.0)


@asynccontextmanager
async def simulation() -> AsyncIterator[dict[str, Any]]:
    plan = SimulationPlan(underlyings=("BTC",), speed=30.0)
    async with running_simulation(plan, clock=SystemClock()) as running:
        yield json.loads(running.ready_line())


def at(ready: dict[str, Any]) -> tuple[VenueChoice, ...]:
    endpoints = [f"deribit={ready['deribit']['ws']}", f"binance={ready['binance']['rest']}"]
    return parse_venues(["deribit", "binance"], endpoints)


async def steps(choices: Sequence[VenueChoice], **more: Any) -> dict[str, Step]:
    found = [step async for step in examine(choices, ("BTC",), Settings(), **more)]
    return {step.name: step for step in found}


async def test_every_layer_of_both_venues_and_accounts_is_looked_at() -> None:
    async with simulation() as ready:
        deribit, binance = (ready["accounts"][name][0] for name in ("deribit", "binance"))
        environ = {
            "QUANTDESK_DERIBIT_KEY": deribit["client_id"],
            "QUANTDESK_DERIBIT_SECRET": deribit["client_secret"],
            "QUANTDESK_BINANCE_KEY": binance["api_key"],
            "QUANTDESK_BINANCE_SECRET": binance["api_secret"],
        }
        choices = at(ready)
        accounts = load_accounts(
            ["deribit", "binance"], Settings(), venues=choices, environ=environ
        )
        found = await steps(choices, accounts=accounts)
    assert [step for step in found.values() if not step.is_ok] == []
    for venue in ("deribit", "binance"):
        for what in ("address", "name", "port", "REST", "clock", "connection", "BTC chain"):
            assert f"{venue} {what}" in found
        for what in ("BTC ticker", "streams", "limits", "order book", "frames"):
            assert f"{venue} {what}" in found
    assert "wallet:read" in found["account deribit"].found
    assert "does not tell what this key may do" in found["account binance"].found
    said = " ".join(step.found for step in found.values())
    for secret in environ.values():
        assert secret not in said


async def test_refused_key_is_said_with_what_to_do() -> None:
    async with simulation() as ready:
        environ = {"QUANTDESK_DERIBIT_KEY": "nobody", "QUANTDESK_DERIBIT_SECRET": "nothing"}
        choices = at(ready)[:1]
        accounts = load_accounts(["deribit"], Settings(), venues=choices, environ=environ)
        found = await steps(choices, accounts=accounts)
    assert not found["accounts"].is_ok
    assert "13004" in found["accounts"].found
    assert "read rights only" in found["accounts"].advice
    assert found["deribit frames"].is_ok


async def test_venue_that_is_away_does_not_hide_the_other() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with simulation() as ready:
            ready["binance"]["rest"] = f"http://127.0.0.1:{port}"
            found = await steps(at(ready))
    assert not found["binance port"].is_ok
    assert "binance REST" not in found
    assert found["deribit order book"].is_ok


async def test_name_without_an_address_is_said() -> None:
    found = await steps(parse_venues(["binance:testnet"], ["https://no-such-host.invalid"]))
    assert not found["binance name"].is_ok
    assert "DNS" in found["binance name"].advice


@pytest.mark.parametrize(
    ("status", "body"), [(418, "banned"), (200, "{}"), (200, "<html>"), (503, "")]
)
async def test_answer_that_is_no_time_is_shown(status: int, body: str) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_get("/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        found = await steps(parse_venues(["binance"], [f"http://127.0.0.1:{port}"]))
    finally:
        await runner.cleanup()
    assert not found["binance REST"].is_ok
    assert f"HTTP {status}" in found["binance REST"].found
    assert "418: stay away" in found["binance REST"].advice
