"""What works on this machine and on a venue's connection, step by step, in words."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from quantdesk import pricing
from quantdesk.errors import QuantDeskError
from quantdesk.runtime.live import LiveDesk
from quantdesk.runtime.settings import Settings, config_file, data_folder
from quantdesk.runtime.sources import describe, live_desk
from quantdesk.runtime.venues import VenueChoice
from quantdesk.snapshot import DeskSnapshot, LinkState

CONNECT_TIMEOUT_S = 15.0
QUOTES_TIMEOUT_S = 30.0
CLOCK_LIMIT_S = 5.0
"""A machine clock further from a real venue's than this gets its signed requests refused."""

KNOWN_PRICE = 7.965567455405804
"""Black-76 call, forward = strike = 100, a year, vol 20 %: 100·(2Φ(0.1) − 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was looked at; `advice` says what to do where it does not work."""

    name: str
    is_ok: bool
    found: str
    advice: str = ""


async def examine(
    choices: Sequence[VenueChoice], underlyings: Sequence[str], settings: Settings
) -> AsyncIterator[Step]:
    """Look at the machine, then at the venue; ends early where nothing further can work."""
    yield _kernel_step()
    yield _config_step()
    yield _folder_step()
    try:
        async with live_desk(choices, underlyings, settings=settings) as live:
            async for step in _venue_steps(live, choices, underlyings):
                yield step
    except QuantDeskError as error:
        yield Step(
            name="connection",
            is_ok=False,
            found=f"{describe(choices)}: {error}",
            advice="check the network, --venue and --endpoint",
        )


def _kernel_step() -> Step:
    price = float(pricing.price(True, 100.0, 100.0, 1.0, 0.2))
    is_ok = abs(price / KNOWN_PRICE - 1) < 1e-14
    return Step(
        name="kernel",
        is_ok=is_ok,
        found=f"a known price comes out {'right' if is_ok else f'as {price!r}'}",
        advice="build the kernel again: make clean desk",
    )


def _config_step() -> Step:
    path = config_file()
    found = f"{path} read" if path.exists() else f"no {path}; defaults hold"
    return Step(name="settings", is_ok=True, found=found)


def _folder_step() -> Step:
    folder = data_folder()
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    is_ok = nearest.is_dir() and os.access(nearest, os.W_OK)
    return Step(
        name="data folder",
        is_ok=is_ok,
        found=f"{folder} {'can' if is_ok else 'can not'} be written",
        advice="set QUANTDESK_DATA_DIR to a folder of yours",
    )


async def _venue_steps(
    live: LiveDesk, choices: Sequence[VenueChoice], underlyings: Sequence[str]
) -> AsyncIterator[Step]:
    connected = await _connected(live)
    links = "; ".join(f"{link.name} {link.state.value}" for link in connected.links)
    is_live = all(link.state is LinkState.LIVE for link in connected.links)
    problem = next((link.last_problem for link in connected.links if link.last_problem), "")
    yield Step(
        name="connection",
        is_ok=is_live,
        found=f"{describe(choices)}: {links}" + (f" ({problem})" if problem else ""),
        advice="check the network, --venue and --endpoint",
    )
    if not is_live:
        return
    try:
        snapshot = await live.quoted(underlyings, QUOTES_TIMEOUT_S)
    except QuantDeskError as error:
        yield Step(name="quotes", is_ok=False, found=str(error), advice="try again; see --venue")
        return
    for chain in snapshot.chains:
        yield Step(
            name=f"{chain.underlying} chain",
            is_ok=True,
            found=f"{len(chain.chain)} options in {len(chain.expiries)} expiries, all quoted",
        )
    yield _clock_step(snapshot, choices[0])
    yield _frames_step(snapshot)


async def _connected(live: LiveDesk) -> DeskSnapshot:
    """The first snapshot in which every link is live, or the last one before time was up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CONNECT_TIMEOUT_S
    snapshot = live.refresh()
    while loop.time() < deadline:
        if all(link.state is LinkState.LIVE for link in snapshot.links):
            break
        await asyncio.sleep(live.interval_s)
        snapshot = live.refresh()
    return snapshot


def _clock_step(snapshot: DeskSnapshot, choice: VenueChoice) -> Step:
    ahead_s = max((chain.as_of_ns - snapshot.ts_ns) / 1e9 for chain in snapshot.chains)
    if choice.environment.value == "simulated":
        return Step(name="clock", is_ok=True, found="the venue's own, of its recorded day")
    return Step(
        name="clock",
        is_ok=abs(ahead_s) < CLOCK_LIMIT_S,
        found=f"the venue is {ahead_s:+.3f} s ahead of this machine",
        advice="set this machine's clock (NTP)",
    )


def _frames_step(snapshot: DeskSnapshot) -> Step:
    frames = sum(link.frames for link in snapshot.links)
    refused = sum(link.refused for link in snapshot.links)
    kinds = {kind: count for link in snapshot.links for kind, count in link.problems}
    found = f"{frames} received, {refused} refused"
    if kinds:
        found += ": " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return Step(
        name="frames",
        is_ok=refused == 0,
        found=found,
        advice="record them (quantdesk record) and report them",
    )
