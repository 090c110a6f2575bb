"""How long does one option take, called from Python, beside an empty Python function?"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing

ARGUMENTS = (True, 100.0, 110.0, 0.5, 0.6, 0.03)
PRICE = 9.0
REPEATS = 1_000


def empty(  # noqa: PLR0917 -- as many arguments as the calls it is compared with
    is_call: bool, forward: float, strike: float, years: float, vol: float, rate: float
) -> None:
    """What a call costs before it does anything."""


def repeat(call: Callable[..., object], arguments: tuple[object, ...]) -> None:
    for _ in range(REPEATS):
        call(*arguments)


@pytest.mark.benchmark(group="one option, a thousand times")
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (empty, ARGUMENTS),
        (pricing.price_one, ARGUMENTS),
        (pricing.greeks_one, ARGUMENTS),
        (pricing.implied_vol_one, (PRICE, True, 100.0, 110.0, 0.5, 0.03)),
    ],
    ids=["empty", "price", "price + 5 Greeks", "implied vol"],
)
def test_call(
    benchmark: BenchmarkFixture,
    note_pace: Callable[[int], None],
    call: Callable[..., object],
    arguments: tuple[object, ...],
) -> None:
    benchmark(repeat, call, arguments)
    note_pace(REPEATS)


@pytest.mark.benchmark(group="one option, a thousand times")
@pytest.mark.parametrize("name", ["price", "greeks", "implied_vol"])
def test_pyvolr(benchmark: BenchmarkFixture, name: str) -> None:
    black = pytest.importorskip("pyvolr.black76")
    number = PRICE if name == "implied_vol" else 0.6
    order = {
        "price": ("c", 100.0, 110.0, 0.5, 0.03, number),
        "greeks": ("c", 100.0, 110.0, 0.5, 0.03, number),
        "implied_vol": (number, "c", 100.0, 110.0, 0.5, 0.03),
    }
    benchmark(repeat, getattr(black, name), order[name])


@pytest.mark.benchmark(group="one option, a thousand times")
def test_vollib_price(benchmark: BenchmarkFixture) -> None:
    pytest.importorskip("vollib", reason="vollib is not installed here")
    black = importlib.import_module("vollib.black").black
    benchmark(repeat, black, ("c", 100.0, 110.0, 0.03, 0.5, 0.6))
