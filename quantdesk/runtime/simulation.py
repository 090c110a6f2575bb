"""The simulated exchange as a process of its own: both venues' faces over one market.

One recorded underlying path moves both: a Deribit BTC option and Binance's of the same strike are
marked from the same index at the same moment. Wiring only; the market is `quantdesk.simulator`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from quantdesk.domain.ports import Clock
from quantdesk.errors import ConfigError
from quantdesk.runtime.made_numbers import SAMPLE_OF
from quantdesk.simulator import (
    BinanceServer,
    DeribitServer,
    Fault,
    FaultConductor,
    SimulatedVenue,
    load_sample,
)
from quantdesk.simulator.binance.accounts import draw_accounts

LOOPBACK = "127.0.0.1"
BINANCE_ACCOUNTS = 2
"""One to trade on, one to trade against."""

TRADES_PER_MINUTE = 30.0
"""Of the crowd, over every instrument: enough that charts and tapes live, too few to move a book
that a client has just read.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """What `quantdesk simulate` is asked for.

    deribit_port, binance_port : 0 picks a free one
    speed : venue seconds a second
    faults : what is to go wrong, counted from the moment it is ready
    """

    underlyings: tuple[str, ...] = tuple(SAMPLE_OF)
    deribit_port: int = 0
    binance_port: int = 0
    seed: int = 0
    speed: float = 1.0
    faults: tuple[Fault, ...] = ()


class Simulation:
    """Both faces, running."""

    def __init__(
        self, deribit: DeribitServer, binance: BinanceServer, conductor: FaultConductor
    ) -> None:
        self.deribit, self.binance, self.conductor = deribit, binance, conductor

    def ready_line(self) -> str:
        """Where both faces are and who may trade on them, as one line of JSON."""
        return json.dumps(
            {
                "ready": True,
                "deribit": self.deribit.endpoints(),
                "binance": self.binance.endpoints(),
                "accounts": {
                    "deribit": self.deribit.credentials(),
                    "binance": self.binance.credentials(),
                },
            },
            separators=(",", ":"),
        )

    async def broken(self) -> None:
        """Return only when a part of it ended by itself; stopping then raises why."""
        parts = (self.deribit.broken(), self.binance.broken(), self.conductor.broken())
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


def parse_underlyings(text: str) -> tuple[str, ...]:
    """ "BTC", "ETH" or "BTC,ETH", in any case and order, each once.

    Raises ConfigError saying what is allowed.
    """
    names = [name.strip().upper() for name in text.split(",")]
    for name in names:
        if name not in SAMPLE_OF or names.count(name) > 1:
            raise ConfigError(
                f"underlying {text!r}: must be one or more of {', '.join(SAMPLE_OF)}, each once, "
                "separated by commas"
            )
    return tuple(name for name in SAMPLE_OF if name in names)


@asynccontextmanager
async def running_simulation(plan: SimulationPlan, *, clock: Clock) -> AsyncIterator[Simulation]:
    """Both faces listening on loopback while the block lasts; the faults count from its begin.

    Raises ConfigError for a port that can not be had.
    """
    samples = [load_sample(SAMPLE_OF[name]) for name in plan.underlyings]
    venue = SimulatedVenue(
        *samples,
        clock=clock,
        speed=plan.speed,
        seed=plan.seed,
        trades_per_minute=TRADES_PER_MINUTE,
    )
    conductor = FaultConductor(plan.faults)
    deribit = DeribitServer(
        venue, host=LOOPBACK, port=plan.deribit_port, routes=conductor.routes("deribit")
    )
    binance = BinanceServer(
        venue,
        accounts=draw_accounts(plan.seed, BINANCE_ACCOUNTS),
        host=LOOPBACK,
        port=plan.binance_port,
        routes=conductor.routes("binance"),
    )
    conductor.add("deribit", deribit)
    conductor.add("binance", binance)
    async with AsyncExitStack() as stack:
        faces: Sequence[tuple[str, int, DeribitServer | BinanceServer]] = (
            ("deribit", plan.deribit_port, deribit),
            ("binance", plan.binance_port, binance),
        )
        for name, port, server in faces:
            try:
                await stack.enter_async_context(server)
            except OSError as error:
                raise ConfigError(
                    f"--{name}-port {port}: {LOOPBACK}:{port} can not be had "
                    f"({error.strerror or error}); name a free port, or 0 for any"
                ) from error
        await stack.enter_async_context(conductor)
        yield Simulation(deribit, binance, conductor)
