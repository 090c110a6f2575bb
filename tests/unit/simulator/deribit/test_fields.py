"""Answers without a capture against the field lists of the venue's documents.

The lists are restated from the public API documents of 2026 (orders, user trades, positions,
summaries, the transaction log); a field that the venue marks as optional, or tells of another
product, is not in them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer
from quantdesk.simulator.deribit.dispatch import LATER, METHODS
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import NS_PER_S, run_for

NAME = "BTC-25SEP26-60000-C"
FUTURE = "BTC-PERPETUAL"
EVER = {"start_timestamp": 0, "end_timestamp": 2**50}

ORDER = """order_id order_state order_type time_in_force instrument_name direction price amount
contracts filled_amount average_price label post_only reject_post_only reduce_only mmp replaced
risk_reducing is_liquidation api web creation_timestamp last_update_timestamp user_id"""

TRADE = """trade_id trade_seq order_id instrument_name direction price amount contracts fee
fee_currency liquidity index_price mark_price profit_loss state label order_type post_only
reduce_only mmp self_trade matching_id timestamp tick_direction api risk_reducing user_id"""

POSITION = """instrument_name kind direction size average_price mark_price index_price
settlement_price delta floating_profit_loss realized_profit_loss total_profit_loss initial_margin
maintenance_margin open_orders_margin"""

SUMMARY = """currency balance equity margin_balance available_funds available_withdrawal_funds
initial_margin maintenance_margin projected_initial_margin projected_maintenance_margin delta_total
delta_total_map projected_delta_total options_delta options_gamma options_vega options_theta
options_gamma_map options_vega_map options_theta_map options_value options_pl options_session_rpl
options_session_upl futures_pl futures_session_rpl futures_session_upl session_rpl session_upl
total_pl fee_balance spot_reserve additional_reserve locked_balance margin_model
portfolio_margining_enabled cross_collateral_enabled limits fees"""

LOG = """id type timestamp currency cashflow change balance commission equity user_id user_seq
username info"""

LOG_TRADE = """instrument_name price mark_price index_price position amount contracts side user_role
fee_role trade_id order_id session_upl session_rpl interest_pl profit_as_cashflow"""


def names(text: str) -> set[str]:
    return set(text.split())


async def one_of_each(trader: Client) -> None:
    await trader.order("buy", NAME, amount=1, type="market")
    await trader.order("buy", FUTURE, amount=100, type="market")


async def test_order_fields(trader: Client) -> None:
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    assert order.keys() == names(ORDER)
    ended = await trader.result("private/cancel", order_id=order["order_id"])
    assert ended.keys() == names(ORDER) | {"cancel_reason"}


async def test_user_trade_fields(trader: Client) -> None:
    await one_of_each(trader)
    page = await trader.result("private/get_user_trades_by_currency", currency="BTC")
    option, future = page["trades"]
    assert option.keys() == names(TRADE) | {"iv", "underlying_price"}
    assert future.keys() == names(TRADE)
    assert option["matching_id"] is None


async def test_position_fields(trader: Client) -> None:
    await one_of_each(trader)
    positions = await trader.result("private/get_positions", currency="BTC")
    option, future = sorted(positions, key=lambda one: one["kind"] == "future")
    usd = {"average_price_usd", "floating_profit_loss_usd"}
    assert option.keys() == names(POSITION) | usd | {"gamma", "vega", "theta"}
    perpetual = {"realized_funding", "interest_value", "leverage", "size_currency"}
    assert future.keys() == names(POSITION) | perpetual | {"estimated_liquidation_price"}


async def test_summary_fields(trader: Client) -> None:
    await one_of_each(trader)
    shown = await trader.result("private/get_account_summary", currency="BTC")
    ratio = {"estimated_liquidation_ratio", "estimated_liquidation_ratio_map"}
    assert shown.keys() == names(SUMMARY) | ratio
    extended = await trader.result("private/get_account_summary", currency="BTC", extended=True)
    assert extended.keys() > shown.keys() | {"id", "type", "email", "self_trading_reject_mode"}


async def test_log_fields(trader: Client, server: DeribitServer, clock: ManualClock) -> None:
    await one_of_each(trader)
    await trader.order("buy", FUTURE, amount=1_000_000, type="market")
    run_for(clock, 3_600 * NS_PER_S)
    server.pump()
    page = await trader.result("private/get_transaction_log", currency="BTC", **EVER)
    by_type: dict[str, dict[str, Any]] = {line["type"]: line for line in page["logs"]}
    assert by_type["deposit"].keys() == names(LOG)
    assert by_type["trade"].keys() == names(LOG) | names(LOG_TRADE)
    assert {"interest_pl", "total_interest_pl"} <= by_type["settlement"].keys()


async def test_margins_fields(trader: Client) -> None:
    told = await trader.result("private/get_margins", instrument_name=NAME, amount=1, price=0.05)
    fees = {f"{side}_{role}_fee" for side in ("buy", "sell") for role in ("maker", "taker")}
    assert told.keys() == {"buy", "sell", "min_price", "max_price"} | fees


async def test_trade_and_summary_fields_of_the_market(trader: Client) -> None:
    await one_of_each(trader)
    page = await trader.result("public/get_last_trades_by_instrument", instrument_name=NAME)
    public = names(
        "trade_id trade_seq timestamp instrument_name price amount contracts direction "
        "tick_direction index_price mark_price iv"
    )
    assert page["trades"][0].keys() == public
    assert page.keys() == {"trades", "has_more"}
    (summary,) = await trader.result("public/get_book_summary_by_instrument", instrument_name=NAME)
    assert summary.keys() == names(
        "instrument_name base_currency quote_currency bid_price ask_price mid_price mark_price "
        "mark_iv last high low volume volume_usd open_interest underlying_price underlying_index "
        "interest_rate estimated_delivery_price creation_timestamp price_change"
    )
    (future,) = await trader.result("public/get_book_summary_by_instrument", instrument_name=FUTURE)
    assert {"current_funding", "funding_8h", "volume_notional"} <= future.keys()
    assert not {"mark_iv", "underlying_price"} & future.keys()


async def test_answers_that_are_short(trader: Client) -> None:
    ask = trader.result
    assert await ask("public/get_contract_size", instrument_name=FUTURE) == {"contract_size": 10.0}
    assert await ask("public/get_contract_size", instrument_name=NAME) == {"contract_size": 1.0}
    history = await ask("private/get_trigger_order_history", currency="BTC")
    assert history == {"entries": [], "continuation": "none"}
    assert await ask("private/get_access_log") == {"records_total": 0, "data": []}
    for method in ("public/get_announcements", "private/get_announcements"):
        assert await ask(method) == []
    assert await ask("private/get_new_announcements") == []


def test_every_method_is_asked_over_the_protocol_in_some_test() -> None:
    """A method that no test asks is one that nobody knows to work."""
    here = Path(__file__).parent
    files = [*here.glob("*.py"), *here.parent.glob("*.py")]
    sources = [path.read_text(encoding="utf-8") for path in files]
    # Named in full, in a path of HTTP, or alone in a table of methods.
    asked = set(re.findall(r'["/]([a-z_]+)["?]', "".join(sources)))
    assert {name for name in METHODS if name.partition("/")[2] not in asked} == set()


def test_what_is_left_for_later_is_nothing_that_is_done() -> None:
    assert not METHODS.keys() & LATER.keys()
