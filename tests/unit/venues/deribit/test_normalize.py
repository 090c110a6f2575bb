"""Habits of Deribit's that captured frames do not show: made by hand from the reference."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from quantdesk.domain.events import (
    FrameSetAside,
    FutureUpdate,
    IndexUpdate,
    InstrumentsListed,
    InstrumentStateChanged,
    MarketEvent,
    PlatformState,
    QuoteUpdate,
    RawFrame,
    VenueTime,
)
from quantdesk.domain.instrument import InstrumentKind, OptionType, Settlement
from quantdesk.venues.deribit import events_of

NOW_MS = 1_782_552_300_000
NOW_NS = NOW_MS * 1_000_000

LINEAR_OPTION = {
    "instrument_name": "SOL_USDC-26JUN26-150d5-C",
    "kind": "option",
    "instrument_type": "linear",
    "base_currency": "SOL",
    "quote_currency": "USDC",
    "counter_currency": "USDC",
    "settlement_currency": "USDC",
    "price_index": "sol_usdc",
    "strike": 150.5,
    "option_type": "call",
    "expiration_timestamp": 1_782_460_800_000,
    "tick_size": 0.01,
    "tick_size_steps": [
        {"above_price": 5, "tick_size": 0.05},
        {"above_price": 50.0, "tick_size": 0.5},
    ],
    "contract_size": 10,
    "min_trade_amount": 1,
    "qty_tick_size": 0.5,
    "maker_commission": 0.0003,
    "taker_commission": 0.0003,
    "state": "open",
    "is_active": True,
}


def events(body: dict[str, Any]) -> tuple[MarketEvent, ...]:
    payload = json.dumps({"jsonrpc": "2.0", **body}).encode()
    return events_of(RawFrame(venue="deribit", connection="c", recv_ns=9, payload=payload))


def pushed(channel: str, data: Any) -> tuple[MarketEvent, ...]:
    return events({"method": "subscription", "params": {"channel": channel, "data": data}})


def answered(method: str, result: Any, **stamps: int) -> tuple[MarketEvent, ...]:
    return events({"id": method, "result": result, **stamps})


def listed(records: list[Any], underlying: str = "SOL_USDC") -> InstrumentsListed:
    found = answered(f"public/get_instruments#{underlying}#1", records, usOut=NOW_MS * 1000)
    (event,) = [e for e in found if isinstance(e, InstrumentsListed)]
    return event


def test_linear_option_has_its_multiplier_steps_and_own_chain() -> None:
    event = listed([LINEAR_OPTION])
    (option,) = event.instruments
    assert event.underlying == "SOL_USDC"
    assert (option.underlying, option.settlement) == ("SOL", Settlement.LINEAR)
    assert (option.kind, option.option_type) == (InstrumentKind.OPTION, OptionType.CALL)
    assert (option.quote_currency, option.settlement_currency) == ("USDC", "USDC")
    assert (option.strike, option.contract_size) == (Decimal("150.5"), Decimal(10))
    assert (option.amount_min, option.amount_step) == (Decimal(1), Decimal("0.5"))
    assert option.ticks.tick_at(Decimal(5)) == Decimal("0.01")
    assert option.ticks.tick_at(Decimal("5.01")) == Decimal("0.05")
    assert option.ticks.tick_at(Decimal(51)) == Decimal("0.5")
    assert option.index_name == "sol_usdc"


@pytest.mark.parametrize("state", ["delivered", "archivized", "inactive"])
def test_what_has_left_the_market_is_not_listed(state: str) -> None:
    event = listed([LINEAR_OPTION, {**LINEAR_OPTION, "instrument_name": "X-1", "state": state}])
    assert [i.name for i in event.instruments] == [LINEAR_OPTION["instrument_name"]]
    assert event.unknown_kinds == ()


def test_a_pause_for_settlement_keeps_the_listing() -> None:
    paused = {**LINEAR_OPTION, "state": "settlement", "is_active": False}
    assert len(listed([paused]).instruments) == 1


def test_an_instrument_listed_twice_is_one_and_counted() -> None:
    event = listed([LINEAR_OPTION, LINEAR_OPTION])
    assert len(event.instruments) == 1
    assert event.unknown_kinds == (("listed twice", 1),)


def test_an_empty_list_is_a_list() -> None:
    assert listed([]).instruments == ()


def test_a_list_of_nothing_but_nonsense_is_refused() -> None:
    found = answered("public/get_instruments#BTC#1", [{"name": "a"}, 7], usOut=NOW_MS * 1000)
    assert [e.kind for e in found if isinstance(e, FrameSetAside)] == ["bad_list"]
    assert not [e for e in found if isinstance(e, InstrumentsListed)]


def test_a_list_without_a_time_is_used_and_noted() -> None:
    listing, note = answered("public/get_instruments#SOL_USDC#1", [LINEAR_OPTION])
    assert isinstance(listing, InstrumentsListed)
    assert listing.event_ns == 9
    assert isinstance(note, FrameSetAside)
    assert (note.kind, note.is_refused) == ("missing_field", False)


def test_future_update_has_the_expiry_of_its_name() -> None:
    data = {
        "instrument_name": "BTC-26JUN26",
        "timestamp": NOW_MS,
        "state": "open",
        "best_bid_price": 60245.5,
        "best_bid_amount": 1000.0,
        "best_ask_price": 60250.0,
        "best_ask_amount": 0.0,
        "mark_price": 6.02475e4,
    }
    (event,) = pushed("ticker.BTC-26JUN26.100ms", data)
    assert isinstance(event, FutureUpdate)
    assert (event.underlying, event.expiry_ns) == ("BTC", 1_782_460_800_000_000_000)
    assert (event.bid, event.ask, event.mark) == (Decimal("60245.5"), None, Decimal("60247.5"))


def test_numbers_with_exponents_are_exact(option_frame: bytes) -> None:
    changed = option_frame.replace(b'"mark_price":0.001972', b'"mark_price":1.972e-03')
    assert changed != option_frame
    (event,) = events_of(RawFrame(venue="deribit", connection="c", recv_ns=9, payload=changed))
    assert isinstance(event, QuoteUpdate)
    assert event.mark == Decimal("0.001972")


def test_index_price_is_an_index_update() -> None:
    data = {"index_name": "btc_usd", "price": 60245.57, "timestamp": NOW_MS}
    (event,) = pushed("deribit_price_index.btc_usd", data)
    assert event == IndexUpdate(
        venue="deribit",
        index_name="btc_usd",
        event_ns=NOW_NS,
        recv_ns=9,
        price=Decimal("60245.57"),
    )


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"price": 0}, "out_of_range"),
        ({"price": -1}, "out_of_range"),
        ({"index_name": "eth_usd"}, "bad_field"),
        ({"timestamp": 1}, "out_of_range"),
    ],
)
def test_an_index_that_can_not_be_is_refused(change: dict[str, Any], kind: str) -> None:
    data = {"index_name": "btc_usd", "price": 60245.57, "timestamp": NOW_MS, **change}
    (event,) = pushed("deribit_price_index.btc_usd", data)
    assert isinstance(event, FrameSetAside)
    assert event.kind == kind


@pytest.mark.parametrize(
    ("state", "is_listed"),
    [
        ("open", True),
        ("settlement", True),
        ("locked", True),
        ("halted", True),
        ("delivered", False),
        ("inactive", False),
        ("archivized", False),
    ],
)
def test_state_says_whether_it_is_still_listed(state: str, is_listed: bool) -> None:
    data = {"timestamp": NOW_MS, "state": state, "instrument_name": "BTC-28JUN26-60000-C"}
    (event,) = pushed("instrument.state.any.BTC", data)
    assert event == InstrumentStateChanged(
        venue="deribit",
        instrument_name="BTC-28JUN26-60000-C",
        event_ns=NOW_NS,
        recv_ns=9,
        state=state,
        is_listed=is_listed,
    )


def test_a_state_nobody_knows_keeps_the_instrument_and_is_noted() -> None:
    data = {"timestamp": NOW_MS, "state": "dreaming", "instrument_name": "BTC-28JUN26-60000-C"}
    event, note = pushed("instrument.state.any.BTC", data)
    assert isinstance(event, InstrumentStateChanged)
    assert event.is_listed
    assert isinstance(note, FrameSetAside)
    assert (note.kind, note.is_refused) == ("unknown_state", False)


def test_a_new_instrument_announces_itself() -> None:
    record = {**LINEAR_OPTION, "creation_timestamp": NOW_MS}
    (event,) = pushed("instrument.creation.any.USDC", record)
    assert isinstance(event, InstrumentStateChanged)
    assert (event.instrument_name, event.is_listed) == (LINEAR_OPTION["instrument_name"], True)


@pytest.mark.parametrize(
    ("data", "is_maintenance", "detail"),
    [
        ({"maintenance": True}, True, "maintenance"),
        ({"maintenance": False}, False, "maintenance is over"),
        ({"price_index": "btc_usd", "locked": True}, False, "btc_usd is locked"),
        ({"price_index": "btc_usd", "locked": False}, False, "btc_usd is unlocked"),
    ],
)
def test_platform_state_in_words(data: Any, is_maintenance: bool, detail: str) -> None:
    (event,) = pushed("platform_state", data)
    assert event == PlatformState(
        venue="deribit", recv_ns=9, is_maintenance=is_maintenance, detail=detail
    )


def test_an_empty_platform_state_is_refused() -> None:
    (event,) = pushed("platform_state", {})
    assert isinstance(event, FrameSetAside)
    assert event.kind == "missing_field"


def test_every_answer_tells_the_venue_clock() -> None:
    stamp = VenueTime(venue="deribit", event_ns=NOW_NS + 7_000, recv_ns=9)
    us_out = NOW_MS * 1000 + 7
    assert answered("public/hello##1", {"version": "1"}, usOut=us_out) == (stamp,)
    assert answered("public/get_time##2", NOW_MS, usOut=us_out) == (stamp,)
    assert answered("public/subscribe##3", ["a"], usOut=us_out) == (stamp,)
    error = {"code": 10028, "message": "too_many_requests", "data": None}
    stamped, note = events({"id": "public/subscribe##4", "error": error, "usOut": us_out})
    assert stamped == stamp
    assert isinstance(note, FrameSetAside)
    assert note.kind == "venue_error"
    assert note.detail == "public/subscribe##4: 10028 too_many_requests"


def test_get_time_without_the_usual_stamps_is_still_a_time() -> None:
    assert answered("public/get_time##2", NOW_MS) == (
        VenueTime(venue="deribit", event_ns=NOW_NS, recv_ns=9),
    )


@pytest.mark.parametrize("kind", ["heartbeat", "test_request"])
def test_heartbeats_give_no_event(kind: str) -> None:
    assert events({"method": "heartbeat", "params": {"type": kind}}) == ()


def test_an_error_for_nobody_is_set_aside() -> None:
    (event,) = events({"id": None, "error": {"code": -32700, "message": "\x1b[31mParse"}})
    assert isinstance(event, FrameSetAside)
    assert event.detail == "no request of ours: -32700 .[31mParse"


def test_absent_greeks_and_stats_are_absent(
    option_frame: bytes, frame_of: Callable[[bytes], RawFrame]
) -> None:
    body = json.loads(option_frame)
    data = body["params"]["data"]
    data["greeks"], data["stats"] = None, None
    (event,) = events_of(frame_of(json.dumps(body).encode()))
    assert isinstance(event, QuoteUpdate)
    assert (event.venue_greeks.delta, event.venue_greeks.rho, event.volume) == (None, None, None)
