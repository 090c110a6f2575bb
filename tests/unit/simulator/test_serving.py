"""How a face's server shares its time between moving the market and answering."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from aiohttp import web

from quantdesk.simulator.serving import FaceServer

MOVE_S = 0.05
MOVES = 6


class SlowFace(FaceServer):
    """A face whose every move takes longer than its step."""

    def __init__(self) -> None:
        super().__init__(host="127.0.0.1", port=0, step_s=0.01, routes=(), body_bytes_max=1024)
        self.moves: list[tuple[float, float]] = []
        self.is_enough = asyncio.Event()

    def pump(self) -> None:
        began_s = time.monotonic()
        while time.monotonic() - began_s < MOVE_S:
            pass
        self.moves.append((began_s, time.monotonic()))
        if len(self.moves) >= MOVES:
            self.is_enough.set()

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        pass

    def _end_connections(self, reason: str = "shutdown") -> None:
        pass


async def test_moves_longer_than_their_step_leave_clients_as_long_again() -> None:
    async with SlowFace() as face:
        await face.is_enough.wait()
    moves = face.moves
    pauses = [after[0] - before[1] for before, after in pairwise(moves)]
    assert min(pauses) >= MOVE_S * 0.9
