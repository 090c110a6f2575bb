"""Faults at their moment: from a script, and from `/simulator/faults` of each face's own port.

`GET` lists the kinds, what waits and what was done; `POST` takes a script's content in JSON, or one
fault alone, whose moments count from then and whose venue is that of the port where none is named.
Times are the event loop's; what a fault does is the faces' business.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
from collections import deque
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Self

from aiohttp import web

from quantdesk.errors import InvalidInput
from quantdesk.simulator.fault_script import FIELDS, parse_faults
from quantdesk.simulator.faults import Fault, FaultKind, FaultTarget

PATH = "/simulator/faults"
WAITING_MAX = 10_000
DONE_KEPT_MAX = 1_000
_LASTING = (FaultKind.STALL, FaultKind.MAINTENANCE)


class FaultConductor:
    """Carries out faults when due. `async with` starts the clock of the script."""

    def __init__(self, script: Sequence[Fault] = ()) -> None:
        self._script = tuple(script)
        self._targets: dict[str, FaultTarget] = {}
        self._waiting: list[tuple[float, int, bool, Fault, int]] = []
        self._numbers = count()
        self._done: deque[dict[str, object]] = deque(maxlen=DONE_KEPT_MAX)
        self._wake = asyncio.Event()
        self._began_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def add(self, venue: str, target: FaultTarget) -> None:
        """The face that the faults of `venue` happen to."""
        self._targets[venue] = target

    def routes(self, venue: str) -> list[web.RouteDef]:
        """The control endpoint, for the server of `venue`."""

        async def plan(request: web.Request) -> web.Response:
            return await self._answer_plan(request, venue)

        return [web.get(PATH, self._answer_list), web.post(PATH, plan)]

    def plan(self, faults: Sequence[Fault]) -> None:
        """Let `faults` happen, counting from now; those due at once have happened on return.

        Raises InvalidInput over the bound, or for a venue without a face; then none happens.
        """
        if len(self._waiting) + len(faults) > WAITING_MAX:
            raise InvalidInput("faults", len(faults), f"must leave at most {WAITING_MAX} waiting")
        for fault in faults:
            if fault.venue not in self._targets:
                has = ", ".join(self._targets)
                raise InvalidInput("venue", fault.venue, f"must be one of {has}")
        now_s = asyncio.get_running_loop().time()
        for fault in faults:
            self._push(now_s + fault.at_s, True, fault, fault.times)
        self._carry_out_due()
        self._wake.set()

    async def broken(self) -> None:
        """Return only when it ended by itself; leaving the `async with` then raises why."""
        assert self._task is not None
        await asyncio.wait([self._task])

    async def __aenter__(self) -> Self:
        self._began_s = asyncio.get_running_loop().time()
        self.plan(self._script)
        self._task = asyncio.create_task(self._run(), name="simulated-faults")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            wait_s = self._waiting[0][0] - loop.time() if self._waiting else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)
            self._carry_out_due()

    def _carry_out_due(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now_s:
            due_s, _, is_begin, fault, left = heapq.heappop(self._waiting)
            if not is_begin:
                self._targets[fault.venue].end_fault(fault)
                continue
            self._targets[fault.venue].apply_fault(fault)
            self._done.append({**_summary(fault), "done_s": round(now_s - self._began_s, 3)})
            if fault.kind in _LASTING:
                self._push(now_s + fault.seconds, False, fault, 0)
            if left > 1:
                self._push(due_s + fault.every_s, True, fault, left - 1)

    def _push(self, due_s: float, is_begin: bool, fault: Fault, left: int) -> None:
        heapq.heappush(self._waiting, (due_s, next(self._numbers), is_begin, fault, left))

    async def _answer_list(self, request: web.Request) -> web.Response:
        now_s = asyncio.get_running_loop().time()
        waiting = [
            {**_summary(fault), "in_s": round(due_s - now_s, 3)}
            for due_s, _, is_begin, fault, _ in sorted(self._waiting, key=lambda one: one[:2])
            if is_begin
        ]
        kinds = {kind.value: list(fields) for kind, fields in FIELDS.items()}
        return web.json_response({"kinds": kinds, "waiting": waiting, "done": list(self._done)})

    async def _answer_plan(self, request: web.Request, venue: str) -> web.Response:
        try:
            faults = parse_faults(json.loads(await request.read()), venue=venue)
            self.plan(faults)
        except InvalidInput as error:
            return web.json_response({"error": str(error)}, status=400)
        except (ValueError, RecursionError) as error:
            return web.json_response({"error": f"the body must be JSON: {error}"}, status=400)
        return web.json_response({"planned": [_summary(fault) for fault in faults]})


def _summary(fault: Fault) -> dict[str, object]:
    """A fault with the fields that mean something to its kind."""
    summary: dict[str, object] = {"kind": fault.kind.value, "venue": fault.venue}
    for name in FIELDS[fault.kind]:
        if name not in ("payload", "payload_hex"):
            summary[name] = getattr(fault, name)
    if fault.kind is FaultKind.BAD_BYTES:
        summary["payload_hex"] = fault.payload.hex()
    return summary
