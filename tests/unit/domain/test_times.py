"""Instants as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.times import expiry_code, format_instant, parse_expiry_date, parse_instant
from quantdesk.errors import InvalidInput


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000_000))
def test_instant_survives_being_written(ns: int) -> None:
    assert parse_instant(format_instant(ns)) == ns


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-06-27T09:26:59.679159Z", "2026-06-27T09:26:59.679159Z"),
        ("2026-06-27T09:26:59.679159+00:00", "2026-06-27T09:26:59.679159Z"),
        ("2026-06-27T11:27+02:00", "2026-06-27T09:27:00Z"),
        ("2026-06-27 09:27", "2026-06-27T09:27:00Z"),
        ("2026-06-27", "2026-06-27T00:00:00Z"),
        ("2026-06-27T09:26:59.000000001Z", "2026-06-27T09:26:59.000000001Z"),
    ],
)
def test_instant_is_read_as_utc(text: str, written: str) -> None:
    assert format_instant(parse_instant(text)) == written


@pytest.mark.parametrize(
    "text", ["", "now", "27/06/2026", "2026-13-01", "1e9", "2026-06-27T25:00Z"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="must look like"):
        parse_instant(text)


def test_expiry_code_has_no_padded_day() -> None:
    assert expiry_code(parse_instant("2026-07-03T08:00:00Z")) == "3JUL26"
    assert parse_expiry_date("3JUL26") == (2026, 7, 3)
    assert parse_expiry_date("03JUL26") == (2026, 7, 3)
    assert parse_expiry_date("3ZZZ26") is None
