"""A simulated venue on a clock that the test moves."""

from __future__ import annotations

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import Sample, SimulatedVenue, load_sample

MACHINE_START_NS = 1_790_000_000_000_000_000


@pytest.fixture(scope="session")
def btc() -> Sample:
    return load_sample("btc-2026-06-27")


@pytest.fixture(scope="session")
def eth() -> Sample:
    return load_sample("eth-2026-01-31")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MACHINE_START_NS)


@pytest.fixture
def venue(btc: Sample, clock: ManualClock) -> SimulatedVenue:
    return SimulatedVenue(btc, clock=clock)
