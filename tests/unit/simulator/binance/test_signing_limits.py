"""Keys, signatures, timestamps; weights, 429 and bans."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import SimulatedVenue
from quantdesk.simulator.binance.accounts import draw_accounts
from quantdesk.simulator.binance.limits import BAN_FIRST_S, VIOLATIONS_MAX, Limits
from quantdesk.simulator.binance.server import BinanceServer
from quantdesk.simulator.binance.signing import sign, without_signature
from tests.unit.simulator.binance.client import Client, connect

S = 1_000_000_000


def stamped(client: Client, offset_ms: int = 0, **params: object) -> str:
    stamp = client.server.venue.now_ns() // 1_000_000 + offset_ms
    return urlencode({**params, "timestamp": stamp})


def test_signature_of_the_documents_string_is_that_of_the_algorithm() -> None:
    # The string and secret of the venue's page; the value recomputed with openssl, as the page's
    # own does not fit them (reference, section 2).
    payload = (
        "symbol=BTC-210129-40000-C&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=2000"
        "&recvWindow=5000&timestamp=1611825601400"
    )
    secret = "YtP1BudNOWZE1ag5uzCkh4hIC7qSmQOu797r5EJBFGhxBYivjj8HIX0iiiPof5yG"
    expected = "7b98bedaee09e23358f57d098876f29ede7df74202f7fccf164666bd3f3f84cb"
    assert sign(secret, payload) == expected


def test_signature_is_taken_out_wherever_it_stands() -> None:
    assert without_signature("a=1&signature=ff&b=2") == ("a=1&b=2", "ff")
    assert without_signature("a=1") == ("a=1", None)


def test_keys_follow_from_the_seed_alone() -> None:
    assert draw_accounts(5, 2) == draw_accounts(5, 2)
    assert draw_accounts(5)[0].api_key != draw_accounts(6)[0].api_key
    assert draw_accounts(5)[0].api_secret not in repr(draw_accounts(5)[0])


async def test_body_and_query_are_signed_as_one_text_without_a_join(client: Client) -> None:
    query = "symbol=BTC-260925-60000-C&side=BUY&type=LIMIT"
    body = "quantity=0.1&price=4000&" + stamped(client)
    signature = client.sign(query + body)
    answer = await client.send(
        "POST",
        "/order",
        query,
        key=client.account.api_key,
        body=f"{body}&signature={signature}",
    )
    assert answer.status == 200, answer.body


async def test_value_of_the_query_counts_before_that_of_the_body(client: Client) -> None:
    query = "symbol=BTC-260925-60000-C&side=BUY&type=LIMIT&price=4000"
    body = "quantity=0.1&price=4500&" + stamped(client)
    signature = client.sign(query + body)
    answer = await client.send(
        "POST", "/order", query, key=client.account.api_key, body=f"{body}&signature={signature}"
    )
    assert answer.body["price"] == "4000.000"


async def test_upper_case_signature_is_as_good(client: Client) -> None:
    query = stamped(client)
    signature = client.sign(query).upper()
    answer = await client.send(
        "GET", "/marginAccount", f"{query}&signature={signature}", key=client.account.api_key
    )
    assert answer.status == 200


async def test_percent_encoding_is_signed_as_it_was_sent(client: Client) -> None:
    query = f"symbol=BTC%2D260925%2D60000%2DC&{stamped(client)}"
    answer = await client.send(
        "GET",
        "/openOrders",
        f"{query}&signature={client.sign(query)}",
        key=client.account.api_key,
    )
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("key", "status", "code"), [(None, 401, -2014), ("short", 401, -2014), ("A" * 64, 401, -2015)]
)
async def test_unknown_key_is_refused(
    client: Client, key: str | None, status: int, code: int
) -> None:
    query = stamped(client)
    answer = await client.send(
        "GET", "/marginAccount", f"{query}&signature={client.sign(query)}", key=key
    )
    assert (answer.status, answer.body["code"]) == (status, code)


@pytest.mark.parametrize("signature", ["&signature=" + "0" * 64, "&signature=%C3%A9", ""])
async def test_wrong_or_missing_signature_is_refused(client: Client, signature: str) -> None:
    answer = await client.send(
        "GET", "/marginAccount", stamped(client) + signature, key=client.account.api_key
    )
    assert answer.status == 400
    assert answer.body["code"] in (-1022, -1102)


@pytest.mark.parametrize(
    ("offset_ms", "more", "code"),
    [
        (-5_001, {}, -1021),
        (-4_999, {}, None),
        (1_000, {}, -1021),
        (999, {}, None),
        (-9_000, {"recvWindow": 10_000}, None),
        (0, {"recvWindow": 60_001}, -1131),
    ],
)
async def test_timestamp_has_to_fit_the_window(
    client: Client, offset_ms: int, more: dict[str, int], code: int | None
) -> None:
    query = stamped(client, offset_ms, **more)
    answer = await client.send(
        "GET",
        "/marginAccount",
        f"{query}&signature={client.sign(query)}",
        key=client.account.api_key,
    )
    assert answer.body.get("code") == code


async def test_timestamp_of_the_machine_is_as_good(client: Client, clock: ManualClock) -> None:
    query = urlencode({"timestamp": clock.now_ns() // 1_000_000})
    answer = await client.send(
        "GET",
        "/marginAccount",
        f"{query}&signature={client.sign(query)}",
        key=client.account.api_key,
    )
    assert answer.status == 200


async def test_request_without_a_timestamp_is_refused(client: Client) -> None:
    answer = await client.send(
        "GET", "/marginAccount", f"signature={client.sign('')}", key=client.account.api_key
    )
    assert answer.body["code"] == -1102


async def test_order_answers_count_the_accounts_orders(client: Client) -> None:
    answer = await client.signed(
        "POST",
        "/order",
        symbol="BTC-260925-60000-C",
        side="BUY",
        type="LIMIT",
        quantity="0.1",
        price="4000",
    )
    assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert answer.headers["X-MBX-ORDER-COUNT-1M"] == "1"
    assert "X-MBX-ORDER-COUNT-1M" not in (await client.signed("GET", "/openOrders")).headers


def test_weight_over_the_limit_is_429_until_the_minute_ends() -> None:
    limits = Limits(weight_per_minute=10)
    now = 600 * S
    assert limits.spend("a", 10, now) is None
    refusal = limits.spend("a", 1, now + 20 * S)
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.retry_after_s) == (429, -1008, 40)
    assert limits.spend("b", 1, now + 20 * S) is None
    assert limits.spend("a", 1, now + 60 * S) is None


def test_ignoring_429_ends_in_a_ban_that_grows() -> None:
    limits = Limits(weight_per_minute=1)
    now = 600 * S
    lengths = []
    for _ in range(2):
        answers = [limits.spend("a", 1, now) for _ in range(VIOLATIONS_MAX + 2)]
        ban = answers[-1]
        assert ban is not None
        assert ban.status == 418
        assert "banned until" in ban.msg
        lengths.append(ban.retry_after_s)
        now += (ban.retry_after_s or 0) * S + 60 * S
    assert lengths == [BAN_FIRST_S, 2 * BAN_FIRST_S]


def test_orders_over_the_ten_second_limit_are_refused() -> None:
    limits = Limits()
    now = 600 * S
    assert limits.spend_orders("a", 300, now) is None
    refusal = limits.spend_orders("a", 1, now + 9 * S)
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.retry_after_s) == (429, -1015, 1)
    assert limits.spend_orders("a", 1, now + 10 * S) is None


async def test_ban_answers_418_with_the_time_to_wait(client: Client) -> None:
    client.server.ban(130)
    answer = await client.send("GET", "/ping")
    assert answer.status == 418
    assert answer.headers["Retry-After"] == "130"


async def test_server_over_its_limit_answers_429_with_the_time_to_wait(
    venue: SimulatedVenue,
) -> None:
    async with (
        BinanceServer(venue, step_s=None, weight_per_minute=10) as server,
        connect(server, server.accounts[0]) as client,
    ):
        assert (await client.send("GET", "/mark")).status == 200
        assert (await client.send("GET", "/mark")).status == 200
        answer = await client.send("GET", "/ping")
    assert (answer.status, answer.body["code"]) == (429, -1008)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "11"
