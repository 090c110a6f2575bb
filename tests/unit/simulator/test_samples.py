"""The shipped samples: what was recorded is as recorded, what was not is marked and by rule."""

from __future__ import annotations

import csv
import gzip
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quantdesk.errors import ConfigError
from quantdesk.simulator import SAMPLES, Sample, load_sample
from quantdesk.simulator.samples import build, eth_rules

SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"
SHIPPED = ("btc-2026-06-27", "eth-2026-01-31", "underlying-path-2024-08-08")


def shipped(name: str) -> Any:
    packed = files("quantdesk.simulator.samples").joinpath(f"{name}.json.gz").read_bytes()
    return json.loads(gzip.decompress(packed))


@pytest.fixture
def shared_data() -> Path:
    if not (SHARED_DATA / build.BTC_FILE).exists():
        pytest.skip("the folder of recorded data (../shared/data) is not there")
    return SHARED_DATA


def test_each_name_loads_the_sample_of_that_name() -> None:
    assert [load_sample(name).name for name in SAMPLES] == list(SAMPLES)


def test_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="btc-2026-06-27, eth-2026-01-31"):
        load_sample("doge-2026-01-01")


def test_building_again_gives_the_shipped_content(shared_data: Path, tmp_path: Path) -> None:
    build.build(shared_data, tmp_path)
    for name in SHIPPED:
        rebuilt = gzip.decompress((tmp_path / f"{name}.json.gz").read_bytes())
        assert json.loads(rebuilt) == shipped(name)


def test_building_twice_gives_the_same_bytes(shared_data: Path, tmp_path: Path) -> None:
    folders = (tmp_path / "first", tmp_path / "second")
    for folder in folders:
        folder.mkdir()
        build.build(shared_data, folder)
    first, second = ([(f / f"{n}.json.gz").read_bytes() for n in SHIPPED] for f in folders)
    assert first == second


def test_btc_records_and_tickers_are_the_capture_verbatim(shared_data: Path) -> None:
    with gzip.open(shared_data / build.BTC_FILE, "rt", encoding="utf-8") as file:
        capture = json.load(file)
    document = shipped("btc-2026-06-27")
    assert document["instruments"] == capture["instruments"]
    assert {t["instrument_name"]: t for t in document["tickers"]} == capture["tickers"]


def test_btc_has_nothing_simulated_and_no_ticker_after_its_opening(btc: Sample) -> None:
    assert not btc.simulated
    assert max(ticker.timestamp for ticker in btc.tickers) * 1_000_000 <= btc.opened_ns


def test_eth_quotes_are_the_recorded_ones(shared_data: Path) -> None:
    with gzip.open(shared_data / build.ETH_FILE, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    recorded = {
        (row["maturity"][:10], float(row["strike"]), row["option_type"]): (
            float(row["bid"]),
            float(row["ask"]),
        )
        for row in rows
        if row["kind"] == "option"
    }
    sample = load_sample("eth-2026-01-31")
    shown = {}
    for instrument, ticker in zip(sample.instruments, sample.tickers, strict=True):
        day = str(np.datetime64(instrument.expiration_timestamp, "ms"))[:10]
        key = (day, instrument.strike, instrument.option_type)
        shown[key] = (ticker.best_bid_price, ticker.best_ask_price)
    assert shown == recorded


def test_eth_names_each_field_that_was_made_by_rule(eth: Sample) -> None:
    text = " ".join(eth.simulated)
    for field in ("instruments", "mark_iv", "mark_price", "amount", "greeks", "path"):
        assert field in text


def test_eth_marks_lie_within_their_quotes(eth: Sample) -> None:
    for ticker in eth.tickers:
        assert ticker.best_bid_price <= ticker.mark_price <= ticker.best_ask_price, ticker


def test_eth_sizes_are_whole_coins_and_at_least_the_minimum(eth: Sample) -> None:
    for ticker in eth.tickers:
        for amount in (ticker.best_bid_amount, ticker.best_ask_amount):
            assert amount >= 1
            assert amount == int(amount)


def test_strike_without_an_iv_of_its_own_lies_between_its_neighbours() -> None:
    def row(strike: float, bid: float, ask: float) -> eth_rules._Row:
        return eth_rules._Row(
            expiry_ms=0,
            strike=strike,
            is_call=True,
            bid=bid,
            ask=ask,
            open_interest=0.0,
            volume_usd=0.0,
        )

    # 80 is deep in the money and quoted below intrinsic value (20 / 100 coin).
    rows = [row(60, 0.42, 0.44), row(80, 0.10, 0.12), row(110, 0.05, 0.06)]
    vols = eth_rules.strike_vols(rows, 100.0, 0.25)
    assert min(vols[60], vols[110]) < vols[80] < max(vols[60], vols[110])


def test_samples_name_nothing_of_the_machine_that_built_them() -> None:
    for name in SHIPPED:
        assert "/" not in json.dumps(shipped(name)).replace("sample/1", "").replace("path/1", "")
