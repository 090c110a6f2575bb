"""Numbers in the sentences of limits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.findings import number_words
from quantdesk.risk.limits.gate import LimitGate
from tests.unit.risk.limits.units import CALL, NOW, STRESS_NAMES, MadeUnits, unit


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.123_456_7, "0.123457"),
        (-199_965.4, "-199,965"),
        (999_999.4, "999,999"),
        (999_999.5, "1,000,000"),
        (12_345_678.9, "12,345,679"),
        (-12_345_678.9, "-12,345,679"),
    ],
)
def test_numbers_have_six_digits_or_all_before_the_point(value: float, words: str) -> None:
    assert number_words(value) == words
    sign = "" if words.startswith("-") else "+"
    assert number_words(value, with_sign=True) == f"{sign}{words}"


@pytest.mark.parametrize(
    ("measure", "detail"),
    [
        ("net_gamma", "position 12,345,678, worst side 12,345,678"),
        ("gross_gamma", "position 12,345,678"),
    ],
)
def test_details_of_large_positions_keep_their_digits(measure: str, detail: str) -> None:
    text = f'schema = 1\n[[limit]]\nscope = "desk"\nmeasure = "{measure}"\nhard = 1e9\n'
    units = MadeUnits({CALL.name: unit(delta=0.0, vega=0.0, gamma=1.0, stress=(0.0, 0.0, 0.0))})
    gate = LimitGate(parse_limits(text, "made"), units, stress_names=STRESS_NAMES)
    gate.set_position(CALL, Decimal(12_345_678))
    (use,) = gate.uses(NOW)
    assert use.detail == detail
