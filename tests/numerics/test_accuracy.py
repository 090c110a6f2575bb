"""Error over exact rows, through the Python face and on each instruction set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.pricing import IvStatus
from tests.numerics.black76 import rows, sizes

# The measured worst over all 5,000 rows are 4.2e-15 for an output and 1.4 for a vol.
OUTPUT_TOLERANCE = 2e-14
VOL_MULTIPLE = 4.0


@pytest.fixture(params=pricing.simd_paths())
def simd_path(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each path of this machine in turn."""
    pricing.set_simd_path(request.param)
    yield request.param
    pricing.set_simd_path(None)


def test_every_output_is_exact_to_some_units_in_the_last_place(simd_path: str) -> None:
    r = rows()
    names = tuple(sizes(r))
    found = pricing.greeks(r.is_call, *r.arguments, which=names)._asdict()
    for name, size in sizes(r).items():
        error = np.abs(found[name] - r.exact[name]) / size
        assert error.max() <= OUTPUT_TOLERANCE, (simd_path, name, error.max())


def test_implied_vol_is_what_the_rounded_price_determines(simd_path: str) -> None:
    r = rows()
    exact, price = r.exact["iv_of_price"], r.exact["price"]
    found = pricing.implied_vol(price, r.is_call, r.forward, r.strike, r.years, r.rate)
    has_answer = ~np.isnan(exact)
    attainable = 2.2e-16 * (4.0 + price / (exact * r.exact["vega"]))
    multiple = np.abs(found.vol / exact - 1.0) / attainable
    assert not np.isnan(found.vol[has_answer]).any()
    assert multiple[has_answer].max() <= VOL_MULTIPLE, simd_path
    assert np.all(found.status[~has_answer] != IvStatus.OK)


def test_scalar_calls_give_the_bits_of_the_batch(simd_path: str) -> None:
    r = rows()
    batch = pricing.greeks(
        r.is_call, *r.arguments, which=("price", "delta", "gamma", "vega", "theta", "rho")
    )
    for row in range(0, r.forward.size, 7):
        arguments = tuple(float(column[row]) for column in r.arguments)
        one = pricing.greeks_one(bool(r.is_call[row]), *arguments)
        expected = [column[row] for column in batch if column is not None]
        assert list(one) == expected, simd_path
        assert pricing.price_one(bool(r.is_call[row]), *arguments) == one.price
