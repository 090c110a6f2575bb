"""Both faces in one process: what is asked for, and the end when a part of it breaks."""

from __future__ import annotations

import asyncio

import pytest

from quantdesk.errors import ConfigError
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.simulation import SimulationPlan, parse_underlyings, running_simulation


@pytest.mark.parametrize(
    ("text", "names"),
    [("BTC", ("BTC",)), ("eth", ("ETH",)), ("ETH, BTC", ("BTC", "ETH"))],
)
def test_underlyings_are_read_in_any_order_and_case(text: str, names: tuple[str, ...]) -> None:
    assert parse_underlyings(text) == names


@pytest.mark.parametrize("text", ["", "BTC,", "BTC,btc", "SOL", "BTC;ETH"])
def test_other_underlyings_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="one or more of BTC, ETH"):
        parse_underlyings(text)


@pytest.mark.parametrize("venue", ["deribit", "binance"])
async def test_market_that_breaks_ends_the_simulation(
    venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_pump() -> None:
        raise ArithmeticError("the market broke")

    async def broken() -> None:
        plan = SimulationPlan(underlyings=("BTC",))
        async with running_simulation(plan, clock=SystemClock()) as simulation:
            monkeypatch.setattr(getattr(simulation, venue), "pump", broken_pump)
            async with asyncio.timeout(10):
                await simulation.broken()

    with pytest.raises(ArithmeticError, match="the market broke"):
        await broken()


async def test_port_of_the_first_face_is_free_again_when_the_second_has_none() -> None:
    async def started(plan: SimulationPlan) -> None:
        async with running_simulation(plan, clock=SystemClock()):
            pass

    plan = SimulationPlan(underlyings=("BTC",))
    async with running_simulation(plan, clock=SystemClock()) as other:
        taken = int(other.binance.rest_url.rsplit(":", 1)[1])
        free = SimulationPlan(underlyings=("BTC",), binance_port=taken)
        for _ in range(2):
            with pytest.raises(ConfigError, match=f"--binance-port {taken}"):
                await started(free)
    await started(free)
