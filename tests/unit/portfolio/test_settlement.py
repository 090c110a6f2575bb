"""Expiry: one captured price, payoff and fee by the venue's law, leg and cash in one snapshot."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.times import NS_PER_S
from quantdesk.errors import InvalidInput
from quantdesk.margin.fees import delivery_charge
from quantdesk.portfolio.book import tags_of_label
from quantdesk.portfolio.contract_values import payoff
from quantdesk.portfolio.ledger import CashKind
from quantdesk.portfolio.settlement import (
    Captured,
    SettlementPrice,
    SettlementPrices,
    average_of_index,
)
from quantdesk.portfolio.state import Portfolio
from tests.unit.margin.contracts import EXPIRY_NS, binance_option
from tests.unit.portfolio.trades import CALL, DATED, LINEAR, PERPETUAL, PUT, fill

HOUR_NS = 3_600 * NS_PER_S


def price(
    text: str, *, index: str = "btc_usd", venue: str = "deribit", late_ns: int = 0
) -> SettlementPrice:
    """A settlement price of the contracts' expiry."""
    return SettlementPrice(
        venue=venue,
        index_name=index,
        expiry_ns=EXPIRY_NS,
        price=Decimal(text),
        captured_ns=EXPIRY_NS + late_ns,
        source="venue's delivery price",
    )


def captured(text: str, venue: str = "deribit") -> SettlementPrices:
    """The one price of the expiry."""
    prices = SettlementPrices()
    prices.capture(price(text, venue=venue))
    return prices


def holding(*trades: tuple[Instrument, str, str], label: str = "") -> Portfolio:
    """A portfolio after (instrument, quantity, price) trades."""
    portfolio = Portfolio(tags_of_label)
    for number, (instrument, quantity, at) in enumerate(trades):
        portfolio.apply(
            fill(instrument, quantity, at, trade_id=f"{label}{number}", label=label), instrument
        )
    return portfolio


def test_call_in_the_money_pays_and_is_charged_as_the_venue_does() -> None:
    # K 100,000 at 125,000: 0.2 BTC, fee 0.00015, net 0.19985.
    portfolio = holding((CALL, "1", "0.05"))
    portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS)
    after = portfolio.snapshot()
    assert after.positions == ()
    assert after.cash("BTC") == Decimal("-0.05") + Decimal("0.19985")
    (balance,) = after.balances
    assert balance.by_kind[CashKind.SETTLEMENT] == Decimal("0.2")
    assert balance.by_kind[CashKind.FEE] == Decimal("-0.00015")


def test_fee_of_a_small_payoff_is_capped() -> None:
    portfolio = holding((CALL, "1", "0.05"))
    (delivery,) = portfolio.settle(captured("100100"), delivery_charge, now_ns=EXPIRY_NS)
    assert delivery.proceeds == Decimal("0.00099900")
    # A cap of 0.125 × 0.000999001 = 0.000124875, in whole cash units.
    assert delivery.fee == Decimal("0.00012488")


@pytest.mark.parametrize(
    ("instrument", "quantity", "at", "proceeds"),
    [
        (CALL, "1", "90000", "0"),
        (PUT, "2", "80000", "0.5"),
        (PUT, "-2", "80000", "-0.5"),
        (LINEAR, "1", "90000", "7000"),
        (DATED, "10000", "80000", "0.075"),
    ],
)
def test_proceeds_by_contract(
    instrument: Instrument, quantity: str, at: str, proceeds: str
) -> None:
    portfolio = holding((instrument, quantity, "50000" if instrument is DATED else "0.01"))
    (delivery,) = portfolio.settle(captured(at), delivery_charge, now_ns=EXPIRY_NS)
    assert delivery.proceeds == Decimal(proceeds)
    assert portfolio.snapshot().positions == ()


def test_binance_pays_by_contract_in_dollars() -> None:
    call = binance_option("2000", "C")
    portfolio = holding((call, "3", "100"))
    portfolio.settle(captured("2200", "binance"), delivery_charge, now_ns=EXPIRY_NS)
    # Payoff 3 × 200; exercise fee min(0.33, 20) × 3 = 0.99, the venue's own example.
    assert portfolio.snapshot().cash("USDT") == -300 + 600 - Decimal("0.99")


def test_leg_and_cash_change_in_the_same_snapshot() -> None:
    portfolio = holding((CALL, "1", "0.05"))
    before = portfolio.snapshot()
    portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS)
    after = portfolio.snapshot()
    assert (len(before.positions), before.cash("BTC")) == (1, Decimal("-0.05"))
    assert (len(after.positions), after.cash("BTC")) == (0, Decimal("0.14985"))
    assert after.seq == before.seq + 1


def test_nothing_settles_before_its_expiry() -> None:
    portfolio = holding((CALL, "1", "0.05"), (PERPETUAL, "10", "50000"))
    assert portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS - 1) == ()
    assert len(portfolio.snapshot().positions) == 2
    assert portfolio.snapshot().waiting == ()


@pytest.mark.parametrize("instrument", [CALL, PUT, LINEAR])
@pytest.mark.parametrize("at", ["0", "-1", "NaN", "Infinity"])
def test_nothing_is_paid_at_a_price_that_is_none(instrument: Instrument, at: str) -> None:
    with pytest.raises(InvalidInput, match="delivery_price"):
        payoff(instrument, Decimal(1), Decimal(at))


def test_a_missing_price_leaves_the_leg_and_says_so() -> None:
    portfolio = holding((CALL, "1", "0.05"))
    prices = SettlementPrices()
    assert portfolio.settle(prices, delivery_charge, now_ns=EXPIRY_NS + HOUR_NS) == ()
    late = portfolio.snapshot()
    assert len(late.positions) == 1
    (waiting,) = late.waiting
    assert waiting.late_ns == HOUR_NS
    assert "settlement price of btc_usd has not come" in waiting.reason
    prices.capture(price("125000", late_ns=2 * HOUR_NS))
    portfolio.settle(prices, delivery_charge, now_ns=EXPIRY_NS + 2 * HOUR_NS)
    assert portfolio.snapshot().waiting == ()
    assert portfolio.snapshot().positions == ()


def test_settling_again_posts_nothing() -> None:
    portfolio = holding((CALL, "1", "0.05"))
    portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS)
    once = portfolio.snapshot()
    assert portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS) == ()
    assert portfolio.snapshot() is once


def test_a_fill_that_comes_after_the_expiry_is_settled_too() -> None:
    portfolio = holding((CALL, "1", "0.05"))
    portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS)
    portfolio.apply(fill(CALL, "2", "0.06", trade_id="late"), CALL)
    portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS)
    assert portfolio.snapshot().positions == ()
    assert portfolio.snapshot().cash("BTC") == Decimal("-0.17") + 3 * Decimal("0.19985")


def test_the_venue_charges_the_net_of_an_account_whatever_its_tags() -> None:
    portfolio = holding((CALL, "3", "0.05"), label="long")
    for trade in (fill(CALL, "-1", "0.06", trade_id="x", label="short"),):
        portfolio.apply(trade, CALL)
    settled = portfolio.settle(captured("125000"), delivery_charge, now_ns=EXPIRY_NS)
    by_tag = {one.holding.key.strategy: one for one in settled}
    assert by_tag["long"].proceeds == Decimal("0.6")
    assert by_tag["short"].proceeds == Decimal("-0.2")
    # Two coins reach the expiry: twice 0.00015, all on the side that they are of.
    assert by_tag["long"].fee == Decimal("0.0003")
    assert by_tag["short"].fee == 0


def test_shares_of_several_tags_sum_to_the_cash_of_the_whole() -> None:
    portfolio = holding((CALL, "0.1", "0.05"), label="a")
    for number in range(6):
        portfolio.apply(fill(CALL, "0.1", "0.05", trade_id=f"t{number}", label=f"s{number}"), CALL)
    settled = portfolio.settle(captured("130000"), delivery_charge, now_ns=EXPIRY_NS)
    exact = Decimal("0.7") * 30000 / 130000
    assert sum(one.proceeds for one in settled) == exact.quantize(Decimal("1e-8"))
    assert sum(one.fee for one in settled) == Decimal("0.000105")


def test_the_first_price_of_an_expiry_stays() -> None:
    prices = SettlementPrices()
    assert prices.capture(price("125000")) is Captured.KEPT
    assert prices.capture(price("125000", late_ns=5)) is Captured.KNOWN
    assert prices.capture(price("125001")) is Captured.CONFLICT
    kept = prices.price_of(CALL)
    assert kept is not None
    assert kept.price == 125000
    assert [one.price for one in prices.conflicts()] == [Decimal(125001)]
    assert prices.price_of(PERPETUAL) is None


def test_a_price_before_the_average_is_complete_is_refused() -> None:
    with pytest.raises(InvalidInput, match="must not be earlier"):
        price("125000", late_ns=-1)
    with pytest.raises(InvalidInput, match="must be above 0"):
        price("0")


def test_a_fee_law_that_gives_money_is_refused_and_changes_nothing() -> None:
    portfolio = holding((CALL, "1", "0.05"))
    before = portfolio.snapshot()
    with pytest.raises(InvalidInput, match="delivery fee"):
        portfolio.settle(captured("125000"), lambda *_: Decimal(-1), now_ns=EXPIRY_NS)
    assert portfolio.snapshot() is before


def test_average_is_of_each_second_of_the_last_half_hour() -> None:
    steps = [
        (EXPIRY_NS - second * NS_PER_S, Decimal(100 + (second < 900)))
        for second in range(1800, -1, -1)
    ]
    assert average_of_index(steps, EXPIRY_NS) == Decimal("100.5")
    sparse = [sample for place, sample in enumerate(steps) if place % 60 == 0]
    # A sample stands until the next one: the step up is seen at most a minute late.
    late = Decimal("100.5") - average_of_index(sparse, EXPIRY_NS)
    assert 0 <= late <= Decimal(60) / 1800


def test_an_average_with_a_hole_is_refused() -> None:
    samples = [(EXPIRY_NS - 1800 * NS_PER_S, Decimal(100)), (EXPIRY_NS, Decimal(100))]
    with pytest.raises(InvalidInput, match="unseen for more than 60 s"):
        average_of_index(samples, EXPIRY_NS)
    with pytest.raises(InvalidInput, match="unseen"):
        average_of_index([], EXPIRY_NS)
