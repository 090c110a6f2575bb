"""Signed REST endpoints: orders, positions and money."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from quantdesk.runtime.clock import ManualClock
from tests.unit.simulator.binance.client import Client

SYMBOL = "BTC-260925-60000-C"
OTHER_SYMBOL = "BTC-260925-65000-P"
DAY_NS = 86_400_000_000_000


async def wallet(client: Client) -> Decimal:
    account = await client.ok("GET", "/marginAccount")
    return Decimal(account["asset"][0]["marginBalance"])


async def test_resting_order_is_shown_everywhere_and_cancelled(client: Client) -> None:
    placed = await client.order(SYMBOL, "BUY", "0.50", "4000", clientOrderId="mine-1")
    assert placed["orderId"] > 2**53
    assert (placed["status"], placed["executedQty"], placed["avgPrice"]) == ("NEW", "0.00", "0")
    assert (await client.ok("GET", "/openOrders"))[0]["clientOrderId"] == "mine-1"
    by_client_id = await client.ok("GET", "/order", symbol=SYMBOL, clientOrderId="mine-1")
    assert by_client_id == await client.ok(
        "GET", "/order", symbol=SYMBOL, orderId=placed["orderId"]
    )
    gone = await client.ok("DELETE", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    assert gone["status"] == "CANCELED"
    assert await client.ok("GET", "/openOrders", symbol=SYMBOL) == []
    (history,) = await client.ok("GET", "/historyOrders", symbol=SYMBOL)
    assert (history["orderId"], history["status"]) == (placed["orderId"], "CANCELED")


async def test_own_order_stands_in_the_public_book(client: Client) -> None:
    bid, ask = await client.best(SYMBOL)
    price = f"{float(bid) + 5:.3f}"
    assert float(price) < float(ask)
    await client.order(SYMBOL, "BUY", "0.07", price)
    book = await client.public("/depth", symbol=SYMBOL, limit=10)
    assert book["bids"][0] == [price, "0.07"]


async def test_fill_moves_cash_position_and_fee_by_the_published_rule(client: Client) -> None:
    before = await wallet(client)
    _, ask = await client.best(SYMBOL)
    index = Decimal((await client.public("/index", underlying="BTCUSDT"))["indexPrice"])
    done = await client.order(SYMBOL, "BUY", "0.10", ask)
    assert (done["status"], done["executedQty"]) == ("FILLED", "0.10")
    fee = min(Decimal("0.0003") * index, Decimal("0.1") * Decimal(ask)) * Decimal("0.10")
    (trade,) = await client.ok("GET", "/userTrades", symbol=SYMBOL)
    assert Decimal(trade["fee"]) == fee.quantize(Decimal("1e-8"))
    assert trade["liquidity"] == "TAKER"
    after = await wallet(client)
    assert after == before - Decimal(ask) * Decimal("0.10") - Decimal(trade["fee"])
    (position,) = await client.ok("GET", "/position")
    assert (position["side"], position["quantity"]) == ("LONG", "0.10")
    assert Decimal(position["entryPrice"]) == Decimal(ask)


async def test_fee_of_a_cheap_option_is_capped_at_a_tenth_of_its_price(client: Client) -> None:
    cheap = "BTC-260628-63000-C"
    ask = (await client.public("/depth", symbol=cheap))["asks"][0][0]
    assert Decimal(ask) <= 15
    await client.order(cheap, "BUY", "1", ask)
    (trade,) = await client.ok("GET", "/userTrades", symbol=cheap)
    assert Decimal(trade["fee"]) == Decimal("0.1") * Decimal(ask)


async def test_short_position_is_signed_and_margined(client: Client) -> None:
    bid, _ = await client.best(SYMBOL)
    await client.order(SYMBOL, "SELL", "0.20", bid)
    (position,) = await client.ok("GET", "/position", symbol=SYMBOL)
    assert (position["side"], position["quantity"]) == ("SHORT", "-0.20")
    asset = (await client.ok("GET", "/marginAccount"))["asset"][0]
    index = Decimal((await client.public("/index", underlying="BTCUSDT"))["indexPrice"])
    mark = Decimal(position["markPrice"])
    out_of_money = max(60_000 - index, Decimal(0))
    each = max(Decimal("0.1") * index, Decimal("0.15") * index - out_of_money) + mark
    assert Decimal(asset["initialMargin"]) == pytest.approx(each * Decimal("0.2"), abs=1e-6)
    assert Decimal(asset["available"]) == Decimal(asset["marginBalance"]) - Decimal(
        asset["initialMargin"]
    )
    assert Decimal(asset["equity"]) == Decimal(asset["marginBalance"]) + Decimal(
        position["markValue"]
    )


async def test_round_trip_realises_its_loss(client: Client) -> None:
    bid, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    await client.order(SYMBOL, "SELL", "0.10", bid, reduceOnly="true")
    assert await client.ok("GET", "/position") == []
    trades = await client.ok("GET", "/userTrades", symbol=SYMBOL)
    assert Decimal(trades[1]["realizedProfit"]) == (Decimal(bid) - Decimal(ask)) * Decimal("0.1")


async def test_acknowledgement_shows_the_order_as_it_was_taken(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    taken = await client.ok(
        "POST", "/order", symbol=SYMBOL, side="BUY", type="LIMIT", quantity="0.1", price=ask
    )
    assert (taken["status"], taken["executedQty"]) == ("NEW", "0.00")
    now = await client.ok("GET", "/order", symbol=SYMBOL, orderId=taken["orderId"])
    assert now["status"] == "FILLED"


async def test_immediate_order_expires_with_what_it_could_not_fill(client: Client) -> None:
    book = await client.public("/depth", symbol=SYMBOL, limit=10)
    price, size = book["asks"][0]
    done = await client.order(SYMBOL, "BUY", f"{float(size) + 1:.2f}", price, timeInForce="IOC")
    assert (done["status"], done["executedQty"]) == ("EXPIRED", size)


async def test_bill_lists_fee_and_premium_newest_first(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    fee, premium, deposit = await client.ok("GET", "/bill", currency="USDT")
    assert (fee["type"], premium["type"], deposit["type"]) == ("FEE", "CONTRACT", "TRANSFER")
    assert Decimal(premium["amount"]) == -Decimal(ask) * Decimal("0.1")
    total = sum(Decimal(row["amount"]) for row in (fee, premium, deposit))
    assert total == await wallet(client)


async def test_commission_is_what_trades_are_charged_with(client: Client) -> None:
    (row,) = (await client.ok("GET", "/commission"))["commissions"]
    assert row == {"underlying": "BTCUSDT", "makerFee": "0.000300", "takerFee": "0.000300"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "BTC-260925-60001-C"}, -1121),
        ({"side": "LONG"}, -1117),
        ({"type": "MARKET"}, -1116),
        ({"timeInForce": "GTD"}, -1115),
        ({"quantity": ""}, -1102),
        ({"price": ""}, -1102),
        ({"quantity": "1e3"}, -1100),
        ({"quantity": "0.001"}, -4004),
        ({"quantity": "0.015"}, -4030),
        ({"quantity": "201"}, -4005),
        ({"price": "4001"}, -4029),
        ({"price": "60000"}, -4002),
        ({"price": "5", "side": "SELL"}, -4013),
        ({"clientOrderId": "x" * 37}, -1100),
        ({"reduceOnly": "true"}, -6045),
        ({"reduceOnly": "maybe"}, -1130),
        ({"isMmp": "true"}, -6005),
        ({"postOnly": "true", "timeInForce": "IOC"}, -1014),
        ({"selfTradePreventionMode": "SOME"}, -1130),
        ({"newOrderRespType": "FULL"}, -1130),
        ({"quantity": "200", "price": "9000"}, -2027),
    ],
)
async def test_bad_orders_are_refused_in_the_venues_codes(
    client: Client, changes: dict[str, str], code: int
) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "0.1", "price": "4000"}
    if code == -4013:
        # Deep in the money, so that the lowest price is above one tick.
        order["symbol"] = "BTC-260628-53500-C"
    assert await client.error("POST", "/order", **{**order, **changes}) == (400, code)


async def test_post_only_order_rests_or_is_refused(client: Client) -> None:
    bid, ask = await client.best(SYMBOL)
    rests = await client.order(SYMBOL, "BUY", "0.1", bid, timeInForce="GTX")
    assert (rests["status"], rests["timeInForce"], rests["postOnly"]) == ("NEW", "GTX", True)
    refused = await client.error(
        "POST",
        "/order",
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        quantity="0.1",
        price=ask,
        postOnly="true",
    )
    assert refused == (400, -6047)


async def test_order_that_must_fill_whole_is_refused_where_it_cannot(client: Client) -> None:
    book = await client.public("/depth", symbol=SYMBOL, limit=10)
    price, size = book["asks"][0]
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "FOK"}
    more = f"{float(size) + 1:.2f}"
    refused = await client.error("POST", "/order", **order, quantity=more, price=price)
    assert refused == (400, -6046)
    assert await client.ok("GET", "/position") == []
    done = await client.order(SYMBOL, "BUY", size, price, timeInForce="FOK")
    assert done["status"] == "FILLED"


async def test_client_id_of_an_open_order_is_not_taken_again(client: Client) -> None:
    await client.order(SYMBOL, "BUY", "0.1", "4000", clientOrderId="twice")
    again = {"symbol": OTHER_SYMBOL, "side": "BUY", "type": "LIMIT", "clientOrderId": "twice"}
    refused = await client.error("POST", "/order", **again, quantity="0.1", price="4000")
    assert refused == (400, -6044)


async def test_orders_of_one_symbol_are_at_most_ten(client: Client) -> None:
    for _ in range(10):
        await client.order(SYMBOL, "BUY", "0.01", "4000")
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "4000"}
    assert await client.error("POST", "/order", **order) == (400, -6050)


async def test_batch_answers_each_order_with_its_own_outcome(client: Client) -> None:
    orders = [
        {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "0.1", "price": "4000"},
        {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": 0.1, "price": 4001},
    ]
    good, bad = await client.ok("POST", "/batchOrders", orders=json.dumps(orders))
    assert good["status"] == "NEW"
    assert bad == {"code": -4029, "msg": "Tick size precision is invalid."}
    cancelled, unknown = await client.ok(
        "DELETE", "/batchOrders", symbol=SYMBOL, orderIds=json.dumps([good["orderId"], 1])
    )
    assert (cancelled["status"], unknown["code"]) == ("CANCELED", -2013)


async def test_batch_of_eleven_is_refused(client: Client) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "0.1", "price": "4000"}
    refused = await client.error("POST", "/batchOrders", orders=json.dumps([order] * 11))
    assert refused == (400, -6011)


async def test_cancelling_a_symbol_leaves_the_others(client: Client) -> None:
    await client.order(SYMBOL, "BUY", "0.1", "4000")
    kept = await client.order(OTHER_SYMBOL, "BUY", "0.1", "4000")
    answer = await client.ok("DELETE", "/allOpenOrders", symbol=SYMBOL)
    assert answer == {"code": "0", "msg": "success"}
    assert [o["orderId"] for o in await client.ok("GET", "/openOrders")] == [kept["orderId"]]
    answer = await client.ok("DELETE", "/allOpenOrdersByUnderlying", underlying="BTCUSDT")
    assert answer == {"code": 0, "msg": "success"}
    assert await client.ok("GET", "/openOrders") == []


async def test_cancelling_what_is_over_says_so(client: Client) -> None:
    placed = await client.order(SYMBOL, "BUY", "0.1", "4000")
    await client.ok("DELETE", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    again = await client.error("DELETE", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    assert again == (400, -6028)
    assert await client.error("DELETE", "/order", symbol=SYMBOL, orderId=7) == (400, -2013)


async def test_accounts_do_not_see_each_others_orders(client: Client, other: Client) -> None:
    placed = await client.order(SYMBOL, "BUY", "0.1", "4000")
    assert await other.ok("GET", "/openOrders") == []
    foreign = await other.error("DELETE", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    assert foreign == (400, -2013)


async def test_accounts_trade_with_each_other_inside_the_spread(
    client: Client, other: Client
) -> None:
    bid, _ = await client.best(SYMBOL)
    price = f"{float(bid) + 5:.0f}"
    await client.order(SYMBOL, "SELL", "0.30", price)
    done = await other.order(SYMBOL, "BUY", "0.10", price)
    assert done["status"] == "FILLED"
    (maker,) = await client.ok("GET", "/userTrades", symbol=SYMBOL)
    assert (maker["liquidity"], maker["quantity"]) == ("MAKER", "0.10")
    (resting,) = await client.ok("GET", "/openOrders")
    assert (resting["status"], resting["executedQty"]) == ("PARTIALLY_FILLED", "0.10")


async def test_meeting_oneself_expires_the_resting_order_by_default(client: Client) -> None:
    bid, _ = await client.best(SYMBOL)
    price = f"{float(bid) + 5:.0f}"
    rests = await client.order(SYMBOL, "BUY", "0.10", price)
    sells = await client.order(SYMBOL, "SELL", "0.10", price)
    assert sells["status"] == "NEW"
    ended = await client.ok("GET", "/order", symbol=SYMBOL, orderId=rests["orderId"])
    assert ended["status"] == "EXPIRED_IN_MATCH"


async def test_taker_expires_where_its_mode_says_so(client: Client) -> None:
    bid, _ = await client.best(SYMBOL)
    price = f"{float(bid) + 5:.0f}"
    rests = await client.order(SYMBOL, "BUY", "0.10", price)
    sells = await client.order(
        SYMBOL, "SELL", "0.10", price, selfTradePreventionMode="EXPIRE_TAKER"
    )
    assert sells["status"] == "EXPIRED_IN_MATCH"
    kept = await client.ok("GET", "/order", symbol=SYMBOL, orderId=rests["orderId"])
    assert kept["status"] == "NEW"


async def test_unfilled_order_is_forgotten_after_three_days(
    client: Client, clock: ManualClock
) -> None:
    placed = await client.order(SYMBOL, "BUY", "0.1", "4000")
    await client.ok("DELETE", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    clock.advance_to(clock.now_ns() + 3 * DAY_NS + 1_000_000_000)
    gone = await client.error("GET", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    assert gone == (400, -2013)
    assert len(await client.ok("GET", "/historyOrders", symbol=SYMBOL)) == 1


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/mmp", -6005),
        ("POST", "/mmpSet", -6005),
        ("POST", "/countdownCancelAll", -6005),
        ("POST", "/block/order/create", -1002),
    ],
)
async def test_what_is_left_for_later_is_refused_as_to_a_normal_account(
    client: Client, method: str, path: str, code: int
) -> None:
    assert (await client.error(method, path))[1] == code
