"""Numbers: fixed decimals, a dash for nothing, no digit cut off."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.instrument import TickScheme
from quantdesk.views.number_text import (
    DASH,
    exact_text,
    number_text,
    percent_text,
    strike_text,
    tick_decimals,
)


@pytest.mark.parametrize(
    ("value", "decimals", "width", "shown"),
    [
        (0.0045, 4, 6, "0.0045"),
        (0.0, 4, None, "0.0000"),
        (-0.0, 2, None, "0.00"),
        (-0.00001, 2, None, "0.00"),
        (12345.678, 2, 9, "12,345.68"),
        (1234567.0, 1, 9, "1234567.0"),
        (216.31, 2, 5, "216.3"),
        (12.34, 2, 4, "12.3"),
        (1234567.0, 1, 6, "1.23e6"),
        (-12345678.0, 1, 7, "-1.23e7"),
        (1e300, 2, 6, "1e300"),
        (-1e300, 2, 5, "#####"),
        (123.0, 0, 1, "#"),
        (nan, 2, 6, DASH),
        (inf, 2, 6, DASH),
        (-inf, 2, 6, DASH),
        (None, 2, 6, DASH),
    ],
)
def test_number_is_shown(value: float | None, decimals: int, width: int | None, shown: str) -> None:
    assert number_text(value, decimals, width) == shown


@given(st.floats(), st.integers(0, 6), st.integers(1, 20))
def test_any_number_fits_and_is_never_nan(value: float, decimals: int, width: int) -> None:
    shown = number_text(value, decimals, width)
    assert 1 <= len(shown) <= width
    assert "n" not in shown


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_a_number_with_room_reads_back_rounded(value: float, decimals: int) -> None:
    # In decimals: read back as a float, a large number rounds by more than its last digit shown.
    shown = Decimal(number_text(value, decimals).replace(",", ""))
    assert abs(shown - Decimal(value)) <= Decimal(5).scaleb(-decimals - 1)


def test_a_fraction_becomes_percent() -> None:
    assert percent_text(0.6512) == "65.12"
    assert percent_text(None) == DASH


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1, "0.1"),
        (60000.0, "60,000"),
        (60245.57, "60,245.57"),
        (1e-7, "1e-07"),
        (nan, DASH),
        (None, DASH),
        (inf, DASH),
    ],
)
def test_exact_number_keeps_its_digits(value: float | None, shown: str) -> None:
    assert exact_text(value) == shown


@pytest.mark.parametrize(
    ("strike", "shown"),
    [
        (60000.0, "60,000"),
        (0.35, "0.35"),
        (2.5, "2.5"),
        (1e15, "1e+15"),
        (123456789.12345678, "1.234568e+08"),
        (nan, DASH),
    ],
)
def test_strike_is_shown(strike: float, shown: str) -> None:
    assert strike_text(strike) == shown


@given(st.floats(min_value=5e-324, allow_infinity=False))
def test_any_strike_is_bounded(strike: float) -> None:
    assert 0 < len(strike_text(strike)) <= 14


@pytest.mark.parametrize(
    ("tick", "steps", "decimals"),
    [
        ("0.0005", (), 4),
        ("0.0001", (("0.005", "0.0005"),), 4),
        ("5", (), 0),
        ("1E+2", (), 0),
        ("0.50", (), 1),
        ("0.5", (("10", "0.01"),), 2),
        ("1E-30", (), 12),
    ],
)
def test_decimals_are_those_of_the_finest_tick(
    tick: str, steps: tuple[tuple[str, str], ...], decimals: int
) -> None:
    scheme = TickScheme(
        tick=Decimal(tick), steps=tuple((Decimal(above), Decimal(step)) for above, step in steps)
    )
    assert tick_decimals(scheme) == decimals
