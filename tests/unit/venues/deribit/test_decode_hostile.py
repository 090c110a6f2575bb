"""Broken and hostile bytes: counted, named, never an exception, never a wrong number."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quantdesk.domain.events import (
    FrameSetAside,
    InstrumentsListed,
    MarketEvent,
    QuoteUpdate,
    RawFrame,
)
from quantdesk.venues.deribit import events_of

NUMERIC_FIELDS = (
    "timestamp",
    "best_bid_price",
    "best_bid_amount",
    "best_ask_price",
    "best_ask_amount",
    "mark_price",
    "index_price",
    "last_price",
    "open_interest",
    "underlying_price",
    "mark_iv",
    "bid_iv",
    "ask_iv",
    "interest_rate",
    "min_price",
    "max_price",
    "settlement_price",
)
REQUIRED = {
    "timestamp",
    "best_bid_price",
    "best_bid_amount",
    "best_ask_price",
    "best_ask_amount",
    "mark_price",
}
NOT_USED = {"interest_rate", "min_price", "max_price", "settlement_price"}
FLOATS = {"mark_iv", "bid_iv", "ask_iv", *NOT_USED}
GREEKS = ("delta", "gamma", "vega", "theta", "rho")


def as_frame(payload: bytes) -> RawFrame:
    return RawFrame(venue="deribit", connection="c", recv_ns=5, payload=payload)


def replaced(payload: bytes, field: str, token: str | None) -> bytes:
    """`payload` with the number of `field` replaced by `token`; None takes the field out."""
    text = payload.decode()
    start = text.index(f'"{field}":')
    after = start + len(field) + 3
    end = after + json.JSONDecoder().raw_decode(text[after:])[1]
    if token is not None:
        return (text[:after] + token + text[end:]).encode()
    end += text[end] == ","
    whole = text[:start] + text[end:]
    return whole.replace(",}", "}").encode()


def set_aside(events: tuple[MarketEvent, ...]) -> FrameSetAside:
    """The one event, which must say that the frame was refused."""
    (event,) = events
    assert isinstance(event, FrameSetAside)
    assert event.is_refused
    return event


def numbers_in(value: object) -> Iterator[float]:
    """Every number anywhere in an event."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float | Decimal):
        yield float(value)
    elif isinstance(value, tuple):
        for part in value:
            yield from numbers_in(part)
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers_in(getattr(value, field.name))


def assert_sound(events: tuple[MarketEvent, ...]) -> None:
    """What must hold for any bytes whatever."""
    for event in events:
        assert all(math.isfinite(number) for number in numbers_in(event))
        if isinstance(event, FrameSetAside):
            assert len(event.sample) <= 200
            assert len(event.detail) <= 200
            assert event.sample.isascii()
            assert event.sample.isprintable()
            assert event.detail.isprintable()


@pytest.mark.parametrize("field", NUMERIC_FIELDS + GREEKS)
@pytest.mark.parametrize(
    ("token", "kinds"),
    [
        ("NaN", {"not_json"}),
        ("Infinity", {"not_json"}),
        ("-Infinity", {"not_json"}),
        ("0x10", {"not_json"}),
        ("01", {"not_json"}),
        ("1.", {"not_json"}),
        ("+1", {"not_json"}),
        ("1e400", {"out_of_range", "bad_field"}),
        ("1E+400", {"out_of_range", "bad_field"}),
        ("-1e400", {"out_of_range", "bad_field"}),
        ("1e999999999999999999999", {"out_of_range", "bad_field"}),
        ('""', {"bad_field"}),
        ('"1.5"', {"bad_field"}),
        ('"NaN"', {"bad_field"}),
        ('"0x10"', {"bad_field"}),
        ("true", {"bad_field"}),
        ("[1]", {"bad_field"}),
        ('{"a":1}', {"bad_field"}),
    ],
)
def test_a_number_that_is_none_refuses_the_frame(
    field: str, token: str, kinds: set[str], option_frame: bytes
) -> None:
    event = set_aside(events_of(as_frame(replaced(option_frame, field, token))))
    assert event.kind in kinds


@pytest.mark.parametrize("field", NUMERIC_FIELDS)
def test_a_thirty_digit_integer_is_out_of_range(field: str, option_frame: bytes) -> None:
    events = events_of(as_frame(replaced(option_frame, field, "1" * 30)))
    assert_sound(events)
    if field not in NOT_USED:
        assert set_aside(events).kind == "out_of_range"


@pytest.mark.parametrize("field", sorted(set(NUMERIC_FIELDS) - FLOATS - {"timestamp"}))
@pytest.mark.parametrize("token", ["-1", "1e-300", "-0.0005", "1E+16"])
def test_a_price_outside_of_all_markets_is_refused(
    field: str, token: str, option_frame: bytes
) -> None:
    event = set_aside(events_of(as_frame(replaced(option_frame, field, token))))
    assert event.kind == "out_of_range"
    assert event.detail.startswith(field)


@pytest.mark.parametrize("token", ["0", "1626993723", "1626993723632000", "-1626993723632"])
def test_a_timestamp_in_another_unit_is_refused(token: str, option_frame: bytes) -> None:
    event = set_aside(events_of(as_frame(replaced(option_frame, "timestamp", token))))
    assert event.kind == "out_of_range"


@pytest.mark.parametrize("field", NUMERIC_FIELDS)
def test_null_is_absence_except_for_the_time(field: str, option_frame: bytes) -> None:
    (event,) = events_of(as_frame(replaced(option_frame, field, "null")))
    if field == "timestamp":
        assert isinstance(event, FrameSetAside)
        assert event.kind == "bad_field"
        return
    assert isinstance(event, QuoteUpdate)
    absent = {
        "best_bid_price": ("bid", "bid_size"),
        "best_bid_amount": ("bid", "bid_size"),
        "best_ask_price": ("ask", "ask_size"),
        "best_ask_amount": ("ask", "ask_size"),
        "mark_price": ("mark",),
        "index_price": ("index_price",),
        "last_price": ("last",),
        "open_interest": ("open_interest",),
        "underlying_price": ("forward",),
        "mark_iv": ("venue_mark_iv",),
        "bid_iv": ("venue_bid_iv",),
        "ask_iv": ("venue_ask_iv",),
    }
    for name in absent.get(field, ()):
        assert getattr(event, name) is None


@pytest.mark.parametrize("field", NUMERIC_FIELDS)
def test_a_missing_field_refuses_the_frame_only_where_it_is_needed(
    field: str, option_frame: bytes
) -> None:
    (event,) = events_of(as_frame(replaced(option_frame, field, None)))
    if field in REQUIRED:
        assert isinstance(event, FrameSetAside)
        assert event.kind == "missing_field"
    else:
        assert isinstance(event, QuoteUpdate)


@pytest.mark.parametrize("field", NUMERIC_FIELDS + GREEKS)
def test_a_repeated_field_refuses_the_frame(field: str, option_frame: bytes) -> None:
    text = option_frame.decode()
    at = text.index(f'"{field}":')
    twice = text[:at] + f'"{field}":2,' + text[at:]
    event = set_aside(events_of(as_frame(twice.encode())))
    assert event.kind == "duplicate_field"
    assert field in event.detail


@pytest.mark.parametrize(
    "part",
    ['"jsonrpc":"2.0",', '"method":"subscription",', '"params":{},', '"params":{"data":{}},'],
)
def test_a_repeated_field_of_the_envelope_refuses_the_frame(part: str, option_frame: bytes) -> None:
    twice = b"{" + part.encode() + option_frame[1:]
    assert set_aside(events_of(as_frame(twice))).kind == "duplicate_field"


def test_a_repeated_key_written_with_an_escape_is_still_found(option_frame: bytes) -> None:
    twice = option_frame.replace(b'"mark_price":', b'"mark\\u005fprice":2,"mark_price":')
    assert set_aside(events_of(as_frame(twice))).kind == "duplicate_field"


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b'"state":"open"', b'"state":"open","theo":"x"', "params.data.theo"),
        (b'"state":"open"', b'"state":"open","theo":{"a":[1,"b",null]}', "params.data.theo"),
        (b'"delta":', b'"charm":0.5,"delta":', "params.data.greeks.charm"),
        (b'"volume":', b'"trades":5,"volume":', "params.data.stats.trades"),
        (b'"params":{', b'"params":{"seq":7,', "params.seq"),
        (b'{"jsonrpc"', b'{"node":"a","jsonrpc"', "node"),
    ],
)
def test_an_unknown_field_is_counted_and_the_rest_used(
    old: bytes, new: bytes, path: str, option_frame: bytes
) -> None:
    (clean,) = events_of(as_frame(option_frame))
    quote, note = events_of(as_frame(option_frame.replace(old, new, 1)))
    assert quote == clean
    assert isinstance(note, FrameSetAside)
    assert (note.kind, note.detail, note.is_refused) == ("unknown_field", path, False)


@pytest.mark.parametrize("token", ["1e400", "NaN", '"\\ud800"'])
def test_an_unknown_field_that_holds_nonsense_refuses_the_frame(
    token: str, option_frame: bytes
) -> None:
    changed = option_frame.replace(b'"state":', f'"theo":{token},"state":'.encode(), 1)
    set_aside(events_of(as_frame(changed)))


def test_a_repeat_among_half_a_million_keys_is_found_in_good_time() -> None:
    keys = ",".join(f'"{number}":1' for number in range(500_000))
    result = '{"x":1,' + keys + ',"x":2}'
    payload = f'{{"jsonrpc":"2.0","id":"public/hello##1","result":{result}}}'.encode()
    event = set_aside(events_of(as_frame(payload)))
    assert (event.kind, event.detail[:1]) == ("duplicate_field", "x")


def test_whitespace_and_escapes_change_nothing(option_frame: bytes) -> None:
    (clean,) = events_of(as_frame(option_frame))
    spaced = json.dumps(json.loads(option_frame), indent=2).encode()
    escaped = option_frame.replace(b'"open"', b'"o\\u0070en"')
    assert events_of(as_frame(spaced)) == (clean,)
    assert events_of(as_frame(escaped)) == (clean,)


def test_a_frame_cut_anywhere_is_not_json(option_frame: bytes) -> None:
    for length in range(len(option_frame)):
        event = set_aside(events_of(as_frame(option_frame[:length])))
        assert event.kind in ("not_json", "missing_field", "bad_envelope"), length


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "not_json"),
        (b" ", "not_json"),
        (b"null", "bad_field"),
        (b"[]", "bad_field"),
        (b"{}", "missing_field"),
        (b"<html><body>502 Bad Gateway</body></html>", "not_json"),
        (b"\x00\x01\x02\xff", "not_utf8"),
        (bytes(range(256)), "not_utf8"),
        (b"[" * 100_000, "bad_field"),
        (b'{"jsonrpc":' + b"[" * 100_000, "bad_field"),
        (b'{"a":' * 100_000, "too_deep"),
        (b'{"jsonrpc":"2.0","id":"public/test##1","result":' + b"[" * 100_000, "too_deep"),
        (b'{"jsonrpc":"2.0"}', "bad_envelope"),
        (b'{"jsonrpc":"1.0","id":1,"result":1}', "bad_envelope"),
        (b'{"jsonrpc":"2.0","id":1,"result":1}', "foreign_answer"),
        (b'{"jsonrpc":"2.0","id":null,"result":1}', "foreign_answer"),
        (b'{"jsonrpc":"2.0","id":"me#1","result":1}', "foreign_answer"),
        (b'{"jsonrpc":"2.0","id":"public/order##1","result":1}', "unknown_method"),
        (b'{"jsonrpc":"2.0","id":"public/get_time##1","result":"1"}', "bad_field"),
        (b'{"jsonrpc":"2.0","id":"public/get_time##1","result":1}', "out_of_range"),
        (b'{"jsonrpc":"2.0","id":"public/get_instruments#BTC#1","result":{}}', "bad_field"),
        (b'{"jsonrpc":"2.0","id":"public/subscribe##1","result":[1]}', "bad_field"),
        (b'{"jsonrpc":"2.0","method":"subscription","params":{}}', "missing_field"),
        (b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"x"}}', "bad_envelope"),
        (b'{"jsonrpc":"2.0","method":"x","params":{"type":"heartbeat"}}', "bad_envelope"),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"subscription","params":{"channel":"a"}}',
            "bad_envelope",
        ),
    ],
)
def test_what_is_no_message_is_named(payload: bytes, kind: str) -> None:
    assert set_aside(events_of(as_frame(payload))).kind == kind


def test_a_byte_order_mark_is_refused(option_frame: bytes) -> None:
    assert set_aside(events_of(as_frame(b"\xef\xbb\xbf" + option_frame))).kind == "not_json"


def test_a_frame_of_20_mb_is_refused_unread() -> None:
    payload = b'{"jsonrpc":"2.0","id":"public/test##1","result":"' + b"x" * 20_000_000 + b'"}'
    assert set_aside(events_of(as_frame(payload))).kind == "too_large"


def test_a_push_of_a_million_digits_is_refused(option_frame: bytes) -> None:
    changed = replaced(option_frame, "best_bid_price", "0." + "1" * 1_000_000)
    assert set_aside(events_of(as_frame(changed))).kind == "too_large"


def test_text_that_is_not_utf8_is_refused_even_where_nobody_looks(option_frame: bytes) -> None:
    changed = option_frame.replace(b'"state":', b'"theo":"\xff","state":', 1)
    assert set_aside(events_of(as_frame(changed))).kind == "not_utf8"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"instrument_name":"ETH-30JUL21-2800-C"', b'"instrument_name":"ETH-30JUL21-2900-C"'),
        (b'"underlying_index":"ETH-30JUL21"', b'"underlying_index":"\\u001b[31mETH"'),
        (b'"state":"open"', b'"state":"[bold]open"'),
    ],
)
def test_words_that_can_not_be_are_refused(old: bytes, new: bytes, option_frame: bytes) -> None:
    assert set_aside(events_of(as_frame(option_frame.replace(old, new, 1)))).kind == "bad_field"


def test_escape_codes_never_reach_the_sample() -> None:
    event = set_aside(events_of(as_frame(b"\x1b[2J\x07evil")))
    assert event.sample == ".[2J.evil"


def instruments_with(record: str, payload: bytes) -> bytes:
    return payload.replace(b'"result":[', f'"result":[{record},'.encode(), 1)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("null", "bad_field"),
        ("7", "bad_field"),
        ("{}", "missing_field"),
        ('{"kind":"option"}', "missing_field"),
        ("STRIKE:null", "strike"),
        ("STRIKE:0", "strike"),
        ("STRIKE:-5.0", "strike"),
        ("STRIKE:1E+400", "strike"),
        ('STRIKE:"60000"', "bad_field"),
        ('STRIKE:60000.0,"strike":1', "duplicate_field"),
        ('KIND:"warrant"', "kind warrant"),
        ('KIND:"\\u001b[31m"', "kind unreadable"),
    ],
)
def test_an_odd_instrument_is_counted_and_the_list_kept(
    record: str, reason: str, btc_2026: dict[str, bytes]
) -> None:
    payload = btc_2026["instruments"]
    text = payload.decode()
    first = text[text.index("[{") + 1 : text.index("},{") + 1]
    if record.startswith("STRIKE:"):
        record = first.replace('"strike":60000.0', '"strike":' + record.removeprefix("STRIKE:"))
    if record.startswith("KIND:"):
        record = first.replace('"kind":"option"', '"kind":' + record.removeprefix("KIND:"))
    events = events_of(as_frame(instruments_with(record, payload)))
    (listed,) = [event for event in events if isinstance(event, InstrumentsListed)]
    assert len(listed.instruments) == 16
    assert listed.unknown_kinds == ((reason, 1),)


def test_an_unknown_field_of_instruments_is_counted_once(btc_2026: dict[str, bytes]) -> None:
    payload = btc_2026["instruments"].replace(b'"kind":', b'"moon_phase":"full","kind":')
    events = events_of(as_frame(payload))
    (listed,) = [event for event in events if isinstance(event, InstrumentsListed)]
    (note,) = [event for event in events if isinstance(event, FrameSetAside)]
    assert len(listed.instruments) == 16
    assert (note.detail, note.is_refused) == ("result.moon_phase", False)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
@example(b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.","data":{}}}')
def test_any_bytes_give_sound_events(payload: bytes) -> None:
    assert_sound(events_of(as_frame(payload)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_change_of_a_captured_frame_gives_sound_events(
    data: st.DataObject, captured_frames: list[bytes], btc_2026: dict[str, bytes]
) -> None:
    samples = captured_frames + list(btc_2026.values())
    tree: Any = json.loads(data.draw(st.sampled_from(samples)))
    place: Any = tree
    while True:
        inner = [k for k, v in _items(place) if isinstance(v, dict | list) and v]
        if not inner or data.draw(st.booleans()):
            break
        place = place[data.draw(st.sampled_from(inner))]
    key = data.draw(st.sampled_from([k for k, _ in _items(place)]))
    place[key] = data.draw(JSON_VALUES)
    payload = json.dumps(tree).encode()
    first = events_of(as_frame(payload))
    assert_sound(first)
    assert events_of(as_frame(payload)) == first


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 900), new=st.binary(min_size=1, max_size=4), cut=st.integers(0, 4))
def test_any_damaged_byte_gives_sound_events(
    at: int, new: bytes, cut: int, option_frame: bytes
) -> None:
    assert_sound(events_of(as_frame(option_frame[:at] + new + option_frame[at + cut :])))


def _items(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else list(enumerate(value))
