"""Expiries and strikes as people name them."""

from __future__ import annotations

import pytest

from quantdesk.domain.times import expiry_code, parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.selection import parse_window, select_expiries, window_rows
from quantdesk.market.state import MarketState

from .chains import ladder, listing, quote

NOW = parse_instant("2026-06-27T09:30:00Z")  # a Saturday
LISTED = tuple(
    parse_instant(f"{day}T08:00:00Z")
    for day in ("2026-06-28", "2026-07-03", "2026-07-31", "2026-08-28", "2026-09-25", "2026-12-25")
)


def chosen(text: str, now_ns: int = NOW) -> list[str]:
    return [expiry_code(expiry_ns) for expiry_ns in select_expiries(LISTED, text, now_ns)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25SEP26", ["25SEP26"]),
        ("25sep26", ["25SEP26"]),
        ("2026-09-25", ["25SEP26"]),
        ("2026-09-25T08:00:00Z", ["25SEP26"]),
        ("nearest", ["28JUN26"]),
        ("weekly", ["3JUL26"]),
        ("monthly", ["31JUL26"]),
        ("quarterly", ["25SEP26"]),
        ("30d", ["31JUL26"]),
        ("0d", ["28JUN26"]),
        ("weekly, monthly", ["3JUL26", "31JUL26"]),
        ("25DEC26,28JUN26", ["28JUN26", "25DEC26"]),
    ],
)
def test_word_names_an_expiry(text: str, expected: list[str]) -> None:
    assert chosen(text) == expected


def test_all_leaves_out_what_has_expired() -> None:
    assert chosen("all", parse_instant("2026-07-03T08:00:00Z"))[0] == "31JUL26"


def test_monthly_nearer_than_a_week_is_skipped() -> None:
    assert chosen("monthly", parse_instant("2026-07-25T08:00:00Z")) == ["28AUG26"]


@pytest.mark.parametrize("text", ["", "soon", "32SEP26", "25SEP", "-5d", "99999d", "25SEP26,"])
def test_other_words_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"expiry = .*(must be|not listed)"):
        chosen(text)


def test_unlisted_date_names_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="nearest is 25SEP26; listed are 28JUN26, 3JUL26"):
        chosen("2026-09-20")


@pytest.mark.parametrize(
    ("text", "strikes"),
    [("50d", {57_500, 60_000}), ("0.1%", {57_500}), ("0.01s", {57_500})],
)
def test_window_narrower_than_the_ladder_keeps_the_strike_at_the_money(
    text: str, strikes: set[int]
) -> None:
    market = MarketState()
    market.apply(listing(*ladder()))
    for instrument in ladder():
        market.apply(quote(instrument, forward=58_700.0))
    reading = market.read_book("deribit", "BTC")
    assert reading is not None
    rows = (0, len(reading.chain))
    kept = window_rows(
        reading.chain,
        reading.values,
        rows,
        parse_window(text),
        forward=58_700.0,
        total_vol=0.25,
    )
    assert set(reading.chain.strike[kept]) == strikes


@pytest.mark.parametrize(
    ("text", "strikes"),
    [
        ("1", {57_500, 60_000, 62_500}),
        ("5%", {57_500, 60_000, 62_500}),
        ("1s", {50_000, 52_500, 55_000, 57_500, 60_000, 62_500, 65_000, 67_500, 70_000}),
        ("49d", {60_000}),
    ],
)
def test_window_keeps_strikes_around_the_forward(text: str, strikes: set[int]) -> None:
    market = MarketState()
    market.apply(listing(*ladder()))
    for instrument in ladder():
        market.apply(quote(instrument))
    reading = market.read_book("deribit", "BTC")
    assert reading is not None
    kept = window_rows(
        reading.chain,
        reading.values,
        (0, len(reading.chain)),
        parse_window(text),
        forward=60_000.0,
        total_vol=0.25,
    )
    assert set(reading.chain.strike[kept]) == strikes
    assert kept.sum() == 2 * len(strikes)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "10x", "60d", "inf", "1e3", "nan%"])
def test_window_of_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="window"):
        parse_window(text)
