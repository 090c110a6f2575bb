"""Captured frames decode, and each number is the very one that stands in the bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantdesk.domain.events import (
    FrameSetAside,
    FundingUpdate,
    FutureUpdate,
    InstrumentsListed,
    MarketEvent,
    QuoteUpdate,
    RawFrame,
    VenueTime,
)
from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType, Settlement
from quantdesk.venues.deribit import events_of

SHARED = Path(__file__).parents[5] / "shared" / "data" / "deribit"


class Token(str):
    """The text of a number, as it stands in the JSON."""

    __slots__ = ()


def tokens(payload: bytes) -> Any:
    return json.loads(payload, parse_int=Token, parse_float=Token)


def exact(token: Token | None) -> Decimal | None:
    return None if token is None else Decimal(token)


def quoted(token: Token | None) -> Decimal | None:
    """As `exact`; 0 is the venue's way to say that there is none."""
    return None if token is None or not Decimal(token) else Decimal(token)


def fraction(token: Token) -> float | None:
    return float(Decimal(token) / 100) if Decimal(token) else None


def assert_quote_is_verbatim(event: MarketEvent, data: dict[str, Any]) -> None:
    assert isinstance(event, QuoteUpdate)
    expected = {
        "bid": quoted(data["best_bid_price"]),
        "ask": quoted(data["best_ask_price"]),
        "bid_size": quoted(data["best_bid_amount"]),
        "ask_size": quoted(data["best_ask_amount"]),
        "mark": exact(data["mark_price"]),
        "last": exact(data["last_price"]),
        "forward": exact(data["underlying_price"]),
        "index_price": exact(data["index_price"]),
        "open_interest": exact(data["open_interest"]),
        "volume": exact(data["stats"]["volume"]),
    }
    for field, value in expected.items():
        found = getattr(event, field)
        # Equal digits and exponent, not only equal value: nothing went through a float.
        assert (found and found.as_tuple()) == (value and value.as_tuple()), field
    assert event.forward_index == data["underlying_index"]
    assert event.event_ns == int(data["timestamp"]) * 1_000_000
    assert event.venue_bid_iv == fraction(data["bid_iv"])
    assert event.venue_mark_iv == fraction(data["mark_iv"])
    assert event.venue_ask_iv == fraction(data["ask_iv"])
    for name, token in data["greeks"].items():
        assert getattr(event.venue_greeks, name) == float(token)
    assert event.state == data["state"]
    assert event.instrument_name == data["instrument_name"]


def test_every_captured_option_ticker_is_verbatim(
    captured_frames: list[bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    seen = 0
    for payload in captured_frames:
        message = tokens(payload)
        channel = message.get("params", {}).get("channel", "")
        if not channel.startswith("ticker.") or channel.split(".")[1][-2:] not in ("-C", "-P"):
            continue
        (event,) = events_of(frame_of(payload))
        assert_quote_is_verbatim(event, message["params"]["data"])
        seen += 1
    assert seen == 92


def test_every_2026_ticker_is_verbatim(
    btc_2026: dict[str, bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    names = [name for name in btc_2026 if name != "instruments"]
    assert len(names) == 16
    for name in names:
        (event,) = events_of(frame_of(btc_2026[name]))
        assert_quote_is_verbatim(event, tokens(btc_2026[name])["params"]["data"])


def test_whole_capture_gives_events_of_the_right_kinds(
    captured_frames: list[bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    kinds = Counter(
        event.kind if isinstance(event, FrameSetAside) else type(event).__name__
        for payload in captured_frames
        for event in events_of(frame_of(payload))
    )
    assert kinds == {
        "QuoteUpdate": 92,
        "FutureUpdate": 1,
        "unknown_kind": 3,
        "FundingUpdate": 1,
        "BookSnapshot": 10,
        "BookChange": 36,
        "foreign_answer": 1,
    }


def test_linear_option_with_a_decimal_strike_is_a_quote(
    captured_frames: list[bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    payload = next(f for f in captured_frames if b"MATIC_USDC" in f)
    (event,) = events_of(frame_of(payload))
    assert isinstance(event, QuoteUpdate)
    assert event.instrument_name == "MATIC_USDC-9MAR24-1d02-C"
    assert (event.bid, event.ask, event.venue_bid_iv) == (None, None, None)
    assert event.venue_mark_iv == 2.0964
    assert event.mark == Decimal("0.139")


def test_perpetual_gives_its_ticker_and_its_funding(
    captured_frames: list[bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    payload = next(f for f in captured_frames if b"ticker.BTC-PERPETUAL" in f)
    event, funding = events_of(frame_of(payload))
    assert isinstance(event, FutureUpdate)
    assert (event.underlying, event.expiry_ns) == ("BTC", None)
    assert (event.bid, event.ask) == (Decimal("8304.0"), Decimal("8304.5"))
    assert (event.bid_size, event.open_interest) == (Decimal("267900.0"), Decimal(84844461))
    assert event.mark == Decimal("8304.39")
    assert isinstance(funding, FundingUpdate)
    assert (funding.current, funding.last_8h) == (Decimal("0.0"), Decimal("-0.00008477"))


@pytest.mark.parametrize("name", [b"BTC-STRD-", b"BTC-FS-", b"BTC-CSR12-"])
def test_combo_is_counted_not_quoted(
    name: bytes, captured_frames: list[bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    payload = next(f for f in captured_frames if name in f[:150])
    (event,) = events_of(frame_of(payload))
    assert isinstance(event, FrameSetAside)
    assert event.kind == "unknown_kind"
    assert "combo" in event.detail


def listing(events: tuple[MarketEvent, ...]) -> InstrumentsListed:
    (found,) = [event for event in events if isinstance(event, InstrumentsListed)]
    return found


@pytest.mark.parametrize(
    ("currency", "underlying", "records_count"),
    [("btc", "BTC", 398), ("eth", "ETH", 426), ("sol", "SOL", 177)],
)
def test_captured_lists_are_read_whole(
    currency: str,
    underlying: str,
    records_count: int,
    instruments_answer: Callable[[str, str], bytes],
    frame_of: Callable[[bytes], RawFrame],
) -> None:
    payload = instruments_answer(currency, underlying)
    events = events_of(frame_of(payload))
    listed = listing(events)
    records = {r["instrument_name"]: r for r in tokens(payload)["result"]}
    assert len(listed.instruments) == len(records) == records_count
    assert listed.unknown_kinds == ()
    assert not [event for event in events if isinstance(event, FrameSetAside)]
    for instrument in listed.instruments:
        assert_instrument_is_verbatim(instrument, records[instrument.name])


def assert_instrument_is_verbatim(instrument: Instrument, record: dict[str, Any]) -> None:
    assert instrument.settlement is Settlement.INVERSE
    assert instrument.quote_currency == record["quote_currency"]
    assert instrument.settlement_currency == record["base_currency"]
    assert instrument.underlying == record["base_currency"]
    assert instrument.contract_size == exact(record["contract_size"])
    assert instrument.ticks.tick == exact(record["tick_size"])
    assert instrument.amount_min == exact(record["min_trade_amount"])
    assert instrument.maker_fee == exact(record["maker_commission"])
    assert instrument.taker_fee == exact(record["taker_commission"])
    if record["settlement_period"] == "perpetual":
        assert instrument.kind is InstrumentKind.PERPETUAL
        assert instrument.expiry_ns is None
    else:
        assert instrument.expiry_ns == int(record["expiration_timestamp"]) * 1_000_000
        assert instrument.kind is InstrumentKind(record["kind"])
    if instrument.kind is InstrumentKind.OPTION:
        assert instrument.strike == exact(record["strike"])
        assert instrument.option_type is OptionType(record["option_type"])
        assert instrument.index_name == f"{record['base_currency'].lower()}_usd"


def test_usdc_list_gives_each_underlying_its_own(
    instruments_answer: Callable[[str, str], bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    payload = instruments_answer("usdc", "SOL_USDC")
    listed = listing(events_of(frame_of(payload)))
    assert listed.underlying == "SOL_USDC"
    assert [i.name for i in listed.instruments] == ["SOL_USDC-PERPETUAL"]
    (perpetual,) = listed.instruments
    assert perpetual.settlement is Settlement.LINEAR
    assert (perpetual.underlying, perpetual.settlement_currency) == ("SOL", "USDC")
    assert perpetual.contract_size == Decimal("0.1")


def test_2026_list_has_tick_steps_and_venue_time(
    btc_2026: dict[str, bytes], frame_of: Callable[[bytes], RawFrame]
) -> None:
    events = events_of(frame_of(btc_2026["instruments"]))
    listed = listing(events)
    assert len(listed.instruments) == 16
    assert listed.unknown_kinds == ()
    for instrument in listed.instruments:
        assert instrument.ticks.tick == Decimal("0.0001")
        assert instrument.ticks.steps == ((Decimal("0.005"), Decimal("0.0005")),)
    stamps = [event for event in events if isinstance(event, VenueTime)]
    assert [stamp.event_ns for stamp in stamps] == [1_782_552_300_000_500_000]
    assert listed.event_ns == 1_782_552_300_000_500_000


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
def test_all_330_shared_tickers_are_verbatim(frame_of: Callable[[bytes], RawFrame]) -> None:
    import gzip

    path = SHARED / "chains_ticker" / "btc_2026-06-27_rest.json.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    at = text.index('"tickers":{') + len('"tickers":')
    decoder = json.JSONDecoder()
    data = decoder.raw_decode(text, at)[0]
    for name in data:
        at = text.index(f'"{name}":{{', at) + len(name) + 3
        raw = text[at : decoder.raw_decode(text, at)[1]]
        payload = (
            '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.'
            f'{name}.100ms","data":{raw}}}}}'
        ).encode()
        (event,) = events_of(frame_of(payload))
        assert_quote_is_verbatim(event, tokens(payload)["params"]["data"])
    assert len(data) == 330


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws_ticker", "FutureUpdate"),
        ("ws_quote", "TopOfBook"),
        ("ws_book_snapshot", "BookSnapshot"),
        ("ws_book_delta", "BookChange"),
        ("ws_trades", "PublicTrade"),
        ("ws_volatility_index", "VolIndexUpdate"),
        ("ws_chart", "unknown_channel"),
        ("ws_portfolio", "unknown_channel"),
        ("ws_error", "venue_error"),
        ("ws_subscribe_response", "foreign_answer"),
        ("http_get_time", "foreign_answer"),
        ("http_get_instruments", "foreign_answer"),
        ("http_get_account_summaries", "foreign_answer"),
    ],
)
def test_shared_payload_is_read_or_set_aside_by_its_kind(
    name: str, kind: str, frame_of: Callable[[bytes], RawFrame]
) -> None:
    payload = (SHARED / "api_payloads" / f"{name}.json").read_bytes()
    event, *_ = events_of(frame_of(payload))
    found = event.kind if isinstance(event, FrameSetAside) else type(event).__name__
    assert found == kind


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
def test_shared_test_request_is_a_heartbeat(frame_of: Callable[[bytes], RawFrame]) -> None:
    payload = (SHARED / "api_payloads" / "ws_test_request.json").read_bytes()
    assert events_of(frame_of(payload)) == ()


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
@pytest.mark.parametrize("name", ["http_get_instruments", "http_get_instruments_future_combo"])
def test_shared_lists_are_read_when_asked_for(
    name: str, frame_of: Callable[[bytes], RawFrame]
) -> None:
    body = json.loads((SHARED / "api_payloads" / f"{name}.json").read_text())
    body["id"] = "public/get_instruments#BTC#7"
    listed = listing(events_of(frame_of(json.dumps(body).encode())))
    assert len(listed.instruments) == len(body["result"])
    assert listed.unknown_kinds == ()
