"""An exchange of our own: a venue-neutral market over recorded chains, and faces over real sockets.

`SimulatedVenue` is the market: pure and deterministic, moved by an explicit clock. `DeribitServer`
and `BinanceServer` speak the venues' protocols over it on loopback. Imports nothing of
`quantdesk.venues`: it speaks the protocols from the other side, so that an error in one is not
repeated in the other.

Names are loaded on first use, so that building the samples needs neither kernel nor network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantdesk.simulator.binance.server import BinanceServer
    from quantdesk.simulator.deribit.server import DeribitServer
    from quantdesk.simulator.fault_conductor import FaultConductor
    from quantdesk.simulator.fault_script import read_fault_script
    from quantdesk.simulator.faults import Fault
    from quantdesk.simulator.samples import SAMPLES, Sample, load_sample
    from quantdesk.simulator.venue import SimulatedVenue

__all__ = [
    "SAMPLES",
    "BinanceServer",
    "DeribitServer",
    "Fault",
    "FaultConductor",
    "Sample",
    "SimulatedVenue",
    "load_sample",
    "read_fault_script",
]

_HOMES = {
    "SAMPLES": "quantdesk.simulator.samples",
    "Sample": "quantdesk.simulator.samples",
    "load_sample": "quantdesk.simulator.samples",
    "SimulatedVenue": "quantdesk.simulator.venue",
    "BinanceServer": "quantdesk.simulator.binance.server",
    "DeribitServer": "quantdesk.simulator.deribit.server",
    "Fault": "quantdesk.simulator.faults",
    "FaultConductor": "quantdesk.simulator.fault_conductor",
    "read_fault_script": "quantdesk.simulator.fault_script",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only a lazy load needs it

    return getattr(import_module(_HOMES[name]), name)
