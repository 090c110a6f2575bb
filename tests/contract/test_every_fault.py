"""Both adapters, on both faces, with and without every fault the simulated exchange knows.

Whatever happened, afterwards the desk has what the exchange has: every connection stands, the
account is read whole, each followed book equals the exchange's own level by level, and so does the
chain's quote. Nothing on the way may have been shown as good that was not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest

from quantdesk.simulator.faults import FATES, Fault, FaultKind
from quantdesk.snapshot import DeskSnapshot

from .faulty_line import PATIENCE_S, STEP_S, FaultyLine, faulty_line, is_reconciled

VENUES = ("deribit", "binance")
BOOKS = "books"
"""Stands for the channels of order books, which each venue calls otherwise."""

BOOK_CHANNELS = {"deribit": "book.*", "binance": "*@depth@*"}

FAULTS: dict[str, dict[str, object] | None] = {
    "nothing": None,
    "gap": {"kind": FaultKind.GAP, "count": 40},
    "lost messages": {"kind": FaultKind.LOST, "count": 200},
    "lost changes of books": {"kind": FaultKind.LOST, "count": 3, "channel": BOOKS},
    "late changes of books": {"kind": FaultKind.LATE, "count": 3, "channel": BOOKS},
    "duplicates": {"kind": FaultKind.DUPLICATE, "count": 200},
    "late messages": {"kind": FaultKind.LATE, "count": 100},
    "lost answers": {"kind": FaultKind.LOST_ACK, "count": 3},
    "disconnect": {"kind": FaultKind.DISCONNECT},
    "stall": {"kind": FaultKind.STALL, "seconds": 1.0},
    "too many requests": {"kind": FaultKind.RATE_LIMIT, "count": 2, "seconds": 1.0},
    "ban": {"kind": FaultKind.BAN, "seconds": 2.0},  # Binance alone bans an address
    "maintenance": {"kind": FaultKind.MAINTENANCE, "seconds": 1.0},
    "token expiry": {"kind": FaultKind.TOKEN_EXPIRY},
    "bad bytes": {"kind": FaultKind.BAD_BYTES},
    "restart": {"kind": FaultKind.RESTART},
}

EVIDENCE: dict[str, Callable[[DeskSnapshot], object]] = {
    "disconnect": lambda now: all(link.reconnects for link in now.links),
    "restart": lambda now: all(link.reconnects for link in now.links),
    "bad bytes": lambda now: all(link.refused for link in now.links),
    "nothing": lambda now: not any(link.reconnects or link.refused for link in now.links),
}
"""What the desk must have noticed, for faults that nobody could miss."""


def test_every_kind_of_fault_is_tried() -> None:
    tried = {wish["kind"] for wish in FAULTS.values() if wish is not None}
    assert tried == set(FaultKind)


CASES = [
    (venue, name) for name in FAULTS for venue in VENUES if (venue, name) != ("deribit", "ban")
]


@pytest.mark.parametrize(("venue", "name"), CASES)
async def test_desk_has_what_the_exchange_has_after(venue: str, name: str) -> None:
    wish = FAULTS[name]
    if wish is not None and wish.get("channel") == BOOKS:
        wish = wish | {"channel": BOOK_CHANNELS[venue]}
    fault = None if wish is None else Fault(venue=venue, **wish)  # type: ignore[arg-type]
    async with faulty_line(venue) as line:
        await line.run_through(fault)
        await line.until(EVIDENCE.get(name, bool), step_s=STEP_S)
        await line.until(is_reconciled, step_s=STEP_S)
        if fault is not None and fault.kind in FATES:
            # A lost change that none follows shows in the quotes only, seconds later.
            await line.run_through(None, moves=120)
            await line.until(is_reconciled, step_s=STEP_S)
        assert await settled(line) == []


async def settled(line: FaultyLine) -> list[str]:
    """What differs once the last messages have come; the market stands still meanwhile."""
    async with aiohttp.ClientSession() as client:
        wrong = ["not looked at"]
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + PATIENCE_S / 3
        while wrong and loop.time() < deadline_s:
            await asyncio.sleep(0.1)
            wrong = await line.matches(client)
    return wrong
