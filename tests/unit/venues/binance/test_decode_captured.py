"""Captured messages, value by value; messages of the retired format, refused by name."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    DayStats,
    FrameSetAside,
    IndexUpdate,
    InstrumentsListed,
    InstrumentStateChanged,
    MarketEvent,
    MarkUpdate,
    OpenInterestUpdate,
    PublicTrade,
    TopOfBook,
    VenueGreeks,
    VenueTime,
)
from quantdesk.domain.instrument import OptionType, Settlement, Side
from quantdesk.domain.times import parse_instant
from quantdesk.venues.binance import events_of

from .payloads import (
    ASKED_MS,
    CAPTURED,
    INDEX_PUSH,
    NEW_SYMBOL_PUSH,
    RECV_NS,
    RETIRED,
    STREAMS,
    SYMBOLS,
    TICKERS_PUSH,
    depth_push,
    exchange_info,
    frame,
    rest,
    symbol_record,
)

MS = 1_000_000


def events(payload: bytes) -> tuple[MarketEvent, ...]:
    return events_of(frame(payload))


def pushed(stream: str) -> tuple[MarketEvent, ...]:
    """Events of the captured message of `stream`."""
    found = [line for line in STREAMS if json.loads(line)["stream"] == stream]
    assert len(found) == 1
    return events(found[0])


def test_trade_has_the_takers_side() -> None:
    bought, sold = (events(line)[0] for line in STREAMS[:2])
    assert bought == PublicTrade(
        venue="binance",
        instrument_name="BTC-251219-89000-C",
        event_ns=1765983420778 * MS,
        recv_ns=RECV_NS,
        trade_id="200",
        price=Decimal("1420.000"),
        amount=Decimal("1.54"),
        side=Side.BUY,
        is_block=False,
    )
    assert isinstance(sold, PublicTrade)
    assert (sold.side, sold.price) == (Side.SELL, Decimal("600.000"))


def test_partial_depth_is_a_snapshot_of_its_levels() -> None:
    assert pushed("eth-251219-3100-c@depth20@100ms") == (
        BookSnapshot(
            venue="binance",
            instrument_name="ETH-251219-3100-C",
            event_ns=1765983419936 * MS,
            recv_ns=RECV_NS,
            change_id=121509455,
            bids=(
                (Decimal("16.6000"), Decimal("150.23")),
                (Decimal("16.4000"), Decimal("10.00")),
            ),
            asks=(
                (Decimal("18.8000"), Decimal("70.00")),
                (Decimal("20.6000"), Decimal("240.88")),
            ),
            levels_max=20,
        ),
    )


def test_book_ticker_is_a_top_of_book() -> None:
    assert pushed("eth-251218-3100-c@bookTicker") == (
        TopOfBook(
            venue="binance",
            instrument_name="ETH-251218-3100-C",
            event_ns=1765983419927 * MS,
            recv_ns=RECV_NS,
            bid=Decimal("5.8000"),
            ask=Decimal("6.4000"),
            bid_size=Decimal("38.47"),
            ask_size=Decimal("96.37"),
        ),
    )


def test_mark_price_brings_mark_greeks_and_a_sampled_book() -> None:
    mark, book = pushed("btcusdt@optionMarkPrice")
    assert mark == MarkUpdate(
        venue="binance",
        instrument_name="BTC-251219-89000-C",
        event_ns=1765983421000 * MS,
        recv_ns=RECV_NS,
        mark=Decimal("1450.5"),
        index_price=Decimal("104334.60217391"),
        venue_bid_iv=0.85,
        venue_mark_iv=0.86,
        venue_ask_iv=0.88,
        venue_greeks=VenueGreeks(delta=0.75, gamma=0.002, vega=0.15, theta=-0.05),
    )
    assert book == TopOfBook(
        venue="binance",
        instrument_name="BTC-251219-89000-C",
        event_ns=1765983421000 * MS,
        recv_ns=RECV_NS,
        bid=Decimal("1440.0"),
        ask=Decimal("1460.0"),
        bid_size=Decimal("5.00"),
        ask_size=Decimal("3.50"),
        is_sampled=True,
    )


def test_zero_price_and_minus_one_iv_mean_no_quote() -> None:
    mark, book = pushed("xrpusdt@optionMarkPrice")
    assert isinstance(mark, MarkUpdate)
    assert (mark.venue_bid_iv, mark.venue_mark_iv, mark.venue_ask_iv) == (None, 2.6, None)
    assert mark.mark == Decimal("19.0314")
    assert isinstance(book, TopOfBook)
    assert (book.bid, book.bid_size, book.ask, book.ask_size) == (None, None, None, None)


def test_ticker_gives_last_price_and_volume() -> None:
    assert pushed("btc-251219-89000-c@optionTicker") == (
        DayStats(
            venue="binance",
            instrument_name="BTC-251219-89000-C",
            event_ns=1765983420778 * MS,
            recv_ns=RECV_NS,
            last=Decimal("1420.000"),
            volume=Decimal("44.43"),
        ),
    )


def test_tickers_of_an_expiry_may_come_as_a_list() -> None:
    (stats,) = events(TICKERS_PUSH)
    assert isinstance(stats, DayStats)
    assert (stats.last, stats.volume) == (Decimal("200.0000"), Decimal("9.0000"))


@pytest.mark.parametrize("word", ["openInterest", "optionOpenInterest"])
def test_open_interest_is_known_under_both_names(word: str) -> None:
    (line,) = (line for line in STREAMS if b"OpenInterest@" in line)
    found = events(line.replace(b"optionOpenInterest", word.encode()))
    assert [
        (event.instrument_name, event.open_interest)
        for event in found
        if isinstance(event, OpenInterestUpdate)
    ] == [
        ("BTC-251219-89000-C", Decimal("123.45")),
        ("BTC-251218-89000-P", Decimal("67.89")),
    ]


def test_index_of_each_underlying_comes_in_one_message() -> None:
    assert events(INDEX_PUSH) == tuple(
        IndexUpdate(
            venue="binance",
            index_name=name,
            event_ns=1763092572229 * MS,
            recv_ns=RECV_NS,
            price=Decimal(price),
        )
        for name, price in (("ETHUSDT", "3224.51976744"), ("BTCUSDT", "99102.32326087"))
    )


def test_new_symbol_is_listed() -> None:
    assert events(NEW_SYMBOL_PUSH) == (
        InstrumentStateChanged(
            venue="binance",
            instrument_name="BTC-250926-140000-C",
            event_ns=1669356423908 * MS,
            recv_ns=RECV_NS,
            state="trading",
            is_listed=True,
        ),
    )


def test_state_that_is_not_known_is_passed_on_and_counted() -> None:
    changed, counted = events(NEW_SYMBOL_PUSH.replace(b'"TRADING"', b'"ASLEEP"'))
    assert isinstance(changed, InstrumentStateChanged)
    assert (changed.state, changed.is_listed) == ("asleep", True)
    assert isinstance(counted, FrameSetAside)
    assert (counted.kind, counted.is_refused) == ("unknown_state", False)


def test_delivered_symbol_leaves_the_market() -> None:
    (changed,) = events(NEW_SYMBOL_PUSH.replace(b'"TRADING"', b'"DELIVERED"'))
    assert isinstance(changed, InstrumentStateChanged)
    assert not changed.is_listed


def test_change_of_a_book_keeps_removed_levels() -> None:
    (change,) = events(depth_push(11, 12, 10))
    assert isinstance(change, BookChange)
    assert (change.first_id, change.change_id, change.previous_id) == (11, 12, 10)
    assert change.bids[1] == (Decimal("16.4000"), Decimal(0))


@pytest.mark.parametrize("line", RETIRED, ids=lambda line: json.loads(line)["stream"])
def test_streams_of_the_format_before_2026_are_refused_by_name(line: bytes) -> None:
    (refused,) = events(line)
    assert isinstance(refused, FrameSetAside)
    assert (refused.kind, refused.is_refused) == ("retired_stream", True)


@pytest.mark.parametrize(
    "case", [case for case in CAPTURED if case[0] in ("websocket", "user_stream")]
)
def test_messages_of_2024_make_no_market_data(case: tuple[str, str]) -> None:
    made = events(json.dumps(CAPTURED[case]).encode())
    assert [type(event) for event in made] == [FrameSetAside]


def test_captured_exchange_info_lists_its_option() -> None:
    body = CAPTURED["exchange_info", "TestExchangeInfo"]
    btc, eth = events(rest("exchangeInfo", body))
    assert isinstance(btc, InstrumentsListed)
    assert isinstance(eth, InstrumentsListed)
    assert (eth.underlying, eth.instruments) == ("ETH", ())
    (option,) = btc.instruments
    assert option.name == "BTC-220815-50000-C"
    assert (option.settlement, option.option_type) == (Settlement.LINEAR, OptionType.CALL)
    assert (option.quote_currency, option.settlement_currency) == ("USDT", "USDT")
    assert (option.underlying, option.index_name) == ("BTC", "BTCUSDT")
    # The record says midnight; what the list says counts, not the hour that is usual.
    assert option.expiry_ns == parse_instant("2022-08-15T00:00:00Z")
    assert option.strike == Decimal(50000)
    assert (option.ticks.tick, option.ticks.origin) == (Decimal("0.01"), Decimal(0))
    assert (option.amount_min, option.amount_step) == (Decimal("0.01"), Decimal("0.01"))
    assert (option.maker_fee, option.taker_fee) == (Decimal("0.0002"), Decimal("0.0002"))
    assert btc.event_ns == 1592387337630 * MS


def test_list_of_today_has_no_fees_and_ticks_from_the_lowest_price() -> None:
    record = symbol_record("ETH-251219-3100-C")
    record["filters"][0]["minPrice"] = "0.1000"
    listings = events(rest("exchangeInfo", exchange_info(record)))
    (option,) = (i for e in listings if isinstance(e, InstrumentsListed) for i in e.instruments)
    assert (option.maker_fee, option.taker_fee) == (None, None)
    assert (option.ticks.tick, option.ticks.origin) == (Decimal("0.2"), Decimal("0.1"))
    assert option.to_tick(Decimal("16.6"), Side.BUY) == Decimal("16.5")
    assert option.to_tick(Decimal("16.6"), Side.SELL) == Decimal("16.7")


def test_list_is_that_of_the_coins_asked_for() -> None:
    listed = [
        (e.underlying, tuple(i.name for i in e.instruments))
        for e in events(rest("exchangeInfo", exchange_info(), coins=("ETH",)))
        if isinstance(e, InstrumentsListed)
    ]
    assert listed == [("ETH", SYMBOLS[2:])]


def test_unit_is_the_contract_size() -> None:
    record = symbol_record("XRP-251219-2.05-P", unit=100)
    (listing,) = events(rest("exchangeInfo", exchange_info(record), coins=("XRP",)))
    assert isinstance(listing, InstrumentsListed)
    assert listing.instruments[0].contract_size == Decimal(100)


def test_captured_index_is_that_of_the_underlying_asked_for() -> None:
    body = CAPTURED["index", "TestIndex"]
    (index,) = events(rest("index", body, query="underlying=BTCUSDT"))
    assert isinstance(index, IndexUpdate)
    assert (index.index_name, index.price) == ("BTCUSDT", Decimal("68193.79851064"))
    assert index.event_ns == 1717036339000 * MS


def test_captured_mark_has_the_time_of_the_question() -> None:
    (mark,) = events(rest("mark", CAPTURED["mark", "TestMark"]))
    assert isinstance(mark, MarkUpdate)
    assert mark.event_ns == ASKED_MS * MS
    assert (mark.mark, mark.venue_mark_iv) == (Decimal("2986.3"), 0.575)
    assert (mark.venue_bid_iv, mark.venue_ask_iv) == (6e-7, None)
    assert mark.venue_greeks == VenueGreeks(delta=1.0, gamma=0.0, vega=0.0, theta=0.0)


def test_captured_ticker_has_the_time_of_the_question() -> None:
    (stats,) = events(rest("ticker", CAPTURED["ticker", "TestTicker"]))
    assert isinstance(stats, DayStats)
    assert (stats.event_ns, stats.last, stats.volume) == (
        ASKED_MS * MS,
        Decimal("3010.6"),
        Decimal(0),
    )


def test_answers_of_other_coins_are_passed_over() -> None:
    body = CAPTURED["mark", "TestMark"]
    assert events(rest("mark", body, coins=("BTC",))) == ()


def test_depth_of_2024_is_refused_for_its_old_id() -> None:
    (refused,) = events(rest("depth", CAPTURED["depth", "TestDepth"], query="symbol=X"))
    assert isinstance(refused, FrameSetAside)
    assert (refused.kind, "lastUpdateId" in refused.detail) == ("missing_field", True)


def test_depth_answer_is_a_snapshot_of_the_symbol_asked_for() -> None:
    body = dict(CAPTURED["depth", "TestDepth"])
    body["lastUpdateId"] = body.pop("u")
    (book,) = events(rest("depth", body, query=f"symbol={SYMBOLS[0]}&limit=1000"))
    assert book == BookSnapshot(
        venue="binance",
        instrument_name=SYMBOLS[0],
        event_ns=1589436922972 * MS,
        recv_ns=RECV_NS,
        change_id=1027024,
        bids=((Decimal("4.00000000"), Decimal("431.00000000")),),
        asks=((Decimal("4.00000200"), Decimal("12.00000000")),),
    )


def test_server_time_is_the_venues_clock() -> None:
    assert events(rest("time", {"serverTime": ASKED_MS})) == (
        VenueTime(venue="binance", event_ns=ASKED_MS * MS, recv_ns=RECV_NS),
    )


@pytest.mark.parametrize(
    "payload",
    [b'{"result":null,"id":1}', b'{"result":["btcusdt@optionMarkPrice"],"id":3}', b"PING"],
    ids=["subscribed", "listed", "ping"],
)
def test_answers_to_subscribe_give_nothing(payload: bytes) -> None:
    assert events(rest("ping", {}) if payload == b"PING" else payload) == ()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (rest("mark", {"code": -1003, "msg": "Too many"}, status=429), "HTTP 429, -1003 Too many"),
        (rest("mark", b"<html>Bad gateway</html>", status=502), "HTTP 502, <html>Bad gateway"),
        (rest("mark", {"detail": 1}, status=403), 'HTTP 403, {"detail":1}'),
        (b'{"code":2,"msg":"Invalid request: too many parameters"}', "2 Invalid request"),
        (b'{"error":{"code":3,"msg":"Invalid JSON"},"id":4}', "stream request 4: 3 Invalid"),
    ],
)
def test_refusals_are_counted_as_the_venues_errors(payload: bytes, words: str) -> None:
    (refused,) = events(payload)
    assert isinstance(refused, FrameSetAside)
    assert refused.kind == "venue_error"
    assert words in refused.detail
