"""Settings are checked when made; requests stay within what the venue accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.venues.deribit.requests import (
    channel_batches,
    parse_request_id,
    request,
    request_id,
)
from quantdesk.venues.deribit.settings import (
    LIVE_URL,
    REQUEST_BYTES_MAX,
    TESTNET_URL,
    DeribitSettings,
)
from quantdesk.venues.deribit.subscriptions import Subscriptions


def test_each_environment_knows_its_address() -> None:
    assert DeribitSettings(environment="live").endpoint == LIVE_URL
    assert DeribitSettings(environment="testnet").endpoint == TESTNET_URL
    url = "ws://127.0.0.1:8080/ws/api/v2"
    assert DeribitSettings(environment="simulated", url=url).endpoint == url
    assert DeribitSettings(environment="testnet", url=url).endpoint == url


def test_books_are_whole_or_grouped() -> None:
    assert DeribitSettings(environment="live").book_channel("BTC-PERPETUAL") == (
        "book.BTC-PERPETUAL.100ms"
    )
    grouped = DeribitSettings(environment="live", book_group="none", book_depth=20)
    assert grouped.book_channel("BTC-PERPETUAL") == "book.BTC-PERPETUAL.none.20.100ms"


def test_bans_are_kept_under_the_host() -> None:
    assert DeribitSettings(environment="live").host == "www.deribit.com"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"environment": "prod"}, "environment"),
        ({"environment": "simulated"}, "url"),
        ({"environment": "simulated", "url": LIVE_URL}, "url"),
        ({"url": "http://www.deribit.com"}, "url"),
        ({"url": "ws://www.deribit.com/ws/api/v2"}, "url"),
        ({"url": "wss://user:secret@www.deribit.com/ws/api/v2"}, "url"),
        ({"url": "wss://["}, "url"),
        ({"ticker_interval": "50ms"}, "ticker_interval"),
        ({"kinds": ()}, "kinds"),
        ({"kinds": ("options",)}, "kinds"),
        ({"heartbeat_s": 5}, "heartbeat_s"),
        ({"time_poll_s": 0.0}, "time_poll_s"),
        ({"connect_timeout_s": float("nan")}, "connect_timeout_s"),
        ({"backoff_high_s": 0.1}, "backoff_high_s"),
        ({"channels_per_request": 0}, "channels_per_request"),
        ({"frames_max": 0}, "frames_max"),
        ({"books_max": 0}, "books_max"),
        ({"books_per_round": 0}, "books_per_round"),
        ({"book_interval": "1s"}, "book_interval"),
        ({"book_group": "3"}, "book_group"),
        ({"book_depth": 5}, "book_depth"),
        ({"auth_grant": "password"}, "auth_grant"),
        ({"token_use_max": 0.8}, "token_use_max"),
        ({"token_use_max": 0.0}, "token_use_max"),
        ({"account_poll_s": 0.0}, "account_poll_s"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    values: dict[str, Any] = {"environment": "live", **changes}
    with pytest.raises(ConfigError, match=field) as caught:
        DeribitSettings(**values)
    assert "secret" not in str(caught.value)


def test_silence_limit_is_two_gaps_and_the_margin() -> None:
    settings = DeribitSettings(environment="live", time_poll_s=5.0, silence_margin_s=1.0)
    assert settings.silence_limit_s == 11.0


def test_ids_name_method_and_detail() -> None:
    text = request_id("public/get_instruments", "BTC_USDC", 3)
    assert text == "public/get_instruments#BTC_USDC#3"
    assert parse_request_id(text) == ("public/get_instruments", "BTC_USDC")
    assert parse_request_id(request_id("public/test", "", 9)) == ("public/test", "")


@pytest.mark.parametrize("text", ["", "3", "public/test", "public/test##", "x/y#a#1", "a#b#c#d\n"])
def test_other_ids_are_not_ours(text: str) -> None:
    assert parse_request_id(text) is None


def test_an_id_that_could_not_be_read_back_is_refused() -> None:
    with pytest.raises(InvalidInput, match="request id"):
        request_id("public/get_instruments", "BTC#ETH", 1)


def test_request_is_json_rpc_with_named_params() -> None:
    payload = request("public/set_heartbeat##2", "public/set_heartbeat", {"interval": 10})
    assert json.loads(payload) == {
        "jsonrpc": "2.0",
        "id": "public/set_heartbeat##2",
        "method": "public/set_heartbeat",
        "params": {"interval": 10},
    }
    with pytest.raises(InvalidInput, match="at most 32000 bytes"):
        request("public/subscribe##1", "public/subscribe", {"channels": ["x" * 32_000]})


@given(
    st.lists(st.text("ABCDEFG-0123456789.", min_size=1, max_size=90), max_size=1500),
    st.integers(1, 500),
)
def test_batches_lose_nothing_and_fit_one_request(channels: list[str], per_request: int) -> None:
    batches = list(channel_batches(channels, per_request=per_request))
    assert [c for batch in batches for c in batch] == channels
    for batch in batches:
        assert 0 < len(batch) <= per_request
        payload = request("public/subscribe##123456", "public/subscribe", {"channels": batch})
        assert len(payload) <= REQUEST_BYTES_MAX


def test_subscriptions_know_granted_refused_and_left() -> None:
    subscriptions = Subscriptions()
    subscriptions.want(["a", "b", "c"])
    assert subscriptions.missing() == ("a", "b", "c")
    subscriptions.note_granted(["a", "b", "c"], ["c", "a", "zzz"])
    assert subscriptions.granted == {"a", "c"}
    assert subscriptions.refused == {"b"}
    assert subscriptions.missing() == ()
    subscriptions.forgive()
    assert subscriptions.missing() == ("b",)
    subscriptions.want(["b", "c"])
    assert subscriptions.surplus() == ("a",)
    subscriptions.note_left(["a"])
    assert subscriptions.surplus() == ()
    subscriptions.note_granted(["b"], [])
    subscriptions.want(["c"])
    assert subscriptions.refused == frozenset()
