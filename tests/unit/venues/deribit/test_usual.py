"""The shortcut for usual pushes gives what the long way gives, or nothing at all."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from quantdesk.domain.events import BookChange, QuoteUpdate, RawFrame, VenueGreeks
from quantdesk.domain.quick import quick
from quantdesk.errors import ProtocolError
from quantdesk.venues.deribit import events_of
from quantdesk.venues.deribit.decode import decode
from quantdesk.venues.deribit.normalize import to_events
from quantdesk.venues.deribit.usual import usual_events

FOLDER = Path(__file__).parents[3] / "fixtures" / "deribit"
BYTES = b'0123456789-+.eE"\\,:{}[]nulltruNaIfity \x00\xff'


def frame_of(payload: bytes) -> RawFrame:
    return RawFrame(venue="deribit", connection="test", recv_ns=5, payload=payload)


def captured() -> list[bytes]:
    with gzip.open(FOLDER / "ws_mixed_2021-07-22.txt.gz", "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n").partition(": ")[2].encode() for line in lines]


def push(channel: str, data: object) -> bytes:
    params = {"channel": channel, "data": data}
    body = {"jsonrpc": "2.0", "method": "subscription", "params": params}
    return json.dumps(body, separators=(",", ":")).encode()


def tickers() -> list[bytes]:
    given = json.loads((FOLDER / "rest_btc_2026-06-27.json").read_bytes())["tickers"]
    return [push(f"ticker.{each['instrument_name']}.100ms", each) for each in given]


def long_way(frame: RawFrame) -> object:
    try:
        return to_events(decode(frame.payload), frame)
    except ProtocolError as error:
        return error.kind


def change(**given: object) -> bytes:
    data = {
        "type": "change",
        "timestamp": 1_782_552_300_000,
        "instrument_name": "BTC-28JUN26-60000-C",
        "prev_change_id": 1_000,
        "change_id": 1_002,
        "bids": [["change", 0.046, 6.4], ["delete", 0.0485, 0.0], ["new", 0.05, 1.0]],
        "asks": [],
        **given,
    }
    return push("book.BTC-28JUN26-60000-C.100ms", data)


def test_each_usual_push_gives_the_events_of_the_long_way() -> None:
    frames = [frame_of(payload) for payload in [*captured(), *tickers(), change()]]
    usual = [(frame, events) for frame in frames if (events := usual_events(frame)) is not None]
    assert sum(type(events[0]) is QuoteUpdate for _, events in usual) > 100
    assert sum(type(events[0]) is BookChange for _, events in usual) > 20
    for frame, events in usual:
        assert events == long_way(frame)


def test_a_push_with_any_byte_changed_is_judged_as_the_long_way_judges_it() -> None:
    rng = random.Random(7)
    seeds = [*(p for p in captured() if b'"ticker.' in p[:80])][:10] + tickers()[:10] + [change()]
    both = 0
    for _ in range(6_000):
        payload = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(payload))
            payload[at : at + rng.randrange(2)] = bytes([rng.choice(BYTES)])
        frame = frame_of(bytes(payload))
        events = usual_events(frame)
        if events is not None:
            both += 1
            assert events == long_way(frame), payload
    assert both > 200


@pytest.mark.parametrize(
    "given",
    [
        {"bids": [["change", 0.05, 1.0], ["new", 0.05, 2.0]]},
        {"bids": [["moved", 0.05, 1.0]]},
        {"bids": [["new", -0.05, 1.0]]},
        {"bids": [["new", 0.05, 0.0]]},
        {"bids": [["new", "0.05", 1.0]]},
        {"timestamp": 1_782_552_300},
        {"instrument_name": "BTC-28JUN26-61000-C"},
        {"change_id": 1 << 63},
        {"prev_change_id": -1},
        {"type": "snapshot"},
        {"news": 1},
    ],
    ids=str,
)
def test_a_change_with_an_oddity_is_left_to_the_long_way(given: dict[str, object]) -> None:
    frame = frame_of(change(**given))
    assert usual_events(frame) is None
    assert events_of(frame)


def test_a_repeated_key_is_left_to_the_long_way() -> None:
    frame = frame_of(change().replace(b'"change_id":1002', b'"change_id":1002,"change_id":1003'))
    assert usual_events(frame) is None


def test_a_quick_value_equals_and_is_as_frozen_as_one_made_slowly() -> None:
    made = quick(VenueGreeks)(0.5, None, 1.0, None, None)
    assert made == VenueGreeks(delta=0.5, vega=1.0)
    assert hash(made) == hash(VenueGreeks(delta=0.5, vega=1.0))
    assert type(made) is VenueGreeks
    with pytest.raises(AttributeError):
        made.delta = 1.0  # type: ignore[misc]
