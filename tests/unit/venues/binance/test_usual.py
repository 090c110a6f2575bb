"""The shortcut for usual pushes gives what the long way gives, or nothing at all."""

from __future__ import annotations

import json
import random

import pytest

from quantdesk.domain.events import BookChange, RawFrame, TopOfBook
from quantdesk.errors import ProtocolError
from quantdesk.venues.binance import events_of
from quantdesk.venues.binance.decode import decode
from quantdesk.venues.binance.normalize import to_events
from quantdesk.venues.binance.usual import book_ids, usual_events

from .payloads import STREAMS

BYTES = b'0123456789-+.eE"\\,:{}[]@abstruUp \x00\xff'
STAMP_MS = 1_765_983_430_000
SYMBOL = "BTC-251218-89000-P"


def frame_of(payload: bytes) -> RawFrame:
    return RawFrame(venue="binance", connection="test", recv_ns=5, payload=payload)


def push(stream: str, data: object) -> bytes:
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


def change(stream: str = f"{SYMBOL.lower()}@depth@100ms", **given: object) -> bytes:
    data = {
        "e": "depthUpdate",
        "E": STAMP_MS,
        "T": STAMP_MS - 3,
        "s": SYMBOL,
        "U": 100,
        "u": 104,
        "pu": 99,
        "b": [["1250.0", "3.20"], ["1245.0", "0"]],
        "a": [["1290.0", "1.05"]],
        **given,
    }
    return push(stream, data)


def top(**given: object) -> bytes:
    data = {
        "e": "bookTicker",
        "u": 7,
        "s": SYMBOL,
        "b": "1250.0",
        "B": "3.2",
        "a": "0",
        "A": "0",
        "T": STAMP_MS,
        "E": STAMP_MS + 1,
        **given,
    }
    return push(f"{SYMBOL.lower()}@bookTicker", data)


def long_way(frame: RawFrame) -> object:
    try:
        return to_events(decode(frame.payload), frame)
    except ProtocolError as error:
        return error.kind


def test_a_usual_push_gives_the_event_of_the_long_way() -> None:
    kinds = []
    for payload in [*STREAMS, change(), top()]:
        frame = frame_of(payload)
        events = usual_events(frame)
        if events is not None:
            assert events == long_way(frame)
            kinds.append(type(events[0]))
    assert kinds.count(BookChange) >= 1
    assert kinds.count(TopOfBook) >= 1


def test_a_push_with_any_byte_changed_is_judged_as_the_long_way_judges_it() -> None:
    rng, both = random.Random(9), 0
    for _ in range(6_000):
        payload = bytearray(rng.choice([change(), top()]))
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
    "payload",
    [
        change(b=[["-1", "1"]]),
        change(b=[["1"]]),
        change(b=[["0", "1"]]),
        change(b=[["NaN", "1"]]),
        change(U=105),
        change(s="BTC-251219-89000-C"),
        change(e="depth"),
        change(E=1_765_983_430),
        change(new="field"),
        change(f"{SYMBOL.lower()}@depth@250ms"),
        top(b="Infinity"),
        top(b=1250.0),
        top(s="XX"),
    ],
    ids=range(13),
)
def test_an_oddity_is_left_to_the_long_way(payload: bytes) -> None:
    frame = frame_of(payload)
    assert usual_events(frame) is None
    assert events_of(frame)


def test_ids_of_a_change_are_read_without_its_levels() -> None:
    ids = book_ids(change())
    assert ids is not None
    assert (ids.symbol, ids.first_id, ids.last_id, ids.previous_id) == (SYMBOL, 100, 104, 99)
    assert book_ids(b'{"stream":"x","data":[]}') is None
    assert book_ids(change(U=-1)) is None
