"""What time does to accounts: funding, daily settlement, expiry on the captured average."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, SimulatedVenue
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import FIRST_EXPIRY_NS, NS_PER_S, run_for, run_to

CALL = "BTC-28JUN26-59000-C"
PUT_OTM = "BTC-28JUN26-53000-P"
FUTURE = "BTC-PERPETUAL"
EVER = {"start_timestamp": 0, "end_timestamp": 2**50}
COIN = Decimal("1e-8")


def near(value: float) -> Any:
    return pytest.approx(value, abs=2e-9)


def through_expiry(server: DeribitServer, clock: ManualClock) -> None:
    run_to(server.venue, clock, FIRST_EXPIRY_NS + 10 * NS_PER_S)
    server.pump()


async def log_of(trader: Client, kind: str) -> list[dict[str, Any]]:
    page = await trader.result("private/get_transaction_log", currency="BTC", query=kind, **EVER)
    found: list[dict[str, Any]] = page["logs"]
    return found


async def test_option_pays_its_payoff_on_the_captured_average(
    trader: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    await trader.order("buy", CALL, amount=2, type="market")
    before = (await trader.result("private/get_account_summary", currency="BTC"))["balance"]
    through_expiry(server, clock)
    index = venue.indexes["btc_usd"]
    average = index.mean(FIRST_EXPIRY_NS - DELIVERY_WINDOW_NS, FIRST_EXPIRY_NS)
    prices = await trader.result("public/get_delivery_prices", index_name="btc_usd")
    assert prices["data"] == [{"date": "2026-06-28", "delivery_price": average}]
    payoff = 2 * max(average - 59_000, 0) / average
    assert payoff > 0
    (line,) = await log_of(trader, "delivery")
    assert line["cashflow"] == near(round(payoff, 8))
    # A daily option is delivered free.
    assert line["commission"] == 0
    assert (line["settlement_price"], line["position"]) == (average, 0)
    after = (await trader.result("private/get_account_summary", currency="BTC"))["balance"]
    assert after == near(before + payoff)
    assert await trader.result("private/get_positions") == []
    ticker = await trader.result("public/ticker", instrument_name=CALL)
    assert (ticker["state"], ticker["delivery_price"]) == ("closed", average)


async def test_option_out_of_the_money_expires_for_nothing(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    await trader.order("buy", PUT_OTM, amount=1, type="market")
    through_expiry(server, clock)
    (line,) = await log_of(trader, "delivery")
    assert (line["change"], line["cashflow"], line["commission"]) == (0, 0, 0)


async def test_writer_pays_what_the_holder_is_paid(
    trader: Client, other: Client, server: DeribitServer, clock: ManualClock
) -> None:
    ticker = await trader.result("public/ticker", instrument_name=CALL)
    price = round(ticker["best_ask_price"] - 0.0005, 4)
    assert price > ticker["best_bid_price"]
    await trader.order("sell", CALL, amount=1, price=price)
    await other.order("buy", CALL, amount=1, price=price)
    through_expiry(server, clock)
    paid = (await log_of(trader, "delivery"))[0]["cashflow"]
    received = (await log_of(other, "delivery"))[0]["cashflow"]
    assert paid == -received < 0


async def test_future_is_settled_daily_at_its_mark(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    name = "BTC-25SEP26"
    told = await trader.result("private/buy", instrument_name=name, amount=10_000, type="market")
    entry = told["trades"][0]["price"]
    through_expiry(server, clock)
    (line,) = await log_of(trader, "settlement")
    mark = line["settlement_price"]
    assert (
        line["session_rpl"] == line["cashflow"] == near(round(10_000 * (1 / entry - 1 / mark), 8))
    )
    position = await trader.result("private/get_position", instrument_name=name)
    assert (position["size"], position["settlement_price"]) == (10_000, mark)
    assert position["average_price"] == entry
    assert position["realized_profit_loss"] == 0
    now = position["mark_price"]
    assert position["floating_profit_loss"] == near(10_000 * (1 / mark - 1 / now))
    assert position["total_profit_loss"] == near(10_000 * (1 / entry - 1 / now))
    history = await trader.result(
        "private/get_settlement_history_by_instrument", instrument_name=name
    )
    (record,) = history["settlements"]
    assert (record["type"], record["session_profit_loss"]) == ("settlement", line["cashflow"])
    assert history["continuation"] == "none"


async def test_perpetual_pays_funding_by_the_hour(
    trader: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    await trader.order("buy", FUTURE, amount=1_000_000, type="market")
    for _ in range(4):
        run_for(clock, 3_600 * NS_PER_S)
        server.pump()
    lines = (await log_of(trader, "settlement"))[::-1]
    rates = await trader.result("public/get_funding_rate_history", instrument_name=FUTURE, **EVER)
    by_time = {rate["timestamp"]: rate["interest_1h"] for rate in rates}
    assert len(lines) == 4
    # The first hour was not whole: the venue opened in it.
    for line in lines[1:]:
        rate = by_time[line["timestamp"]]
        assert line["interest_pl"] == near(round(-rate * 1_000_000 / line["mark_price"], 8))
    position = await trader.result("private/get_position", instrument_name=FUTURE)
    assert position["realized_funding"] == near(sum(line["cashflow"] for line in lines))
    # Past 08:00 UTC it begins anew, with the session.
    run_for(clock, 24 * 3_600 * NS_PER_S)
    server.pump()
    lines = await log_of(trader, "settlement")
    settled = max(line["timestamp"] for line in lines if "settlement_price" in line)
    later = [line["interest_pl"] for line in lines if line["timestamp"] > settled]
    assert len(later) >= 1
    position = await trader.result("private/get_position", instrument_name=FUTURE)
    assert position["realized_funding"] == near(sum(later))


async def test_delivery_is_told_on_the_state_channel_and_in_settlements(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    await trader.subscribe("instrument.state.option.BTC")
    through_expiry(server, clock)
    states = [told["data"] for told in await trader.drain()]
    assert len(states) == 50
    assert {state["state"] for state in states} == {"delivered"}
    ask = trader.result
    page = await ask("public/get_last_settlements_by_currency", currency="BTC", type="delivery")
    assert len(page["settlements"]) == 20
    rest = await ask(
        "public/get_last_settlements_by_currency",
        currency="BTC",
        type="delivery",
        count=100,
        continuation=page["continuation"],
    )
    assert len(rest["settlements"]) == 30
    assert rest["continuation"] == "none"
    (one,) = (await ask("public/get_last_settlements_by_instrument", instrument_name=CALL))[
        "settlements"
    ]
    assert (one["type"], one["timestamp"]) == ("delivery", FIRST_EXPIRY_NS // 10**6)
    (session,) = (await ask("public/get_last_settlements_by_instrument", instrument_name=FUTURE))[
        "settlements"
    ]
    assert (session["type"], session["session_profit_loss"]) == ("settlement", 0)


async def test_delta_decays_in_the_last_half_hour(
    trader: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    name = "BTC-28JUN26-53000-C"
    run_to(venue, clock, FIRST_EXPIRY_NS - DELIVERY_WINDOW_NS // 2)
    server.pump()
    ticker = await trader.result("public/ticker", instrument_name=name)
    assert ticker["greeks"]["delta"] == pytest.approx(0.5, abs=0.01)
    assert ticker["estimated_delivery_price"] != ticker["index_price"]


async def test_cash_is_conserved_to_the_last_digit(
    trader: Client, other: Client, server: DeribitServer, clock: ManualClock
) -> None:
    ledger = server.face.exchange.ledger
    for side, who in (("buy", trader), ("sell", other)):
        await who.order(side, CALL, amount=1.3, type="market")
        await who.order(side, FUTURE, amount=12_340, type="market")
    await trader.order("buy", PUT_OTM, amount=0.7, type="market")
    assert ledger.total("BTC") == 0
    through_expiry(server, clock)
    assert ledger.total("BTC") == 0
    for account in server.face.accounts:
        cash = ledger.balance(account.account_id, "BTC")
        assert cash == cash.quantize(COIN)
        lines = server.face.exchange.statement(account.account_id)
        assert sum(line.change for line in lines) == cash


async def test_since_august_an_option_in_the_money_ends_in_two_steps(
    trader: Client, other: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    """Exercise into the future of the expiry at the strike, then its delivery; the cash is that of
    one step. What ends out of the money has one line.
    """
    call, out = "BTC-25SEP26-50000-C", "BTC-25SEP26-85000-C"
    await trader.order("buy", call, amount=1, type="market")
    await trader.order("buy", out, amount=1, type="market")
    expiry_ns = server.face.exchange.listings[call].instrument.expiry_ns
    assert expiry_ns is not None
    # The other side writes one, after the market has moved to near the end.
    run_to(venue, clock, expiry_ns - 3_600 * NS_PER_S)
    server.pump()
    await other.order("sell", call, amount=1, type="market")
    before = (await trader.result("private/get_account_summary", currency="BTC"))["balance"]
    run_to(venue, clock, expiry_ns + 10 * NS_PER_S)
    server.pump()
    page = await trader.result("private/get_transaction_log", currency="BTC", count=250, **EVER)
    lines = [line for line in page["logs"][::-1] if line["timestamp"] == expiry_ns // 10**6]
    ends = [line for line in lines if line["type"] != "settlement"]
    by_type = {line["type"]: line for line in ends}
    assert by_type.keys() == {"exercise", "delivery", "expiry"}
    exercise, delivery, expiry = (by_type[kind] for kind in ("exercise", "delivery", "expiry"))
    assert (exercise["instrument_name"], exercise["change"], exercise["price"]) == (call, 0, 50_000)
    assert exercise["balance"] == before
    assert delivery["instrument_name"] == "BTC-25SEP26"
    average = delivery["settlement_price"]
    assert delivery["cashflow"] == near(round((average - 50_000) / average, 8))
    assert delivery["commission"] == near(0.00015)
    assert (expiry["instrument_name"], expiry["change"]) == (out, 0)
    numbers = [line["id"] for line in page["logs"]]
    assert numbers == sorted(set(numbers), reverse=True)
    written = await other.result(
        "private/get_transaction_log", currency="BTC", query="assignment", **EVER
    )
    assert [line["instrument_name"] for line in written["logs"]] == [call]


async def test_settlement_price_is_that_of_the_last_session(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    ask = {"instrument_name": FUTURE}
    before = (await trader.result("public/ticker", **ask))["settlement_price"]
    assert before == pytest.approx(60_000, rel=0.05)
    await trader.order("buy", FUTURE, amount=100, type="market")
    assert (await trader.result("private/get_position", **ask))["settlement_price"] == before
    through_expiry(server, clock)
    (line,) = [one for one in await log_of(trader, "settlement") if "settlement_price" in one]
    ticker = await trader.result("public/ticker", **ask)
    assert ticker["settlement_price"] == line["settlement_price"]
