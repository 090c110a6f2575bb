"""The two traces of the architecture, held against what really runs.

The tick trace is followed through a profiler, function by function. The order trace does not exist
yet: what is held is that nothing can send an order around it.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.venues import parse_venues
from quantdesk.storage.recording import RecordingWriter
from quantdesk.views.chain import chain_view

PACKAGE = Path(__file__).parents[2] / "quantdesk"

TICK_TRACE = (
    "storage.recording.writer:RecordingWriter.append",
    "venues.deribit.decode:decode",
    "venues.deribit.normalize:to_events",
    "runtime.desk:Desk.apply",
    "market.state:MarketState.apply",
    "runtime.desk:Desk.snapshot",
    "market.valuation:value_chain",
    "views.chain:chain_view",
)

FIT_TRACE = (
    "runtime.desk:Desk.snapshot",
    "runtime.live_surfaces:LiveSurfaces.due",
    "runtime.live_surfaces:LiveSurfaces.apply",
    "runtime.live_surfaces:LiveSurfaces.attached",
)
"""On the desk's loop; the fit itself runs in a worker."""

WORKER_TRACE = (
    "runtime.live_surfaces:run_fit",
    "market.surface_quotes:surface_quotes",
    "market.fitting:fit_surface",
    "pricing.surface:fit_slices",
)


def calls_of(run: Callable[[], Any]) -> list[str]:
    """Functions of quantdesk that `run` calls, as "module:qualified name", in order."""
    seen: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("quantdesk."):
            seen.append(f"{module.removeprefix('quantdesk.')}:{frame.f_code.co_qualname}")

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return seen


def in_order(trace: tuple[str, ...], calls: list[str]) -> list[str]:
    """Stations of `trace` that `calls` passes, each after the one before it."""
    reached, place = [], 0
    for station in trace:
        if station not in calls[place:]:
            break
        place = calls.index(station, place) + 1
        reached.append(station)
    return reached


def test_tick_travels_the_trace(tmp_path: Path) -> None:
    links = {"deribit-btc": {"venue": "deribit"}}

    def run() -> None:
        async def tick() -> None:
            with RecordingWriter(tmp_path, links=links, run_id="t", started_ns=1) as writer:
                async with live_desk(
                    parse_venues(["deribit"]),
                    ("BTC",),
                    settings=Settings(),
                    open_recorder=lambda lines, private: writer,
                ) as live:
                    snapshot = await live.quoted(("BTC",), 30)
            chain = snapshot.chains[0]
            expiry_ns = chain.expiries[0].expiry_ns
            chain_view(chain, expiry_ns=expiry_ns, now_ns=snapshot.ts_ns)

        asyncio.run(tick())

    assert in_order(TICK_TRACE, calls_of(run)) == list(TICK_TRACE)


def test_surface_travels_the_trace_and_is_fitted_in_a_worker() -> None:
    elsewhere: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("quantdesk."):
            elsewhere.append(f"{module.removeprefix('quantdesk.')}:{frame.f_code.co_qualname}")

    def run() -> None:
        async def fitted() -> None:
            async with live_desk(
                parse_venues(["deribit"]), ("BTC",), settings=Settings(), fits_surfaces=True
            ) as live:
                await live.quoted(("BTC",), 30)
                async with asyncio.timeout(30):
                    while True:
                        latest = live.latest()
                        if latest is not None and latest.chains[0].fit is not None:
                            return
                        await asyncio.sleep(0)

        asyncio.run(fitted())

    threading.setprofile(note)
    try:
        calls = calls_of(run)
    finally:
        threading.setprofile(None)
    assert in_order(FIT_TRACE, calls) == list(FIT_TRACE)
    assert in_order(WORKER_TRACE, elsewhere) == list(WORKER_TRACE)
    assert "market.fitting:fit_surface" not in calls


def test_a_frame_is_recorded_before_it_is_decoded() -> None:
    source = (PACKAGE / "runtime" / "live.py").read_text(encoding="utf-8")
    body = source[source.index("async def _run_line") :]
    assert body.index("self._keep(") < body.index("line.decode(")


def test_no_order_can_be_sent_around_the_gate() -> None:
    order_call = re.compile(
        r"private/(buy|sell|edit|mass_quote|close_position|execute_block_trade)|/v1/order|batchOrders"
    )
    senders = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in {"simulator"}
        and order_call.search(path.read_text(encoding="utf-8"))
    }
    assert not senders, "an order path needs execution.gate and the order trace first"


def test_live_replay_and_file_share_one_desk() -> None:
    for name in ("replay", "sources"):
        source = (PACKAGE / "runtime" / f"{name}.py").read_text(encoding="utf-8")
        assert "from quantdesk.runtime.desk import Desk" in source
