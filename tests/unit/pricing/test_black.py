"""Prices and partials: shapes, types, refusals, results."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput

ARGUMENTS = {"forward": 100.0, "strike": 110.0, "years": 0.5, "vol": 0.6, "rate": 0.03}


def test_single_numbers_give_a_float() -> None:
    price = pricing.price(True, 100.0, 110.0, 0.5, 0.6, 0.03)
    assert isinstance(price, float)
    # Hull, Options, Futures and Other Derivatives, example 18.6: a put on oil futures.
    assert pricing.price(False, 60.0, 60.0, 4 / 12, 0.25, 0.09) == pytest.approx(3.35, abs=0.005)


def test_arguments_broadcast_to_a_common_shape() -> None:
    strikes = np.linspace(80.0, 120.0, 5)
    prices = np.asarray(pricing.price([[True], [False]], 100.0, strikes, 0.5, 0.6))
    assert prices.shape == (2, 5)
    assert prices[1, 3] == pricing.price(False, 100.0, strikes[3], 0.5, 0.6)


def test_strided_and_integer_columns_are_taken() -> None:
    strikes = np.arange(80, 120)[::3]
    expected = pricing.price(True, 100.0, strikes.astype(float).copy(), 0.5, 0.6)
    assert np.array_equal(pricing.price(True, 100, strikes, 0.5, 0.6), expected)


def test_out_is_written_and_returned() -> None:
    out = np.zeros(3)
    result = pricing.price(True, 100.0, [90.0, 100.0, 110.0], 0.5, 0.6, out=out)
    assert result is out
    assert np.all(out > 0)


@pytest.mark.parametrize(
    "out", [np.zeros(2), np.zeros(3, dtype=np.float32), np.zeros(6)[::2], np.zeros((3, 1))]
)
def test_an_out_that_does_not_fit_is_refused(out: np.ndarray) -> None:
    with pytest.raises(InvalidInput) as caught:
        pricing.price(True, 100.0, [90.0, 100.0, 110.0], 0.5, 0.6, out=out)
    assert caught.value.field == "out"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("forward", 0.0),
        ("forward", float("nan")),
        ("strike", -1.0),
        ("strike", float("inf")),
        ("years", -1e-9),
        ("vol", -0.1),
        ("rate", float("inf")),
        ("rate", 1e9),
    ],
)
def test_a_single_number_outside_the_domain_is_named(field: str, value: float) -> None:
    forward, strike, years, vol, rate = (ARGUMENTS | {field: value}).values()
    for call in (pricing.price, pricing.greeks):
        with pytest.raises(InvalidInput) as caught:
            call(True, forward, strike, years, vol, rate)
        assert caught.value.field == field
        assert caught.value.value == value or np.isnan(value)


def test_a_batch_gives_nan_where_a_row_is_outside_the_domain() -> None:
    forward = np.array([100.0, -1.0, np.nan, np.inf])
    g = pricing.greeks(True, forward, 100.0, 0.5, 0.6, which=pricing.OUTPUTS)
    valid = pricing.is_valid(forward, 100.0, 0.5, 0.6)
    assert valid.tolist() == [True, False, False, False]
    for column in g:
        assert column is not None
        assert np.array_equal(np.isnan(column), ~valid)


def test_only_what_is_asked_is_computed() -> None:
    g = pricing.greeks(True, 100.0, [90.0, 110.0], 0.5, 0.6, which=("vega", "charm"))
    assert [name for name, column in g._asdict().items() if column is not None] == ["vega", "charm"]


def test_an_unknown_output_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="dual_gamma"):
        pricing.greeks(True, 100.0, 110.0, 0.5, 0.6, which=("speed",))


@pytest.mark.parametrize("kinds", ["call", [2, 1], [0.5], [None]])
def test_kinds_must_be_booleans(kinds: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        pricing.price(kinds, 100.0, [90.0, 110.0], 0.5, 0.6)  # type: ignore[arg-type]
    assert caught.value.field == "is_call"


def test_shapes_that_do_not_broadcast_are_told() -> None:
    with pytest.raises(InvalidInput, match="broadcast"):
        pricing.price(True, [1.0, 2.0], [1.0, 2.0, 3.0], 0.5, 0.6)


def test_text_is_no_number() -> None:
    with pytest.raises(InvalidInput) as caught:
        pricing.price(True, 100.0, ["a", "b"], 0.5, 0.6)
    assert caught.value.field == "strike"


def test_no_rows_give_no_rows() -> None:
    assert np.asarray(pricing.price(True, 100.0, [], 0.5, 0.6)).shape == (0,)
    assert pricing.implied_vol([], True, 100.0, [], 0.5).vol.shape == (0,)


def test_one_cheap_call_gives_a_structure_and_a_sequence() -> None:
    one = pricing.greeks_one(True, 100.0, 110.0, 0.5, 0.6, 0.03)
    price, delta, gamma, vega, theta, rho = one
    assert (one.price, one.delta, one.gamma) == (price, delta, gamma)
    assert (one[3], one[-2], one[5]) == (vega, theta, rho)
    assert len(one) == 6
    assert one == pricing.greeks_one(True, 100.0, 110.0, 0.5, 0.6, 0.03)
    with pytest.raises(IndexError):
        one[6]
    with pytest.raises(InvalidInput):
        pricing.greeks_one(True, 100.0, -1.0, 0.5, 0.6)


@pytest.mark.parametrize("threads", [0, -1, 5000])
def test_a_thread_count_out_of_range_is_refused(threads: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        pricing.price(True, 100.0, [90.0, 110.0], 0.5, 0.6, threads=threads)
    assert caught.value.field == "threads"


def test_threads_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTDESK_THREADS", "two")
    with pytest.raises(InvalidInput, match="QUANTDESK_THREADS"):
        pricing.price(True, 100.0, [90.0, 110.0], 0.5, 0.6)
    monkeypatch.setenv("QUANTDESK_THREADS", "2")
    assert pricing.columns.thread_count(None) == 2
    assert pricing.columns.thread_count(3) == 3


def test_bits_do_not_depend_on_the_thread_count() -> None:
    random = np.random.default_rng(1)
    rows = 50_000
    forward = random.uniform(50, 150, rows)
    years, vol = random.uniform(0.01, 2, rows), random.uniform(0.1, 1.5, rows)
    one, many = (
        pricing.greeks(True, forward, 100.0, years, vol, 0.02, which=pricing.OUTPUTS, threads=n)
        for n in (1, 3)
    )
    for a, b in zip(one, many, strict=True):
        assert a is not None
        assert b is not None
        assert a.tobytes() == b.tobytes()
