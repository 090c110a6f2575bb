"""The book and the ledger by themselves: what they tell, and what they will not post."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderType, TimeInForce
from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.book import BookSide, LevelAction, LevelChange
from quantdesk.simulator.exchange.ledger import (
    CLEARING,
    FEES,
    EntryKind,
    Ledger,
    Occasion,
    Posting,
)
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.exchange.orders import LiveOrder, PostOnly, SelfTrade
from quantdesk.simulator.exchange.rules import VenueRules
from tests.unit.simulator.exchange.venue import option

D = Decimal
LISTING = Listing(option(), VenueRules(venue="deribit"))
ACCOUNT = Account("ann", group="ann", self_trade=SelfTrade.ALLOW, fills_kept_max=1)


def resting(order_id: int, units: int, lots: int) -> LiveOrder:
    """A sell that could stand in a book."""
    return LiveOrder(
        order_id=order_id,
        account=ACCOUNT,
        listing=LISTING,
        side=Side.SELL,
        units=units,
        lots=lots,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=PostOnly.NO,
        is_reduce_only=False,
        self_trade=SelfTrade.ALLOW,
        label="",
        session="",
        now_ns=0,
        valid_until_ns=None,
    )


def change(action: LevelAction, units: int, lots: int) -> LevelChange:
    """A change of an ask level."""
    return LevelChange(side=Side.SELL, action=action, units=units, lots=lots)


def test_side_keeps_price_then_time_and_its_totals() -> None:
    asks = BookSide(-1)
    first, second, better = resting(1, 300, 5), resting(2, 300, 7), resting(3, 290, 1)
    for order in (first, second, better):
        asks.add(order)
    assert list(asks.orders()) == [better, first, second]
    assert asks.levels() == [(290, 1), (300, 12)]
    assert asks.levels(1) == [(290, 1)]
    asks.reduce(better, 1)
    asks.reduce(first, 2)
    assert asks.first() is first
    assert (asks.best_units(), asks.levels()) == (300, [(300, 10)])


def test_side_tells_each_level_once_and_only_if_it_differs() -> None:
    asks = BookSide(-1)
    stays, goes = resting(1, 300, 5), resting(2, 310, 5)
    asks.add(stays)
    asks.add(goes)
    assert asks.take_changes() == [
        change(LevelAction.NEW, 300, 5),
        change(LevelAction.NEW, 310, 5),
    ]
    asks.reduce(stays, 2)
    asks.remove(goes)
    asks.add(resting(3, 320, 1))
    passing = resting(4, 330, 9)
    asks.add(passing)
    asks.remove(passing)
    assert asks.take_changes() == [
        change(LevelAction.CHANGE, 300, 3),
        change(LevelAction.DELETE, 310, 0),
        change(LevelAction.NEW, 320, 1),
    ]
    assert asks.take_changes() == []


def test_level_replaced_by_as_much_is_not_told() -> None:
    asks = BookSide(-1)
    old = resting(1, 300, 5)
    asks.add(old)
    asks.take_changes()
    asks.remove(old)
    asks.add(resting(2, 300, 5))
    assert asks.take_changes() == []


OCCASION = Occasion(event_ns=1, kind=EntryKind.SETTLEMENT, currency="BTC")


def test_cash_that_does_not_balance_is_not_posted_away() -> None:
    ledger = Ledger(entries_kept_max=9)
    one_sided = [Posting(account_id="ann", cash=D(1))]
    with pytest.raises(AssertionError):
        ledger.post(OCCASION, one_sided)
    with pytest.raises(AssertionError):
        ledger.post(OCCASION, one_sided, residue_max=D("0.5"))


def test_rounding_and_fees_find_their_accounts() -> None:
    ledger = Ledger(entries_kept_max=1)
    postings = [
        Posting(account_id="ann", cash=D("1.1"), commission=D("0.25")),
        Posting(account_id="bob", cash=D(-1)),
    ]
    for _ in range(2):
        ledger.post(OCCASION, postings, residue_max=D("0.1"))
    assert ledger.balances("ann") == {"BTC": D("1.70")}
    assert (ledger.balance(FEES, "BTC"), ledger.balance(CLEARING, "BTC")) == (D("0.5"), D("-0.2"))
    assert ledger.total("BTC") == 0
    (entry,) = ledger.entries("ann")
    assert (entry.change, entry.balance, entry.entry_id) == (D("0.85"), D("1.70"), 3)
    assert ledger.entries(FEES) == ()
