"""Who asks: grants, scopes, token lives and HTTP headers, over real sockets."""

from __future__ import annotations

import base64
import json
from typing import Any

import aiohttp
import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer
from quantdesk.simulator.deribit.accounts import ApiAccount
from quantdesk.simulator.deribit.authentication import signature
from quantdesk.simulator.deribit.tokens import ACCESS_LIFE_S
from tests.unit.simulator.deribit.client import Client, connect
from tests.unit.simulator.deribit.test_session import closed
from tests.unit.simulator.test_venue import run_for

SECOND_NS = 10**9
SUMMARY = "/private/get_account_summary?currency=BTC"
NAME = "BTC-25SEP26-60000-C"


@pytest.fixture
def account(server: DeribitServer) -> ApiAccount:
    return server.face.accounts[0]


async def get(server: DeribitServer, path: str, authorization: str = "") -> tuple[int, Any]:
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{server.http_url}{path}") as response,
    ):
        return response.status, await response.json()


def signed(account: ApiAccount, clock_ms: int, method: str, uri: str, body: str = "") -> str:
    text = f"{clock_ms}\nnonce\n{method}\n{uri}\n{body}\n"
    sig = signature(account.client_secret, text)
    return f"deri-hmac-sha256 id={account.client_id},ts={clock_ms},nonce=nonce,sig={sig}"


def test_signatures_equal_the_documented_vectors() -> None:
    text = "1576074319000\n1iqt2wls\n"
    expected = "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1"
    assert signature("AMANDASECRECT", text) == expected
    request = "GET\n/api/v2/private/get_account_summary?currency=BTC\n\n"
    expected = "9bfbc51a2bc372d72cc396cf1a213dc78d42eb74cb7dc272351833ad0de276ab"
    assert signature("AMANDASECRECT", text + request) == expected


async def test_credentials_give_a_token_pair(client: Client, account: ApiAccount) -> None:
    granted = await client.log_in(account, state="abc", scope="session:desk")
    assert granted["token_type"] == "bearer"
    assert granted["expires_in"] == ACCESS_LIFE_S
    assert granted["state"] == "abc"
    assert granted["sid"] == "desk"
    scope = granted["scope"].split()
    assert {"account:read", "trade:read_write", "wallet:read", "session:desk"} <= set(scope)
    assert granted["access_token"] != granted["refresh_token"]


@pytest.mark.parametrize(
    "wrong", [{"client_secret": "x"}, {"client_id": "x"}, {"client_secret": "é"}]
)
async def test_wrong_credentials_are_refused(
    client: Client, account: ApiAccount, wrong: dict[str, str]
) -> None:
    shown = {"client_id": account.client_id, "client_secret": account.client_secret, **wrong}
    error = await client.error("public/auth", grant_type="client_credentials", **shown)
    assert error["code"] == 13004


async def test_unknown_grant_is_an_invalid_parameter(client: Client) -> None:
    assert (await client.error("public/auth", grant_type="password"))["code"] == -32602


@pytest.mark.parametrize("as_text", [True, False])
async def test_signature_of_the_venues_or_the_machines_time_is_taken(
    client: Client, account: ApiAccount, server: DeribitServer, clock: ManualClock, as_text: bool
) -> None:
    for now_ms in (server.venue.now_ns() // 10**6, clock.now_ns() // 10**6):
        granted = await client.result(
            "public/auth",
            grant_type="client_signature",
            client_id=account.client_id,
            timestamp=str(now_ms) if as_text else now_ms,
            nonce="1iqt2wls",
            data="",
            signature=signature(account.client_secret, f"{now_ms}\n1iqt2wls\n"),
        )
        assert granted["token_type"] == "bearer"


async def test_stale_or_forged_signature_is_refused(
    client: Client, account: ApiAccount, server: DeribitServer
) -> None:
    now_ms = server.venue.now_ns() // 10**6
    for stamp, text in ((now_ms - 61_000, None), (now_ms, "other text"), (10**17, None)):
        error = await client.error(
            "public/auth",
            grant_type="client_signature",
            client_id=account.client_id,
            timestamp=stamp,
            nonce="n",
            signature=signature(account.client_secret, text or f"{stamp}\nn\n"),
        )
        assert error["code"] == 13004


async def test_refresh_token_is_good_once(client: Client, account: ApiAccount) -> None:
    first = await client.log_in(account, scope="trade:read expires:60")
    token = first["refresh_token"]
    second = await client.result("public/auth", grant_type="refresh_token", refresh_token=token)
    assert second["access_token"] != first["access_token"]
    assert (second["scope"], second["expires_in"]) == (first["scope"], 60)
    error = await client.error("public/auth", grant_type="refresh_token", refresh_token=token)
    assert error["code"] == 13004


async def test_scope_is_narrowed_and_never_widened(client: Client, account: ApiAccount) -> None:
    granted = await client.log_in(account, scope="wallet:read_write trade:read account:none")
    assert {"wallet:read", "trade:read", "account:none"} <= set(granted["scope"].split())
    assert (await client.result("private/get_positions", currency="BTC")) == []
    error = await client.error("private/buy", instrument_name=NAME, amount=1, price=0.05)
    assert error["code"] == 13021
    error = await client.error("private/get_account_summary", currency="BTC")
    assert error["code"] == 13021


async def test_key_can_not_move_money(trader: Client) -> None:
    for method in ("withdraw", "submit_transfer_to_user", "create_deposit_address"):
        assert (await trader.error(f"private/{method}", currency="BTC"))["code"] == 13021


async def test_token_ends_mid_session_until_it_is_refreshed(
    client: Client, account: ApiAccount, clock: ManualClock
) -> None:
    granted = await client.log_in(account, scope="expires:30")
    assert await client.result("private/get_open_orders") == []
    run_for(clock, 30 * SECOND_NS)
    assert (await client.error("private/get_open_orders"))["code"] == 13009
    raw = await client.error("public/subscribe", channels=[f"ticker.{NAME}.raw"])
    assert raw["code"] == 13778
    token = granted["refresh_token"]
    await client.result("public/auth", grant_type="refresh_token", refresh_token=token)
    assert await client.result("private/get_open_orders") == []


async def test_expired_by_fault_is_unauthorized_and_refresh_stays_good(
    server: DeribitServer, client: Client, account: ApiAccount
) -> None:
    granted = await client.log_in(account)
    server.expire_tokens()
    error = await client.error("private/get_open_orders")
    assert error == {"code": 13009, "message": "unauthorized", "data": {"reason": "invalid_token"}}
    token = granted["refresh_token"]
    await client.result("public/auth", grant_type="refresh_token", refresh_token=token)
    assert await client.result("private/get_open_orders") == []


async def test_connection_token_is_good_on_its_connection_only(
    server: DeribitServer, client: Client, account: ApiAccount
) -> None:
    granted = await client.log_in(account)
    token = granted["access_token"]
    assert await client.result("private/get_open_orders", access_token=token) == []
    async with connect(server.ws_url) as stranger:
        error = await stranger.error("private/get_open_orders", access_token=token)
        assert error["code"] == 13009
    _, answer = await get(server, "/private/get_open_orders", f"Bearer {token}")
    assert answer["error"]["code"] == 13009


async def test_session_token_is_good_everywhere_and_can_be_forked(
    server: DeribitServer, client: Client, account: ApiAccount
) -> None:
    granted = await client.log_in(account, scope="session:one")
    async with connect(server.ws_url) as second:
        token = granted["access_token"]
        assert await second.result("private/get_open_orders", access_token=token) == []
        forked = await second.result(
            "public/fork_token", refresh_token=granted["refresh_token"], session_name="two"
        )
        assert forked["sid"] == "two"
    _, answer = await get(server, "/private/get_open_orders", f"Bearer {forked['access_token']}")
    assert answer["result"] == []
    plain = await client.log_in(account)
    error = await client.error(
        "public/fork_token", refresh_token=plain["refresh_token"], session_name="two"
    )
    assert error["code"] == 13009


async def test_private_method_without_a_token_needs_authorization(client: Client) -> None:
    assert (await client.error("private/get_open_orders"))["code"] == 10000
    assert (await client.error("private/subscribe", channels=["user.lock"]))["code"] == 10000


async def test_basic_header_is_the_account(server: DeribitServer, account: ApiAccount) -> None:
    packed = base64.b64encode(f"{account.client_id}:{account.client_secret}".encode()).decode()
    status, answer = await get(server, SUMMARY, f"Basic {packed}")
    assert (status, answer["result"]["balance"]) == (200, 10.0)


async def test_bearer_header_is_the_account(server: DeribitServer, account: ApiAccount) -> None:
    query = (
        f"/public/auth?grant_type=client_credentials&client_id={account.client_id}"
        f"&client_secret={account.client_secret}"
    )
    _, answer = await get(server, query)
    token = answer["result"]["access_token"]
    status, answer = await get(server, SUMMARY, f"Bearer {token}")
    assert (status, answer["result"]["currency"]) == (200, "BTC")
    status, answer = await get(server, f"{SUMMARY}&access_token={token}")
    assert (status, answer["result"]["currency"]) == (200, "BTC")


async def test_signed_header_covers_uri_and_body(
    server: DeribitServer, account: ApiAccount, clock: ManualClock
) -> None:
    now_ms = clock.now_ns() // 10**6
    header = signed(account, now_ms, "GET", f"/api/v2{SUMMARY}")
    status, answer = await get(server, SUMMARY, header)
    assert (status, answer["result"]["balance"]) == (200, 10.0)
    _, answer = await get(server, SUMMARY.replace("BTC", "ETH"), header)
    assert answer["error"]["code"] == 13009
    body = json.dumps({"id": 1, "method": "private/get_open_orders", "params": {}})
    uri = "/api/v2/private/get_open_orders"
    async with aiohttp.ClientSession() as session:
        for shown, code in ((body, None), (body.replace("1", "2", 1), 13009)):
            headers = {"Authorization": signed(account, now_ms, "POST", uri, body)}
            url = f"{server.http_url}/private/get_open_orders"
            async with session.post(url, data=shown, headers=headers) as response:
                error = (await response.json()).get("error", {})
            assert error.get("code") == code


@pytest.mark.parametrize(
    "header", ["Basic !!", "Basic eDp5", "Bearer x", "deri-hmac-sha256 id=x", "Nonsense", "Basic"]
)
async def test_bad_header_is_unauthorized_for_private_methods_alone(
    server: DeribitServer, header: str
) -> None:
    status, answer = await get(server, SUMMARY, header)
    assert (status, answer["error"]["code"]) == (400, 13009)
    status, answer = await get(server, "/public/get_time", header)
    assert status == 200


async def test_raw_channels_need_authorization(client: Client, account: ApiAccount) -> None:
    names = [f"ticker.{NAME}.raw", f"book.{NAME}.raw", "trades.option.BTC.raw"]
    for name in [*names, "perpetual.BTC-PERPETUAL.raw"]:
        assert (await client.error("public/subscribe", channels=[name]))["code"] == 13778
    await client.log_in(account)
    assert await client.subscribe(*names) == names


async def test_logout_closes_and_cancels_nothing(
    server: DeribitServer, client: Client, account: ApiAccount
) -> None:
    await client.log_in(account)
    await client.result("private/enable_cancel_on_disconnect")
    order = await client.order("buy", NAME, amount=1, price=0.02)
    assert await client.result("private/logout") == "ok"
    await closed(client)
    async with connect(server.ws_url) as again:
        await again.log_in(account)
        state = await again.result("private/get_order_state", order_id=order["order_id"])
        assert state["order_state"] == "open"


@pytest.mark.parametrize("keeps", [True, False])
async def test_logout_invalidates_its_sessions_token_unless_told_not_to(
    server: DeribitServer, client: Client, account: ApiAccount, keeps: bool
) -> None:
    granted = await client.log_in(account, scope="session:one")
    await client.result("private/logout", invalidate_token=not keeps)
    _, answer = await get(server, "/private/get_open_orders", f"Bearer {granted['access_token']}")
    assert ("result" in answer) is keeps
    refreshed = await get(
        server,
        f"/public/auth?grant_type=refresh_token&refresh_token={granted['refresh_token']}",
    )
    assert ("result" in refreshed[1]) is keeps


async def test_secrets_are_in_no_repr(account: ApiAccount) -> None:
    assert account.client_secret not in repr(account)
