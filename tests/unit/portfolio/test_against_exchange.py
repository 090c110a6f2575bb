"""Our book beside an exchange's: the same fills, then the same expiry, give the same money.

The exchange is the simulator's, which keeps accounts of its own and shares no bookkeeping with
`portfolio`; only the fee law is common.
"""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.fill import Fill
from quantdesk.margin.fees import delivery_charge
from quantdesk.portfolio.settlement import SettlementPrice, SettlementPrices
from quantdesk.portfolio.state import Portfolio
from quantdesk.simulator.exchange.standard_fees import StandardFees
from tests.unit.simulator.exchange.venue import (
    EXPIRY_NS,
    OPENED_NS,
    Venue,
    future,
    linear_option,
    option,
    put,
)

INSTRUMENTS = (option(), put(), linear_option(), future())
BY_NAME = {instrument.name: instrument for instrument in INSTRUMENTS}
CENT_OF_A_CENT = Decimal("1e-7")


@st.composite
def trades(draw: st.DrawFn) -> list[tuple[str, bool, Decimal, Decimal]]:
    """(instrument, bob buys, amount, price) on the grids of the instruments."""
    found = []
    for _ in range(draw(st.integers(1, 12))):
        instrument = draw(st.sampled_from(INSTRUMENTS))
        amount = draw(st.integers(1, 20)) * instrument.amount_min
        if instrument.strike is None:
            price = Decimal(draw(st.integers(90_000, 110_000)))
        elif instrument.is_inverse:
            price = Decimal(draw(st.integers(1, 40))) * Decimal("0.0005") + Decimal("0.005")
        else:
            price = Decimal(draw(st.integers(1, 20)))
        found.append((instrument.name, draw(st.booleans()), amount, price))
    return found


def traded(venue: Venue, deals: list[tuple[str, bool, Decimal, Decimal]]) -> list[Fill]:
    """The fills of bob, who takes what ann rests."""
    fills: list[Fill] = []
    for name, is_buy, amount, price in deals:
        rest, take = (venue.sell, venue.buy) if is_buy else (venue.buy, venue.sell)
        rest("ann", str(amount), str(price), instrument_name=name)
        found = take("bob", str(amount), str(price), instrument_name=name).fills
        fills += [fill for fill in found if fill.account == "bob"]
    return fills


@settings(max_examples=60, deadline=None)
@given(
    deals=trades(),
    btc=st.integers(60_000, 160_000),
    sol=st.integers(150, 400),
)
def test_the_same_fills_and_expiry_leave_the_same_cash(
    deals: list[tuple[str, bool, Decimal, Decimal]], btc: int, sol: int
) -> None:
    venue = Venue(*INSTRUMENTS, fees=StandardFees(as_of_ns=OPENED_NS))
    opening = {currency: venue.cash("bob", currency) for currency in ("BTC", "USDC")}
    fills = traded(venue, deals)
    portfolio = Portfolio()
    assert portfolio.apply_all(fills, BY_NAME) == len(fills) == len(deals)
    ours = {
        position.instrument.name: position.quantity for position in portfolio.snapshot().positions
    }
    assert ours == {name: venue.size("bob", name) for name in BY_NAME if venue.size("bob", name)}
    for name, average in (("btc_usd", btc), ("sol_usdc", sol)):
        venue.market.averages[name] = Decimal(average)
    venue.exchange.advance(EXPIRY_NS)
    prices = SettlementPrices()
    for (index_name, expiry_ns), price in venue.exchange.deliveries.items():
        prices.capture(
            SettlementPrice(
                venue="deribit",
                index_name=index_name,
                expiry_ns=expiry_ns,
                price=price,
                captured_ns=expiry_ns,
                source="the exchange",
            )
        )
    portfolio.settle(prices, delivery_charge, now_ns=EXPIRY_NS)
    after = portfolio.snapshot()
    assert after.positions == ()
    assert after.waiting == ()
    for currency, before in opening.items():
        # Each daily session of a future is rounded to the cash unit there, and once here.
        gap = after.cash(currency) - (venue.cash("bob", currency) - before)
        assert abs(gap) < CENT_OF_A_CENT, (currency, gap)
