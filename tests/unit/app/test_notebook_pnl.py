"""`qd.pnl_explain`: what a script sees, with trades, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

import quantdesk as qd
from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.instrument import Side
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import MarketData

DESK = qd.sample("deribit-2026-06-27")
CHAIN = DESK.chain("BTC", expiry="2026-09-25")
OPENING = DESK.market()


def after_a_day(market: MarketData) -> MarketData:
    """The index and every forward 2 % up, a day on."""
    one = market.markets[0]
    forwards = {
        ns: replace(each, price=(each.price or 0.0) * 1.02) for ns, each in one.forwards.items()
    }
    later = replace(
        one,
        as_of_ns=one.as_of_ns + 86_400 * 10**9,
        index_price=(one.index_price or 0.0) * 1.02,
        forwards=forwards,
    )
    return replace(market, markets=(later,))


CLOSING = after_a_day(OPENING)


def test_a_structure_is_explained_and_prints_in_a_line() -> None:
    call = CHAIN.call(70_000)
    found = qd.pnl_explain(
        [call.buy(2) + CHAIN.put(50_000).sell(1)],
        opening=OPENING,
        closing=CLOSING,
        collateral={"btc": "1.5"},
    )
    (total,) = found.totals
    assert math.fsum(total.steps.tolist()) == pytest.approx(total.actual, abs=1e-12)
    assert not found.excluded
    assert repr(found).startswith("<P&L 2026-06-27T09:")
    assert "BTC" in repr(found)
    assert found.cash_translation_usd["BTC"] > 0


def test_a_fill_of_what_was_not_held_is_explained() -> None:
    bought = Fill(
        venue="deribit",
        account="",
        instrument_name=CHAIN.call(70_000).instrument.name,
        trade_id="t",
        order_id="o",
        label="",
        side=Side.BUY,
        price=Decimal("0.03"),
        amount=Decimal(1),
        fee=Decimal("0.0003"),
        fee_currency="BTC",
        liquidity=Liquidity.TAKER,
        event_ns=OPENING.markets[0].as_of_ns + 1,
    )
    found = qd.pnl_explain([], opening=OPENING, closing=CLOSING, fills=[bought])
    (leg,) = found.legs
    assert leg.change.traded == Decimal("-0.03")
    assert leg.change.fees == Decimal("-0.0003")
    for away_ns in (-1, 3 * 86_400 * 10**9):
        late = replace(bought, event_ns=OPENING.markets[0].as_of_ns + away_ns)
        with pytest.raises(InvalidInput, match="of trade t must be from the opening"):
            qd.pnl_explain([], opening=OPENING, closing=CLOSING, fills=[late])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vol_rule": "sticky"}, "sticky-strike"),
        ({"collateral": {"BTC": "much"}}, "must be a number"),
        ({"collateral": {"DOGE": 1}}, "DOGE"),
        ({"closing": OPENING}, "later"),
    ],
)
def test_what_means_nothing_is_refused(options: dict[str, object], said: str) -> None:
    given: dict[str, object] = {"opening": OPENING, "closing": CLOSING, **options}
    with pytest.raises(InvalidInput, match=said):
        qd.pnl_explain(CHAIN.call(70_000).buy(1), **given)  # type: ignore[arg-type]
