"""Broken and hostile frames: nothing raises, nothing false becomes a price, one bad record of a
list costs no more than itself."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.events import (
    FrameSetAside,
    InstrumentsListed,
    MarketEvent,
    MarkUpdate,
    TopOfBook,
)
from quantdesk.venues.binance import events_of
from quantdesk.venues.binance.reading import FRAME_BYTES_MAX

from .payloads import (
    CAPTURED,
    INDEX_PUSH,
    NEW_SYMBOL_PUSH,
    STREAMS,
    SYMBOLS,
    TICKERS_PUSH,
    depth_push,
    exchange_info,
    frame,
    rest,
    symbol_record,
)

BOOK = STREAMS[3]
MARKS = STREAMS[7]
STAMP = 1765983429000
PUSHES = [*STREAMS, INDEX_PUSH, NEW_SYMBOL_PUSH, TICKERS_PUSH, depth_push(11, 12, 10)]
ANSWERS = [
    rest("exchangeInfo", exchange_info()),
    rest("mark", CAPTURED["mark", "TestMark"]),
    rest("ticker", CAPTURED["ticker", "TestTicker"]),
    rest("index", CAPTURED["index", "TestIndex"], query="underlying=BTCUSDT"),
    rest("time", {"serverTime": 1765983429000}),
    rest(
        "depth",
        {"bids": [["4.0", "431.0"]], "asks": [], "T": 1765983429000, "lastUpdateId": 7},
        query=f"symbol={SYMBOLS[0]}",
    ),
]


def events(payload: bytes) -> tuple[MarketEvent, ...]:
    return events_of(frame(payload))


def only_refusal(payload: bytes) -> FrameSetAside:
    """The one event of a frame that is refused whole."""
    (refused,) = events(payload)
    assert isinstance(refused, FrameSetAside)
    assert refused.is_refused
    return refused


def changed_book(field: str, token: str) -> bytes:
    """The captured book ticker with `field` written as `token`."""
    text = BOOK.decode()
    data = json.loads(text)["data"]
    old = f'"{field}":{json.dumps(data[field])}'
    assert text.count(old) == 1
    return text.replace(old, f'"{field}":{token}').encode()


NOT_NUMBERS = [
    '"NaN"',
    '"Infinity"',
    '"-Infinity"',
    '"1_000"',
    '" 1"',
    '"1 "',
    '"+1"',
    '"0x10"',
    '"1e"',
    '"1,5"',
    '"1.2.3"',
    '".5"',
    '""',
    '"１"',
    '"١"',
    '"--1"',
    '"1E1000"',
    f'"{"9" * 40}"',
]


@pytest.mark.parametrize("field", ["b", "B", "a", "A"])
@pytest.mark.parametrize("token", NOT_NUMBERS)
def test_text_that_is_no_number_makes_no_quote(field: str, token: str) -> None:
    assert only_refusal(changed_book(field, token)).kind == "bad_field"


@pytest.mark.parametrize("field", ["b", "B", "a", "A"])
@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("5.8", "bad_field"),
        ("true", "bad_field"),
        ("null", "bad_field"),
        ("[]", "bad_field"),
        ("NaN", "not_json"),
        ("-Infinity", "not_json"),
        ('"-1"', "out_of_range"),
        ('"1e20"', "out_of_range"),
        ('"1e-20"', "out_of_range"),
    ],
)
def test_number_of_another_type_or_size_makes_no_quote(field: str, token: str, kind: str) -> None:
    assert only_refusal(changed_book(field, token)).kind == kind


@pytest.mark.parametrize("field", ["E", "T", "u"])
@pytest.mark.parametrize("token", ['"1765983419927"', "1.5", "null", "1e300", "9" * 20, "-1"])
def test_stamp_of_another_type_makes_no_quote(field: str, token: str) -> None:
    assert only_refusal(changed_book(field, token)).kind in ("bad_field", "out_of_range")


@pytest.mark.parametrize("token", ["1765983419", "1765983419927000", "0"])
def test_stamp_in_another_unit_makes_no_quote(token: str) -> None:
    assert only_refusal(changed_book("E", token)).kind == "out_of_range"


@pytest.mark.parametrize("field", ["e", "s", "b", "B", "a", "A", "E"])
def test_missing_field_makes_no_quote(field: str) -> None:
    message = json.loads(BOOK)
    del message["data"][field]
    refused = only_refusal(json.dumps(message, separators=(",", ":")).encode())
    assert (refused.kind, f"`{field}`" in refused.detail) == ("missing_field", True)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b'"s":"ETH-251218', b'"s":"ETH-251219', "bad_field"),
        (b'"e":"bookTicker"', b'"e":"trade"', "bad_field"),
        (b'"u":', b'"b":"1","u":', "duplicate_field"),
        (b'{"stream":', b'{"data":1,"stream":', "duplicate_field"),
        (b'"stream":', b'"stream":"x@bookTicker","stream":', "duplicate_field"),
        (b'"ETH-', b'"\\ud800ETH-', "not_json"),
        (b"eth-251218-3100-c@bookTicker", b"eth-251218-3100-c@ticker", "retired_stream"),
        (b"eth-251218-3100-c@bookTicker", b"eth-251218-3100-c@newThing", "unknown_channel"),
        (b"eth-251218-3100-c@bookTicker", b"", "unknown_channel"),
        (b'"data":{', b'"data":"x","y":{', "bad_field"),
        (b'"data"', b'"dada"', "missing_field"),
        (b'"stream"', b'"steam"', "bad_envelope"),
    ],
)
def test_message_that_contradicts_itself_is_refused(old: bytes, new: bytes, kind: str) -> None:
    assert BOOK.count(old) == 1
    assert only_refusal(BOOK.replace(old, new)).kind == kind


def test_symbol_that_is_no_option_is_refused() -> None:
    payload = BOOK.replace(b"ETH-251218-3100-C", b"ETH-251218-3100-X")
    assert only_refusal(payload.replace(b"3100-c@", b"3100-x@")).kind == "unknown_kind"


def test_unknown_field_is_named_and_the_rest_is_used() -> None:
    top, counted = events(BOOK.replace(b'"u":', b'"zz":[{"b":"1"}],"u":'))
    assert isinstance(top, TopOfBook)
    assert top.bid == Decimal("5.8000")
    assert isinstance(counted, FrameSetAside)
    assert (counted.kind, counted.detail, counted.is_refused) == (
        "unknown_field",
        "data.zz",
        False,
    )


def test_escaped_text_is_read_like_plain_text() -> None:
    assert events(BOOK.replace(b'"s":"ETH', b'"s":"\\u0045TH')) == events(BOOK)


def test_reordered_and_spaced_message_is_the_same_message() -> None:
    message = json.loads(BOOK)
    data = dict(reversed(message["data"].items()))
    spaced = json.dumps({"data": data, "stream": message["stream"]}, indent=2).encode()
    assert events(spaced) == events(BOOK)


def test_price_without_size_is_no_quote() -> None:
    (top,) = events(changed_book("B", '"0.00"'))
    assert isinstance(top, TopOfBook)
    assert (top.bid, top.bid_size, top.ask) == (None, None, Decimal("6.4000"))


def mark_records(count: int) -> list[dict[str, Any]]:
    """Copies of the captured mark record, one strike each."""
    (record,) = json.loads(MARKS)["data"]
    return [{**record, "s": f"BTC-251219-{80_000 + 1_000 * k}-C"} for k in range(count)]


def marks_push(records: list[Any]) -> bytes:
    message = {"stream": "btcusdt@optionMarkPrice", "data": records}
    return json.dumps(message, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"mp": "NaN"}, "bad_field"),
        ({"mp": "-5"}, "out_of_range"),
        ({"mp": 1450.5}, "bad_field"),
        ({"vo": "1e9"}, "out_of_range"),
        ({"d": "1e99"}, "out_of_range"),
        ({"g": "inf"}, "bad_field"),
        ({"E": 5}, "out_of_range"),
        ({"s": "BTCUSDT"}, "unknown_kind"),
        ({"s": "ETH-251219-3100-C"}, "bad_field"),
        ({"s": "BTC-251319-3100-C"}, "unknown_kind"),
        ({"e": "trade"}, "bad_field"),
    ],
)
def test_bad_record_of_a_list_costs_no_more_than_itself(change: dict[str, Any], kind: str) -> None:
    records = mark_records(3)
    records[1].update(change)
    made = events(marks_push(records))
    assert [e.instrument_name for e in made if isinstance(e, MarkUpdate)] == [
        "BTC-251219-80000-C",
        "BTC-251219-82000-C",
    ]
    (counted,) = (event for event in made if isinstance(event, FrameSetAside))
    assert (counted.kind, counted.is_refused) == (kind, False)
    assert "1 records left out" in counted.detail


def test_record_with_a_field_twice_costs_no_more_than_itself() -> None:
    payload = marks_push(mark_records(3))
    payload = payload.replace(b'"s":"BTC-251219-81000-C"', b'"s":"BTC-251219-81000-C","mp":"1"')
    made = events(payload)
    assert sum(isinstance(event, MarkUpdate) for event in made) == 2
    (counted,) = (event for event in made if isinstance(event, FrameSetAside))
    assert counted.kind == "duplicate_field"


def test_unknown_field_of_a_list_is_named_once() -> None:
    records = [{**record, "new": "1"} for record in mark_records(3)]
    made = events(marks_push(records))
    assert sum(isinstance(event, MarkUpdate) for event in made) == 3
    (counted,) = (event for event in made if isinstance(event, FrameSetAside))
    assert (counted.kind, counted.detail) == ("unknown_field", "data.new")


def test_empty_list_says_nothing() -> None:
    assert events(marks_push([])) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"symbol": "BTC-251218-89000-X"}, "symbol"),
        ({"side": "CALL"}, "side"),
        ({"side": "BOTH"}, "side"),
        ({"strikePrice": "90000"}, "strikePrice"),
        ({"strikePrice": "x"}, "strikePrice"),
        ({"expiryDate": 1766044800}, "expiryDate"),
        ({"unit": 0}, "unit"),
        ({"unit": "1"}, "bad_field"),
        ({"unit": 1.5}, "bad_field"),
        ({"minQty": "0"}, "minQty"),
        ({"filters": []}, "filter LOT_SIZE"),
        ({"filters": [{"filterType": "LOT_SIZE", "stepSize": "0.01"}]}, "filter PRICE_FILTER"),
        ({"filters": None}, "bad_field"),
        ({"quoteAsset": "US DT"}, "quoteAsset"),
        ({"makerFeeRate": "1.5"}, "makerFeeRate"),
        ({"underlying": "SOLUSDT"}, "underlying without contract"),
    ],
)
def test_bad_record_is_left_out_of_the_list_and_counted(
    change: dict[str, Any], reason: str
) -> None:
    records = [symbol_record(symbol) for symbol in SYMBOLS]
    records[0].update(change)
    made = events(rest("exchangeInfo", exchange_info(*records)))
    btc, eth = (event for event in made if isinstance(event, InstrumentsListed))
    assert [instrument.name for instrument in btc.instruments] == [SYMBOLS[1]]
    assert btc.unknown_kinds == ((reason, 1),)
    assert [instrument.name for instrument in eth.instruments] == list(SYMBOLS[2:])


def test_symbol_listed_twice_is_counted() -> None:
    records = [symbol_record(SYMBOLS[0])] * 2
    (listing,) = events(rest("exchangeInfo", exchange_info(*records), coins=("BTC",)))
    assert isinstance(listing, InstrumentsListed)
    assert (len(listing.instruments), listing.unknown_kinds) == (1, (("listed twice", 1),))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'{"optionSymbols":[]}',
        b"[1,2]}",
        b'null,"rest":{}',
        b'{"a":1},"body":{}',
        b"[" * 5_000 + b"]" * 5_000,
        b"\xff\xfe",
    ],
)
def test_body_can_not_break_out_of_its_envelope(body: bytes) -> None:
    refused = only_refusal(rest("exchangeInfo", body))
    assert refused.kind in ("not_json", "missing_field", "bad_field")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1,"x":1'),
        (b'"body"', b'"text":"x","body"'),
        (b'"body"', b'"data"'),
        (b'"body":', b'"body":1,"body":'),
        (b'"status":200', b'"status":"200"'),
        (b'{"rest"', b'{"id":3,"result":null,"rest":{},"rest"'),
    ],
)
def test_envelope_of_another_make_is_refused(old: bytes, new: bytes) -> None:
    payload = rest("time", {"serverTime": 1765983429000})
    assert payload.count(old) == 1
    refused = only_refusal(payload.replace(old, new))
    assert refused.kind in ("bad_envelope", "bad_field", "duplicate_field")


@pytest.mark.parametrize(
    ("name", "body", "query", "kind"),
    [
        (
            "depth",
            {"bids": [], "asks": [], "T": 1765983429000, "lastUpdateId": 1},
            "",
            "bad_envelope",
        ),
        ("index", {"indexPrice": "5", "time": STAMP}, "symbol=X", "bad_envelope"),
        ("index", {"indexPrice": "0", "time": STAMP}, "underlying=BTCUSDT", "out_of_range"),
        ("index", {"indexPrice": "5", "time": 5}, "underlying=BTCUSDT", "out_of_range"),
        ("time", {"serverTime": 5}, "", "out_of_range"),
        ("klines", [], "", "unknown_method"),
        ("../v2/time", {"serverTime": 1765983429000}, "", "unknown_method"),
    ],
)
def test_answer_that_makes_no_sense_is_refused(
    name: str, body: object, query: str, kind: str
) -> None:
    assert only_refusal(rest(name, body, query=query)).kind == kind


def test_marks_asked_for_at_an_unknown_time_are_refused() -> None:
    assert only_refusal(rest("mark", CAPTURED["mark", "TestMark"], asked_ms=None)).kind == (
        "bad_envelope"
    )


@pytest.mark.parametrize(
    ("levels", "kind"),
    [
        ([["1"]], "bad_field"),
        ([["1", "2", "3"]], "bad_field"),
        ([["0", "2"]], "out_of_range"),
        ([["1", "-2"]], "out_of_range"),
        ([["1", "NaN"]], "bad_field"),
        ([[1, "2"]], "bad_field"),
        ([["1", "2"]] * 1001, "too_large"),
    ],
)
def test_level_that_makes_no_sense_refuses_the_whole_change(levels: list[Any], kind: str) -> None:
    message = json.loads(depth_push(11, 12, 10))
    message["data"]["b"] = levels
    assert only_refusal(json.dumps(message).encode()).kind == kind


def test_change_that_ends_before_it_begins_is_refused() -> None:
    assert only_refusal(depth_push(12, 11, 10)).kind == "bad_field"


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"null", "bad_field"),
        (b"[]", "bad_field"),
        (b"{}", "bad_envelope"),
        (b'{"result":null}', "bad_envelope"),
        (b'{"result":null,"id":"1"}', "bad_field"),
        (b'{"id":1}', "bad_envelope"),
        (b"\xff", "not_utf8"),
        (b"[" * 100_000, "too_deep"),
        (b" " * (FRAME_BYTES_MAX + 1), "too_large"),
    ],
)
def test_bytes_that_are_no_message_are_refused(payload: bytes, kind: str) -> None:
    refused = only_refusal(payload)
    assert refused.kind in (kind, "bad_field" if kind == "too_deep" else kind)
    assert len(refused.detail) <= 200
    assert len(refused.sample) <= 200


def test_push_beyond_its_bound_is_refused() -> None:
    assert only_refusal(marks_push(mark_records(8_000))).kind == "too_large"


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_make_events(payload: bytes) -> None:
    assert all(isinstance(event, FrameSetAside) for event in events(payload))


@settings(max_examples=400)
@given(st.integers(0, len(PUSHES + ANSWERS) - 1), st.integers(0, 2**32))
def test_any_cut_and_flip_of_a_real_message_makes_events(which: int, seed: int) -> None:
    rng = random.Random(seed)
    payload = bytearray((PUSHES + ANSWERS)[which])
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(payload))
        match rng.randrange(4):
            case 0:
                payload[at] = rng.randrange(256)
            case 1:
                del payload[at : at + rng.randrange(20)]
            case 2:
                payload[at:at] = rng.choice((b'"', b"{", b",", b"null", b"9", b"-", b"\\u0000"))
            case _:
                payload[at:at] = payload[at : at + rng.randrange(60)]
    for event in events(bytes(payload)):
        if isinstance(event, TopOfBook):
            assert event.bid is None or event.bid > 0
        if isinstance(event, MarkUpdate):
            assert event.mark is None or event.mark >= 0


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.sampled_from(PUSHES), st.data())
def test_any_value_in_any_field_makes_events(payload: bytes, data: st.DataObject) -> None:
    message = json.loads(payload)
    records = message["data"] if isinstance(message["data"], list) else [message["data"]]
    record = data.draw(st.sampled_from(records))
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JSON_VALUES)
    assert events(json.dumps(message).encode()) is not None
