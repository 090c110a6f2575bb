"""The chain call gives what the flat call gives."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput, OutOfDomain

STARTS = [0, 3, 3, 20, 41]
ROWS = 60


@pytest.mark.parametrize("rate", [0.0, 0.05, [0.0, 0.01, 0.02, -0.01, 0.05]])
def test_a_chain_gives_the_bits_of_the_flat_call(rate: float | list[float]) -> None:
    random = np.random.default_rng(2)
    forward, years = random.uniform(90, 110, 5), np.array([0.01, 0.1, 0.0, 0.5, 2.0])
    strike, vol = random.uniform(50, 200, ROWS), random.uniform(0.1, 1.0, ROWS)
    is_call = random.random(ROWS) < 0.5
    counts = np.diff([*STARTS, ROWS])
    rates = np.broadcast_to(rate, 5)
    chain = pricing.chain_greeks(
        is_call,
        strike,
        vol,
        starts=STARTS,
        forward=forward,
        years=years,
        rate=rate,
        which=pricing.OUTPUTS,
    )
    flat = pricing.greeks(
        is_call,
        np.repeat(forward, counts),
        strike,
        np.repeat(years, counts),
        vol,
        np.repeat(rates, counts),
        which=pricing.OUTPUTS,
    )
    for a, b in zip(chain, flat, strict=True):
        assert a is not None
        assert b is not None
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("starts", [[1], [0, 5, 4], [0, 99], [], [-1], [0.5], [0, 0, 0]])
def test_starts_that_do_not_fit_are_refused(starts: list[float]) -> None:
    with pytest.raises((InvalidInput, OutOfDomain)):
        pricing.chain_greeks(
            True,
            np.full(10, 100.0),
            0.5,
            starts=starts,  # type: ignore[arg-type]
            forward=[100.0, 100.0],
            years=[1.0, 1.0],
        )
