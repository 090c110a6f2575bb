"""The command line as a user types it: data on standard output, one sentence for what is wrong."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quantdesk.app.render.chain_record import ROW_FIELDS

SHARED = Path(__file__).parents[4] / "shared" / "data" / "deribit"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's empty folders."""
    return tmp_path_factory.mktemp("user")


def quantdesk(folder: Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from quantdesk.app.cli.main import main; main()", *args]
    return subprocess.run(
        command,
        env=os.environ | {"QUANTDESK_DATA_DIR": str(folder), "QUANTDESK_CONFIG": str(folder / "c")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=90,
        check=False,
    )


@pytest.fixture(scope="module")
def market(folder: Path) -> Path:
    """The embedded BTC chain at its opening, as the desk's own JSON."""
    path = folder / "btc.json"
    done = quantdesk(folder, "chain", "BTC", "--format", "json", "-o", str(path))
    assert done.returncode == 0, done.stderr
    return path


def chain(folder: Path, market: Path, *args: str) -> Any:
    done = quantdesk(folder, "chain", "BTC", "--market", str(market), "--format", "json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_json_has_the_promised_fields(market: Path) -> None:
    record = json.loads(market.read_bytes())
    assert record["schema"] == "quantdesk.chain/1"
    assert record["venue"] == "deribit"
    assert record["environment"] == "simulated"
    assert record["as_of"].startswith("2026-06-27T09:2")
    assert {"underlying", "index_price", "units", "expiries", "rows"} <= set(record)
    assert len(record["rows"]) == 330
    assert set(record["rows"][0]) == set(ROW_FIELDS)
    for expiry in record["expiries"]:
        assert {"expiry", "forward", "forward_source", "years", "atm_iv"} <= set(expiry)


def test_no_number_is_nan(market: Path) -> None:
    text = market.read_text()
    assert "NaN" not in text
    assert "Infinity" not in text


def test_row_is_consistent_with_itself(market: Path) -> None:
    for row in json.loads(market.read_bytes())["rows"]:
        assert row["option_type"] in ("call", "put")
        assert row["price_currency"] == "BTC"
        if row["mark_iv"] is not None:
            assert 0 < row["mark_iv"] < 10
            assert row["greeks_source"] == "mark"
        if row["delta"] is not None and row["mark"] is not None:
            adjusted = row["delta"] - row["mark"]
            assert math.isclose(row["delta_premium_adjusted"], adjusted, rel_tol=1e-12)


def test_own_json_reads_back_as_the_same_chain(folder: Path, market: Path) -> None:
    assert chain(folder, market)["rows"] == json.loads(market.read_bytes())["rows"]


def test_flat_formats_carry_the_same_rows(folder: Path, market: Path) -> None:
    rows = json.loads(market.read_bytes())["rows"]
    common = ("chain", "BTC", "--market", str(market), "--format")
    lines = [json.loads(line) for line in quantdesk(folder, *common, "ndjson").stdout.splitlines()]
    assert [line["instrument_name"] for line in lines] == [row["instrument_name"] for row in rows]
    table = list(csv.DictReader(io.StringIO(quantdesk(folder, *common, "csv").stdout.decode())))
    assert [float(row["strike"]) for row in table] == [row["strike"] for row in rows]
    assert all(row["environment"] == "simulated" for row in table)
    assert [row["bid"] or None for row in table] == [
        None if row["bid"] is None else repr(row["bid"]) for row in rows
    ]


def test_parquet_carries_nulls_and_numbers(folder: Path, market: Path) -> None:
    out = folder / "chain.parquet"
    done = quantdesk(
        folder, "chain", "BTC", "--market", str(market), "--format", "parquet", "-o", str(out)
    )
    assert done.returncode == 0, done.stderr
    import duckdb

    query = f"select count(*), count(bid), avg(mark) from '{out}'"
    found = duckdb.connect().execute(query).fetchall()[0]
    rows = json.loads(market.read_bytes())["rows"]
    assert found[0] == len(rows)
    assert found[1] == sum(row["bid"] is not None for row in rows)
    marks = [row["mark"] for row in rows if row["mark"] is not None]
    assert math.isclose(found[2], sum(marks) / len(marks))


@pytest.mark.parametrize("format_", ["table", "md"])
def test_text_formats_name_environment_and_forward(
    folder: Path, market: Path, format_: str
) -> None:
    done = quantdesk(
        folder, "chain", "BTC", "--market", str(market), "--format", format_, "--expiry", "nearest"
    )
    text = done.stdout.decode()
    assert "SIMULATED" in text
    assert "orward" in text
    assert "\x1b" not in text


def test_expiry_and_window_narrow_the_chain(folder: Path, market: Path) -> None:
    record = chain(folder, market, "--expiry", "monthly", "--window", "2")
    assert [expiry["expiry"] for expiry in record["expiries"]] == ["2026-07-31T08:00:00Z"]
    assert len(record["rows"]) == 10


def test_screen_is_printed_once_without_a_terminal(folder: Path) -> None:
    done = quantdesk(folder)
    assert done.returncode == 0, done.stderr
    assert b"SIMULATED" in done.stdout
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["chian"], 2, "Verbs: "),
        (["chain"], 2, "UNDERLYING"),
        (["chain", "DOGE"], 2, "BTC, ETH"),
        (["chain", "BTC", "--format", "xml"], 2, "'json'"),
        (["chain", "BTC", "--expiry", "2026-09-24"], 2, "nearest is 25SEP26"),
        (["chain", "BTC", "--expiry", "soon"], 2, "must be a date"),
        (["chain", "BTC", "--window", "-3"], 2, "must be strikes each side"),
        (["chain", "BTC", "--venue", "kraken"], 2, "deribit:simulated"),
        (["chain", "BTC", "--market", "nowhere.json"], 3, "nowhere.json"),
        (["chain", "BTC", "--market", "x", "--venue", "deribit"], 2, "--venue"),
        (["chain", "BTC", "--market", "x", "--replay", "y"], 2, "exactly one"),
        (["chain", "BTC", "--at", "2026-06-27"], 2, "--at"),
        (["chain", "BTC", "--replay", "nowhere"], 3, "nowhere"),
        (["chain", "BTC", "--at", "noon", "--market", "x"], 2, "must look like"),
        (["record", "BTC"], 2, "--output"),
        (["record", "-o", "x", "--seconds", "0"], 2, "seconds"),
        (["record", "DOGE", "-o", "x"], 2, "BTC, ETH"),
        (["record", "BTC", "-o", "x", "--seconds", "nan"], 2, "finite"),
        (["replay", "x", "--every", "inf"], 2, "finite"),
        (["replay", "nowhere"], 3, "nowhere"),
    ],
)
def test_mistake_is_one_sentence_and_a_code(
    folder: Path, args: list[str], code: int, said: str
) -> None:
    done = quantdesk(folder, *args)
    talk = done.stderr.decode()
    assert done.returncode == code, talk
    assert said in talk
    assert "Traceback" not in talk
    assert done.stdout == b""


def test_file_that_can_not_be_written_is_named(folder: Path, market: Path) -> None:
    out = folder / "no" / "such" / "folder.json"
    done = quantdesk(
        folder, "chain", "BTC", "--market", str(market), "--format", "json", "-o", str(out)
    )
    assert done.returncode == 3
    assert str(out).encode() in done.stderr


def test_closed_endpoint_is_named(folder: Path) -> None:
    done = quantdesk(folder, "record", "BTC", "-o", "/proc/nowhere", "--seconds", "1")
    assert done.returncode == 3, done.stderr
    assert b"/proc/nowhere" in done.stderr


RECORDED = sorted(
    path
    for kind in ("chains_*", "iv_hourly")
    for path in SHARED.glob(f"{kind}/*")
    if SHARED.exists()
)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared with the recorded chains is absent")
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_every_recorded_layout_opens(folder: Path, path: Path) -> None:
    coin = "ETH" if path.name.startswith("eth") else "BTC"
    done = quantdesk(folder, "chain", coin, "--market", str(path), "--format", "json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["environment"] == "replay"
    assert all(expiry["forward"] for expiry in record["expiries"])
    vols = [row["mark_iv"] or row["bid_iv"] or row["ask_iv"] for row in record["rows"]]
    assert sum(vol is not None for vol in vols) > 0.7 * len(vols)
