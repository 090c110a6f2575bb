"""How long does one option take, called from Python, beside an empty function and the peers?"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.measure import KERNEL
from quantdesk.app.bench.pace import NotePace

ARGUMENTS = (True, 100.0, 110.0, 0.5, 0.6, 0.03)
PRICE = 9.0
REPEATS = 1_000

Call = Callable[..., object]


def empty(  # noqa: PLR0917 -- as many arguments as the calls it is compared with
    is_call: bool, forward: float, strike: float, years: float, vol: float, rate: float
) -> None:
    """What a call costs before it does anything."""


def repeat(call: Call, arguments: tuple[object, ...]) -> None:
    for _ in range(REPEATS):
        call(*arguments)


OURS: dict[str, tuple[Call, tuple[object, ...]]] = {
    "price": (pricing.price_one, ARGUMENTS),
    "price + 5 Greeks": (pricing.greeks_one, ARGUMENTS),
    "implied vol": (pricing.implied_vol_one, (PRICE, *ARGUMENTS[:4], ARGUMENTS[5])),
}


def _one(module: str, name: str) -> Any:
    return getattr(pytest.importorskip(module, exc_type=ImportError), name)


def _vollib(module: str, name: str) -> Any:
    pytest.importorskip("vollib", exc_type=ImportError, reason="vollib is not installed here")
    return getattr(importlib.import_module(module), name)


def _pyvolr_both() -> Call:
    price, greeks = _one("pyvolr.black76", "price"), _one("pyvolr.black76", "greeks")
    return lambda *arguments: (price(*arguments), greeks(*arguments))


# Each package's own order of arguments; discounted where it discounts.
PEERS: dict[str, tuple[str, Callable[[], Call], tuple[object, ...]]] = {
    "pyvolr, price": (
        "price",
        lambda: _one("pyvolr.black76", "price"),
        ("c", 100.0, 110.0, 0.5, 0.03, 0.6),
    ),
    "QuantLib, price": (
        "price",
        lambda: _one("QuantLib", "blackFormula"),
        (1, 110.0, 100.0, 0.424264, 0.98511),
    ),
    "vollib, price": (
        "price",
        lambda: _vollib("vollib.black", "black"),
        ("c", 100.0, 110.0, 0.03, 0.5, 0.6),
    ),
    "iv-engine, price": (
        "price",
        lambda: _one("iv_engine", "black_price"),
        (100.0, 110.0, 0.5, 0.6, True),
    ),
    "opengreeks, price": (
        "price",
        lambda: _one("opengreeks", "black76").black,
        ("c", 100.0, 110.0, 0.5, 0.03, 0.6),
    ),
    "quantforge, price": (
        "price",
        lambda: _one("quantforge", "black76").call_price,
        (100.0, 110.0, 0.5, 0.03, 0.6),
    ),
    "pyvolr, price and Greeks": (
        "price + 5 Greeks",
        _pyvolr_both,
        ("c", 100.0, 110.0, 0.5, 0.03, 0.6),
    ),
    "pyvolr, implied vol": (
        "implied vol",
        lambda: _one("pyvolr.black76", "implied_vol"),
        (PRICE, "c", 100.0, 110.0, 0.5, 0.03),
    ),
    "lbriv, implied vol": (
        "implied vol",
        lambda: _one("lbriv", "implied_vol"),
        (PRICE, 100.0, 110.0, 1),
    ),
    "QuantLib, implied vol": (
        "implied vol",
        lambda: _one("QuantLib", "blackFormulaImpliedStdDev"),
        (1, 110.0, 100.0, PRICE, 0.98511),
    ),
    "opengreeks, implied vol": (
        "implied vol",
        lambda: _one("opengreeks", "black76").implied_volatility,
        (PRICE, 100.0, 110.0, 0.03, 0.5, "c"),
    ),
}


@pytest.mark.parametrize("task", OURS)
def test_kernel(benchmark: BenchmarkFixture, note_pace: NotePace, task: str) -> None:
    benchmark.group = f"one option, {task}"
    call, arguments = OURS[task]
    benchmark(repeat, call, arguments)
    note_pace(REPEATS)
    assert pricing.price_one(*ARGUMENTS) == pytest.approx(
        12.881126556670402, rel=1e-15
    )  # at 40 digits


@pytest.mark.parametrize("task", OURS)
def test_empty_call(benchmark: BenchmarkFixture, note_pace: NotePace, task: str) -> None:
    benchmark.group = f"one option, {task}"
    benchmark(repeat, empty, ARGUMENTS)
    note_pace(REPEATS, "an empty Python function")


@pytest.mark.parametrize("peer", PEERS)
def test_peer(benchmark: BenchmarkFixture, note_pace: NotePace, peer: str) -> None:
    task, find, arguments = PEERS[peer]
    benchmark.group = f"one option, {task}"
    benchmark(repeat, find(), arguments)
    note_pace(REPEATS, peer)


def test_the_peers_are_called_for_the_same_option() -> None:
    blackformula = _one("QuantLib", "blackFormula")
    found = blackformula(*PEERS["QuantLib, price"][2])
    assert found == pytest.approx(pricing.price_one(*ARGUMENTS), rel=1e-4)
    assert KERNEL not in PEERS
