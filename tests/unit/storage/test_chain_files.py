"""Recorded layouts: each value where it belongs, each row accounted for."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from quantdesk.domain.events import QuoteUpdate
from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.domain.times import parse_instant
from quantdesk.errors import ChainFileError
from quantdesk.storage.chain_files import MarketFile, read_market_file

FINE = TickScheme(tick=Decimal("0.0001"), steps=((Decimal("0.005"), Decimal("0.0005")),))


def write(tmp_path: Path, text: str, name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def quote_of(market: MarketFile, name: str) -> QuoteUpdate:
    return {quote.instrument_name: quote for quote in market.quotes}[name]


def instrument_of(market: MarketFile, name: str) -> Instrument:
    return {instrument.name: instrument for instrument in market.instruments}[name]


def spots_read(market: MarketFile) -> int:
    """Spot rows become the index; in other layouts the index is part of the tickers."""
    return len(market.indices) if market.layout == "deribit-quotes-csv" else 0


def unaccounted_rows(market: MarketFile) -> int:
    skipped = sum(count for _, count in market.skipped)
    read = len(market.quotes) + len(market.futures) + spots_read(market)
    return market.rows - market.rows_elsewhere - read - skipped


def test_ticker_json_gives_quotes_and_listed_contract_law(fixtures: Path) -> None:
    market = read_market_file(fixtures / "chain_files" / "btc_2026-06-27_tickers.json")
    assert (market.layout, market.venue, market.underlying) == (
        "deribit-ticker-json",
        "deribit",
        "BTC",
    )
    assert market.environment == "replay"
    assert len(market.instruments) == len(market.quotes) == market.rows == 24
    assert market.skipped == ()
    assert market.notes == ()
    quote = quote_of(market, "BTC-28JUN26-60000-C")
    assert (quote.bid, quote.ask) == (Decimal("0.006"), Decimal("0.007"))
    assert (quote.bid_size, quote.ask_size) == (Decimal("20.1"), Decimal("0.1"))
    assert (quote.mark, quote.last) == (Decimal("0.0067"), Decimal("0.0075"))
    assert (quote.forward, quote.forward_index) == (Decimal("60245.57"), "index_price")
    assert quote.index_price == Decimal("60245.57")
    assert quote.venue_bid_iv == 0.1781
    assert quote.venue_mark_iv == 0.2101
    assert quote.venue_ask_iv == 0.2316
    assert quote.venue_greeks.delta == 0.6511
    assert quote.venue_greeks.theta == -118.86343
    assert (quote.open_interest, quote.volume) == (Decimal("139.1"), Decimal("130.6"))
    assert quote.event_ns == quote.recv_ns == 1_782_552_297_563_000_000
    instrument = instrument_of(market, "BTC-28JUN26-60000-C")
    assert instrument.kind is InstrumentKind.OPTION
    assert instrument.option_type is OptionType.CALL
    assert instrument.ticks == FINE
    assert instrument.amount_min == Decimal("0.1")
    assert instrument.taker_fee == Decimal("0.0003")
    assert instrument.index_name == "btc_usd"
    assert instrument.expiry_ns == parse_instant("2026-06-28T08:00:00Z")
    assert market.as_of_ns == max(quote.event_ns for quote in market.quotes)
    assert market.indices[0].price == quote_of(market, "BTC-26MAR27-86000-P").index_price


def test_a_zero_bid_iv_and_a_missing_side_are_no_values(fixtures: Path) -> None:
    market = read_market_file(fixtures / "chain_files" / "btc_2026-06-27_tickers.json")
    quote = quote_of(market, "BTC-26MAR27-86000-P")
    assert quote.venue_bid_iv is None
    assert quote.venue_ask_iv == 0.6799


def test_quotes_csv_gives_options_forwards_and_the_spot_as_index(fixtures: Path) -> None:
    market = read_market_file(fixtures / "chain_files" / "eth_2026-01-31_quotes.csv")
    assert market.underlying == "ETH"
    assert len(market.quotes) == 40
    assert len(market.futures) == 7
    assert unaccounted_rows(market) == 0
    assert market.as_of_ns == parse_instant("2026-01-31T12:25:19.499850Z")
    assert market.moments_ns == (market.as_of_ns,)
    assert market.indices[0].price == Decimal("2635.275")
    assert market.indices[0].index_name == "eth_usd"
    quote = quote_of(market, "ETH-6FEB26-2400-C")
    assert (quote.bid, quote.ask) == (Decimal("0.0970"), Decimal("0.1000"))
    assert quote.bid_size is None
    assert quote.mark is None
    assert quote.forward is None
    assert quote.open_interest == Decimal("65.0")
    assert quote.event_ns == market.as_of_ns
    instrument = instrument_of(market, "ETH-6FEB26-2400-C")
    assert instrument.amount_min == 1
    assert instrument.quote_currency == "ETH"
    assert not instrument.simulated
    future = {future.instrument_name: future for future in market.futures}["ETH-6FEB26"]
    assert (future.bid, future.ask) == (Decimal("2637.00"), Decimal("2637.75"))
    assert future.expiry_ns == parse_instant("2026-02-06T08:00:00Z")
    assert any("venue's rules" in note for note in market.notes)


def test_quotes_csv_reads_its_ivs_as_fractions(fixtures: Path) -> None:
    market = read_market_file(fixtures / "chain_files" / "btc_2026-04-27_quotes.csv")
    quote = quote_of(market, "BTC-28APR26-73000-P")
    assert (quote.venue_bid_iv, quote.venue_ask_iv) == (0.5375622, 0.5919214)


def test_quotes_csv_whose_options_are_not_inverse_is_a_linear_chain(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "ref_date,kind,maturity,bid,ask,open_interest,volume,strike,option_type,inverse\n"
        "2026-04-27T08:54:57Z,spot,,77775,77777,,,,,\n"
        "2026-04-27T08:54:57Z,forward,2026-04-28T08:00:00Z,77700,77702,,,,,\n"
        "2026-04-27T08:54:57Z,option,2026-04-28T08:00:00Z,310,330,,,78000,call,False\n",
    )
    market = read_market_file(path, underlying="btc_usdc")
    assert market.underlying == "BTC_USDC"
    assert [i.name for i in market.instruments] == ["BTC_USDC-28APR26-78000-C"]
    assert market.instruments[0].settlement is Settlement.LINEAR
    assert market.instruments[0].quote_currency == "USDC"
    assert market.futures[0].underlying == "BTC_USDC"
    assert market.indices[0].index_name == "btc_usdc"


def test_quotes_csv_under_another_name_tells_its_coin_by_the_names_inside(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "ref_date,kind,maturity,bid,ask,open_interest,volume,strike,option_type,instrument_name\n"
        "2026-04-27T08:54:57Z,spot,,2300,2301,,,,,\n"
        "2026-04-27T08:54:57Z,option,2026-04-28T08:00:00Z,0.01,0.011,,,2300,call,"
        "ETH-28APR26-2300-C\n"
        "2026-04-27T08:54:57Z,option,2026-04-28T08:00:00Z,0.01,0.011,,,2400,call,"
        "ETH-28APR26-2300-C\n"
        "2026-04-27T08:54:57Z,option,2026-04-28T08:00:00Z,0.01,0.011,,,2400,put,\n",
        "volsurface_1777280097.csv",
    )
    market = read_market_file(path)
    assert market.underlying == "ETH"
    assert [i.name for i in market.instruments] == ["ETH-28APR26-2300-C"]
    reasons = [reason for reason, _ in market.skipped]
    assert "strike differs from the name's" in reasons
    assert any(reason.startswith("instrument_name names no option") for reason in reasons)
    with pytest.raises(ChainFileError, match="holds ETH, not BTC"):
        read_market_file(path, underlying="BTC")


@pytest.mark.parametrize(
    ("name", "option_type", "inverse", "reason"),
    [
        ("BTC-28APR26-78000-C", "put", "", "option_type differs from the name's"),
        ("BTC-28APR26-78000-C", "call", "False", "inverse differs from the name's"),
        ("BTC_USDC-28APR26-78000-C", "call", "True", "inverse differs from the name's"),
        ("BTC-PERPETUAL", "call", "", "instrument_name names a future, kind says option"),
    ],
)
def test_quotes_csv_row_that_contradicts_its_name_is_left_out(
    tmp_path: Path, name: str, option_type: str, inverse: str, reason: str
) -> None:
    at = "2026-04-27T08:54:57Z,option,2026-04-28T08:00:00Z,0.01,0.011,,"
    path = write(
        tmp_path,
        "ref_date,kind,maturity,bid,ask,open_interest,volume,strike,option_type,inverse,"
        "instrument_name\n"
        f"{at},79000,call,,BTC-28APR26-79000-C\n"
        f"{at},78000,{option_type},{inverse},{name}\n",
        "named.csv",
    )
    market = read_market_file(path)
    assert [i.name for i in market.instruments] == ["BTC-28APR26-79000-C"]
    assert reason in [said for said, _ in market.skipped]


def test_the_coin_of_nameless_rows_comes_from_the_file_name_or_the_asker(
    tmp_path: Path, fixtures: Path
) -> None:
    content = (fixtures / "chain_files" / "eth_2026-01-31_quotes.csv").read_text()
    nameless = write(tmp_path, content, "surface.csv")
    with pytest.raises(ChainFileError, match="say which underlying"):
        read_market_file(nameless)
    market = read_market_file(nameless, underlying="ETH")
    assert market.underlying == "ETH"
    assert any("asked for" in note for note in market.notes)
    with pytest.raises(ChainFileError, match="holds ETH, not BTC"):
        read_market_file(write(tmp_path, content, "eth_x.csv"), underlying="BTC")


BOOK_HEADER = (
    "underlying_price,underlying_index,timestamp,open_interest,min_price,max_price,mark_price,"
    "mark_iv,last_price,interest_rate,instrument_name,index_price,change_id,bids,bid_iv,"
    "best_bid_price,best_bid_amount,best_ask_price,best_ask_amount,asks,ask_iv,stats.volume,"
    "greeks.vega,greeks.theta,greeks.rho,greeks.gamma,greeks.delta"
)


def book_row(timestamp: int, name: str, bid: str) -> str:
    return (
        f"45000,SYN.X,{timestamp},2.1,0.0001,0.379,0.179,124.25,,0.0,{name},47795.22,1,"
        f'"[[0.2, 3.0]]",0.0,{bid},3.0,0.0,0.0,[],462.41,,0.5,-22.5,1.5,1e-05,0.99'
    )


def test_two_passes_keep_the_latest_row_of_each_instrument(tmp_path: Path) -> None:
    first, second = "BTC-26MAR21-40000-C", "BTC-26MAR21-40000-P"
    lines = [
        BOOK_HEADER,
        book_row(1_613_000_001_000, first, "0.11"),
        book_row(1_613_000_000_000, second, "0.12"),
        book_row(1_613_000_060_000, second, "0.22"),
        book_row(1_613_000_059_000, first, "0.21"),
    ]
    path = write(tmp_path, "\n".join(lines))
    market = read_market_file(path)
    assert market.moments_ns == (1_613_000_001_000_000_000, 1_613_000_060_000_000_000)
    assert [quote.bid for quote in market.quotes] == [Decimal("0.21"), Decimal("0.22")]
    assert market.rows_elsewhere == 2
    assert unaccounted_rows(market) == 0
    assert quote_of(market, first).volume is None
    assert quote_of(market, first).ask is None
    earlier = read_market_file(path, at_ns=1_613_000_030_000_000_000)
    assert [quote.bid for quote in earlier.quotes] == [Decimal("0.11"), Decimal("0.12")]
    assert earlier.as_of_ns == 1_613_000_001_000_000_000
    with pytest.raises(ChainFileError, match="begins at 2021-02-10T23:33:21Z"):
        read_market_file(path, at_ns=1_613_000_000_999_999_999)


def test_older_options_have_the_flat_grid(tmp_path: Path) -> None:
    path = write(
        tmp_path, f"{BOOK_HEADER}\n{book_row(1_613_000_001_000, 'BTC-26MAR21-40000-C', '0.11')}"
    )
    assert read_market_file(path).instruments[0].ticks == TickScheme(tick=Decimal("0.0005"))


def test_nested_greeks_written_as_python_are_read(tmp_path: Path) -> None:
    header = (
        "expiration_timestamp,option_type,instrument_name,strike,underlying_price,"
        "underlying_index,timestamp,stats,state,open_interest,mark_price,mark_iv,last_price,"
        "index_price,greeks,change_id,bid_iv,best_bid_price,best_bid_amount,best_ask_price,"
        "best_ask_amount,ask_iv"
    )
    row = (
        "1590134400000,put,BTC-22MAY20-9250-P,9250.0,9352.58,SYN.BTC-22MAY20,1589434896486,"
        "\"{'volume': 30.5, 'low': None}\",open,139.3,0.04,76.87,0.0485,9350.67,"
        "\"{'vega': 5.4, 'theta': -26.0, 'rho': -0.9, 'gamma': 7e-05, 'delta': -0.4}\","
        "1,80.07,0.042,15.5,0.045,0.5,85.17"
    )
    market = read_market_file(write(tmp_path, f"{header}\n{row}\n"))
    quote = market.quotes[0]
    assert quote.venue_greeks.gamma == 7e-05
    assert quote.venue_greeks.delta == -0.4
    assert quote.volume == Decimal("30.5")
    assert quote.forward_index == "SYN.BTC-22MAY20"


def test_ticker_csv_with_a_perpetual_makes_it_a_future(tmp_path: Path) -> None:
    header = (
        "best_bid_amount,best_ask_amount,best_bid_price,best_ask_price,open_interest,last_price,"
        "instrument_name,mark_price,index_price,state,timestamp,stats.volume,bid_iv,ask_iv,"
        "underlying_index,underlying_price,mark_iv,greeks.rho,greeks.theta,greeks.vega,"
        "greeks.gamma,greeks.delta,strike"
    )
    perpetual = (
        "162130,4280,64071.5,64072.0,835292520,64078,BTC-PERPETUAL,64075.97,64071.72,open,"
        "1714275632323,3284.4,,,,,,,,,,,"
    )
    option = (
        "0.0,0.9,0.0,0.0002,27.0,0.0001,BTC-28APR24-56000-P,0.0,64075.02,open,1714275635347,"
        "0.1,0.0,263.79,SYN.BTC-28APR24,64076.019,94.1,0.0,0.0,0.0,0.0,0.0,56000.0"
    )
    market = read_market_file(write(tmp_path, f"{header}\n{perpetual}\n{option}\n"))
    assert [(f.instrument_name, f.expiry_ns, f.bid) for f in market.futures] == [
        ("BTC-PERPETUAL", None, Decimal("64071.5"))
    ]
    quote = market.quotes[0]
    assert (quote.bid, quote.bid_size) == (None, None)
    assert quote.ask == Decimal("0.0002")
    assert quote.mark == 0
    assert quote.venue_bid_iv is None
    assert quote.venue_greeks.delta == 0.0


TARDIS = """\
exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,\
bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,\
underlying_price,delta,gamma,vega,theta,rho
deribit,BTC-9JUN20-9875-P,1591574399413000,1591574400196008,put,9875,1591689600000000,0.1,0.0295,\
0.0205,15.1,55.91,0.0235,15.2,68.94,0.0221,62.89,SYN.BTC-9JUN20,9756.36,-0.6,0.001,2.2,-53.0,-0.2
deribit,ETH-9JUN20-250-P,1591574402000000,1591574402100000,put,250,1591689600000000,12.25,0.12,\
0.12,0.1,74.1,0.1245,0.2,78.1,0.12,76.1,SYN.ETH-9JUN20,245.1,-0.5,0.01,1.1,-13.0,-0.1
deribit,BTC-9JUN20-9875-P,1591574404454000,1591574404473112,put,9875,1591689600000000,0.1,0.0295,\
0.0206,16.0,55.92,,2.5,68.95,0.0220,62.86,SYN.BTC-9JUN20,9756.37,-0.6,0.001,2.2,-53.0,-0.2
"""


def test_updates_keep_received_instants_and_replay_to_any_of_them(tmp_path: Path) -> None:
    path = write(tmp_path, TARDIS)
    with pytest.raises(ChainFileError, match="holds BTC and ETH: say which"):
        read_market_file(path)
    with pytest.raises(ChainFileError, match="holds BTC and ETH, not SOL"):
        read_market_file(path, underlying="SOL")
    market = read_market_file(path, underlying="btc")
    assert market.quotes[0].bid == Decimal("0.0206")
    assert market.quotes[0].ask is None
    assert market.quotes[0].ask_size is None
    assert market.quotes[0].recv_ns == 1_591_574_404_473_112_000
    assert market.rows_elsewhere == 2
    earlier = read_market_file(path, underlying="BTC", at_ns=1_591_574_402_000_000_000)
    assert earlier.quotes[0].bid == Decimal("0.0205")
    assert len(market.moments_ns) == 2


def test_the_same_content_reads_alike_packed_and_under_any_name(tmp_path: Path) -> None:
    plain = write(tmp_path, TARDIS)
    packed = tmp_path / "no-name-that-helps"
    packed.write_bytes(gzip.compress(TARDIS.encode()))
    one = read_market_file(plain, underlying="ETH")
    two = read_market_file(packed, underlying="ETH")
    assert one.quotes == two.quotes
    assert one.instruments == two.instruments


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "marked.csv"
    path.write_bytes(b"\xef\xbb\xbf" + TARDIS.encode())
    assert read_market_file(path, underlying="ETH").rows == 3


RECORDED = [
    ("chains_book/btc_2020-05-14.csv.gz", "BTC", 310, 1, 310, 0),
    ("chains_book/btc_2020-05-21.csv.gz", "BTC", 326, 1, 326, 0),
    ("chains_book/btc_2021-02-11.csv.gz", "BTC", 976, 2, 488, 0),
    ("chains_book/eth_2021-02-11.csv.gz", "ETH", 996, 2, 498, 0),
    ("chains_eod/btc_eod_2021-06.csv.gz", "BTC", 12134, 30, 410, 0),
    ("chains_eod/btc_eod_2022-01.csv.gz", "BTC", 12502, 31, 412, 0),
    ("chains_eod/btc_eod_2022-02.csv.gz", "BTC", 12158, 28, 440, 0),
    ("chains_eod/btc_eod_2022-03.csv.gz", "BTC", 12602, 31, 426, 0),
    ("chains_quotes/btc_2023-07-07T1158Z.csv.gz", "BTC", 278, 1, 269, 8),
    ("chains_quotes/btc_2023-07-07T1602Z.csv.gz", "BTC", 285, 1, 276, 8),
    ("chains_quotes/btc_2023-07-08T1004Z.csv.gz", "BTC", 238, 1, 229, 8),
    ("chains_quotes/btc_2023-07-09T0912Z.csv.gz", "BTC", 248, 1, 239, 8),
    ("chains_quotes/btc_2023-07-10T2134Z.csv.gz", "BTC", 249, 1, 240, 8),
    ("chains_quotes/btc_2026-04-27T0854Z.csv.gz", "BTC", 416, 1, 403, 12),
    ("chains_quotes/btc_2026-05-21T1004Z.csv.gz", "BTC", 400, 1, 387, 12),
    ("chains_quotes/eth_2026-01-31T1225Z.csv.gz", "ETH", 437, 1, 429, 7),
    ("chains_ticker/btc_2026-06-27_rest.json.gz", "BTC", 330, 1, 330, 0),
    ("chains_ticker/btc_all_kinds_2024-04-28.csv.gz", "BTC", 253, 1, 252, 1),
    ("chains_ticker/tardis_options_chain_sample_2020-06-08.csv", "BTC", 7, 5, 3, 0),
    ("chains_ticker/tardis_options_chain_sample_2020-06-08.csv", "ETH", 7, 2, 2, 0),
    ("iv_hourly/btc_2026-01-23_24h.csv.gz", "BTC", 16004, 24, 662, 0),
]
"""(file, underlying, rows, moments, options of the last moment, futures); rows and moments are the
index's, options and futures counted in the files with other tools."""


@pytest.mark.parametrize(
    ("name", "underlying", "rows", "moments", "options", "futures"),
    RECORDED,
    ids=[f"{name}-{coin}" for name, coin, *_ in RECORDED],
)
def test_every_recorded_file_reads_whole(
    *,
    shared_data: Path,
    name: str,
    underlying: str,
    rows: int,
    moments: int,
    options: int,
    futures: int,
) -> None:
    market = read_market_file(shared_data / "deribit" / name, underlying=underlying)
    assert market.rows == rows
    assert len(market.moments_ns) == moments
    assert len(market.quotes) == len(market.instruments) == options
    assert len(market.futures) == futures
    assert market.skipped == ()
    assert unaccounted_rows(market) == 0
    assert market.as_of_ns == market.moments_ns[-1]
    assert all(quote.event_ns <= market.as_of_ns for quote in market.quotes)


@pytest.mark.parametrize(
    "name", [name for name, *_ in RECORDED if "tardis" not in name and "iv_hourly" not in name]
)
def test_recorded_quotes_lie_on_the_grids_of_their_contract_law(
    shared_data: Path, name: str
) -> None:
    market = read_market_file(shared_data / "deribit" / name)
    laws = {instrument.name: instrument for instrument in market.instruments}
    for quote in market.quotes:
        law = laws[quote.instrument_name]
        for price, size in ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size)):
            if price is not None:
                assert price % law.ticks.tick_at(price) == 0, quote
            if size is not None:
                assert size % law.amount_step == 0, quote


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("chains_eod/btc_eod_2022-03.csv.gz", ("bid_price", "ask_price", "mark_iv", "delta")),
        (
            "chains_ticker/btc_all_kinds_2024-04-28.csv.gz",
            ("best_bid_price", "best_ask_price", "mark_iv", "greeks.delta"),
        ),
    ],
)
def test_values_agree_with_a_plain_reading_of_the_columns(
    shared_data: Path, name: str, columns: tuple[str, ...]
) -> None:
    path = shared_data / "deribit" / name
    market = read_market_file(path)
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    last = max(row.get("quote_unixtime", "") for row in rows)
    expected = {
        row["instrument_name"]: (
            float(row[columns[0]]) or None,
            float(row[columns[1]]) or None,
            float(Decimal(row[columns[2]]) / 100),
            float(row[columns[3]]),
        )
        for row in rows
        if row.get("quote_unixtime", "") == last and row["instrument_name"] != "BTC-PERPETUAL"
    }
    found = {
        quote.instrument_name: (
            None if quote.bid is None else float(quote.bid),
            None if quote.ask is None else float(quote.ask),
            quote.venue_mark_iv,
            quote.venue_greeks.delta,
        )
        for quote in market.quotes
    }
    assert found == expected


@pytest.mark.parametrize(
    ("name", "rows"),
    [("chains_eod/btc_eod_2022-02.csv.gz", 12158), ("iv_hourly/btc_2026-01-23_24h.csv.gz", 16004)],
)
@pytest.mark.soak
def test_the_moments_of_a_file_hold_all_its_rows(shared_data: Path, name: str, rows: int) -> None:
    path = shared_data / "deribit" / name
    moments = read_market_file(path).moments_ns
    read = 0
    for moment_ns in moments:
        market = read_market_file(path, at_ns=moment_ns)
        assert market.as_of_ns == moment_ns
        assert unaccounted_rows(market) == 0
        read += len(market.quotes)
    assert read == rows


def test_a_moment_between_two_snapshots_reads_the_earlier(shared_data: Path) -> None:
    path = shared_data / "deribit" / "iv_hourly" / "btc_2026-01-23_24h.csv.gz"
    market = read_market_file(path, at_ns=parse_instant("2026-01-23T02:30:00Z"))
    assert market.as_of_ns == parse_instant("2026-01-23T02:00:00Z")
    assert len(market.quotes) == 682
