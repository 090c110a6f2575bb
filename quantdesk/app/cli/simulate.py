"""`quantdesk simulate`: a simulated Deribit and Binance for any client, until told to end."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from quantdesk.app.cli.options import FiniteRange
from quantdesk.app.cli.output import write_output
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.settings import load_settings
from quantdesk.runtime.simulation import (
    SimulationPlan,
    parse_underlyings,
    running_simulation,
)
from quantdesk.simulator import read_fault_script

PORT = click.IntRange(0, 65_535)
SPEED_MAX = 100_000


@click.command("simulate")
@click.option(
    "--deribit-port", metavar="P", type=PORT, default=0, help="Of the Deribit face; 0 picks one."
)
@click.option(
    "--binance-port", metavar="Q", type=PORT, default=0, help="Of the Binance face; 0 picks one."
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    help="The same seed gives the same market, keys and secrets.",
)
@click.option(
    "--underlying",
    "underlyings",
    metavar="COINS",
    default="BTC,ETH",
    show_default=True,
    help="BTC, ETH or both; with both the clock starts at the later recorded moment.",
)
@click.option(
    "--speed",
    metavar="X",
    type=FiniteRange(min=0, min_open=True, max=SPEED_MAX),
    help="Venue seconds a second.",
)
@click.option(
    "--faults",
    "script",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML or JSON of what is to go wrong and when; see the README.",
)
def command(
    deribit_port: int,
    binance_port: int,
    seed: int | None,
    underlyings: str,
    speed: float | None,
    script: Path | None,
) -> None:
    """Run a simulated Deribit and Binance on 127.0.0.1 for any client, until SIGTERM or Ctrl-C.

    Prints one line of JSON when ready: addresses, keys, secrets and balances. What goes wrong can
    be asked for at run time too: POST a fault of the script's form to /simulator/faults of
    either port.
    """
    settings = load_settings().simulated
    plan = SimulationPlan(
        underlyings=parse_underlyings(underlyings),
        deribit_port=deribit_port,
        binance_port=binance_port,
        seed=settings.seed if seed is None else seed,
        speed=settings.speed if speed is None else speed,
        faults=() if script is None else read_fault_script(script),
    )
    asyncio.run(_serve(plan))


async def _serve(plan: SimulationPlan) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with running_simulation(plan, clock=SystemClock()) as simulation:
        write_output(f"{simulation.ready_line()}\n".encode(), None)
        asked = asyncio.create_task(stop.wait(), name="simulate-until-signal")
        broken = asyncio.create_task(simulation.broken(), name="simulate-until-broken")
        await asyncio.wait((asked, broken), return_when=asyncio.FIRST_COMPLETED)
        for task in (asked, broken):
            task.cancel()
