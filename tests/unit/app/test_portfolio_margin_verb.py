"""`quantdesk margin --model portfolio|both` as its users run it: formats, tickets, bad input."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from quantdesk.app.cli.main import cli
from quantdesk.errors import QuantDeskError

MARKET = Path("tests/fixtures/chain_files/btc_2026-06-27_tickers.json")
GOOD = "deribit,BTC-26MAR27-82000-C,-1\nderibit,BTC-26MAR27-35000-P,-2\n"
SHORT_CALL = "-1 BTC-26MAR27-82000-C"


def book(folder: Path, rows: str = GOOD, header: str = "venue,instrument_name,quantity") -> str:
    """A book of these rows."""
    path = folder / "book.csv"
    path.write_text(f"{header}\n{rows}")
    return str(path)


def run(*arguments: str) -> Result:
    """The verb on the recorded market."""
    return CliRunner().invoke(cli, ["margin", "--market", str(MARKET), *arguments])


def document(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def error_of(result: Result) -> str:
    assert isinstance(result.exception, QuantDeskError), result.output
    return str(result.exception)


def test_json_has_the_grid_the_parts_and_the_statuses(tmp_path: Path) -> None:
    found = document("--book", book(tmp_path), "--model", "portfolio", "--cash", "BTC=1.5")
    assert found["schema"] == "quantdesk.portfolio_margin/1"
    assert str(found["label"]).startswith("unproved")
    (account,) = found["accounts"]
    assert len(account["grid"]) == 27
    assert len(account["extended"]) == 8
    (binding,) = [cell for cell in account["grid"] if cell["is_binding"]]
    assert binding["index"] == account["binding_index"]
    assert binding["pnl"] == pytest.approx(-account["worst_case"])
    total = account["worst_case"] + account["roll_shock"] + account["delta_shock"]
    assert account["risk_matrix_margin"] == pytest.approx(total)
    assert account["initial"] == pytest.approx(total)
    assert account["maintenance"] == pytest.approx(0.8 * total)
    parts = sum(leg["euler"] for leg in account["legs"]) + account["unattributed"]
    assert parts == pytest.approx(total)
    assert account["legs"][1]["quantity"] == -2
    assert account["balance"]["amount"] == pytest.approx(1.5 - 0.0996)
    assert -0.95 < account["liquidation"]["spot_down"] < 0
    assert account["liquidation"]["spot_up"] is None
    statuses = {one["name"]: one["status"] for one in found["parameters"]["btc_usd"]}
    assert statuses["price_range"] == "verified"
    assert statuses["options"] == "uncertain"
    assert "no portfolio margin" in str(found["binance"])


def test_both_models_stand_in_one_answer(tmp_path: Path) -> None:
    found = document("--book", book(tmp_path), "--model", "both")
    assert found["schema"] == "quantdesk.margin/1"
    portfolio = found["portfolio"]
    assert portfolio["schema"] == "quantdesk.portfolio_margin/1"
    assert "portfolio" not in document("--book", book(tmp_path))


def test_a_ticket_shows_margin_before_and_after_it_under_both_models(tmp_path: Path) -> None:
    arguments = ("--book", book(tmp_path), "--model", "both", "--add")
    hypothetical = document(*arguments, "+1 BTC-26MAR27-86000-C")["hypothetical"]
    assert isinstance(hypothetical, dict)
    standard, portfolio = hypothetical["changes"]
    # The standard model offsets nothing: a long option that is paid asks for nothing.
    assert (standard["model"], standard["initial_change"]) == ("deribit standard", 0)
    assert portfolio["model"] == "portfolio segregated"
    assert portfolio["initial_change"] < 0
    filled = book(tmp_path, f"{GOOD}deribit,BTC-26MAR27-86000-C,1\n")
    held = document("--book", filled, "--model", "portfolio")["accounts"]
    assert portfolio["initial_after"] == pytest.approx(held[0]["initial"])


def test_a_ticket_on_an_empty_book_starts_from_nothing(tmp_path: Path) -> None:
    found = document("--book", book(tmp_path, ""), "--model", "portfolio", "--add", SHORT_CALL)
    (change,) = found["hypothetical"]["changes"]
    assert change["initial_before"] == 0
    assert change["initial_after"] > 0


def test_the_table_says_unproved_before_any_number(tmp_path: Path) -> None:
    text = run("--book", book(tmp_path), "--model", "portfolio", "--cash", "BTC=1.5").stdout
    lines = text.splitlines()
    assert lines[0].startswith("Deribit portfolio margin, segregated")
    assert lines[1].startswith("OPTION PART UNPROVED")
    (binding,) = [line for line in lines if line.startswith("-16.00%")]
    assert binding.endswith("◄")
    assert "Liquidation distance" in text
    assert "Left out of portfolio margin" not in text
    assert "Binance: no portfolio margin" in text


def test_futures_alone_are_verified(tmp_path: Path) -> None:
    found = document(
        "--book", book(tmp_path, "deribit,BTC-PERPETUAL,10000\n"), "--model", "portfolio"
    )
    assert found["label"] == "verified"
    text = run(
        "--book", book(tmp_path, "deribit,BTC-PERPETUAL,10000\n"), "--model", "portfolio"
    ).stdout
    assert "UNPROVED" not in text


def test_csv_and_parquet_tell_rows_apart(tmp_path: Path) -> None:
    arguments = ("--book", book(tmp_path), "--model", "both", "--cash", "BTC=2", "--add")
    result = run(*arguments, SHORT_CALL, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    kinds = {row["kind"] for row in rows}
    assert kinds == {
        "leg",
        "total",
        "portfolio_total",
        "portfolio_cell",
        "portfolio_extended",
        "portfolio_leg",
        "portfolio_distance",
        "parameter",
        "change",
    }
    cells = [row for row in rows if row["kind"] == "portfolio_cell"]
    assert [row["is_binding"] for row in cells].count("true") == 1
    out = tmp_path / "margin.parquet"
    run(*arguments, SHORT_CALL, "--format", "parquet", "-o", str(out))
    with duckdb.connect() as connection:
        query = "SELECT count(*), min(pnl) FROM read_parquet(?) WHERE kind = 'portfolio_cell'"
        count, worst = connection.execute(query, [str(out)]).fetchall()[0]
    assert count == 27
    assert worst == pytest.approx(min(float(row["pnl"]) for row in cells))


def test_markdown_is_tables(tmp_path: Path) -> None:
    text = run("--book", book(tmp_path), "--model", "portfolio", "--format", "md").stdout
    assert text.startswith("# Deribit portfolio margin")
    assert "**OPTION PART UNPROVED" in text
    assert "## Grid, profit in BTC" in text


def test_left_out_rows_and_legs_end_with_code_3(tmp_path: Path) -> None:
    rows = f"{GOOD}deribit,BTC-26MAR27-82001-C,-1\n"
    for format_ in ("table", "json", "csv", "md"):
        result = run("--book", book(tmp_path, rows), "--model", "portfolio", "--format", format_)
        assert result.exit_code == 3
        assert "82001" in result.stdout
    strict = run("--book", book(tmp_path, rows), "--model", "portfolio", "--strict")
    assert strict.stdout == ""
    assert "1 rows or legs" in error_of(strict)


def test_tickets_of_several_accounts_name_theirs(tmp_path: Path) -> None:
    rows = "deribit,BTC-26MAR27-82000-C,-1,a\nderibit,BTC-26MAR27-35000-P,-2,b\n"
    path = book(tmp_path, rows, "venue,instrument_name,quantity,account")
    assert "accounts a, b" in error_of(run("--book", path, "--add", SHORT_CALL))
    arguments = ("--book", path, "--model", "portfolio", "--add", SHORT_CALL, "--add-to", "b")
    changes = document(*arguments)["hypothetical"]["changes"]
    assert [(one["account"], one["initial_change"] != 0) for one in changes] == [
        ("a", False),
        ("b", True),
    ]
    assert "one account" in error_of(run("--book", path, "--model", "both", "--cash", "BTC=1"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cash", "BTC=1"), "--cash: goes with --model portfolio or both"),
        (("--mode", "cross"), "--mode: goes with --model portfolio or both"),
        (("--add-to", "a"), "--add-to: goes with --add"),
        (("--parameter", "roll_delta=black"), "roll_delta: is not of --model standard"),
        (("--model", "both", "--parameter", "rol_delta=black"), "did you mean roll_delta"),
        (("--model", "both", "--parameter", "roll_delta=white"), "black, premium-adjusted"),
        (("--model", "both", "--parameter", "price_range=1"), "above 0 and below 1"),
        (("--model", "both", "--parameter", "m_inc=nan"), "from 0 to inf"),
        (("--model", "both", "--parameter", "sol_usd.m_inc=0"), "pair = 'sol_usd'"),
        (("--model", "both", "--parameter", "x.option_underlying=index"), "goes without"),
        (("--model", "both", "--cash", "BTC"), "must look like BTC=1.5"),
        (("--model", "both", "--cash", "BTC=nan"), "must look like BTC=1.5"),
        (("--model", "both", "--cash", "BTC=1", "--cash", "btc=2"), "given twice"),
        (("--model", "both", "--mode", "cross", "--cash", "SOL=1"), "has no price"),
        (("--add", "nonsense"), "neither legs"),
        (("--add", "-1 C 20d 27ZZZ26"), "expiry"),
        (("--add", "ETH: -1 C 2000 26MAR27"), "which has deribit BTC"),
        (("--add", "-0.05 BTC-26MAR27-82000-C"), "at least 0.1"),
        (("--add", SHORT_CALL) * 21, "at most 20"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in error_of(run("--book", book(tmp_path), *arguments))


def test_build_shows_portfolio_margin_beside_the_standard_one() -> None:
    arguments = ["build", "-1 C 82000 26MAR27, +1 C 86000", "BTC", "--market", str(MARKET)]
    text = CliRunner().invoke(cli, [*arguments, "--no-surface"]).stdout
    assert "Margin, deribit standard" in text
    (line,) = [one for one in text.splitlines() if one.startswith("Margin, deribit portfolio")]
    assert "OPTION PART UNPROVED" in line
    result = CliRunner().invoke(cli, [*arguments, "--no-surface", "--format", "json"])
    (total,) = json.loads(result.stdout)["portfolio_margin"]["totals"]
    assert len(total["legs"]) == 2
    assert total["initial"] == pytest.approx(total["risk_matrix_margin"])


def test_a_parameter_that_is_handed_in_says_so_and_verifies_nothing(tmp_path: Path) -> None:
    arguments = ("--book", book(tmp_path, "deribit,BTC-PERPETUAL,10000\n"), "--model", "portfolio")
    wider = document(*arguments, "--parameter", "btc_usd.price_range=0.2")
    assert wider["label"] == "uncertain"
    (stated,) = [one for one in wider["parameters"]["btc_usd"] if one["name"] == "price_range"]
    assert (stated["value"], stated["source"]) == ("0.2", "handed in")
    account, before = wider["accounts"][0], document(*arguments)["accounts"][0]
    coins = account["legs"][0]["coins"]
    assert account["worst_case"] == pytest.approx(coins * (1 / 0.8 - 1))
    assert before["worst_case"] == pytest.approx(coins * (1 / 0.84 - 1))
    elsewhere = document(*arguments, "--parameter", "eth_usd.price_range=0.2")["accounts"][0]
    assert elsewhere["initial"] == before["initial"]


def test_what_u_is_of_the_standard_model_is_a_parameter(tmp_path: Path) -> None:
    arguments = ("--book", book(tmp_path, "deribit,BTC-26MAR27-82000-C,-1\n"))
    (forward,) = document(*arguments)["accounts"][0]["legs"]
    index = document(*arguments, "--parameter", "option_underlying=index")["accounts"][0]["legs"][0]
    letters = {one["name"]: one["value"] for one in index["inputs"]}
    assert letters["U"] == index["index"] != forward["forward"]
    assert "option_underlying" in forward["rule"]["note"]
    plain, chosen = (
        {one["name"]: one for one in document(*arguments, *words)["parameters"]}
        for words in ((), ("--parameter", "option_underlying=index"))
    )
    assert (plain["option_underlying"]["value"], plain["option_underlying"]["status"]) == (
        "forward",
        "uncertain",
    )
    assert chosen["option_underlying"]["value"] == "index"
    assert chosen["option_underlying"]["source"] == "handed in"
    ratio = plain["deribit.BTC.option.initial_floor"]
    assert (ratio["value"], ratio["status"], ratio["unit"]) == ("0.10", "derived", "fraction")
    assert set(plain) == set(chosen)


def test_the_risk_report_explains_portfolio_margin(tmp_path: Path) -> None:
    arguments = ["risk", "report", "--book", book(tmp_path), "--market", str(MARKET)]
    result = CliRunner().invoke(cli, [*arguments, "--collateral", "BTC=2", "--format", "json"])
    assert result.exit_code == 0, result.output
    portfolio = json.loads(result.stdout)["margin"]["portfolio"]
    assert portfolio["label"].startswith("unproved")
    (account,) = portfolio["accounts"]
    assert len(account["grid"]) == 27
    assert account["liquidation"]["is_below"] is False
    text = CliRunner().invoke(cli, [*arguments, "--format", "md"]).stdout
    assert "OPTION PART UNPROVED" in text
    assert "Grid, profit in BTC" in text
    rows = CliRunner().invoke(cli, [*arguments, "--format", "csv"]).stdout.splitlines()
    assert sum(row.startswith("margin_portfolio_leg,") for row in rows) == 2


def test_the_total_of_the_parts_is_written_as_above_them(tmp_path: Path) -> None:
    held = book(tmp_path, "deribit,BTC-28JUN26-60000-C,-10\n")
    words = ["margin", "--book", held, "--market", str(MARKET), "--model", "portfolio"]
    lines = CliRunner().invoke(cli, words).stdout.splitlines()
    (total,) = [line.split() for line in lines if line.startswith("risk matrix margin ")]
    (above,) = [line.split() for line in lines if line.startswith("deribit BTC ")]
    assert total[-1] == above[6]
