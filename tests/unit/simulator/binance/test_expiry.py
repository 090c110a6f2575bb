"""08:00 UTC: orders end, positions become cash on one captured average, and cash is conserved."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator.binance.server import BinanceServer
from tests.unit.simulator.binance.client import Client

CALL, PUT = "BTC-260628-59500-C", "BTC-260628-59500-P"
EXPIRY_MS = 1_782_633_600_000


async def held_through(
    client: Client, clock: ManualClock, *orders: tuple[str, str, str, str]
) -> None:
    """Trade, then let the expiry pass and be settled."""
    for symbol, side, quantity, price in orders:
        await client.order(symbol, side, quantity, price)
    venue = client.server.venue
    clock.advance_to(clock.now_ns() + EXPIRY_MS * 1_000_000 - venue.now_ns())
    client.server.pump()


async def test_long_call_is_paid_the_average_less_the_strike_less_the_capped_fee(
    client: Client, clock: ManualClock
) -> None:
    _, ask = await client.best(CALL)
    await held_through(client, clock, (CALL, "BUY", "0.50", ask))
    history = {row["symbol"]: row for row in await client.public("/exerciseHistory")}
    settled = Decimal(history[CALL]["realStrikePrice"])
    venue = client.server.venue
    average = venue.indexes["btc_usd"].mean(
        EXPIRY_MS * 1_000_000 - 1_800_000_000_000, EXPIRY_MS * 1_000_000
    )
    assert settled == Decimal(str(average))
    payoff = max(settled - 59_500, Decimal(0)) * Decimal("0.5")
    assert payoff > 0
    (row,) = await client.ok("GET", "/exerciseRecord")
    assert (row["symbol"], row["positionSide"]) == (CALL, "LONG")
    assert Decimal(row["amount"]) == payoff
    fee = min(Decimal("0.00015") * settled * Decimal("0.5"), Decimal("0.1") * payoff)
    assert Decimal(row["fee"]) == pytest.approx(fee, abs=Decimal("1e-8"))
    assert await client.ok("GET", "/position") == []


async def test_what_ends_in_and_out_of_the_money_is_named_so(
    client: Client, clock: ManualClock
) -> None:
    await held_through(client, clock)
    history = {
        row["symbol"]: row for row in await client.public("/exerciseHistory", underlying="BTCUSDT")
    }
    assert {row["realStrikePrice"] for row in history.values()} == {
        history[CALL]["realStrikePrice"]
    }
    for name, row in history.items():
        gain = float(row["realStrikePrice"]) - float(row["strikePrice"])
        is_in_money = (gain if name.endswith("C") else -gain) > 0
        word = "REALISTIC_VALUE_STRICKEN" if is_in_money else "EXTRINSIC_VALUE_EXPIRED"
        assert row["strikeResult"] == word


async def test_resting_orders_expire_with_their_option(client: Client, clock: ManualClock) -> None:
    await held_through(client, clock, (CALL, "BUY", "0.10", "100"))
    (ended,) = await client.ok("GET", "/historyOrders", symbol=CALL)
    assert ended["status"] == "EXPIRED"
    assert await client.ok("GET", "/openOrders") == []


async def test_expired_option_is_listed_no_more_and_takes_no_order(
    client: Client, clock: ManualClock
) -> None:
    await held_through(client, clock)
    listed = {row["symbol"] for row in (await client.public("/exchangeInfo"))["optionSymbols"]}
    assert CALL not in listed
    assert CALL not in {row["symbol"] for row in await client.public("/mark")}
    order = {"symbol": CALL, "side": "BUY", "type": "LIMIT", "quantity": "0.1", "price": "100"}
    assert await client.error("POST", "/order", **order) == (400, -6049)


async def test_cash_is_conserved_to_the_last_digit_over_all_accounts(
    client: Client, other: Client, clock: ManualClock, server: BinanceServer
) -> None:
    bid, ask = await client.best(CALL)
    put_bid, _ = await client.best(PUT)
    await other.order(PUT, "SELL", "0.33", put_bid)
    await held_through(client, clock, (CALL, "BUY", "0.37", ask), (PUT, "SELL", "0.11", put_bid))
    ledger = server.floor.exchange.ledger
    assert ledger.total("USDT") == 0
    accounts = [account.account_id for account in server.accounts]
    clients = sum((ledger.balance(name, "USDT") for name in accounts), Decimal(0))
    own = sum((ledger.balance(n, "USDT") for n in ("house", "fees", "clearing")), Decimal(0))
    assert clients + own == 2_000_000
    assert ledger.balance("fees", "USDT") > 0
    del bid


async def test_house_does_not_quote_an_expired_option_again(
    client: Client, clock: ManualClock, server: BinanceServer
) -> None:
    await held_through(client, clock)
    clock.advance_to(clock.now_ns() + 60_000_000_000)
    server.pump()
    book = await client.public("/depth", symbol=CALL)
    assert (book["bids"], book["asks"]) == ([], [])
