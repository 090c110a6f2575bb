"""An account read over real sockets from a scripted venue: logging in, reading, keeping it true.

The simulated exchange has no private face yet; `scripted_account` stands in for it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from quantdesk.domain.account import (
    BalanceReport,
    OpenOrdersListed,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.events import FrameSetAside, RawFrame
from quantdesk.domain.ports import AccountFeed
from quantdesk.domain.secret import Secret
from quantdesk.errors import ConfigError
from quantdesk.storage.recording import RecordingWriter, read_recording
from quantdesk.venues.deribit import (
    DeribitAccountFeed,
    DeribitCredentials,
    DeribitSettings,
    account_events_of,
)

from .conftest import ScriptedVenue
from .scripted_account import (
    CLIENT_ID,
    CLIENT_SECRET,
    STAMP_MS,
    AccountDesk,
    html_page,
    json_bytes,
    order,
    position,
    trade,
)

OpenVenue = Callable[[], Any]
KEY = DeribitCredentials(client_id=Secret(CLIENT_ID), client_secret=Secret(CLIENT_SECRET))
READ_ACCOUNT = [
    "private/get_account_summaries",
    "private/get_positions",
    "private/get_open_orders",
    "private/get_user_trades_by_currency_and_time",
]


class SkewedClock:
    """A clock an hour behind the venue's, moving a microsecond each time it is read."""

    def __init__(self) -> None:
        self._now_ns = (STAMP_MS - 3_600_000) * 1_000_000

    def now_ns(self) -> int:
        self._now_ns += 1_000
        return self._now_ns


class Reader:
    """Reads an account's feed in the background; `failure` is what ended it."""

    def __init__(self, feed: DeribitAccountFeed) -> None:
        self.feed = feed
        self.frames: list[RawFrame] = []
        self.failure: BaseException | None = None
        self._came = asyncio.Condition()

    async def read(self) -> None:
        try:
            async with aclosing(self.feed.frames()) as frames:
                async for frame in frames:
                    self.frames.append(frame)
                    await self._tell()
        except ConfigError as error:
            self.failure = error
        await self._tell()

    async def _tell(self) -> None:
        async with self._came:
            self._came.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(condition)

    def of_type(self, kind: type[Any]) -> list[Any]:
        return [e for f in self.frames for e in account_events_of(f) if isinstance(e, kind)]

    def is_read(self, times: int = 1) -> Callable[[], bool]:
        """Whether trades, the last part of a reading, came so often."""
        return lambda: (
            sum(b"get_user_trades_by_currency_and_time#" in f.payload for f in self.frames) >= times
        )


@asynccontextmanager
async def account(venue: ScriptedVenue, desk: AccountDesk, **changes: Any) -> AsyncIterator[Reader]:
    venue.answers |= desk.answers()
    since_ns = changes.pop("trades_since_ns", None)
    values: dict[str, Any] = {"backoff_low_s": 0.01, "backoff_high_s": 0.05, **changes}
    feed = DeribitAccountFeed(
        DeribitSettings(environment="simulated", url=venue.url, **values),
        name="deribit-account",
        credentials=KEY,
        clock=SkewedClock(),
        rng=random.Random(5),
        trades_since_ns=since_ns,
    )
    reader = Reader(feed)
    task = asyncio.create_task(reader.read())
    try:
        yield reader
    finally:
        await feed.close()
        await task


async def test_start_logs_in_subscribes_and_reads_the_whole_account(
    scripted_venue: OpenVenue,
) -> None:
    async with scripted_venue() as venue, account(venue, AccountDesk()) as reader:
        await reader.until(reader.is_read())
        await reader.until(lambda: reader.feed.state == "live")
        feed: AccountFeed = reader.feed
        assert (feed.name, feed.venue, feed.last_problem) == ("deribit-account", "deribit", "")
        assert [r["method"] for r in venue.requests] == [
            "public/hello",
            "public/set_heartbeat",
            "public/get_time",
            "public/auth",
            "public/subscribe",
            "private/subscribe",
            *READ_ACCOUNT,
        ]
        (balance,) = reader.of_type(BalanceReport)
        assert (balance.currency, balance.cash) == ("BTC", Decimal("10.25"))
        (positions,) = reader.of_type(PositionsListed)
        assert [p.quantity for p in positions.positions] == [Decimal("-1.5")]
        (orders,) = reader.of_type(OpenOrdersListed)
        assert [o.order_id for o in orders.orders] == ["BTC-109559973994"]
        (executed,) = reader.of_type(TradeReport)
        assert (executed.trade_id, executed.fee) == ("BTC-5001", Decimal("0.00015"))
        assert not reader.of_type(FrameSetAside)


async def test_signatures_carry_the_venues_time_not_ours(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, account(venue, AccountDesk()) as reader:
        await reader.until(reader.is_read())
        (asked,) = venue.asked("public/auth")
        assert asked["params"]["grant_type"] == "client_signature"
        assert abs(asked["params"]["timestamp"] - STAMP_MS) < 1_000
        assert CLIENT_SECRET not in json.dumps(asked)


async def test_client_credentials_are_an_alternative(scripted_venue: OpenVenue) -> None:
    desk = AccountDesk()
    async with (
        scripted_venue() as venue,
        account(venue, desk, auth_grant="client_credentials") as reader,
    ):
        await reader.until(reader.is_read())
        assert desk.grants == ["client_credentials"]


async def test_pushes_of_orders_trades_and_positions_become_reports(
    scripted_venue: OpenVenue,
) -> None:
    async with scripted_venue() as venue, account(venue, AccountDesk()) as reader:
        await reader.until(lambda: reader.feed.state == "live")
        reader.frames.clear()
        changes = {
            "instrument_name": "BTC-28JUN26-60000-C",
            "orders": [order(filled_amount=2.0, order_state="filled")],
            "trades": [trade(trade_id="BTC-5002", amount=1.5)],
            "positions": [position(size=-3.0)],
        }
        await venue.push("user.orders.any.any.raw", order(order_state="cancelled"))
        await venue.push("user.changes.any.any.raw", changes)
        await reader.until(lambda: len(reader.of_type(PositionReport)) == 1)
        states = [report.venue_status for report in reader.of_type(OrderReport)]
        assert states == ["cancelled", "filled"]
        assert [t.trade_id for t in reader.of_type(TradeReport)] == ["BTC-5002"]
        assert reader.of_type(PositionReport)[0].quantity == Decimal(-3)


async def test_a_token_is_refreshed_before_four_fifths_of_its_life(
    scripted_venue: OpenVenue,
) -> None:
    desk = AccountDesk(expires_in=1)
    async with scripted_venue() as venue, account(venue, desk) as reader:
        started_s = asyncio.get_running_loop().time()
        await venue.wait_for(lambda: len(desk.grants) == 2)
        assert asyncio.get_running_loop().time() - started_s < 0.8 + 0.5
        assert desk.grants == ["client_signature", "refresh_token"]
        assert venue.connections == 1
        await reader.until(reader.is_read())
        assert reader.feed.reconnects == 0


async def test_a_refused_refresh_logs_in_anew(scripted_venue: OpenVenue) -> None:
    desk = AccountDesk(expires_in=1)
    desk.refuse_refresh = True
    async with scripted_venue() as venue, account(venue, desk) as reader:
        await venue.wait_for(lambda: len(desk.grants) == 3)
        assert desk.grants == ["client_signature", "refresh_token", "client_signature"]
        assert reader.feed.reconnects == 0


async def test_an_expired_token_is_replaced_and_the_question_asked_again(
    scripted_venue: OpenVenue,
) -> None:
    desk = AccountDesk()
    desk.forget_logins = 1
    async with scripted_venue() as venue, account(venue, desk) as reader:
        await reader.until(reader.is_read())
        assert desk.grants == ["client_signature", "client_signature"]
        assert len(venue.asked("private/subscribe")) == 2
        assert (reader.feed.reconnects, reader.feed.last_problem) == (0, "")


async def test_a_token_that_is_never_taken_costs_the_connection_not_the_feed(
    scripted_venue: OpenVenue,
) -> None:
    desk = AccountDesk()
    desk.forget_logins = 2
    async with scripted_venue() as venue, account(venue, desk) as reader:
        await reader.until(reader.is_read())
        assert reader.feed.reconnects == 1
        assert "13009" in reader.feed.last_problem


@pytest.mark.parametrize(
    "scope",
    ["account:read wallet:read_write", "wallet:write", "trade:read_write wallet", "  "],
)
async def test_a_key_that_could_withdraw_is_refused(scope: str, scripted_venue: OpenVenue) -> None:
    desk = AccountDesk(scope=scope)
    async with scripted_venue() as venue, account(venue, desk) as reader:
        await reader.until(lambda: reader.failure is not None)
        assert isinstance(reader.failure, ConfigError)
        assert "scope of the key" in str(reader.failure)
        assert not [r for r in venue.requests if r["method"].startswith("private/")]


async def test_a_key_that_the_venue_refuses_ends_the_feed_at_once(
    scripted_venue: OpenVenue,
) -> None:
    desk = AccountDesk()
    desk.refuse_key = True
    async with scripted_venue() as venue, account(venue, desk) as reader:
        await reader.until(lambda: reader.failure is not None)
        assert "13004" in str(reader.failure)
        assert desk.grants == ["client_signature"]
        assert venue.connections == 1


async def test_after_a_lost_connection_the_account_is_read_again(
    scripted_venue: OpenVenue,
) -> None:
    desk = AccountDesk()
    async with scripted_venue() as venue, account(venue, desk) as reader:
        await reader.until(lambda: reader.feed.state == "live")
        desk.trades.append(trade(trade_id="BTC-5003", timestamp=STAMP_MS + 100))
        venue.requests.clear()
        await venue.sockets[0].close()
        await reader.until(
            lambda: any(t.trade_id == "BTC-5003" for t in reader.of_type(TradeReport))
        )
        assert [r["method"] for r in venue.requests][3:] == [
            "public/auth",
            "public/subscribe",
            "private/subscribe",
            *READ_ACCOUNT,
        ]
        (asked,) = venue.asked(READ_ACCOUNT[-1])
        assert STAMP_MS - asked["params"]["start_timestamp"] < 120_000


async def test_trades_are_paged_through_to_the_last(scripted_venue: OpenVenue) -> None:
    desk = AccountDesk()
    desk.trades = [
        trade(trade_id=f"BTC-{number}", timestamp=STAMP_MS - 50_000 + number // 2)
        for number in range(20)
    ]
    desk.page_size = 3
    async with scripted_venue() as venue, account(venue, desk) as reader:
        await reader.until(lambda: reader.feed.state == "live")
        found = {report.trade_id for report in reader.of_type(TradeReport)}
        assert found == {f"BTC-{number}" for number in range(20)}
        assert reader.feed.last_problem == ""


async def test_older_trades_are_asked_for_apart_from_those_of_the_last_day(
    scripted_venue: OpenVenue,
) -> None:
    two_days_ago_ns = (STAMP_MS - 2 * 86_400_000) * 1_000_000
    async with (
        scripted_venue() as venue,
        account(venue, AccountDesk(), trades_since_ns=two_days_ago_ns) as reader,
    ):
        await reader.until(lambda: reader.feed.state == "live")
        asked = [r["params"] for r in venue.asked(READ_ACCOUNT[-1])]
        assert [p["historical"] for p in asked] == [True, False]
        assert asked[0]["end_timestamp"] == asked[1]["start_timestamp"]
        assert asked[0]["start_timestamp"] < two_days_ago_ns // 1_000_000


async def test_a_message_that_can_not_be_read_has_the_account_read_again(
    scripted_venue: OpenVenue,
) -> None:
    async with scripted_venue() as venue, account(venue, AccountDesk()) as reader:
        await reader.until(lambda: reader.feed.state == "live")
        await venue.push("user.trades.any.any.raw", [trade(price="0.1")])
        await reader.until(reader.is_read(2))
        assert [note.kind for note in reader.of_type(FrameSetAside)] == ["bad_field"]


async def test_after_maintenance_the_account_is_read_again(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, account(venue, AccountDesk()) as reader:
        await reader.until(lambda: reader.feed.state == "live")
        await venue.push("platform_state", {"maintenance": True})
        await reader.until(lambda: reader.feed.state == "maintenance")
        await venue.push("platform_state", {"maintenance": False})
        await reader.until(reader.is_read(2))
        assert reader.feed.state == "live"


async def test_a_page_instead_of_a_socket_is_waited_out(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        venue.refuse_with = html_page()
        async with account(venue, AccountDesk()) as reader:
            await reader.until(reader.is_read())
            assert "502" in reader.feed.last_problem


async def test_a_refused_question_is_told_and_the_rest_is_read(
    scripted_venue: OpenVenue,
) -> None:
    desk = AccountDesk()
    async with scripted_venue() as venue, account(venue, desk) as reader:
        venue.answers["private/get_open_orders"] = lambda _: {
            "error": {"code": 13021, "message": "forbidden"}
        }
        await reader.until(reader.is_read())
        assert "13021: forbidden" in reader.feed.last_problem
        assert reader.of_type(PositionsListed)
        assert not reader.of_type(OpenOrdersListed)


def forms_of(secret: str) -> set[bytes]:
    """A secret as it may stand somewhere."""
    raw = secret.encode()
    return {
        raw,
        json_bytes(secret)[1:-1],
        base64.b64encode(raw),
        raw.hex().encode(),
        quote(secret, safe="").encode(),
    }


def recorded_bytes(frames: list[RawFrame], folder: Path) -> bytes:
    """The frames as a recording holds them: its files, and what is read back from them."""
    links = {"deribit-account": {"venue": "deribit"}}
    with RecordingWriter(folder, links=links, run_id="canary", started_ns=0) as writer:
        for frame in frames:
            writer.append(frame)
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    read_back = [frame.payload for frame in read_recording(folder).frames()]
    assert len(read_back) == len(frames)
    return b"\n".join(files + read_back)


@pytest.mark.parametrize("grant", ["client_signature", "client_credentials"])
async def test_no_secret_leaves_by_frame_recording_log_repr_or_traceback(
    grant: str, scripted_venue: OpenVenue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk = AccountDesk(expires_in=1)
    async with scripted_venue() as venue, account(venue, desk, auth_grant=grant) as reader:
        await venue.wait_for(lambda: desk.tokens >= 2)
        # A venue that repeats what it was given, in an error, a push and a broken frame.
        token = desk.issued()[0]
        await venue.send(json_bytes({"jsonrpc": "2.0", "id": f"x {CLIENT_SECRET} {token}"}))
        await venue.send(f'{{"access_token":"{token}","refresh_token" : "ref-token-'.encode())
        await venue.push("user.lock", {"locked": True, "currency": CLIENT_ID})
        await reader.until(lambda: any(b"user.lock" in f.payload for f in reader.frames))
        desk.refuse_key = desk.refuse_refresh = True
        await reader.until(lambda: reader.failure is not None)
        shown = [reader.feed.last_problem, repr(reader.feed), repr(vars(reader.feed)), repr(KEY)]
        shown += traceback.format_exception(reader.failure)
    kept = recorded_bytes(reader.frames, tmp_path)
    events = [repr(event) for frame in reader.frames for event in account_events_of(frame)]
    payloads = [frame.payload for frame in reader.frames]
    assert sum(b'_token": "***"' in payload for payload in payloads) >= 2
    texts = [*shown, *events, caplog.text]
    everything = b"\n".join([*payloads, kept, *(text.encode() for text in texts)])
    for secret in (CLIENT_ID, CLIENT_SECRET, *desk.issued()):
        for form in forms_of(secret):
            assert form not in everything, secret
