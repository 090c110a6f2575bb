"""`quantdesk margin` as its users run it: files in, every format out, exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from quantdesk.app.cli.main import cli
from quantdesk.errors import ConfigError, QuantDeskError, StorageError

MARKET = Path("tests/fixtures/chain_files/btc_2026-06-27_tickers.json")
GOOD = "deribit,BTC-26MAR27-82000-C,-1,,vol\nderibit,BTC-26MAR27-35000-P,2,0.03,vol\n"
BAD = "deribit,BTC-26MAR27-82001-C,-1,,\nderibit,BTC-26MAR27-84000-C,0.05,,\n"


def book(folder: Path, rows: str = GOOD, header: str = "") -> str:
    """A book of these rows."""
    path = folder / "book.csv"
    path.write_text((header or "venue,instrument_name,quantity,average_price,strategy\n") + rows)
    return str(path)


def margin(*arguments: str) -> Result:
    """The verb on the recorded market."""
    return CliRunner().invoke(cli, ["margin", "--market", str(MARKET), *arguments])


def error_of(result: Result) -> QuantDeskError:
    """What ended the verb."""
    assert isinstance(result.exception, QuantDeskError)
    return result.exception


def test_json_has_legs_totals_and_the_status_of_each_rule(tmp_path: Path) -> None:
    result = margin("--book", book(tmp_path), "--format", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["schema"] == "quantdesk.margin/1"
    assert document["is_complete"] is True
    (account,) = document["accounts"]
    # Far out of the money: 0.10 and 0.075 of the coin, and the mark of 0.0532 on both.
    assert account["totals"] == [
        {"currency": "BTC", "initial": 0.1532, "maintenance": 0.1282, "open_orders": 0}
    ]
    short, long = account["legs"]
    assert (short["initial"], short["mark"], short["rule"]["status"]) == (0.1532, 0.0532, "derived")
    assert short["rule"]["since"] == "2020-09-22T00:00:00Z"
    assert (long["initial"], long["quantity"]) == (0, 2)
    assert document["excluded"] == []


def test_left_out_rows_are_listed_and_end_with_code_3(tmp_path: Path) -> None:
    result = margin("--book", book(tmp_path, GOOD + BAD), "--format", "json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert [(one["row"], one["instrument_name"]) for one in document["excluded"]] == [
        (3, "BTC-26MAR27-82001-C"),
        (4, "BTC-26MAR27-84000-C"),
    ]
    assert document["is_complete"] is False
    assert len(document["accounts"][0]["legs"]) == 2
    assert "left out: row 3" in result.stderr


def test_strict_prints_nothing_and_ends_with_an_error(tmp_path: Path) -> None:
    result = margin("--book", book(tmp_path, GOOD + BAD), "--strict", "--format", "json")
    assert result.stdout == ""
    assert "2 rows or legs" in str(error_of(result))
    assert error_of(result).exit_code == 3
    assert margin("--book", book(tmp_path), "--strict").exit_code == 0


def test_table_names_currency_status_rule_and_what_is_left_out(tmp_path: Path) -> None:
    text = margin("--book", book(tmp_path, GOOD + BAD)).stdout
    assert "INCOMPLETE: 2 left out" in text
    assert "Total by currency: deribit, deribit standard" in text
    (line,) = [line for line in text.splitlines() if line.startswith("BTC-26MAR27-82000-C")]
    assert line.split()[1:3] == ["position", "-1"]
    assert line.split()[6:] == ["0.153200", "0.128200", "BTC", "derived", "[1]"]
    assert "must be a multiple of its lot 0.1" in text
    assert "[1] derived:" in text


def test_csv_tells_legs_totals_and_exclusions_apart(tmp_path: Path) -> None:
    result = margin("--book", book(tmp_path, GOOD + BAD), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["kind"] for row in rows] == ["leg", "leg", "total", "excluded", "excluded"]
    assert (rows[2]["currency"], rows[2]["initial"]) == ("BTC", "0.1532")
    assert rows[3]["reason"].startswith("instrument_name")


def test_markdown_is_tables(tmp_path: Path) -> None:
    lines = margin("--book", book(tmp_path), "--format", "md").stdout.splitlines()
    assert lines[0].startswith("# Standard margin")
    assert "| BTC | 0.153200 | 0.128200 |" in lines


def test_parquet_reads_back(tmp_path: Path) -> None:
    out = tmp_path / "margin.parquet"
    result = margin("--book", book(tmp_path, GOOD + BAD), "--format", "parquet", "-o", str(out))
    assert result.exit_code == 3
    with duckdb.connect() as connection:
        query = "SELECT kind, initial, quantity FROM read_parquet(?)"
        found = connection.execute(query, [str(out)]).fetchall()
    assert found[0] == ("leg", 0.1532, -1.0)
    assert found[-1] == ("excluded", None, None)


def test_empty_book_is_complete_and_needs_nothing(tmp_path: Path) -> None:
    document = json.loads(margin("--book", book(tmp_path, ""), "--format", "json").stdout)
    assert (document["accounts"], document["is_complete"]) == ([], True)


def test_every_row_refused_still_answers(tmp_path: Path) -> None:
    for format_ in ("table", "json", "csv", "md"):
        result = margin("--book", book(tmp_path, BAD), "--format", format_)
        assert result.exit_code == 3
        assert "BTC-26MAR27-82001-C" in result.stdout


def test_a_name_from_the_file_can_not_steer_the_terminal(tmp_path: Path) -> None:
    rows = "deribit,\x1b[31mX|Y,1,,\n"
    result = margin("--book", book(tmp_path, rows))
    assert "\x1b" not in result.output
    assert "\\x1b" in result.stdout
    markdown = margin("--book", book(tmp_path, rows), "--format", "md").stdout
    assert "X\\|Y" in markdown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "json"), "give either --book FILE or --account NAME"),
        (("--book", "x.csv", "--account", "deribit"), "give either --book FILE or --account"),
        (("--account", "deribit"), "--account: goes with a venue"),
        (("--book", "x.csv", "--venue", "deribit"), "do not go with --market"),
        (("--book", "x.csv", "--replay", "dir"), "give exactly one of --market"),
    ],
)
def test_options_that_contradict_are_refused(arguments: tuple[str, ...], message: str) -> None:
    error = error_of(margin(*arguments))
    assert isinstance(error, ConfigError)
    assert message in str(error)


def test_a_moment_goes_with_a_file_only(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["margin", "--book", book(tmp_path), "--at", "2026-06-27T09:00:00Z"]
    )
    assert "--at: a venue only has now" in str(error_of(result))


def test_a_missing_or_faulty_book_is_one_sentence(tmp_path: Path) -> None:
    assert isinstance(error_of(margin("--book", str(tmp_path / "no.csv"))), StorageError)
    error = error_of(margin("--book", book(tmp_path, "", "venue,name\n")))
    assert "no column instrument_name, quantity" in str(error)


def test_two_files_of_one_chain_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(MARKET.read_bytes())
    result = margin("--book", book(tmp_path), "--market", str(copy))
    assert "comes from both" in str(error_of(result))
