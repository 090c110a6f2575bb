"""price, greeks, iv and bench from the command line."""

from __future__ import annotations

import csv
import gc
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quantdesk import pricing
from quantdesk.app.cli.main import cli
from quantdesk.errors import ConfigError, InvalidInput, StorageError

ONE = ("--type", "call", "--forward", "100", "--strike", "110", "--years", "0.5")


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin)


def test_one_option_is_priced() -> None:
    result = run("price", *ONE, "--vol", "0.6", "--format", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["schema"] == "quantdesk.options/1"
    assert document["rows"][0]["price"] == pricing.price_one(True, 100.0, 110.0, 0.5, 0.6)


def test_greeks_are_those_that_are_asked() -> None:
    result = run("greeks", *ONE, "--vol", "0.6", "--which", "vanna,price", "--format", "ndjson")
    row = json.loads(result.stdout)
    assert list(row)[-2:] == ["vanna", "price"]
    assert isinstance(run("greeks", *ONE, "--vol", "1", "--which", "x").exception, ConfigError)


def test_an_implied_vol_comes_with_its_status() -> None:
    price = repr(pricing.price_one(True, 100.0, 110.0, 0.5, 0.6))
    row = json.loads(run("iv", *ONE, "--price", price, "--format", "ndjson").stdout)
    assert row["iv"] == pytest.approx(0.6, rel=1e-14)
    assert row["status"] == "ok"
    row = json.loads(run("iv", *ONE, "--price", "101", "--format", "ndjson").stdout)
    assert (row["iv"], row["status"]) == (None, "above_bound")


def test_a_file_keeps_its_own_columns(tmp_path: Path) -> None:
    file = tmp_path / "options.csv"
    file.write_text(
        "note,option_type,forward,strike,years,vol\na,call,100,110,0.5,0.6\nb,P,100,90,0.5,-1\n"
    )
    result = run("price", "--file", str(file), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["note"] for row in rows] == ["a", "b"]
    assert float(rows[0]["price"]) == pricing.price_one(True, 100.0, 110.0, 0.5, 0.6)
    assert rows[1]["price"] == ""


@pytest.mark.parametrize("format_", ["csv", "json", "ndjson", "parquet"])
def test_what_is_written_can_be_read_again(tmp_path: Path, format_: str) -> None:
    first, second = tmp_path / f"first.{format_}", tmp_path / "second.csv"
    arguments = (*ONE, "--vol", "0.6", "--format", format_, "-o", str(first))
    assert run("price", *arguments).exit_code == 0
    assert run("iv", "--file", str(first), "--format", "csv", "-o", str(second)).exit_code == 0
    row = next(csv.DictReader(io.StringIO(second.read_text())))
    assert float(row["price"]) == pricing.price_one(True, 100.0, 110.0, 0.5, 0.6)
    assert float(row["iv"]) == pytest.approx(0.6, rel=1e-14)


def test_markdown_is_a_table() -> None:
    lines = run("price", *ONE, "--vol", "0.6", "--format", "md").stdout.splitlines()
    assert lines[0].startswith("| option_type | forward |")
    assert lines[1].startswith("|---|---:|")
    assert lines[2].count("|") == lines[0].count("|")


def test_rows_without_a_result_are_told(tmp_path: Path) -> None:
    file = tmp_path / "options.ndjson"
    good = '{"is_call": true, "forward": 100, "strike": 110, "years": 0.5, "vol": 0.6}'
    file.write_text(f"{good}\n{good.replace('110', '-1')}\n")
    result = run("greeks", "--file", str(file), "--format", "ndjson")
    assert "1 of 2 rows" in result.stderr
    assert "row 2" in result.stderr
    assert json.loads(result.stdout.splitlines()[1])["price"] is None


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("o.json", "[1]", ConfigError),
        ("o.json", "{", ConfigError),
        ("o.json", '{"rows": 3}', ConfigError),
        ("o.ndjson", "[]", ConfigError),
        ("o.parquet", "no parquet", StorageError),
        ("o.csv", "option_type,strike,strike\ncall,1,1\n", ConfigError),
    ],
)
def test_a_file_of_no_known_shape_is_refused(
    tmp_path: Path, name: str, text: str, error: type[Exception]
) -> None:
    file = tmp_path / name
    file.write_text(text)
    found = run("price", "--file", str(file)).exception
    assert isinstance(found, error)
    assert name in str(found)


def test_standard_input_is_read() -> None:
    text = "is_call,price,forward,strike,years\n1,9,100,110,0.5\n"
    result = run("iv", "--file", "-", "--format", "csv", stdin=text)
    assert result.stdout.splitlines()[1].endswith(",ok")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("forward,strike\n1,2\n", "option_type"),
        ("option_type,forward,strike,years,vol\ncall,1,x,1,1\n", "line 2: strike = 'x'"),
        ("option_type,forward,strike,years,vol\nstraddle,1,1,1,1\n", "must be call or put"),
        ("option_type,forward,strike,years,vol\ncall,1,1,1\n", "4 cells"),
    ],
)
def test_a_bad_file_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "options.csv"
    file.write_text(text)
    error = run("price", "--file", str(file)).exception
    assert isinstance(error, ConfigError)
    assert told in str(error)


def test_what_is_missing_or_outside_the_domain_is_named(tmp_path: Path) -> None:
    missing = run("price", "--type", "call", "--forward", "1").exception
    assert isinstance(missing, ConfigError)
    assert "--strike, --years, --vol" in str(missing)
    assert isinstance(run("price", *ONE, "--vol", "-1").exception, InvalidInput)
    both = run("price", *ONE, "--file", "-").exception
    assert isinstance(both, ConfigError)
    assert isinstance(run("price", "--file", str(tmp_path / "no")).exception, StorageError)


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "options.csv"
    file.write_text("note,option_type,forward,strike,years,vol\n\x1b[2J,call,100,110,0.5,0.6\n")
    result = run("price", "--file", str(file))
    assert "\x1b" not in result.stdout
    assert "[2J" in result.stdout


@pytest.fixture
def others_set_aside() -> Iterator[None]:
    """What other tests left is no garbage to look through before each time a bench takes."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("others_set_aside")
def test_bench_names_the_machine_the_tasks_and_the_missing() -> None:
    result = run("bench", "--rows", "2000", "--rounds", "1", "--format", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    ours = {line["task"] for line in document["lines"] if line["package"] == "quantdesk"}
    assert {"price", "price + 5 Greeks", "implied vol", "chain, price + 5 Greeks"} <= ours
    assert all(line["ns_per_option"] > 0 for line in document["lines"])
    vols = [line for line in document["lines"] if line["task"] == "implied vol"]
    assert vols[0]["wrong_share"] == 0.0
    assert vols[0]["worst_relative_error"] < 1e-12
    named = {line["package"].split()[0] for line in document["lines"]}
    absent = {peer["name"].split()[0] for peer in document["missing"]}
    assert {"vollib", "QuantLib", "lbriv"} <= named | absent
    assert "not here" in run("bench", "--rows", "1000", "--rounds", "1").stdout or not absent
