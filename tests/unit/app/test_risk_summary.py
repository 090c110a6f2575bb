"""The risk report of a recorded day with limits, an earlier moment and a backtest: one document."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from quantdesk.app.cli.risk import command as risk
from quantdesk.errors import ConfigError, InvalidInput

EOD = Path(__file__).parents[4] / "shared" / "data" / "deribit" / "chains_eod"
MONTH = EOD / "btc_eod_2022-01.csv.gz"
SAMPLE = Path(__file__).parents[2] / "fixtures" / "chain_files" / "btc_2026-06-27_tickers.json"
LIMITS = """
schema = 1
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "black"
unit = "coin"
hard = 0.5
[[limit]]
scope = "desk"
measure = "var"
convention = "filtered"
hard = 1_000_000
"""


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    path = tmp_path / "limits.toml"
    path.write_text(LIMITS)
    return path


def book_of(folder: Path, *rows: str) -> Path:
    path = folder / "book.csv"
    path.write_text("\n".join(["venue,instrument_name,quantity,average_price", *rows]) + "\n")
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return book_of(
        tmp_path, "deribit,BTC-PERPETUAL,10000,60000", "deribit,BTC-28JUN26-60000-C,-10,0.05"
    )


def report(book: Path, *options: str, market: Path = SAMPLE) -> Result:
    arguments = ("report", "--book", str(book), "--market", str(market), *options)
    return CliRunner().invoke(risk, arguments)


def record_of(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_the_first_table_says_what_the_others_hold(book: Path, limits: Path) -> None:
    options = ("--collateral", "BTC=2", "--limits", str(limits))
    text = report(book, *options).stdout
    record = record_of(report(book, *options, "--format", "json"))
    summary = text.split("\n\n")[1].splitlines()
    assert summary[0] == "Summary"
    lines = {line[:29].strip(): line[29:] for line in summary[2:]}
    head = record["var"]["headline"]
    assert f"{head['usd']['var']:,.2f}" in lines["VaR 99 %, 1 d"]
    assert f"{head['usd']['es']:,.2f}" in lines["ES 99 %, 1 d"]
    worst = min(one["total_usd"] for one in record["scenarios"]["stresses"])
    assert f"{worst:,.2f}" in lines["Worst stress"]
    assert "1 breached" in lines["Limits"]
    assert "not computed: it needs an opening book" in lines["P&L"]


def test_csv_has_limits_legs_of_var_and_backtests(book: Path, limits: Path) -> None:
    done = report(book, "--limits", str(limits), "--backtest", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    by_kind: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    assert [row["state"] for row in by_kind["limit"]] == ["breached", "ok"]
    delta = float(by_kind["by_underlying"][0]["delta_black"])
    assert float(by_kind["limit"][0]["use"]) == pytest.approx(abs(delta))
    parts = [float(row["component_es_usd"]) for row in by_kind["var_leg"]]
    assert sum(parts) == pytest.approx(float(by_kind["var"][0]["es_usd"]))
    assert {row["method"] for row in by_kind["var_backtest"]} == {"filtered", "historical"}
    assert all(int(row["observations"]) > 1000 for row in by_kind["var_backtest"])


def test_the_report_holds_a_backtest_where_it_is_asked_for(book: Path) -> None:
    record = record_of(report(book, "--backtest", "--format", "json"))
    first = record["var"]["backtest"][0]
    assert (first["method"], first["window"]) == ("filtered", 200)
    assert record_of(report(book, "--format", "json"))["var"]["backtest"] == []


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_a_recorded_day_without_an_index_is_valued_on_its_nearest_forward(tmp_path: Path) -> None:
    book = book_of(
        tmp_path,
        "deribit,BTC-PERPETUAL,10000,45000",
        "deribit,BTC-28JAN22-46000-C,-10,0.05",
        "deribit,BTC-25MAR22-60000-C,15,0.04",
    )
    options = ("--at", "2022-01-06T06:00Z", "--since", "2022-01-05T06:00Z")
    cash = ("--collateral", "BTC=2", "--format", "json")
    done = report(book, *options, *cash, market=MONTH)
    record = record_of(done)
    assert "no index was recorded; the forward 6JAN22 stands in for it" in done.stderr
    (index,) = [one for one in record["sources"] if one["what"] == "deribit BTC index"]
    assert index["source"] == "forward 6JAN22, no index was recorded"
    assert len(record["positions"]) == 3
    assert record["excluded"] == []
    assert record["var"]["headline"]["is_default"]
    # The record of the vol index has begun nine months before: too short to test on.
    tested = record_of(report(book, *options, *cash, "--backtest", market=MONTH))
    tests = tested["var"]["backtest"]
    assert tests[0]["reason"].startswith("not available")
    assert tests[-1]["vols"] == "unchanged"
    assert tests[-1]["days"] > 2000
    assert record["pnl_explain"]["is_alarm"] is False


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
@pytest.mark.parametrize(
    ("since", "state"), [("2022-01-05", "breached"), ("2022-01-03", "unknown")]
)
def test_a_day_explained_is_the_day_that_day_loss_is_held_to(
    tmp_path: Path, since: str, state: str
) -> None:
    book = book_of(tmp_path, "deribit,BTC-28JAN22-42000-P,-10,0.03")
    limits = tmp_path / "limits.toml"
    limit_of = '[[limit]]\nmeasure = "day_loss"\nhard = 1000\nscope = '
    limits.write_text(f'schema = 1\n{limit_of}"desk"\n{limit_of}"underlying"\nname = "BTC"\n')
    moments = ("--at", "2022-01-06T06:00Z", "--since", f"{since}T06:00Z")
    done = report(book, *moments, "--limits", str(limits), "--format", "json", market=MONTH)
    record = record_of(done)
    for limit in record["limits"]["limits"]:
        assert limit["state"] == state
        if state == "breached":
            assert limit["use"] == pytest.approx(-record["pnl_explain"]["actual_usd"])


def test_limits_may_name_scenarios_of_ones_own(book: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[[scenario]]\nname = "my gap"\nspot = 0.5\n')
    limits = tmp_path / "limits.toml"
    limits.write_text(
        'schema = 1\n[[limit]]\nscope = "desk"\nmeasure = "stress_loss"\n'
        'scenarios = ["my gap"]\nhard = 1\n'
    )
    options = ("--scenarios", str(own), "--limits", str(limits), "--format", "json")
    record = record_of(report(book, *options))
    loss = -record["scenarios"]["own"][0]["total_usd"]
    (limit,) = record["limits"]["limits"]
    assert loss > 1000
    assert limit["use"] == pytest.approx(loss)


def var(book: Path, *options: str) -> Result:
    arguments = ("var", "--book", str(book), "--market", str(SAMPLE), *options)
    return CliRunner().invoke(risk, arguments)


def test_other_windows_are_backtested_beside_the_default(book: Path) -> None:
    record = record_of(var(book, "--windows", "100, 200, 500, 100", "--format", "json"))
    tried = [(one["method"], one["window"]) for one in record["backtest"]]
    assert tried == [
        ("filtered", 200), ("filtered", 100), ("filtered", 500), ("historical", 200)
    ]  # fmt: skip
    assert [one["days"] for one in record["backtest"]] == [1148, 1248, 848, 1178]


@pytest.mark.parametrize(
    ("windows", "kind"),
    [
        ("", ConfigError),
        ("100;200", ConfigError),
        ("1e3", ConfigError),
        ("20", InvalidInput),
        ("9" * 5000, ConfigError),
    ],
)
def test_windows_that_are_none_are_refused(book: Path, windows: str, kind: type[Exception]) -> None:
    done = var(book, "--windows", windows)
    assert isinstance(done.exception, kind)
    assert not done.stdout


def test_windows_without_a_backtest_are_refused(book: Path) -> None:
    done = var(book, "--no-backtest", "--windows", "100")
    assert isinstance(done.exception, ConfigError)
    assert "--backtest" in str(done.exception)
