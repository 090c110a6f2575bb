"""A venue's face as a server on loopback: listening, moving on a fixed step, ending cleanly.

What both faces share. Knows no protocol: the face adds its routes, moves and ends connections.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiohttp import web

from quantdesk.errors import InvalidInput

SHUTDOWN_TIMEOUT_S = 1.0


class FaceServer(ABC):
    """Serves one face. `async with`, or `start` and `stop`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        step_s: float | None,
        routes: Sequence[web.RouteDef],
        body_bytes_max: int,
    ) -> None:
        """port : 0 picks a free one
        step_s : seconds of the machine's time between moves; None leaves moving to `pump`
        routes : to serve on the same port besides the venue's own

        Raises InvalidInput.
        """
        if step_s is not None and not step_s > 0:
            raise InvalidInput("step_s", step_s, "must be positive, or None")
        self._host, self._port, self._step_s = host, port, step_s
        self._routes = tuple(routes)
        self._body_bytes_max = body_bytes_max
        self._runner: web.AppRunner | None = None
        self._stepper: asyncio.Task[None] | None = None

    @abstractmethod
    def pump(self) -> None:
        """Move to the clock's time, send what changed, and beat where due."""

    @abstractmethod
    def _add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the venue's own addresses."""

    @abstractmethod
    def _end_connections(self, reason: str = "shutdown") -> None:
        """Close every connection."""

    async def start(self) -> None:
        """Listen, and begin to move. Raises OSError where the port is taken."""
        app = web.Application(client_max_size=self._body_bytes_max)
        self._add_routes(app.router)
        app.router.add_routes(self._routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        if self._step_s is not None:
            self._stepper = asyncio.create_task(self._step(self._step_s), name="simulated-venue")

    async def broken(self) -> None:
        """Return only when moving ended by itself; `stop` then raises why."""
        assert self._stepper is not None, "what `pump` moves ends with its caller"
        await asyncio.wait([self._stepper])

    async def stop(self) -> None:
        """Close every connection and stop listening. Does nothing where it does not run.

        Raises what ended the moving, if anything did.
        """
        stepper, self._stepper = self._stepper, None
        if stepper is not None:
            stepper.cancel()
        self._end_connections()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if stepper is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await stepper

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _step(self, step_s: float) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + step_s
        try:
            while True:
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                began_s = loop.time()
                self.pump()
                spent_s = loop.time() - began_s
                # Steps that were missed are not made up for: the market is a function of time.
                # A move that took long, on a fast clock, leaves clients as long again.
                due_s = max(due_s + step_s, began_s + step_s / 2, began_s + 2 * spent_s)
        finally:
            # A market that stands still must not look alive to its clients.
            self._end_connections()
