"""Bad chains through the command line: refused, or fitted with a grade and words that say so."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from quantdesk.app.cli.surface import command
from quantdesk.errors import ChainFileError, OutOfDomain
from tests.unit.surface.bad_chains import Row, options_of, quote_rows, write_rows

Change = Callable[[list[Row]], list[Row]]


def fitted(folder: Path, rows: list[Row]) -> dict[str, Any]:
    """The fit as JSON; its grid is free of arbitrage whatever went in."""
    path = write_rows(folder, rows)
    result = CliRunner().invoke(command, ["fit", str(path), "--format", "json"])
    assert result.exit_code == 0, result.output
    fit: dict[str, Any] = json.loads(result.stdout)
    assert fit["faults"] == []
    return fit


def refused(folder: Path, rows: list[Row]) -> tuple[str, str]:
    """The refusal in one sentence, and what is said of the expiries."""
    result = CliRunner().invoke(command, ["fit", str(write_rows(folder, rows))])
    assert isinstance(result.exception, OutOfDomain)
    assert result.stdout == ""
    return str(result.exception), result.stderr


def reasons(folder: Path, rows: list[Row]) -> list[str]:
    """Why rows took no part, from `--quotes`, in the order of strikes."""
    out = folder / "quotes.csv"
    words = ["fit", str(write_rows(folder, rows)), "--quotes", str(out)]
    CliRunner().invoke(command, words)
    with out.open(newline="", encoding="utf-8") as file:
        return [row["reason"] for row in csv.DictReader(file)]


def only(rows: list[Row], count: int) -> list[Row]:
    middle = options_of(rows)[5 : 5 + count]
    return [row for row in rows if row["kind"] != "option"] + middle


def test_plain_chain_is_graded_a(tmp_path: Path) -> None:
    assert fitted(tmp_path, quote_rows())["grade"] == "A"


def test_two_quotes_are_refused(tmp_path: Path) -> None:
    sentence, _ = refused(tmp_path, only(quote_rows(), 2))
    assert "2 usable two-sided quotes; a slice needs 3" in sentence


def test_three_quotes_are_a_simple_slice_of_low_grade(tmp_path: Path) -> None:
    one = fitted(tmp_path, only(quote_rows(), 3))["slices"][0]
    assert one["model"] == "ssvi"
    assert one["grade"] in "CDF"
    assert "Only 3 quotes." in one["flags"]


def test_one_sided_wings_take_no_part_and_are_named(tmp_path: Path) -> None:
    rows = quote_rows()
    for row in options_of(rows):
        if not 70_000 <= float(str(row["strike"])) <= 90_000:
            row["bid"] = 0
    one = fitted(tmp_path, rows)["slices"][0]
    assert one["used"] == 5
    assert one["grade"] != "A"
    assert reasons(tmp_path, rows).count("one-sided: no bid") == 10


def test_a_side_without_quotes_is_a_guess(tmp_path: Path) -> None:
    rows = quote_rows()
    for row in options_of(rows):
        if row["option_type"] == "call":
            row["bid"] = ""
    one = fitted(tmp_path, rows)["slices"][0]
    assert (
        "No quotes beyond 0.75 standard deviations on the call side: the right wing is a guess."
    ) in one["flags"]
    assert one["grade"] in "DF"


def crossed(rows: list[Row]) -> list[Row]:
    for row in options_of(rows):
        row["bid"], row["ask"] = row["ask"], row["bid"]
    return rows


def test_crossed_quotes_are_refused_and_counted(tmp_path: Path) -> None:
    sentence, said = refused(tmp_path, crossed(quote_rows()))
    assert "0 usable two-sided quotes" in sentence
    assert "27MAR26 not fitted" in said
    assert "(15 × crossed)" in said


def test_some_crossed_quotes_are_left_out_in_words(tmp_path: Path) -> None:
    rows = quote_rows()
    crossed(options_of(rows)[1:3])
    result = CliRunner().invoke(command, ["fit", str(write_rows(tmp_path, rows))])
    assert "27MAR26: left out 2 × crossed." in result.stdout
    assert reasons(tmp_path, rows)[1:3] == ["crossed", "crossed"]


def test_zero_quotes_carry_nothing(tmp_path: Path) -> None:
    rows = quote_rows()
    for row in options_of(rows):
        row["bid"], row["ask"] = 0, 0
    sentence, said = refused(tmp_path, rows)
    assert "0 usable two-sided quotes" in sentence
    assert f"({len(options_of(rows))} × no quote)" in said


@pytest.mark.parametrize("future", [800_000.0, 800.0])
def test_absurd_forward_is_refused(tmp_path: Path, future: float) -> None:
    sentence, _ = refused(tmp_path, quote_rows(future=future))
    assert "lies far outside the listed strikes" in sentence


def test_forward_that_is_not_the_index_is_refused(tmp_path: Path) -> None:
    sentence, _ = refused(tmp_path, quote_rows(spot=40_000.0))
    assert "2.00 times the index" in sentence


@pytest.mark.parametrize("future", [-80_000.0, None])
def test_without_a_positive_forward_the_index_stands_in_and_it_is_said(
    tmp_path: Path, future: float | None
) -> None:
    one = fitted(tmp_path, quote_rows(future=future))["slices"][0]
    assert one["forward_source"] == "index"
    assert one["grade"] != "A"
    assert "No forward of its own: the index stands in, carry is missing." in one["flags"]


def test_without_any_forward_nothing_is_fitted(tmp_path: Path) -> None:
    sentence, _ = refused(tmp_path, quote_rows(spot=None, future=None))
    assert "no forward" in sentence


def test_expiry_in_minutes_is_refused(tmp_path: Path) -> None:
    rows = quote_rows(maturity="2026-03-02T12:20:00Z", years=20 / 1440 / 365)
    sentence, _ = refused(tmp_path, rows)
    assert "expires in 20 minutes; settlement averages the last 30" in sentence


def test_expiry_that_is_past_is_refused(tmp_path: Path) -> None:
    sentence, _ = refused(tmp_path, quote_rows(maturity="2026-03-01T08:00:00Z"))
    assert "expired" in sentence


def test_expiry_in_hours_is_graded_lower(tmp_path: Path) -> None:
    rows = quote_rows(
        maturity="2026-03-02T14:00:00Z",
        years=2 / 24 / 365,
        strikes=tuple(range(78_000, 82_001, 250)),
    )
    one = fitted(tmp_path, rows)["slices"][0]
    assert "Expires within six hours." in one["flags"]
    assert one["grade"] != "A"


def test_same_record_twice_changes_nothing(tmp_path: Path) -> None:
    once = fitted(tmp_path, quote_rows())
    rows = quote_rows()
    twice = fitted(tmp_path, rows + [dict(row) for row in options_of(rows)])
    assert twice["slices"][0]["parameters"] == once["slices"][0]["parameters"]


def test_records_of_one_strike_that_disagree_are_not_both_believed(tmp_path: Path) -> None:
    rows = quote_rows()
    other = dict(options_of(rows)[4])
    other["ask"] = float(str(other["ask"])) + 0.001
    found = reasons(tmp_path, [*rows, other])
    assert sum("duplicate" in reason for reason in found) >= 1
    assert fitted(tmp_path, [*rows, other])["slices"][0]["used"] == 14


def test_crash_day_is_fitted_with_words(tmp_path: Path) -> None:
    rows = quote_rows(
        forward=52_000.0,
        spot=60_000.0,
        future=52_000.0,
        vol=lambda k: 2.9 - 1.5 * k,
        half=0.25,
        strikes=tuple(range(30_000, 90_001, 5_000)),
    )
    one = fitted(tmp_path, rows)["slices"][0]
    assert one["grade"] in "DF"
    assert any(flag.startswith("Wide quotes") for flag in one["flags"])
    assert any("a market in distress" in flag for flag in one["flags"])


def test_vols_beyond_500_percent_are_refused(tmp_path: Path) -> None:
    _, said = refused(tmp_path, quote_rows(vol=lambda _: 5.2, half=0.1))
    assert "(15 × vol 530% is above 500%)" in said


def test_vols_just_below_500_percent_are_no_market_to_trust(tmp_path: Path) -> None:
    one = fitted(tmp_path, quote_rows(vol=lambda _: 4.8, half=0.1))["slices"][0]
    assert one["grade"] == "F"
    assert one["atm_iv"] == pytest.approx(4.8, abs=0.05)


def test_prices_at_random_are_no_market(tmp_path: Path) -> None:
    rows, dice = quote_rows(), np.random.default_rng(1)
    for row in options_of(rows):
        price = float(dice.uniform(0.001, 0.2))
        row["bid"], row["ask"] = round(0.98 * price, 6), round(1.02 * price, 6)
    fit = fitted(tmp_path, rows)
    assert fit["grade"] == "F"
    assert fit["in_spread"] < 0.7


def test_file_without_options_is_named(tmp_path: Path) -> None:
    rows = [row for row in quote_rows() if row["kind"] != "option"]
    result = CliRunner().invoke(command, ["fit", str(write_rows(tmp_path, rows))])
    assert isinstance(result.exception, ChainFileError)
    assert "no option" in str(result.exception)
