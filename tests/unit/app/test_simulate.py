"""`quantdesk simulate` as another program starts, reads and ends it."""

from __future__ import annotations

import http.client
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

WITHIN_S = 60.0
COMMAND = [sys.executable, "-c", "from quantdesk.app.cli.main import main; main()", "simulate"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's empty folders."""
    return tmp_path_factory.mktemp("user")


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"QUANTDESK_DATA_DIR": str(folder), "QUANTDESK_CONFIG": str(folder / "c")}


def refused(folder: Path, *options: str) -> str:
    """What a command that must not start says; it ends with 2 and prints no line."""
    done = subprocess.run(
        [*COMMAND, *options],
        env=environment(folder),
        capture_output=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b""), done
    return done.stderr.decode()


@contextmanager
def running(
    folder: Path, *options: str, ends_with: signal.Signals = signal.SIGTERM
) -> Iterator[Any]:
    """The ready line; afterwards the process ended well and had said nothing more."""
    with subprocess.Popen(
        [*COMMAND, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(folder),
    ) as process:
        assert process.stdout is not None
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                assert selector.select(WITHIN_S), "the simulator did not get ready"
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(ends_with)
            output, talk = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, output, talk) == (0, b"", b"")


def get(url: str) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=WITHIN_S)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.parametrize("ends_with", [signal.SIGTERM, signal.SIGINT])
def test_ready_line_tells_addresses_and_accounts(folder: Path, ends_with: signal.Signals) -> None:
    with running(folder, ends_with=ends_with) as ready:
        assert list(ready) == ["ready", "deribit", "binance", "accounts"]
        assert ready["ready"] is True
        assert set(ready["deribit"]) == {"ws", "http"}
        assert set(ready["binance"]) == {"rest", "ws"}
        port = urlsplit(ready["deribit"]["http"]).port
        assert ready["deribit"]["ws"] == f"ws://127.0.0.1:{port}/ws/api/v2"
        assert ready["deribit"]["http"] == f"http://127.0.0.1:{port}/api/v2"
        port = urlsplit(ready["binance"]["rest"]).port
        assert ready["binance"] == {
            "rest": f"http://127.0.0.1:{port}",
            "ws": f"ws://127.0.0.1:{port}",
        }
        for account in ready["accounts"]["deribit"]:
            assert set(account) == {"client_id", "client_secret", "balances"}
            assert account["balances"] == {"BTC": "10", "ETH": "100"}
        for account in ready["accounts"]["binance"]:
            assert set(account) == {"api_key", "api_secret", "balances"}
            assert account["balances"] == {"USDT": "1000000"}
        assert get(f"{ready['deribit']['http']}/public/test")[0] == 200
        assert get(f"{ready['binance']['rest']}/eapi/v1/ping") == (200, {})


def test_same_seed_gives_the_same_keys_and_market(folder: Path) -> None:
    def opened(seed: int) -> tuple[Any, Any]:
        # So slow that the market does not move while it is read.
        with running(folder, "--seed", str(seed), "--speed", "0.000001") as ready:
            book = f"{ready['deribit']['http']}/public/get_order_book"
            _, answer = get(f"{book}?instrument_name=BTC-25SEP26-60000-C")
            _, marks = get(f"{ready['binance']['rest']}/eapi/v1/mark")
            return ready["accounts"], (answer["result"], marks)

    accounts, market = opened(11)
    assert opened(11) == (accounts, market)
    others, _ = opened(12)
    assert others["deribit"][0]["client_id"] != accounts["deribit"][0]["client_id"]
    assert others["binance"][0]["api_key"] != accounts["binance"][0]["api_key"]


def test_both_venues_stand_on_one_index(folder: Path) -> None:
    with running(folder, "--underlying", "btc", "--speed", "0.000001") as ready:
        _, theirs = get(f"{ready['deribit']['http']}/public/get_index_price?index_name=btc_usd")
        _, index = get(f"{ready['binance']['rest']}/eapi/v1/index?underlying=BTCUSDT")
        assert float(index["indexPrice"]) == pytest.approx(
            theirs["result"]["index_price"], abs=0.01
        )
        assert ready["accounts"]["deribit"][0]["balances"] == {"BTC": "10"}
        _, currencies = get(f"{ready['deribit']['http']}/public/get_currencies")
        assert [row["currency"] for row in currencies["result"]] == ["BTC"]


def test_faults_of_a_script_happen(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "rate-limit"\nseconds = 9\n')
    with running(folder, "--faults", str(script)) as ready:
        status, body = get(f"{ready['deribit']['http']}/public/test")
        assert (status, body["error"]["code"]) == (429, 10028)
        assert get(f"{ready['binance']['rest']}/eapi/v1/ping")[0] == 429
        status, listed = get(f"{ready['binance']['rest']}/simulator/faults")
        assert (status, [one["venue"] for one in listed["done"]]) == (200, ["deribit", "binance"])


def test_wish_beyond_what_is_allowed_is_refused_in_a_sentence(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        for venue in ("deribit", "binance"):
            said = refused(folder, f"--{venue}-port", port)
            assert f"--{venue}-port {port}" in said
            assert "name a free port" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--underlying", "DOGE"), ["underlying 'DOGE'", "BTC, ETH"]),
        (("--underlying", "BTC,BTC"), ["underlying 'BTC,BTC'", "each once"]),
        (("--underlying", ""), ["underlying ''"]),
        (("--seed", "-1"), ["--seed", "-1", "x>=0"]),
        (("--seed", "one"), ["--seed", "'one'"]),
        (("--speed", "0"), ["--speed", "0.0", "0<x<=100000"]),
        (("--speed", "inf"), ["--speed", "inf"]),
        (("--speed", "nan"), ["--speed", "nan", "finite"]),
        (("--deribit-port", "65536"), ["--deribit-port", "65536", "65535"]),
        (("--binance-port", "-1"), ["--binance-port", "-1"]),
        (("--faults", "no-such-file.toml"), ["no-such-file.toml", "can not be read"]),
    ],
)
def test_bad_option_is_refused_by_name_value_and_rule(
    folder: Path, options: tuple[str, ...], words: list[str]
) -> None:
    said = refused(folder, *options)
    for word in words:
        assert word in said
