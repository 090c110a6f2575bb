"""Accounts on the live desk, read over real sockets from both simulated faces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from quantdesk.errors import ConfigError
from quantdesk.runtime.accounts import AccountChoice, load_accounts
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.live import LiveDesk
from quantdesk.runtime.recordings import record_venues
from quantdesk.runtime.replay import snapshot_at
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.simulation import SimulationPlan, running_simulation
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.venues import VenueChoice, parse_venues
from quantdesk.snapshot import DeskSnapshot, LinkState


class Exchange:
    """Both faces running, as their ready line tells of them."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        endpoints = [f"deribit={ready['deribit']['ws']}", f"binance={ready['binance']['rest']}"]
        self.venues: tuple[VenueChoice, ...] = parse_venues(["deribit,binance"], endpoints)
        deribit, binance = (ready["accounts"][name][0] for name in ("deribit", "binance"))
        self.environ = {
            "QUANTDESK_DERIBIT_KEY": deribit["client_id"],
            "QUANTDESK_DERIBIT_SECRET": deribit["client_secret"],
            "QUANTDESK_BINANCE_KEY": binance["api_key"],
            "QUANTDESK_BINANCE_SECRET": binance["api_secret"],
        }

    def accounts(self, *names: str) -> tuple[AccountChoice, ...]:
        return load_accounts(names, Settings(), venues=self.venues, environ=self.environ)

    async def buy(self, instrument_name: str, amount: int) -> None:
        """A market order of the Deribit account, sent by a client that is none of ours."""
        async with aiohttp.ClientSession() as client:
            base = self.ready["deribit"]["http"]
            auth = aiohttp.encode_basic_auth(
                self.environ["QUANTDESK_DERIBIT_KEY"], self.environ["QUANTDESK_DERIBIT_SECRET"]
            )
            headers = {"Authorization": auth}
            query = {"instrument_name": instrument_name, "amount": str(amount), "type": "market"}
            async with client.get(f"{base}/private/buy", params=query, headers=headers) as answer:
                said = await answer.json()
                assert answer.status == 200, said


@asynccontextmanager
async def exchange(speed: float = 1.0) -> AsyncIterator[Exchange]:
    """Both faces over BTC, `speed` venue seconds a second."""
    plan = SimulationPlan(underlyings=("BTC",), speed=speed)
    async with running_simulation(plan, clock=SystemClock()) as running:
        yield Exchange(json.loads(running.ready_line()))


async def until(live: LiveDesk, condition: Callable[[DeskSnapshot], bool]) -> DeskSnapshot:
    async with asyncio.timeout(30):
        while True:
            snapshot = live.refresh()
            if condition(snapshot):
                return snapshot
            await asyncio.sleep(0)


async def test_both_accounts_are_read_whole_beside_the_market() -> None:
    async with exchange() as venue:
        accounts = venue.accounts("deribit", "binance")
        async with live_desk(
            venue.venues, ("BTC",), settings=Settings(), accounts=accounts
        ) as live:
            snapshot = await live.accounts_read(30)
    deribit, binance = snapshot.account("deribit"), snapshot.account("binance")
    assert deribit is not None
    assert binance is not None
    coins, dollars = deribit.balance("BTC"), binance.balance("USDT")
    assert coins is not None
    assert dollars is not None
    assert coins.cash == Decimal(10)
    assert dollars.cash == Decimal(1_000_000)
    assert binance.rights is not None


async def test_fill_of_another_client_reaches_the_snapshot() -> None:
    async with (
        exchange() as venue,
        live_desk(
            venue.venues, ("BTC",), settings=Settings(), accounts=venue.accounts("deribit")
        ) as live,
    ):
        before = (await live.accounts_read(30)).account("deribit")
        assert before is not None
        assert before.positions == ()
        await venue.buy("BTC-PERPETUAL", 100)
        after = await until(live, lambda now: bool(now.accounts[0].positions))
    account = after.accounts[0]
    position = account.position("BTC-PERPETUAL")
    assert position is not None
    assert position.quantity == 100
    assert sum(trade.amount for trade in account.trades) == 100
    assert account.open_orders == ()


async def test_key_that_the_venue_refuses_is_said_and_the_market_goes_on() -> None:
    async with exchange() as venue:
        venue.environ["QUANTDESK_DERIBIT_SECRET"] = "wrong-" + "x" * 20
        async with live_desk(
            venue.venues, ("BTC",), settings=Settings(), accounts=venue.accounts("deribit")
        ) as live:
            with pytest.raises(ConfigError, match="refuses the key"):
                await live.accounts_read(30)
            snapshot = await live.quoted(("BTC",), 30)
    links = {link.name: link for link in snapshot.links}
    private = links["deribit-account-deribit"]
    assert private.state is LinkState.CLOSED
    assert "refuses the key" in private.last_problem
    assert links["deribit"].state is LinkState.LIVE


async def test_recording_holds_the_account_and_none_of_its_keys(tmp_path: Path) -> None:
    async with exchange() as venue:
        await record_venues(
            venue.venues,
            ("BTC",),
            tmp_path / "kept",
            settings=Settings(),
            run_id="test",
            seconds=2.0,
            stop=asyncio.Event(),
            accounts=venue.accounts("deribit", "binance"),
        )
    replayed = snapshot_at(tmp_path / "kept", "BTC", None)
    account = replayed.account("deribit")
    assert account is not None
    assert account.environment == "replay"
    assert account.balances
    assert replayed.is_simulated
    assert {link.state for link in replayed.links} == {LinkState.ENDED}
    shown = b"".join(path.read_bytes() for path in (tmp_path / "kept").iterdir())
    frames = _frames(tmp_path / "kept") + shown
    for text in venue.environ.values():
        assert text.encode() not in frames


def _frames(folder: Path) -> bytes:
    from quantdesk.storage.recording import read_recording

    return b"\n".join(frame.payload for frame in read_recording(folder).frames())
