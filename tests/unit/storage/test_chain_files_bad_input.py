"""Bad market files: a faulty row costs itself, a faulty file one sentence, nothing a crash."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import json
import math
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantdesk.errors import ChainFileError
from quantdesk.storage.chain_files import MarketFile, read_market_file
from quantdesk.storage.chain_files.contents import read_contents

FIXTURES = Path(__file__).parents[2] / "fixtures" / "chain_files"
QUOTES = (FIXTURES / "btc_2026-04-27_quotes.csv").read_text()
TICKERS = (FIXTURES / "btc_2026-06-27_tickers.json").read_text()
OPTION = "2026-04-27T08:54:57.694519Z,option,2026-04-28T08:00:00Z,0.0001,0.0002"


def written(tmp_path: Path, content: str | bytes, name: str = "btc.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (gzip.compress(b""), "the file is empty"),
        (b"\x1f\x8b\x08\x00 not gzip", "damaged gzip"),
        (gzip.compress(QUOTES.encode())[:-9], "damaged gzip"),
        (gzip.compress(QUOTES.encode())[:300], "damaged gzip"),
        (gzip.compress(QUOTES.encode()) + b"tail", "damaged gzip"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8 text from line 1 on"),
        (b"a,b,c\n1,2,3\n", "none of the market file layouts known here"),
        (b"hello", "none of the market file layouts known here"),
        (b"[1, 2]", "none of the market file layouts known here"),
        (b"{}", "none of the market file layouts known here"),
        (b'{"jsonrpc": "2.0", "result": []}', "none of the market file layouts known here"),
        (b'{"a": ', "not one JSON object"),
        (b'{"a":' + b"[" * 100_000, "not one JSON object"),
        (b'{"schema": "quantdesk.chain/2"}', "schema 'quantdesk.chain/2'; this program reads"),
        (b'{"schema": 7}', "schema 'of another type'"),
        (b'{"instruments": 1, "tickers": []}', "instruments: Expected"),
        (b'{"instruments": [], "tickers": 1}', "tickers: Expected"),
        (b'{"instruments": [], "tickers": {}}', "not one usable record"),
        (QUOTES.splitlines()[0].encode(), "no option in its 0 rows"),
        (
            QUOTES.replace("option,", "warrant,").encode(),
            "no option in its 25 rows (20 neither spot, forward nor option)",
        ),
        (QUOTES.encode() + b"\xff" * 20_000, "not UTF-8 text from line"),
        (QUOTES.replace("bid,ask", "bid,bid").encode(), "a column name stands twice"),
        (
            QUOTES.replace(",put,", ",x,").replace(",call,", ",x,").encode(),
            "not one usable BTC option",
        ),
        (b'"' + b"x" * 200_000 + b'"', "line 1 is not CSV"),
    ],
    ids=itertools.count(),
)
def test_a_faulty_file_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ChainFileError) as caught:
        read_market_file(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_one_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "absent.csv", "there is no such file"),
        (tmp_path / "pipe", "there is no such file"),
        (tmp_path / ("x" * 300), "can not be read: File name too long"),
    ):
        with pytest.raises(ChainFileError, match=message):
            read_market_file(path)


def test_a_gzip_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as packed:
        for _ in range(64):
            packed.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    with pytest.raises(ChainFileError, match="more than 1048576 bytes of content"):
        read_contents(path, limit=1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("nan,0.0002,,,74000,put,,,True", "bid is not a number"),
        ("NaN,0.0002,,,74000,put,,,True", "bid is not a number"),
        ("inf,0.0002,,,74000,put,,,True", "bid is not a number"),
        ("0x10,0.0002,,,74000,put,,,True", "bid is not a number"),
        ("1_0,0.0002,,,74000,put,,,True", "bid is not a number"),
        ("٣,0.0002,,,74000,put,,,True", "bid is not a number"),
        ("1e400,0.0002,,,74000,put,,,True", "bid is out of range"),
        ("1e-400,0.0002,,,74000,put,,,True", "bid is out of range"),
        ("-0.0001,0.0002,,,74000,put,,,True", "bid is negative"),
        ("0.0001,-1,,,74000,put,,,True", "ask is negative"),
        ("0.0001,0.0002,-1,,74000,put,,,True", "open_interest is negative"),
        ("0.0001,0.0002,,,-74000,put,,,True", "strike is not positive"),
        ("0.0001,0.0002,,,,put,,,True", "strike is missing"),
        ("0.0001,0.0002,,,74000,PUT,,,True", "option_type is neither call nor put"),
        ("0.0001,0.0002,,,74000,put,-0.1,,True", "bid_iv is negative"),
        ("0.0001,0.0002,,,74000,put,2000,,True", "bid_iv is out of range"),
        ("0.0001,0.0002,,,74000,put,,,maybe", "inverse is neither True nor False"),
        ("0.0001,0.0002,,,74000,put,,", "wrong number of cells"),
    ],
)
def test_a_faulty_row_is_counted_and_the_rest_goes_on(
    tmp_path: Path, cells: str, reason: str
) -> None:
    row = f"2026-04-27T08:54:57.694519Z,option,2026-04-28T08:00:00Z,{cells}\n"
    market = read_market_file(written(tmp_path, QUOTES + row))
    assert market.skipped == ((reason, 1),)
    assert len(market.quotes) == 20


@pytest.mark.parametrize(
    "instant", ["", "yesterday", "2026-13-01T00:00:00Z", "1926-04-27T00:00:00Z", "1" * 60]
)
def test_a_row_without_a_sane_instant_is_counted(tmp_path: Path, instant: str) -> None:
    row = f"{instant},option,2026-04-28T08:00:00Z,0.1,0.2,,,74000,put,,,True\n"
    market = read_market_file(written(tmp_path, QUOTES + row))
    assert sum(count for _, count in market.skipped) == 1
    assert market.skipped[0][0].startswith("ref_date ")


def test_a_crossed_quote_is_kept_for_the_desk_to_flag(tmp_path: Path) -> None:
    market = read_market_file(
        written(tmp_path, QUOTES + f"{OPTION.replace('0.0001', '0.9')},,,74000,put,,,True\n")
    )
    quote = next(q for q in market.quotes if q.instrument_name == "BTC-28APR26-74000-P")
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid > quote.ask


def test_a_repeated_row_that_says_otherwise_leaves_no_quote_and_a_doubt(tmp_path: Path) -> None:
    path = written(tmp_path, QUOTES + f"{OPTION.replace('0.0001', '0.00005')},,,73000,put,,,True\n")
    market = read_market_file(path)
    words = "record of one moment that contradicts another of the same instrument"
    assert market.skipped == ((words, 1),)
    assert len(market.quotes) == 20
    quote = next(q for q in market.quotes if q.instrument_name == "BTC-28APR26-73000-P")
    assert (quote.bid, quote.ask) == (None, None)
    assert quote.doubt == "duplicate: records of one moment disagree on bid and ask"


def test_an_identical_row_is_read_once_and_counted(tmp_path: Path) -> None:
    plain = read_market_file(written(tmp_path, QUOTES))
    rows = QUOTES.splitlines()
    market = read_market_file(written(tmp_path, QUOTES + rows[-1] + "\n"))
    assert market.skipped == (("identical record repeated within one moment", 1),)
    assert market.quotes == plain.quotes


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"timestamp": None}, "ticker is not understood"),
        ({"timestamp": 7}, "timestamp is out of range"),
        ({"timestamp": -1}, "timestamp is no instant"),
        ({"best_bid_price": "x"}, "ticker is not understood"),
        ({"best_bid_price": True}, "ticker is not understood"),
        ({"best_bid_price": -0.1}, "bid is negative"),
        ({"best_bid_price": "NaN"}, "bid is not a number"),
        ({"best_ask_price": float("nan")}, "ask is not a number"),
        ({"best_ask_price": float("-inf")}, "ask is not a number"),
        ({"best_ask_price": 10**30}, "ask is out of range"),
        ({"mark_iv": 1e300}, "mark_iv is out of range"),
        ({"greeks": []}, "ticker is not understood"),
        ({"greeks": {"delta": "Infinity"}}, "delta is not a number"),
        ({"instrument_name": "BTC-FS-26JUN26_PERP"}, "neither an option nor a future"),
        ({"instrument_name": ""}, "instrument_name is missing"),
        ({"state": "open\x1b[2J"}, "state is no word"),
        ({"underlying_index": "x" * 65}, "forward_index is no word"),
    ],
)
def test_a_faulty_ticker_is_counted_and_the_rest_goes_on(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    document = json.loads(TICKERS)
    document["tickers"]["BTC-28JUN26-60000-C"].update(change)
    market = read_market_file(written(tmp_path, json.dumps(document)))
    assert market.skipped == ((reason, 1),)
    assert len(market.quotes) == 23
    assert len(market.instruments) == 24


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "future"}, "instrument record of another kind"),
        ({"strike": None}, "instrument record: strike is out of range"),
        ({"strike": 0}, "instrument record: strike is out of range"),
        ({"tick_size": 0}, "instrument record: tick is out of range"),
        ({"tick_size": "1e999"}, "tick_size is out of range"),
        ({"instrument_type": "round"}, "instrument record: instrument_type is neither"),
        ({"option_type": "x"}, "instrument record: option_type is out of range"),
        ({"expiration_timestamp": 0}, "expiration_timestamp is out of range"),
        ({"tick_size_steps": 3}, "instrument record is not understood"),
        ({"base_currency": "\x1b"}, "instrument record: currency is no name"),
    ],
)
def test_a_faulty_instrument_record_gives_way_to_the_rule(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    document = json.loads(TICKERS)
    document["instruments"][0].update(change)
    market = read_market_file(written(tmp_path, json.dumps(document)))
    assert len(market.skipped) == 1
    assert market.skipped[0][0].startswith(reason)
    assert len(market.quotes) == 24
    assert any("venue's rules" in note for note in market.notes)


def assert_sane(market: MarketFile) -> None:
    """Every value is finite and of a sign that can be, and each row is accounted for."""
    for quote in market.quotes:
        for value in (quote.bid, quote.ask, quote.mark, quote.forward, quote.bid_size):
            assert value is None or (math.isfinite(float(value)) and value >= 0)
        for iv in (quote.venue_bid_iv, quote.venue_mark_iv, quote.venue_ask_iv):
            assert iv is None or 0 < iv <= 1000
        greeks = quote.venue_greeks
        for greek in (greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho):
            assert greek is None or math.isfinite(greek)
    spots = len(market.indices) if market.layout == "deribit-quotes-csv" else 0
    skipped = sum(count for _, count in market.skipped)
    read = len(market.quotes) + len(market.futures) + spots
    assert market.rows == read + skipped + market.rows_elsewhere


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "0", "-0", "1e308", "nan", "-1", "Infinity", "2026-04-27", "call"]),
    st.floats().map(str),
    st.integers().map(str),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(row=st.integers(0, 25), column=st.integers(0, 11), cell=CELLS)
def test_any_text_in_any_cell_costs_at_most_its_row(
    tmp_path: Path, row: int, column: int, cell: str
) -> None:
    table = list(csv.reader(io.StringIO(QUOTES)))
    table[row][column] = cell
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    path = written(tmp_path, text.getvalue().encode("utf-8", "replace"))
    try:
        market = read_market_file(path)
    except ChainFileError:
        assert row == 0, "one faulty row cost the file"
        return
    assert_sane(market)
    if row > 0 and len(market.moments_ns) == 1:
        assert len(market.quotes) >= 19


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=400))
def test_any_bytes_read_or_are_refused(tmp_path: Path, content: bytes) -> None:
    for start in (b"", b"{", TICKERS[:2000].encode(), QUOTES[:300].encode(), b"\x1f\x8b\x08"):
        with contextlib.suppress(ChainFileError):
            assert_sane(read_market_file(written(tmp_path, start + content)))


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), value=JSON_VALUES)
def test_any_value_in_any_ticker_field_costs_at_most_its_ticker(
    tmp_path: Path, data: st.DataObject, value: object
) -> None:
    document = json.loads(TICKERS)
    ticker = document["tickers"]["BTC-28JUN26-60500-P"]
    field = data.draw(st.sampled_from(sorted(ticker)))
    ticker[field] = value
    market = read_market_file(written(tmp_path, json.dumps(document), "btc.json"))
    assert_sane(market)
    assert len(market.quotes) >= 23
