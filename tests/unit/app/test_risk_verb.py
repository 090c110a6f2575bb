"""`quantdesk risk` as a user types it: every format, bad books, exit codes."""

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
from quantdesk.domain.account import AccountSnapshot, BalanceReport, PositionReport
from quantdesk.errors import ConfigError, QuantDeskError
from quantdesk.risk.greeks import GREEK_FIELDS
from quantdesk.runtime.books import account_cash
from tests.unit.market.chains import future
from tests.unit.risk.books import position

MARKET = Path(__file__).parents[2] / "fixtures" / "chain_files" / "btc_2026-06-27_tickers.json"
CALL, PUT = "BTC-28JUN26-60000-C", "BTC-26MAR27-84000-C"
TOP_LEVEL = [
    "schema",
    "as_of",
    "positions",
    "greeks",
    "scenarios",
    "margin",
    "excluded",
    "sources",
    "var",
    "limits",
    "pnl_explain",
    "reasons",
]


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's empty folders."""
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QUANTDESK_CONFIG", str(tmp_path / "none.toml"))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write(tmp_path, f"deribit,{CALL},-1.5,0.007,short", f"deribit,{PUT},2,,wing",
                 "deribit,BTC-PERPETUAL,-50000,60000,hedge")  # fmt: skip


def write(folder: Path, *rows: str) -> Path:
    path = folder / "book.csv"
    header = "venue,instrument_name,quantity,average_price,strategy"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def risk(verb: str, book: Path, *args: str) -> Result:
    command = ["risk", verb, "--book", str(book), "--market", str(MARKET), *args]
    return CliRunner().invoke(cli, command, standalone_mode=True)


def refusal(verb: str, book: Path, *args: str) -> QuantDeskError:
    """The error that the entry turns into a sentence and an exit code."""
    error = risk(verb, book, *args).exception
    assert isinstance(error, QuantDeskError)
    return error


def report(book: Path, *args: str) -> Any:
    done = risk("report", book, "--format", "json", *args)
    assert done.exit_code in {0, 3}, done.output
    return json.loads(done.stdout)


def test_json_has_the_promised_top_level(book: Path) -> None:
    done = risk("report", book, "--format", "json")
    assert done.exit_code == 0, done.stderr
    record = json.loads(done.stdout)
    assert list(record) == TOP_LEVEL
    assert record["schema"] == "quantdesk.risk/1"
    assert record["as_of"].startswith("2026-06-27T09:2")
    for name in ("limits", "pnl_explain"):
        assert record[name] is None
        assert record["reasons"][name]
    assert record["var"]["rows"][0]["usd"]["var"] > 0


def test_json_positions_have_every_greek_and_their_source(book: Path) -> None:
    first, _, hedge = report(book)["positions"]
    assert first["instrument_name"] == CALL
    assert first["quantity"] == -1.5
    assert first["iv_source"] == "venue mark IV"
    assert first["venue_note"].startswith("last day")
    assert first["delta_black"] == pytest.approx(first["venue_delta"], rel=2e-2)
    assert all(isinstance(first[name], float) for name in GREEK_FIELDS)
    assert hedge["iv"] is None
    assert hedge["dollar_delta"] == pytest.approx(-50_000)


def test_json_groups_hedges_and_scenarios(book: Path) -> None:
    record = report(book, "--collateral", "BTC=3", "--spot", "-20%,0,20%", "--vol", "0")
    greeks = record["greeks"]
    (net,) = greeks["by_underlying"]
    assert net["positions"] == 3
    assert [row["strategy"] for row in greeks["by_strategy"]] == ["hedge", "short", "wing"]
    (hedge,) = greeks["hedges"]
    assert hedge["cash_coin"] == 3.0
    assert hedge["equity_coin"] + hedge["delta_premium_adjusted"] == pytest.approx(
        3.0 + hedge["delta_black"]
    )
    matrix = record["scenarios"]["matrix"]
    assert matrix["axes"] == {"spot": [-0.2, 0.0, 0.2], "vol": [0.0], "days": [0.0], "basis": [0.0]}
    (btc,) = matrix["underlyings"]
    assert len(btc["pnl_usd"]) == 3
    cash = btc["pnl_usd_with_collateral"][0][0][0][0] - btc["pnl_usd"][0][0][0][0]
    assert cash == pytest.approx(-0.2 * 3 * 60266.69)
    assert matrix["drivers"][0]["legs"][0]["instrument_name"]
    assert record["scenarios"]["stresses"][0]["name"] == "crash"
    assert record["scenarios"]["historical"]
    assert record["margin"]["accounts"][0]["legs"]


@pytest.mark.parametrize("verb", ["report", "ladder", "scenario"])
def test_every_format_of_every_verb(verb: str, book: Path, tmp_path: Path) -> None:
    starts = {
        "table": b"Risk",
        "json": b'{"schema":',
        "csv": b"kind,",
        "parquet": b"PAR1",
        "md": b"# Risk",
        "html": b"<!DOCTYPE html>",
    }
    for format_, start in starts.items():
        out = tmp_path / f"out.{format_}"
        done = risk(verb, book, "--format", format_, "-o", str(out))
        assert done.exit_code == 0, done.stderr
        assert out.read_bytes().startswith(start), format_
        if format_ not in {"parquet", "html"}:
            assert risk(verb, book, "--format", format_).stdout.encode() == out.read_bytes()


def test_csv_and_parquet_hold_the_same_rows(book: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(risk("report", book, "--format", "csv").stdout)))
    kinds = {row["kind"] for row in rows}
    assert {"position", "by_underlying", "matrix", "stress", "margin_leg", "source"} <= kinds
    out = tmp_path / "r.parquet"
    risk("report", book, "--format", "parquet", "-o", str(out))
    table = duckdb.execute("select kind, delta_black from read_parquet(?)", [str(out)]).fetchall()
    assert [row["kind"] for row in rows] == [kind for kind, _ in table]
    assert [float(row["delta_black"]) for row in rows if row["delta_black"]] == [
        delta for _, delta in table if delta is not None
    ]


def test_ladder_groups_as_asked(book: Path) -> None:
    done = risk("ladder", book, "--by", "strategy", "--format", "json")
    record = json.loads(done.stdout)
    assert record["by"] == "strategy"
    assert [row["strategy"] for row in record["rows"]] == ["hedge", "short", "wing"]
    assert record["units"]["vega_per_point"] == "USD per vol point"


def test_bad_rows_are_left_out_by_name_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = f"deribit,{CALL},1,,"
    bad = [
        "deribit,BTC-28JUN26-60001-C,1,,",
        "deribit,BTC-28JUN25-60000-C,1,,",
        f"deribit,{PUT},0.05,,",
        f"deribit,{PUT},many,,",
        "kraken,BTC-1,1,,",
    ]
    done = risk("report", write(tmp_path, good, *bad), "--format", "json")
    assert done.exit_code == 3
    record = json.loads(done.stdout)
    assert [row["row"] for row in record["excluded"]] == [2, 3, 4, 5, 6]
    assert all(row["reason"] for row in record["excluded"])
    assert len(record["positions"]) == 1
    assert done.stderr.count("left out: row") == 5


def test_mark_of_zero_is_left_out_and_strict_makes_it_an_error(tmp_path: Path) -> None:
    market = json.loads(MARKET.read_bytes())
    tickers = market["tickers"]
    ticker = (
        tickers[CALL]
        if isinstance(tickers, dict)
        else next(one for one in tickers if one["instrument_name"] == CALL)
    )
    ticker["mark_price"] = 0.0
    path = tmp_path / "zero.json"
    path.write_text(json.dumps(market), encoding="utf-8")
    book = write(tmp_path, f"deribit,{CALL},1,,", f"deribit,{PUT},1,,")
    command = ["risk", "report", "--book", str(book), "--market", str(path), "--format", "json"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 3
    (left_out,) = json.loads(done.stdout)["excluded"]
    assert f"mark = 0: of {CALL}" in left_out["reason"]
    strict = CliRunner().invoke(cli, [*command, "--strict"])
    assert isinstance(strict.exception, QuantDeskError)
    assert strict.exception.exit_code == 3
    assert strict.stdout == ""
    table = CliRunner().invoke(cli, [*command[:-1], "table"]).stdout
    assert table.splitlines()[1].startswith("INCOMPLETE: 1 left out")


def test_own_scenarios_come_from_a_file(book: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[[scenario]]\nname = "slide"\nspot = -0.1\ndays = 3\n', encoding="utf-8")
    record = report(book, "--scenarios", str(path))
    assert [one["name"] for one in record["scenarios"]["own"]] == ["slide"]
    table = risk("scenario", book, "--scenarios", str(path)).stdout
    assert "slide" in table


def test_surface_is_fitted_when_asked_for(book: Path) -> None:
    record = report(book, "--surface", "fit")
    said = [one["source"] for one in record["sources"] if one["what"] == "deribit BTC surface"]
    assert len(said) == 1
    assert {one["iv_source"] for one in record["positions"]} <= {"surface", "venue mark IV", None}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--spot", "ten"], "--spot: 'ten'"),
        (["--spot", ""], "--spot: ''"),
        (["--spot", "-100%"], "above -1"),
        (["--vol", "10"], "--vol: 10 is 1,000%; write 10% if that is meant"),
        (["--vol", "nan"], "--vol: 'nan'"),
        (["--days", "-1"], "days = -1.0"),
        (["--basis", "1e9%"], "basis = "),
        (["--collateral", "BTC"], "--collateral 'BTC'"),
        (["--collateral", "=1"], "--collateral '=1'"),
        (["--collateral", "DOGE=1"], "collateral = 'DOGE'"),
        (["--collateral", "BTC=1", "--collateral", "btc=2"], "--collateral BTC: is given twice"),
        (["--strike-width", "BTC=5", "--strike-width", "BTC=6"], "--strike-width BTC: is given"),
        (["--strike-width", "BTC=-5"], "--strike-width 'BTC=-5'"),
        (["--scenarios", "nowhere.toml"], "can not be read"),
    ],
)
def test_bad_option_is_named(book: Path, args: list[str], said: str) -> None:
    error = refusal("report", book, *args)
    assert said in str(error)
    assert error.exit_code in {2, 3}


def test_book_must_be_named() -> None:
    done = CliRunner().invoke(cli, ["risk", "report", "--market", str(MARKET)])
    assert isinstance(done.exception, ConfigError)


def test_html_escapes_what_files_say(tmp_path: Path) -> None:
    book = write(tmp_path, f"deribit,{CALL},1,,<script>alert(1)</script>", "deribit,<b>x,1,,")
    html = risk("report", book, "--format", "html").stdout
    assert "<script>alert" not in html
    assert "<b>x" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_plots_are_in_the_html_and_the_same_each_time(book: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, an extra, is not installed here")
    one, two = (risk("report", book, "--format", "html", "--plots").stdout for _ in range(2))
    assert one.count("<svg") == 2
    assert one == two
    assert "<svg" not in risk("report", book, "--format", "html", "--no-plots").stdout


def test_cash_of_an_account_counts_the_profit_of_its_futures() -> None:
    perpetual = position(future(), 100, "")
    stamp: Any = {"venue": "deribit", "event_ns": 1, "recv_ns": 1}
    snapshot = AccountSnapshot(
        account="main",
        environment="simulated",
        is_whole=True,
        is_live=True,
        balances=(BalanceReport(currency="BTC", cash=position(future(), 3).quantity, **stamp),),
        positions=(
            PositionReport(
                instrument_name="BTC-PERPETUAL",
                quantity=perpetual.quantity,
                unrealised_pnl=position(future(), "0.25").quantity,
                **stamp,
            ),
        ),
        open_orders=(),
        trades=(),
        **stamp,
    )
    assert {name: float(cash) for name, cash in account_cash([snapshot], [perpetual]).items()} == {
        "BTC": 3.25
    }
