"""`quantdesk chain` of two venues, as a user types it: tables, records, files, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.app.test_cli import quantdesk

BOTH = ("chain", "BTC", "--venue", "deribit", "--venue", "binance")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's empty folders."""
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def pair(folder: Path) -> Any:
    """Both simulated venues' BTC options, as the JSON record."""
    done = quantdesk(folder, *BOTH, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def binance(folder: Path) -> Path:
    """The simulated Binance chain as a market file."""
    path = folder / "binance.json"
    done = quantdesk(
        folder, "chain", "BTC", "--venue", "binance", "--format", "json", "-o", str(path)
    )
    assert done.returncode == 0, done.stderr
    return path


def test_record_holds_both_venues_and_says_how_values_were_made(pair: Any) -> None:
    assert pair["schema"] == "quantdesk.venue_pair/1"
    assert pair["underlying"] == "BTC"
    assert [each["venue"] for each in pair["venues"]] == ["deribit", "binance"]
    assert {each["environment"] for each in pair["venues"]} == {"simulated"}
    assert "undiscounted" in pair["units"]["bid_value, ask_value"]
    for venue in pair["venues"]:
        for expiry in venue["expiries"]:
            if venue["venue"] == "deribit":
                assert expiry["discount"] is None
            else:
                assert 0.5 < expiry["discount"] <= 1.1
                assert expiry["discount_source"]


def test_each_strike_stands_once_and_what_one_venue_lists_alone_is_there(pair: Any) -> None:
    rows = pair["rows"]
    keys = [(row["expiry"], row["strike"], row["option_type"]) for row in rows]
    assert len(keys) == len(set(keys)) > 300
    listed = [tuple(quote is not None for quote in row["quotes"]) for row in rows]
    assert listed.count((True, True)) > 100
    assert listed.count((True, False)) + listed.count((False, True)) > 0


def test_both_venues_stand_on_one_surface_so_no_gap_is_wide(pair: Any) -> None:
    gaps = [abs(row["mark_iv_gap_points"]) for row in pair["rows"] if row["mark_iv_gap_points"]]
    assert len(gaps) > 100
    assert sorted(gaps)[len(gaps) // 2] < 1.0


def test_a_file_stands_beside_a_venue(folder: Path, binance: Path) -> None:
    done = quantdesk(
        folder, "chain", "BTC", "--venue", "deribit", "--against", str(binance), "--format", "json"
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert [each["venue"] for each in record["venues"]] == ["deribit", "binance"]


def test_two_files_need_no_venue_and_give_the_same_bytes_again(folder: Path, binance: Path) -> None:
    args = ("chain", "BTC", "--market", str(binance), "--against", str(binance), "--format", "json")
    first, second = quantdesk(folder, *args), quantdesk(folder, *args)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    rows = json.loads(first.stdout)["rows"]
    assert {row["mark_iv_gap_points"] for row in rows} <= {0.0, None}


def test_a_file_says_of_each_number_that_was_made(binance: Path) -> None:
    record = json.loads(binance.read_bytes())
    assert "Binance's strikes" in record["made_by_rule"]["bid"]
    made = record["rows"][0]["made_by_rule"].split()
    assert {"bid", "ask", "mark", "bid_size"} <= set(made)
    assert "strike" not in made


def test_table_marks_the_best_and_names_both(folder: Path, binance: Path) -> None:
    args = ("chain", "BTC", "--market", str(binance), "--against", str(binance))
    done = quantdesk(folder, *args)
    assert done.returncode == 0, done.stderr
    assert b"binance" in done.stdout.lower()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ("--venue", "deribit", "--venue", "binance", "--against", "x.json"),
            b"two chains at most",
        ),
        (("--venue", "deribit", "--venue", "binance", "--format", "parquet"), b"side by side come"),
        (("--venue", "deribit", "--venue", "binance", "--columns", "all"), b"have their own"),
        (("--venue", "deribit", "--venue", "binance", "--units", "coin"), b"usd-model or iv"),
        (("--venue", "deribit", "--venue", "kraken"), b"kraken"),
        (("--venue", "deribit", "--against", "absent.json"), b"absent.json"),
    ],
    ids=lambda each: each if isinstance(each, bytes) else "",
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    folder: Path, args: tuple[str, ...], says: bytes
) -> None:
    done = quantdesk(folder, "chain", "BTC", *args)
    assert done.returncode == (3 if b"absent" in says else 2)
    assert done.stdout == b""
    assert says in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_a_coin_that_the_other_file_has_not_is_refused(folder: Path, binance: Path) -> None:
    done = quantdesk(folder, "chain", "ETH", "--market", str(binance), "--against", str(binance))
    assert done.returncode != 0
    assert b"ETH" in done.stderr
    assert done.stdout == b""
