"""Numbers made by rule are told from recorded ones; snapshots are written out whole."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

from quantdesk.app.render.chain_record import chain_rows, to_json
from quantdesk.app.render.snapshot_record import snapshot_record
from quantdesk.domain.account import AccountSnapshot
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.made_numbers import made_by_rule
from quantdesk.snapshot import BookDepth


def test_the_recorded_btc_chain_has_no_made_number() -> None:
    chain = opening_snapshot("BTC").chains[0]
    assert chain.made_by_rule == {}
    assert {row["made_by_rule"] for row in chain_rows(chain)} == {None}


def test_each_made_number_of_the_eth_chain_names_its_rule() -> None:
    chain = opening_snapshot("ETH").chains[0]
    assert chain.made_by_rule["mark"] == "Black-76 of mark_iv on the forward, 4 decimals"
    assert "mid of the recorded dated future" in chain.made_by_rule["forward"]
    assert not {"bid", "ask", "open_interest"} & set(chain.made_by_rule)
    made = chain_rows(chain)[0]["made_by_rule"].split()
    assert {"mark", "forward", "bid_size", "ask_size", "venue_delta"} <= set(made)
    assert not {"bid", "ask", "strike"} & set(made)


def test_all_prices_of_the_simulated_binance_are_made_and_its_index_is_not() -> None:
    rules = made_by_rule("binance", "BTC")
    assert {"bid", "ask", "mark", "bid_size", "ask_size"} <= set(rules)
    assert "index_price" not in rules
    assert "index_price" in made_by_rule("binance", "ETH")
    assert made_by_rule("deribit", "SOL") == {}


def test_a_snapshot_record_carries_accounts_and_books_exactly() -> None:
    book = BookDepth(
        venue="deribit",
        instrument_name="BTC-PERPETUAL",
        is_good=True,
        bad_reason="",
        change_id=7,
        event_ns=5,
        recv_ns=6,
        bids=((Decimal("60000.5"), Decimal("10")),),
        asks=(),
        levels_bid=1,
        levels_ask=0,
        gaps=2,
    )
    account = AccountSnapshot(
        venue="deribit",
        account="main",
        environment="simulated",
        is_whole=True,
        is_live=True,
        event_ns=5,
        recv_ns=6,
        balances=(),
        positions=(),
        open_orders=(),
        trades=(),
        fee_rates=(),
    )
    snapshot = replace(opening_snapshot("BTC"), books=(book,), accounts=(account,))
    record = json.loads(to_json(snapshot_record(snapshot)))
    assert record["is_simulated"] is True
    assert record["accounts"][0]["account"] == "main"
    assert record["accounts"][0]["is_whole"] is True
    assert record["books"][0]["bids"] == [["60000.5", "10"]]
    assert record["books"][0]["gaps"] == 2
