"""An exchange of our own: a venue-neutral market over recorded chains, and faces over real sockets.

`SimulatedVenue` is the market: pure and deterministic, moved by an explicit clock. `DeribitServer`
speaks Deribit's protocol over it on loopback. Imports nothing of `quantdesk.venues`: it speaks the
protocol from the other side, so that an error in one is not repeated in the other.

Names are loaded on first use, so that building the samples needs neither kernel nor network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantdesk.simulator.deribit.server import DeribitServer
    from quantdesk.simulator.samples import SAMPLES, Sample, load_sample
    from quantdesk.simulator.venue import SimulatedVenue

__all__ = ["SAMPLES", "DeribitServer", "Sample", "SimulatedVenue", "load_sample"]

_HOMES = {
    "SAMPLES": "quantdesk.simulator.samples",
    "Sample": "quantdesk.simulator.samples",
    "load_sample": "quantdesk.simulator.samples",
    "SimulatedVenue": "quantdesk.simulator.venue",
    "DeribitServer": "quantdesk.simulator.deribit.server",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only a lazy load needs it

    return getattr(import_module(_HOMES[name]), name)
