"""Whatever is handed in: a right number, NaN in its row, or an error that names the field."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import QuantDeskError

BLACK: dict[str, Any] = {
    "is_call": True,
    "forward": 100.0,
    "strike": 90.0,
    "years": 0.5,
    "vol": 0.5,
    "rate": 0.01,
}
QUOTED = {"price": 15.0} | {name: BLACK[name] for name in BLACK if name != "vol"}
COIN = {name: BLACK[name] for name in BLACK if name != "rate"}


def under_scenarios(**given: Any) -> pricing.ScenarioCube:
    moves = {name: given.pop(name) for name in ("spot_move", "vol_move", "years_passed")}
    return pricing.scenarios(
        pricing.Book(**given), **moves, which=pricing.SCENARIO_OUTPUTS, each=True, in_coin=True
    )


CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "price": (pricing.price, BLACK),
    "greeks": (lambda **given: pricing.greeks(**given, which=pricing.OUTPUTS), BLACK),
    "price_one": (pricing.price_one, BLACK),
    "greeks_one": (lambda **given: tuple(pricing.greeks_one(**given)), BLACK),
    "implied_vol": (pricing.implied_vol, QUOTED),
    "implied_vol_one": (pricing.implied_vol_one, QUOTED),
    "chain_greeks": (
        lambda **given: pricing.chain_greeks(starts=[0], which=pricing.OUTPUTS, **given),
        BLACK | {"strike": [90.0, 100.0]},
    ),
    "scenarios": (
        under_scenarios,
        BLACK | {"quantity": 2.0, "spot_move": 0.1, "vol_move": 0.1, "years_passed": 0.1},
    ),
    "spot_greeks": (
        lambda **given: pricing.spot_greeks(**given, also=("vanna", "charm")),
        {"spot": 100.0, "carry": 0.01} | {n: BLACK[n] for n in BLACK if n != "forward"},
    ),
    "coin_greeks": (lambda **given: pricing.coin_greeks(**given, also=("volga",)), COIN),
    "coin_payoff": (pricing.coin_payoff, {"is_call": True, "settlement": 100.0, "strike": 90.0}),
    "coin_pnl": (
        pricing.coin_pnl,
        {"is_call": True, "settlement": 100.0, "strike": 90.0, "premium": 0.1, "quantity": 2.0},
    ),
    "digital": (pricing.digital, BLACK),
    "touch_probability": (
        pricing.touch_probability,
        {"spot": 100.0, "level": 90.0, "years": 0.5, "vol": 0.5, "forward": 101.0},
    ),
    "parity_forward": (
        pricing.parity_forward,
        {"strike": [90.0, 100.0], "call_price": [12.0, 5.0], "put_price": [2.0, 5.0]},
    ),
    "parity_forward_coin": (
        pricing.parity_forward_coin,
        {"strike": [90.0, 100.0], "call_price": [0.12, 0.05], "put_price": [0.02, 0.05]},
    ),
    "is_valid": (pricing.is_valid, {n: BLACK[n] for n in BLACK if n != "is_call"}),
}
ARGUMENTS = [(call, field) for call, (_, given) in CALLS.items() for field in given]

NO_NUMBERS: list[Any] = [
    "x",
    "1.0",
    b"1",
    1 + 2j,
    {},
    object(),
    10**400,
    np.array(["1"]),
    np.array([1.0, "2"], dtype=object),
    np.array([True, False]),
    np.datetime64("2026-01-01"),
    np.array([1, 2], dtype="m8[s]"),
    [[1.0, 2.0], [3.0]],
]
NUMBERS = [
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    -1.0,
    5e-324,
    -5e-324,
    1e-310,
    1e-200,
    1e200,
    1e308,
    np.finfo(np.float64).max,
]


@pytest.mark.parametrize(("call", "field"), ARGUMENTS)
def test_what_is_no_number_is_refused_by_name(call: str, field: str) -> None:
    run, given = CALLS[call]
    for value in NO_NUMBERS:
        if field == "is_call" and isinstance(value, np.ndarray) and value.dtype == np.bool_:
            continue
        with pytest.raises(QuantDeskError) as caught:
            run(**given | {field: value})
        assert field in str(caught.value), value
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("call", "field"), [pair for pair in ARGUMENTS if pair[1] != "is_call"])
def test_no_number_hangs_warns_or_breaks(call: str, field: str) -> None:
    run, given = CALLS[call]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in NUMBERS:
            try:
                found = run(**given | {field: value})
            except QuantDeskError:
                continue
            columns = found if isinstance(found, tuple) else (found,)
            if np.isnan(value) and call != "is_valid":
                # The first is the price, the vol, the profit: what everything else hangs on.
                assert np.all(np.isnan(np.asarray(columns[0], dtype=np.float64))), value


@pytest.mark.parametrize("call", [name for name in CALLS if not name.endswith("_one")])
@pytest.mark.parametrize("masked", [False, True])
def test_what_is_absent_is_nan_and_never_the_number_under_a_mask(call: str, masked: bool) -> None:
    run, given = CALLS[call]
    field = "strike" if "strike" in given else "level"
    values: Any = [90.0, None]
    if masked:
        values = np.ma.masked_array([90.0, 100.0], mask=[False, True])
    absent = run(**given | {field: values})
    nan = run(**given | {field: [90.0, np.nan]})
    if isinstance(absent, tuple):
        absent, nan = absent[0], nan[0]
    assert np.array_equal(
        np.asarray(absent, dtype=np.float64), np.asarray(nan, dtype=np.float64), equal_nan=True
    )


@pytest.mark.parametrize("call", [name for name in CALLS if not name.endswith("_one")])
def test_lengths_that_do_not_fit_are_told(call: str) -> None:
    run, given = CALLS[call]
    fields = [name for name in given if name not in {"is_call", "discount", "forward", "spot_move"}]
    first, second = fields[0], fields[1]
    if call in {"chain_greeks", "scenarios"}:
        first, second = "strike", "vol"
    with pytest.raises(QuantDeskError) as caught:
        run(**given | {first: [1.0, 2.0, 3.0], second: [1.0, 2.0]})
    assert first in str(caught.value)


@pytest.mark.parametrize("call", ["price", "greeks", "coin_greeks", "digital", "touch_probability"])
def test_strided_swapped_small_and_read_only_columns_give_the_same_bits(call: str) -> None:
    run, given = CALLS[call]
    field = "strike" if "strike" in given else "level"
    plain = np.array([80.0, 90.0, 100.0, 128.0])
    locked = plain.copy()
    locked.flags.writeable = False
    variants = [
        np.repeat(plain, 2)[::2],
        plain.astype(">f8"),
        plain.astype(np.float16),
        plain.astype(np.int32),
        locked,
        plain.tolist(),
        np.asfortranarray(plain.reshape(2, 2)),
    ]
    expected = run(**given | {field: plain})
    for values in variants:
        found = run(**given | {field: values})
        pairs = (
            zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
        )
        for one, other in pairs:
            if other is not None:
                assert np.array_equal(np.asarray(one).reshape(-1), other)


def test_an_out_that_overlaps_or_is_locked_is_refused() -> None:
    vols = np.full(3, 0.5)
    locked = np.zeros(3)
    locked.flags.writeable = False
    for out in (vols, locked, vols[::-1], np.zeros(3, dtype=np.float32), np.zeros(2), [0.0] * 3):
        with pytest.raises(QuantDeskError, match="out"):
            pricing.price(True, 100.0, 90.0, 0.5, vols, out=out)  # type: ignore[arg-type]
        with pytest.raises(QuantDeskError, match="out"):
            pricing.greeks(True, 100.0, 90.0, 0.5, vols, out={"delta": out})  # type: ignore[dict-item]
        with pytest.raises(QuantDeskError, match="out"):
            pricing.implied_vol(vols, True, 100.0, 100.0, 0.5, out=out)  # type: ignore[arg-type]
    with pytest.raises(QuantDeskError, match="out"):
        pricing.greeks(True, 100.0, 90.0, 0.5, vols, out={"rho": np.zeros(3)})
    shared = np.zeros(3)
    with pytest.raises(QuantDeskError, match="share"):
        pricing.greeks(True, 100.0, 90.0, 0.5, vols, out={"delta": shared, "vega": shared})


def test_results_are_written_into_an_earlier_result() -> None:
    vols = np.full(3, 0.5)
    first = pricing.greeks(True, 100.0, 90.0, 0.5, vols)
    second = pricing.greeks(True, 100.0, 90.0, 0.5, 2 * vols, out=first)
    assert second.delta is first.delta
    out = np.zeros(3)
    found = pricing.implied_vol(np.full(3, 15.0), True, 100.0, 90.0, 0.5, out=out)
    assert found.vol is out
    assert np.all(out > 0)
