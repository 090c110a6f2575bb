"""`risk var` and `pnl explain` as a user types them, with bad inputs too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quantdesk.app.cli.pnl import command as pnl
from quantdesk.app.cli.risk import command as risk
from quantdesk.errors import ConfigError, InvalidInput, StorageError

SAMPLE = Path(__file__).parents[2] / "fixtures" / "chain_files" / "btc_2026-06-27_tickers.json"
EOD = Path(__file__).parents[4] / "shared" / "data" / "deribit" / "chains_eod"
MONTH = EOD / "btc_eod_2022-01.csv.gz"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.csv"
    path.write_text(
        "venue,instrument_name,quantity,average_price\n"
        "deribit,BTC-PERPETUAL,10000,60000\n"
        "deribit,BTC-28JAN22-46000-C,-10,0.05\n"
    )
    return path


def var(book: Path, *options: str) -> Result:
    options = ("var", "--book", str(book), "--market", str(SAMPLE), *options)
    return CliRunner().invoke(risk, options)


def explain(book: Path, *options: str) -> Result:
    return CliRunner().invoke(pnl, ("explain", "--book", str(book), *options))


def test_var_as_json_names_rules_samples_and_backtest(book: Path) -> None:
    done = var(book, "--format", "json", "--collateral", "BTC=2")
    assert done.exit_code == 3, done.stderr
    record = json.loads(done.stdout)
    assert record["schema"] == "quantdesk.var/1"
    assert record["left_out"] == 1
    assert "no interpolation" in record["rules"]["quantile"]
    first = record["rows"][0]
    assert (first["method"], first["vols"], first["is_default"]) == ("filtered", "vol-index", True)
    assert first["sample"]["observations"] == 200
    assert first["usd"]["es"] >= first["usd"]["var"] > 0
    assert first["usd_with_collateral"]["var"] > first["usd"]["var"]
    assert "comparison only" in first["comparison"]["label"]
    assert record["backtest"][0]["is_rejected"] is False


def test_var_without_enough_history_says_not_available(book: Path) -> None:
    done = var(book, "--horizon", "40", "--no-backtest")
    assert "not available: 4" in done.stdout
    assert "at least 100 are needed" in done.stdout


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("--confidence", "much"), ConfigError),
        (("--confidence", "100%"), InvalidInput),
        (("--horizon", "nan"), InvalidInput),
        (("--window", "20"), InvalidInput),
        (("--strict",), StorageError),
    ],
)
def test_var_refuses_what_means_nothing(
    book: Path, options: tuple[str, ...], kind: type[Exception]
) -> None:
    done = var(book, *options)
    assert isinstance(done.exception, kind)
    assert not done.stdout


def test_explain_needs_two_moments(book: Path) -> None:
    market = ("--market", str(SAMPLE))
    assert isinstance(explain(book, *market).exception, ConfigError)
    turned = ("--from", "2022-01-06T06:00Z", "--to", "2022-01-05T06:00Z")
    assert isinstance(explain(book, *market, *turned).exception, ConfigError)
    same = explain(book, *market, "--to-market", str(SAMPLE))
    assert isinstance(same.exception, InvalidInput)
    assert "later" in str(same.exception)


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_explain_of_a_recorded_day_with_a_trade_and_funding(book: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text(
        "kind,venue,instrument_name,quantity,price,fee,amount,time\n"
        "trade,deribit,BTC-28JAN22-50000-C,5,0.021,0.0015,,2022-01-05T15:00:00Z\n"
        "funding,deribit,BTC-PERPETUAL,,,,-0.0001,\n"
    )
    moments = ("--market", str(MONTH), "--from", "2022-01-05T06:00Z", "--to", "2022-01-06T06:00Z")
    done = explain(book, *moments, "--trades", str(events), "--format", "json")
    assert done.exit_code == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["schema"] == "quantdesk.pnl_explain/1"
    (total,) = record["totals"]
    assert sum(step["amount"] for step in total["steps"]) == pytest.approx(total["actual"])
    assert total["is_alarm"] is False
    traded = next(leg for leg in record["legs"] if leg["instrument_name"].endswith("50000-C"))
    assert traded["cash"] == {"traded": -0.105, "settled": 0, "fees": -0.0015, "funding": 0}
    table = explain(book, *moments, "--surface", "none")
    assert "residual" in table.stdout
    assert "Waterfall" in table.stdout


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("trade,deribit,BTC-ZZZ,1,0.1", "is neither held nor listed"),
        ("trade,deribit,BTC-PERPETUAL,1,much", "must be a number"),
        ("gift,deribit,BTC-PERPETUAL,1,1", "must be one of trade"),
        ("funding,deribit,BTC-PERPETUAL,,", "of a funding is missing"),
        ("trade,deribit", "2 cells, 5 columns"),
        ("settlement,deribit,BTC-28JAN22-50000-C,,41000", "the expiry must be from the opening"),
    ],
)
@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_a_bad_event_refuses_the_file_by_row(
    book: Path, tmp_path: Path, row: str, said: str
) -> None:
    events = tmp_path / "events.csv"
    events.write_text(f"kind,venue,instrument_name,quantity,price\n{row}\n")
    moments = ("--market", str(MONTH), "--from", "2022-01-05T06:00Z", "--to", "2022-01-06T06:00Z")
    done = explain(book, *moments, "--surface", "none", "--trades", str(events))
    assert isinstance(done.exception, StorageError)
    assert said in str(done.exception)
    assert "row 1" in str(done.exception)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["trade,1,0.02,1e999,"], "row 1: fee = '1e999': must be a number"),
        (["trade,1,0.02,,2022-01-07T12:00:00Z"], "row 1: time = '2022-01-07T12:00:00Z': must be"),
        (["settlement,,43000,,"] * 2, "row 2: kind = 'settlement': of BTC-7JAN22-46000-P: nothing"),
        (["settlement,,43000,,", "trade,10,0.02,,"], "row 1: kind = 'settlement': of BTC-7JAN22"),
    ],
)
@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_events_that_an_expiry_rules_out_refuse_the_file(
    tmp_path: Path, rows: list[str], said: str
) -> None:
    done = explain_expiry(tmp_path, rows)
    assert isinstance(done.exception, StorageError)
    assert said in str(done.exception)


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_an_expiry_pays_on_what_was_traded_before_it_wherever_its_row_stands(
    tmp_path: Path,
) -> None:
    rows = ["settlement,,43000,,", "trade,4,0.02,,2022-01-06T15:00:00Z"]
    for order in (rows, rows[::-1]):
        done = explain_expiry(tmp_path, order)
        assert done.exit_code == 0, done.exception
        (leg,) = json.loads(done.stdout)["legs"]
        assert leg["cash"]["traded"] == -0.08
        assert leg["cash"]["settled"] == pytest.approx(-6 * 3_000 / 43_000, abs=1e-15)


def explain_expiry(folder: Path, rows: list[str]) -> Result:
    """The explain of ten short puts from before to after their expiry, with the events `rows`."""
    name = "BTC-7JAN22-46000-P"
    book, events = folder / "puts.csv", folder / "events.csv"
    book.write_text(f"venue,instrument_name,quantity\nderibit,{name},-10\n")
    lines = [row.replace(",", f",deribit,{name},", 1) for row in rows]
    events.write_text("\n".join(["kind,venue,instrument_name,quantity,price,fee,time", *lines]))
    moments = ("--market", str(MONTH), "--from", "2022-01-05T06:00Z", "--to", "2022-01-08T06:00Z")
    options = (*moments, "--surface", "none", "--format", "json")
    return explain(book, *options, "--trades", str(events))


@pytest.mark.parametrize("time", ["2022-01-04T15:00:00Z", "2022-02-04T08:00:00Z"])
@pytest.mark.parametrize("kind", ["trade", "fee", "funding"])
@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_what_happened_outside_the_moments_refuses_the_file(
    book: Path, tmp_path: Path, kind: str, time: str
) -> None:
    events = tmp_path / "events.csv"
    header = "kind,venue,instrument_name,quantity,price,amount,time"
    events.write_text(f"{header}\n{kind},deribit,BTC-28JAN22-50000-C,5,0.021,0.1,{time}\n")
    moments = ("--market", str(MONTH), "--from", "2022-01-05T06:00Z", "--to", "2022-01-06T06:00Z")
    done = explain(book, *moments, "--surface", "none", "--trades", str(events))
    assert isinstance(done.exception, StorageError)
    assert f"row 1: time = '{time}'" in str(done.exception)
    assert f"of this {kind} must be from the opening at 2022-01-05" in str(done.exception)
    assert not done.stdout


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_the_risk_report_explains_pnl_since_a_moment(book: Path) -> None:
    options = ("report", "--book", str(book), "--market", str(MONTH), "--at", "2022-01-06T06:00Z")
    done = CliRunner().invoke(risk, (*options, "--since", "2022-01-05T06:00Z", "--format", "json"))
    record = json.loads(done.stdout)
    assert record["pnl_explain"]["from"].startswith("2022-01-05")
    assert len(record["pnl_explain"]["legs"]) == 2
    assert "pnl_explain" not in record["reasons"]
    alone = CliRunner().invoke(risk, ("report", "--book", str(book), "--since", "2022-01-05"))
    assert isinstance(alone.exception, ConfigError)


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_a_leg_that_was_not_listed_since_the_moment_is_named_in_the_report(tmp_path: Path) -> None:
    book, late = tmp_path / "late.csv", "BTC-14JAN22-41000-C"
    book.write_text(
        f"venue,instrument_name,quantity\nderibit,BTC-28JAN22-46000-C,-10\nderibit,{late},5\n"
    )
    options = ("report", "--book", str(book), "--market", str(MONTH), "--at", "2022-01-06T06:00Z")
    done = CliRunner().invoke(risk, (*options, "--since", "2022-01-05T06:00Z", "--format", "json"))
    record = json.loads(done.stdout)["pnl_explain"]
    assert [leg["instrument_name"] for leg in record["legs"]] == ["BTC-28JAN22-46000-C"]
    (left,) = record["excluded"]
    assert left["instrument_name"] == late
    assert left["reason"].startswith("at the opening: ")
