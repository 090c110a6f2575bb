"""Books, quotes, trades, marks, volatility and funding as captured, and what is refused of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    FrameSetAside,
    FundingUpdate,
    MarkPrices,
    PlatformState,
    PublicTrade,
    RawFrame,
    TopOfBook,
    VolIndexUpdate,
)
from quantdesk.domain.instrument import Side
from quantdesk.market.order_book import OrderBooks
from quantdesk.venues.deribit import events_of

NAME = "BTC-28JUN26-60000-C"
STAMP_MS = 1_782_552_300_000
MakeFrame = Callable[[bytes], RawFrame]


def push(channel: str, data: object) -> bytes:
    params = {"channel": channel, "data": data}
    body = {"jsonrpc": "2.0", "method": "subscription", "params": params}
    return json.dumps(body, separators=(",", ":")).encode()


def book(**changes: Any) -> dict[str, Any]:
    return {
        "type": "change",
        "timestamp": STAMP_MS,
        "instrument_name": NAME,
        "prev_change_id": 10,
        "change_id": 17,
        "bids": [["new", 0.0125, 3.5], ["delete", 0.012, 0.0]],
        "asks": [["change", 0.013, 1.0]],
        **changes,
    }


def trade(**changes: Any) -> dict[str, Any]:
    return {
        "trade_seq": 30,
        "trade_id": "BTC-77",
        "timestamp": STAMP_MS,
        "tick_direction": 2,
        "price": 0.0125,
        "mark_price": 0.0126,
        "iv": 45.1,
        "instrument_name": NAME,
        "index_price": 60266.69,
        "direction": "sell",
        "contracts": 2.0,
        "amount": 2.0,
        **changes,
    }


def refused(payload: bytes, frame_of: MakeFrame) -> str:
    """Kind of the only event, a frame that was refused."""
    (note,) = events_of(frame_of(payload))
    assert isinstance(note, FrameSetAside)
    assert note.is_refused
    return note.kind


def test_every_captured_book_hangs_together(
    captured_frames: list[bytes], frame_of: MakeFrame
) -> None:
    books = OrderBooks()
    for payload in captured_frames:
        for event in events_of(frame_of(payload)):
            if isinstance(event, BookSnapshot | BookChange):
                books.apply(event)
    assert len(books) == 10
    assert books.bad() == ()
    found = books.book("deribit", "ETH-27AUG21-4000-P")
    assert found is not None
    assert (found.gaps, found.is_crossed) == (0, False)


def test_captured_snapshot_is_verbatim_and_best_first(
    captured_frames: list[bytes], frame_of: MakeFrame
) -> None:
    payload = next(f for f in captured_frames if b"book.BTC-31DEC21-34000-P.raw" in f[:120])
    sent = json.loads(payload, parse_float=Decimal, parse_int=Decimal)["params"]["data"]
    (event,) = events_of(frame_of(payload))
    assert isinstance(event, BookSnapshot)
    assert event.is_in_sequence
    assert event.levels_max is None
    assert event.change_id == sent["change_id"]
    bids = sorted(((p, a) for _, p, a in sent["bids"]), reverse=True)
    assert event.bids == tuple(bids)
    assert event.asks == tuple(sorted((p, a) for _, p, a in sent["asks"]))


def test_a_change_is_verbatim_and_what_is_deleted_is_0(frame_of: MakeFrame) -> None:
    (event,) = events_of(frame_of(push(f"book.{NAME}.100ms", book())))
    assert isinstance(event, BookChange)
    assert (event.previous_id, event.first_id, event.change_id) == (10, 17, 17)
    assert event.bids == ((Decimal("0.0125"), Decimal("3.5")), (Decimal("0.012"), Decimal(0)))
    assert event.asks == ((Decimal("0.013"), Decimal("1.0")),)


@pytest.mark.parametrize(
    ("changes", "is_snapshot"),
    [
        ({"type": "snapshot", "prev_change_id": 20}, True),
        ({"type": "snapshot", "prev_change_id": None}, True),
        ({"type": ...}, False),
        ({"type": ..., "prev_change_id": ...}, True),
    ],
)
def test_snapshots_are_told_as_of_2019_2022_and_now(
    changes: dict[str, Any], is_snapshot: bool, frame_of: MakeFrame
) -> None:
    data = {name: value for name, value in book(**changes).items() if value is not ...}
    (event,) = events_of(frame_of(push(f"book.{NAME}.raw", data)))
    assert isinstance(event, BookSnapshot) is is_snapshot


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"prev_change_id": ...}, "missing_field"),
        ({"prev_change_id": None}, "missing_field"),
        ({"prev_change_id": "10"}, "bad_field"),
        ({"prev_change_id": -1}, "out_of_range"),
        ({"change_id": 10**30}, "out_of_range"),
        ({"type": "delta"}, "bad_field"),
        ({"instrument_name": "BTC-28JUN26-62000-C"}, "bad_field"),
        ({"timestamp": 5}, "out_of_range"),
        ({"bids": [["new", 0.0125, 0.0]]}, "out_of_range"),
        ({"bids": [["new", 0.0125, -1.0]]}, "out_of_range"),
        ({"bids": [["new", -0.0125, 1.0]]}, "out_of_range"),
        ({"bids": [["new", 0.0, 1.0]]}, "out_of_range"),
        ({"bids": [["new", "0.0125", 1.0]]}, "bad_field"),
        ({"bids": [["new", 0.0125, "1"]]}, "bad_field"),
        ({"bids": [["newer", 0.0125, 1.0]]}, "bad_field"),
        ({"bids": [["new", 0.0125]]}, "bad_field"),
        ({"bids": [["new", 0.0125, 1.0], ["delete", 0.0125, 0.0]]}, "bad_field"),
        ({"bids": None}, "bad_field"),
    ],
)
def test_a_book_with_one_wrong_value_is_no_book(
    changes: dict[str, Any], kind: str, frame_of: MakeFrame
) -> None:
    data = {name: value for name, value in book(**changes).items() if value is not ...}
    assert refused(push(f"book.{NAME}.100ms", data), frame_of) == kind


@pytest.mark.parametrize(
    ("token", "kind"),
    [(b"NaN", "not_json"), (b"Infinity", "not_json"), (b"1e400", "out_of_range")],
)
def test_a_level_that_is_no_number_is_no_book(token: bytes, kind: str, frame_of: MakeFrame) -> None:
    payload = push(f"book.{NAME}.100ms", book()).replace(b"0.0125", token)
    assert refused(payload, frame_of) == kind


@pytest.mark.parametrize("digits", [5_000, 900_000])
def test_a_number_of_endless_digits_is_refused(digits: int, frame_of: MakeFrame) -> None:
    payload = push(f"book.{NAME}.100ms", book())
    for token in (b"17", b"0.0125", b"3.5"):
        assert refused(payload.replace(token, b"9" * digits), frame_of) in (
            "out_of_range",
            "bad_field",
            "not_json",
        )


def test_repeated_keys_of_a_book_are_refused(frame_of: MakeFrame) -> None:
    payload = push(f"book.{NAME}.100ms", book()).replace(
        b'"change_id":17', b'"change_id":17,"change_id":18'
    )
    assert refused(payload, frame_of) == "duplicate_field"


def test_combos_may_be_priced_below_0(frame_of: MakeFrame) -> None:
    name = "BTC-FS-25SEP26_PERP"
    data = book(instrument_name=name, bids=[["new", -12.5, 10.0]], asks=[])
    (event,) = events_of(frame_of(push(f"book.{name}.100ms", data)))
    assert isinstance(event, BookChange)
    assert event.bids == ((Decimal("-12.5"), Decimal("10.0")),)


def test_a_grouped_book_is_whole_each_time(frame_of: MakeFrame) -> None:
    data = {
        "timestamp": STAMP_MS,
        "instrument_name": NAME,
        "change_id": 17,
        "bids": [[0.012, 1.0], [0.0125, 3.5]],
        "asks": [],
    }
    (event,) = events_of(frame_of(push(f"book.{NAME}.none.10.100ms", data)))
    assert isinstance(event, BookSnapshot)
    assert event.bids[0] == (Decimal("0.0125"), Decimal("3.5"))
    assert (event.levels_max, event.is_in_sequence) == (10, True)
    text = {**data, "bids": [["0.012", 1.0]]}
    assert refused(push(f"book.{NAME}.none.10.100ms", text), frame_of) == "bad_field"
    assert refused(push(f"book.{NAME}.none.many.100ms", data), frame_of) == "bad_field"


def test_quote_is_the_top_of_the_book(frame_of: MakeFrame) -> None:
    data = {
        "timestamp": STAMP_MS,
        "instrument_name": NAME,
        "best_bid_price": 0.0125,
        "best_bid_amount": 3.5,
        "best_ask_price": 0.0,
        "best_ask_amount": 0.0,
    }
    (event,) = events_of(frame_of(push(f"quote.{NAME}", data)))
    assert isinstance(event, TopOfBook)
    assert (event.bid, event.bid_size) == (Decimal("0.0125"), Decimal("3.5"))
    assert (event.ask, event.ask_size) == (None, None)


@pytest.mark.parametrize("channel", [f"trades.{NAME}.100ms", "trades.option.BTC.100ms"])
def test_trades_are_verbatim(channel: str, frame_of: MakeFrame) -> None:
    block = trade(trade_id="BTC-78", block_trade_id="BLOCK-1", direction="buy")
    first, second = events_of(frame_of(push(channel, [trade(), block])))
    assert isinstance(first, PublicTrade)
    assert isinstance(second, PublicTrade)
    assert (first.price, first.amount, first.side) == (Decimal("0.0125"), Decimal(2), Side.SELL)
    assert (first.is_block, second.is_block) == (False, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "0.01"},
        {"price": -1},
        {"amount": 0},
        {"direction": "zero"},
        {"trade_id": 77},
        {"trade_id": "a b"},
        {"instrument_name": "BTC-28JUN26-62000-C"},
    ],
)
def test_trades_with_one_wrong_value_are_no_trades(
    changes: dict[str, Any], frame_of: MakeFrame
) -> None:
    payload = push(f"trades.{NAME}.100ms", [trade(), trade(**changes)])
    assert refused(payload, frame_of) in ("bad_field", "out_of_range")


def test_mark_prices_keep_their_fraction(frame_of: MakeFrame) -> None:
    records = [
        {"instrument_name": NAME, "mark_price": 0.0126, "iv": 0.4512, "timestamp": STAMP_MS},
        {
            "instrument_name": "BTC-28JUN26-62000-C",
            "mark_price": 0.0,
            "iv": 0.0,
            "timestamp": STAMP_MS + 1,
        },
    ]
    (event,) = events_of(frame_of(push("markprice.options.btc_usd", records)))
    assert isinstance(event, MarkPrices)
    assert (event.index_name, event.event_ns) == ("btc_usd", (STAMP_MS + 1) * 1_000_000)
    assert [(m.mark, m.venue_mark_iv) for m in event.marks] == [
        (Decimal("0.0126"), 0.4512),
        (Decimal("0.0"), None),
    ]
    assert events_of(frame_of(push("markprice.options.btc_usd", []))) == ()
    records[0]["iv"] = -0.1
    assert refused(push("markprice.options.btc_usd", records), frame_of) == "out_of_range"


def test_volatility_index_becomes_a_fraction(frame_of: MakeFrame) -> None:
    data = {"index_name": "btc_usd", "volatility": 129.36, "timestamp": STAMP_MS}
    (event,) = events_of(frame_of(push("deribit_volatility_index.btc_usd", data)))
    assert isinstance(event, VolIndexUpdate)
    assert event.volatility == 1.2936
    assert refused(push("deribit_volatility_index.eth_usd", data), frame_of) == "bad_field"


def test_interest_of_a_perpetual_is_exact(frame_of: MakeFrame) -> None:
    payload = (
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"perpetual.BTC-PERPETUAL.raw"'
        f',"data":{{"interest":-8.477e-05,"index_price":60266.69,"timestamp":{STAMP_MS}}}}}}}'
    )
    (event,) = events_of(frame_of(payload.encode()))
    assert isinstance(event, FundingUpdate)
    assert (event.instrument_name, event.interest) == ("BTC-PERPETUAL", Decimal("-0.00008477"))


def test_closing_of_public_methods_is_told(frame_of: MakeFrame) -> None:
    data = {"allow_unauthenticated_public_requests": False}
    (event,) = events_of(frame_of(push("platform_state.public_methods_state", data)))
    assert isinstance(event, PlatformState)
    assert (event.is_maintenance, event.detail) == (False, "public data is for members only")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=8,
)


@given(
    field=st.sampled_from(list(book())),
    value=VALUES,
    channel=st.sampled_from([f"book.{NAME}.raw", f"book.{NAME}.none.1.100ms", f"quote.{NAME}"]),
)
def test_any_values_in_a_book_give_events_and_never_an_exception(
    field: str, value: object, channel: str
) -> None:
    frame = RawFrame(
        venue="deribit", connection="a", recv_ns=1, payload=push(channel, book(**{field: value}))
    )
    for event in events_of(frame):
        if isinstance(event, BookSnapshot | BookChange):
            levels = event.bids + event.asks
            assert all(price.is_finite() and amount.is_finite() for price, amount in levels)
