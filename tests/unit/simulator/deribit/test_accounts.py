"""Positions, summaries, margins and fees: identities, and equality with the venue's law."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.margin import MarginPrices
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.margin.fees import trade_fee
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import NS_PER_S, run_for

NAME = "BTC-25SEP26-60000-C"
PUT = "BTC-31JUL26-60000-P"
FUTURE = "BTC-PERPETUAL"


def near(value: float) -> Any:
    return pytest.approx(value, abs=2e-9)


async def summary_of(trader: Client) -> dict[str, Any]:
    found: dict[str, Any] = await trader.result("private/get_account_summary", currency="BTC")
    return found


async def position_of(trader: Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = await trader.result("private/get_position", instrument_name=name)
    return found


async def mixed_book(trader: Client) -> None:
    """Long and short options, a future, and a resting order."""
    await trader.order("buy", NAME, amount=2, type="market")
    await trader.order("sell", PUT, amount=1.5, type="market")
    await trader.order("buy", FUTURE, amount=20_000, type="market")
    await trader.order("sell", FUTURE, amount=5_000, type="market")
    await trader.order("buy", NAME, amount=1, price=0.02)


async def test_average_price_and_profit_of_an_option(trader: Client) -> None:
    asks = (await trader.result("public/get_order_book", instrument_name=NAME))["asks"]
    size = asks[0][1]
    await trader.order("buy", NAME, amount=round(size + 1, 1), type="market")
    shown = await position_of(trader, NAME)
    average = (asks[0][0] * size + asks[1][0]) / (size + 1)
    assert shown["average_price"] == near(average)
    assert (shown["direction"], shown["kind"]) == ("buy", "option")
    floating = shown["size"] * (shown["mark_price"] - average)
    assert shown["floating_profit_loss"] == near(floating)
    assert shown["total_profit_loss"] == near(floating)
    sold = await trader.result("private/sell", instrument_name=NAME, amount=1, type="market")
    realised = sold["trades"][0]["price"] - average
    assert sold["trades"][0]["profit_loss"] == near(realised)
    after = await position_of(trader, NAME)
    assert after["average_price"] == shown["average_price"]
    assert after["realized_profit_loss"] == near(realised)


async def test_option_greeks_are_the_tickers_times_the_size(trader: Client) -> None:
    await trader.order("sell", PUT, amount=1.5, type="market")
    shown = await position_of(trader, PUT)
    greeks = (await trader.result("public/ticker", instrument_name=PUT))["greeks"]
    assert shown["size"] == -1.5
    for name in ("delta", "gamma", "vega", "theta"):
        assert shown[name] == pytest.approx(-1.5 * greeks[name], abs=1e-6)


async def test_average_in_usd_is_of_the_position_that_is_held(trader: Client) -> None:
    """Closed rounds and what was sold of this one leave no trace in it."""
    await trader.order("buy", NAME, amount=1, type="market")
    await trader.order("sell", NAME, amount=1, type="market")
    first = await trader.result("private/buy", instrument_name=NAME, amount=2, type="market")
    await trader.order("sell", NAME, amount=0.5, type="market")
    shown = await position_of(trader, NAME)
    trades = first["trades"]
    cost = sum(trade["amount"] * trade["price"] * trade["index_price"] for trade in trades)
    assert shown["size"] == 1.5
    assert shown["average_price_usd"] == pytest.approx(cost / 2, abs=1e-5)
    await trader.order("sell", NAME, amount=2.5, type="market")
    turned = await position_of(trader, NAME)
    assert turned["size"] == -1.0
    assert turned["average_price_usd"] == pytest.approx(
        turned["average_price"] * turned["index_price"], abs=1e-5
    )


async def test_future_is_worth_its_coins(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    await trader.order("buy", FUTURE, amount=20_000, type="market")
    run_for(clock, 120 * NS_PER_S)
    server.pump()
    shown = await position_of(trader, FUTURE)
    average, mark = shown["average_price"], shown["mark_price"]
    assert mark != average
    assert shown["size_currency"] == near(20_000 / mark)
    assert shown["delta"] == shown["size_currency"]
    assert shown["total_profit_loss"] == near(20_000 * (1 / average - 1 / mark))
    assert shown["floating_profit_loss"] == shown["total_profit_loss"]
    assert shown["estimated_liquidation_price"] < mark


async def test_nothing_held_is_a_position_of_zero(trader: Client) -> None:
    shown = await position_of(trader, NAME)
    assert (shown["direction"], shown["size"], shown["average_price"]) == ("zero", 0, 0)
    assert await trader.result("private/get_positions", currency="BTC") == []


async def test_positions_by_scope(trader: Client) -> None:
    await mixed_book(trader)
    ask = trader.result
    names = {one["instrument_name"] for one in await ask("private/get_positions")}
    assert names == {NAME, PUT, FUTURE}
    options = await ask("private/get_positions", currency="BTC", kind="option")
    assert {one["instrument_name"] for one in options} == {NAME, PUT}
    futures = await ask("private/get_positions", currency="any", kind="future")
    assert [one["instrument_name"] for one in futures] == [FUTURE]
    assert await ask("private/get_positions", currency="ETH") == []


async def test_summary_identities_hold(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    """Those that the captured summaries obey, to their last printed digit."""
    await mixed_book(trader)
    run_for(clock, 300 * NS_PER_S)
    server.pump()
    s = await summary_of(trader)
    assert s["futures_session_upl"] != 0
    assert s["futures_session_rpl"] != 0
    session = s["futures_session_upl"] + s["futures_session_rpl"]
    assert s["equity"] == near(s["balance"] + s["options_value"] + session)
    assert s["margin_balance"] == near(s["equity"] - s["options_value"])
    assert s["available_funds"] == near(s["margin_balance"] - s["initial_margin"])
    assert s["session_upl"] == near(s["futures_session_upl"] + s["options_session_upl"])
    assert s["session_rpl"] == near(s["futures_session_rpl"] + s["options_session_rpl"])
    assert s["total_pl"] == near(s["futures_pl"] + s["options_pl"])
    assert s["delta_total"] == near(s["delta_total_map"]["btc_usd"] - s["options_value"])


async def test_summary_is_the_sum_of_the_positions(trader: Client) -> None:
    await mixed_book(trader)
    s = await summary_of(trader)
    positions = await trader.result("private/get_positions", currency="BTC")
    options = [one for one in positions if one["kind"] == "option"]
    assert s["options_value"] == near(sum(one["size"] * one["mark_price"] for one in options))
    assert s["options_delta"] == near(sum(one["delta"] for one in options))
    assert s["maintenance_margin"] == near(sum(one["maintenance_margin"] for one in positions))
    held = sum(one["initial_margin"] for one in positions)
    reserved = sum(one["open_orders_margin"] for one in positions)
    assert reserved == near(0.02)
    # The fee that filling would cost is reserved too, for the order and not for the position.
    assert s["initial_margin"] == near(held + reserved + 0.0003)


async def test_projected_values_leave_the_next_expiry_out(trader: Client) -> None:
    near_name = "BTC-28JUN26-60000-C"
    await trader.order("sell", near_name, amount=1, type="market")
    s = await summary_of(trader)
    assert s["maintenance_margin"] > 0
    assert (s["projected_maintenance_margin"], s["projected_delta_total"]) == (0, 0)
    await trader.order("buy", NAME, amount=1, type="market")
    s = await summary_of(trader)
    call = await position_of(trader, NAME)
    assert s["projected_delta_total"] == near(call["delta"] - call["mark_price"])


async def test_margins_equal_the_venues_law(trader: Client, server: DeribitServer) -> None:
    await mixed_book(trader)
    model = DeribitStandardMargin(as_of_ns=server.venue.opened_ns)
    exchange = server.face.exchange
    for name in (NAME, PUT, FUTURE):
        shown = await position_of(trader, name)
        ticker = await trader.result("public/ticker", instrument_name=name)
        underlying = ticker.get("underlying_price", ticker["index_price"])
        law = model.position_margin(
            exchange.listings[name].instrument,
            Decimal(str(shown["size"])),
            MarginPrices(
                mark=Decimal(str(ticker["mark_price"])), underlying=Decimal(str(underlying))
            ),
        )
        assert shown["initial_margin"] == near(float(law.initial))
        assert shown["maintenance_margin"] == near(float(law.maintenance))
    assert (await position_of(trader, NAME))["initial_margin"] == 0
    assert (await position_of(trader, PUT))["initial_margin"] > 0


async def test_get_margins_is_what_an_order_then_reserves(trader: Client) -> None:
    order = {"instrument_name": PUT, "amount": 1, "price": 0.01}
    told = await trader.result("private/get_margins", **order)
    before = (await summary_of(trader))["initial_margin"]
    placed = await trader.order("buy", PUT, amount=1, price=0.01)
    after = (await summary_of(trader))["initial_margin"]
    assert told["buy"] == near(after - before)
    assert told["sell"] > told["buy"]
    assert told["buy_taker_fee"] == told["sell_maker_fee"] == near(0.0003)
    ticker = await trader.result("public/ticker", instrument_name=PUT)
    assert (told["min_price"], told["max_price"]) == (ticker["min_price"], ticker["max_price"])
    (reserve,) = await trader.result("private/get_order_margin_by_ids", ids=[placed["order_id"]])
    assert reserve["order_id"] == placed["order_id"]
    assert reserve["initial_margin"] == near(0.01)
    assert reserve["initial_margin_currency"] == "BTC"
    await trader.result("private/cancel", order_id=placed["order_id"])
    error = await trader.error("private/get_order_margin_by_ids", ids=[placed["order_id"]])
    assert error["code"] == 11044


async def test_simulated_portfolio_margins_what_is_asked(trader: Client) -> None:
    ask = trader.result
    held = await ask("private/simulate_portfolio", currency="BTC")
    assert held["initial_margin"] == 0
    short = await ask("private/simulate_portfolio", currency="BTC", simulated_positions={PUT: -1})
    told = await ask("private/get_margins", instrument_name=PUT, amount=1, price=0.05)
    assert short["initial_margin"] > short["maintenance_margin"] > 0
    assert short["available_funds"] == near(10 - short["initial_margin"])
    assert short["initial_margin"] == pytest.approx(told["sell"] - told["sell_taker_fee"], abs=1e-6)
    await trader.order("sell", PUT, amount=1, type="market")
    both = await ask("private/simulate_portfolio", currency="BTC", simulated_positions={PUT: -1})
    assert both["initial_margin"] == near(2 * short["initial_margin"])
    instead = await ask(
        "private/simulate_portfolio",
        currency="BTC",
        simulated_positions={PUT: -1},
        add_positions=False,
    )
    assert instead["initial_margin"] == near(short["initial_margin"])


async def test_fees_are_the_venues_with_their_cap(trader: Client, server: DeribitServer) -> None:
    cheap = "BTC-28JUN26-53000-P"
    for name, amount in ((NAME, 1.0), (cheap, 1.0), (FUTURE, 10_000.0)):
        told = await trader.result(
            "private/buy", instrument_name=name, amount=amount, type="market"
        )
        (trade,) = told["trades"]
        law = trade_fee(
            server.face.exchange.listings[name].instrument,
            quantity=Decimal(str(amount)),
            price=Decimal(str(trade["price"])),
            liquidity=Liquidity.TAKER,
            as_of_ns=server.venue.opened_ns,
            underlying=Decimal(str(trade["index_price"])),
        )
        assert (trade["fee"], trade["fee_currency"]) == (near(float(law.amount)), "BTC")
    page = await trader.result("private/get_user_trades_by_currency", currency="BTC")
    fees = [trade["fee"] for trade in page["trades"]]
    assert fees[0] == 0.0003
    assert fees[1] == near(0.125 * page["trades"][1]["price"])
    assert fees[2] == near(10_000 / page["trades"][2]["price"] * 0.0005)


async def test_maker_of_a_future_pays_nothing(trader: Client, other: Client) -> None:
    name = "BTC-25SEP26"
    ticker = await trader.result("public/ticker", instrument_name=name)
    price = ticker["best_bid_price"] + 0.5
    await trader.order("buy", name, amount=100, price=price)
    await other.order("sell", name, amount=100, price=price)
    page = await trader.result("private/get_user_trades_by_instrument", instrument_name=name)
    assert [(one["liquidity"], one["fee"]) for one in page["trades"]] == [("M", 0)]


async def test_summaries_name_the_account_and_its_limits(trader: Client) -> None:
    shown = await trader.result("private/get_account_summaries", extended=True)
    assert (shown["type"], shown["mmp_enabled"]) == ("main", False)
    (btc,) = shown["summaries"]
    assert btc["currency"] == "BTC"
    limits = btc["limits"]
    assert limits["non_matching_engine"] == {"burst": 100, "rate": 20}
    assert limits["matching_engine"]["trading"]["total"] == {"burst": 20, "rate": 5}
    kinds = {fee["kind"]: fee["value"]["default"] for fee in btc["fees"]}
    assert kinds["option"]["taker"] == 0.0003
    assert kinds["perpetual"] == {"type": "fixed", "taker": 0.0005, "maker": 0.0}
    assert "id" not in await trader.result("private/get_account_summary", currency="BTC")


async def test_currency_without_cash_is_all_zero(trader: Client) -> None:
    for currency in ("USDC", "ETH"):
        shown = await trader.result("private/get_account_summary", currency=currency)
        assert shown["currency"] == currency
        for name in ("balance", "equity", "initial_margin", "delta_total", "available_funds"):
            assert shown[name] == 0
