"""`quantdesk positions` as its users run it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from quantdesk.app.cli.main import cli
from quantdesk.errors import InvalidInput, StorageError

MARKET = Path("tests/fixtures/chain_files/btc_2026-06-27_tickers.json")
ROWS = """venue,instrument_name,quantity,average_price,strategy
deribit,BTC-26MAR27-82000-C,-1,0.06,vol
deribit,BTC-26MAR27-35000-P,2,,vol
deribit,BTC-26MAR27-35000-P,1.05,,x
"""


def positions(folder: Path, *arguments: str) -> Result:
    """The verb on the recorded market; row 3 is a fractional lot."""
    path = folder / "book.csv"
    path.write_text(ROWS)
    command = ["positions", "--book", str(path), "--market", str(MARKET), *arguments]
    return CliRunner().invoke(cli, command)


def test_json_has_positions_groups_and_what_was_left_out(tmp_path: Path) -> None:
    result = positions(tmp_path, "--format", "json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    short, long = document["positions"]
    assert (short["mark"], short["value"], short["unrealised"]) == (0.0532, -0.0532, 0.0068)
    assert (long["average_price"], long["unrealised"]) == (None, None)
    root, coin = document["groups"][:2]
    assert (root["level"], coin["path"]) == ("book", ["BTC"])
    assert root["by_currency"]["BTC"] == {
        "value": -0.0068,
        "unrealised": 0.0068,
        "unknown_value": 0,
        "unknown_unrealised": 1,
    }
    assert document["groups"][2]["path"] == ["BTC", "2027-03-26T08:00:00Z"]
    assert [one["row"] for one in document["excluded"]] == [3]


def test_table_and_markdown_show_the_tree(tmp_path: Path) -> None:
    text = positions(tmp_path, "--by", "strategy").stdout
    assert "  vol (2)" in text
    assert "row 3: BTC-26MAR27-35000-P" in text
    assert "| book (2) |" in positions(tmp_path, "--format", "md").stdout


def test_csv_and_parquet_have_a_line_a_position(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(positions(tmp_path, "--format", "csv").stdout)))
    assert [row["unrealised"] for row in rows] == ["0.0068", ""]
    out = tmp_path / "positions.parquet"
    positions(tmp_path, "--format", "parquet", "-o", str(out))
    with duckdb.connect() as connection:
        found = connection.execute("SELECT quantity FROM read_parquet(?)", [str(out)]).fetchall()
    assert found == [(-1.0,), (2.0,)]


def test_strict_and_unknown_levels_are_errors(tmp_path: Path) -> None:
    strict = positions(tmp_path, "--strict")
    assert isinstance(strict.exception, StorageError)
    assert strict.stdout == ""
    assert isinstance(positions(tmp_path, "--by", "colour").exception, InvalidInput)


@pytest.mark.parametrize("format_", ["table", "json", "csv", "md"])
def test_empty_book(tmp_path: Path, format_: str) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("venue,instrument_name,quantity\n")
    command = ["positions", "--book", str(path), "--market", str(MARKET), "--format", format_]
    assert CliRunner().invoke(cli, command).exit_code == 0


@pytest.mark.parametrize("format_", ["json", "csv", "parquet"])
def test_what_the_verb_writes_is_a_book_again(tmp_path: Path, format_: str) -> None:
    out = tmp_path / "again"
    positions(tmp_path, "--format", format_, "-o", str(out))
    command = ["positions", "--book", str(out), "--market", str(MARKET), "--format", "csv"]
    again = CliRunner().invoke(cli, command)
    assert again.exit_code == 0, again.output
    assert again.stdout == positions(tmp_path, "--format", "csv").stdout
