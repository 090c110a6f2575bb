"""The desk's own chain JSON: what was printed is read back, and nothing else is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantdesk.app.render.chain_formats import chain_json
from quantdesk.app.render.chain_record import chain_record
from quantdesk.domain.events import QuoteUpdate
from quantdesk.domain.instrument import Settlement
from quantdesk.domain.times import parse_instant
from quantdesk.errors import ChainFileError
from quantdesk.runtime.sources import file_snapshot
from quantdesk.storage.chain_files import read_market_file

FIXTURES = Path(__file__).parents[2] / "fixtures" / "chain_files"
PRINTED = FIXTURES / "desk_chain_1.json"
RECORDED = FIXTURES / "btc_2026-06-27_tickers.json"


def changed(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    document = json.loads(PRINTED.read_text())
    change(document)
    path = tmp_path / "chain.json"
    path.write_text(json.dumps(document))
    return path


def printed_part(quote: QuoteUpdate) -> tuple[object, ...]:
    greeks = quote.venue_greeks
    return (
        quote.instrument_name,
        quote.event_ns,
        (quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.mark),
        (quote.forward, quote.open_interest, quote.volume),
        (quote.venue_bid_iv, quote.venue_mark_iv, quote.venue_ask_iv),
        (greeks.delta, greeks.gamma, greeks.vega, greeks.theta),
    )


def test_a_kept_print_gives_back_the_quotes_it_was_made_of() -> None:
    printed, recorded = read_market_file(PRINTED), read_market_file(RECORDED)
    assert printed.layout == "quantdesk.chain/1"
    assert printed.environment == "replay"
    assert printed.as_of_ns == recorded.as_of_ns
    assert [printed_part(q) for q in printed.quotes] == [printed_part(q) for q in recorded.quotes]
    assert [i.name for i in printed.instruments] == [i.name for i in recorded.instruments]
    assert [i.ticks for i in printed.instruments] == [i.ticks for i in recorded.instruments]
    assert printed.indices[0].price == recorded.indices[0].price
    assert printed.skipped == ()
    indexes = {quote.instrument_name: quote.forward_index for quote in printed.quotes}
    assert indexes["BTC-28JUN26-60000-C"] == "index_price"
    assert indexes["BTC-26MAR27-86000-P"] == "BTC-26MAR27"


@pytest.mark.parametrize(
    ("name", "underlying"),
    [
        ("btc_2026-06-27_tickers.json", "BTC"),
        ("eth_2026-01-31_quotes.csv", "ETH"),
        ("btc_2026-04-27_quotes.csv", "BTC"),
    ],
)
def test_printing_reading_and_printing_again_gives_the_same_rows(
    tmp_path: Path, name: str, underlying: str
) -> None:
    first = file_snapshot(FIXTURES / name, underlying, None).chains[0]
    path = tmp_path / "chain.json"
    path.write_bytes(chain_json(first))
    second = file_snapshot(path, underlying, None).chains[0]
    assert chain_record(second)["rows"] == chain_record(first)["rows"]


def test_a_row_that_was_not_quoted_yet_is_listed_without_a_quote(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["rows"][0]["event_ns"] = None

    market = read_market_file(changed(tmp_path, change))
    assert len(market.instruments) == 24
    assert len(market.quotes) == 23


def test_an_instant_may_be_written_out(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["rows"][0]["event_ns"] = "2026-06-27T09:25:01.591000001Z"

    market = read_market_file(changed(tmp_path, change))
    assert market.quotes[0].event_ns == parse_instant("2026-06-27T09:25:01.591Z") + 1


def test_a_linear_chain_of_binance_keeps_venue_and_environment(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document |= {"venue": "binance", "environment": "testnet"}
        for row in document["rows"]:
            row |= {"price_currency": "USDT", "bid": 310, "ask": 320.5}

    market = read_market_file(changed(tmp_path, change))
    assert (market.venue, market.environment) == ("binance", "testnet")
    assert market.instruments[0].settlement is Settlement.LINEAR
    assert market.instruments[0].index_name == market.indices[0].index_name == "BTCUSDT"
    assert market.quotes[0].ask == Decimal("320.5")


def test_a_currency_without_a_contract_rule_is_no_chain(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["underlying"] = "BTC_DOGE"
        for row in document["rows"]:
            row["price_currency"] = "DOGE"

    with pytest.raises(ChainFileError, match="24 no contract rule for this coin and currency"):
        read_market_file(changed(tmp_path, change))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"strike": "NaN"}, "strike is not a number"),
        ({"strike": 0}, "strike makes no contract"),
        ({"strike": None}, "row is not understood"),
        ({"option_type": "C"}, "option_type is neither call nor put"),
        ({"expiry": "soon"}, "expiry is no instant"),
        ({"event_ns": 5}, "event_ns is out of range"),
        ({"event_ns": 10**40}, "event_ns is no instant"),
        ({"bid": -0.1}, "bid is negative"),
        ({"bid": float("nan")}, "bid is not a number"),
        ({"venue_mark_iv": 5000}, "mark_iv is out of range"),
        ({"price_currency": "USDC"}, "price_currency is not that of the chain"),
        ({"instrument_name": "[red]x"}, "instrument_name is of no known form"),
    ],
)
def test_a_faulty_row_is_counted_and_the_rest_goes_on(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    market = read_market_file(
        changed(tmp_path, lambda document: document["rows"][3].update(change))
    )
    assert market.skipped == ((reason, 1),)
    assert len(market.quotes) == 23


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"venue": "kraken"}, "venue 'kraken' is none of deribit, binance"),
        ({"environment": "dream"}, "environment 'dream' is none of simulated, replay"),
        ({"underlying": "b t c"}, "underlying 'b t c' is no name of a chain"),
        ({"as_of": "now"}, "as_of is no instant"),
        ({"index_price": -1}, "index_price is negative"),
        ({"rows": {}}, "Expected `array`"),
        ({"rows": []}, "not one usable BTC option"),
        ({"rows": [{}, 7]}, "2 row is not understood"),
        ({"schema": "quantdesk.chain/9"}, "this program reads quantdesk.chain/1"),
    ],
)
def test_a_header_that_makes_no_sense_is_one_sentence(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ChainFileError) as caught:
        read_market_file(changed(tmp_path, lambda document: document.update(change)))
    assert message in str(caught.value)


def test_another_underlying_or_an_earlier_moment_is_refused() -> None:
    with pytest.raises(ChainFileError, match="holds BTC, not ETH"):
        read_market_file(PRINTED, underlying="ETH")
    with pytest.raises(ChainFileError, match=r"begins at 2026-06-27T09:26:58\.416Z"):
        read_market_file(PRINTED, at_ns=parse_instant("2026-06-27T09:00:00Z"))
    assert read_market_file(PRINTED, underlying="btc").underlying == "BTC"
