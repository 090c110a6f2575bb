"""Laws of the book over any fills: cash + value = profit, chunks, scaling, long + short."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Instrument
from quantdesk.portfolio.book import Adjustment
from quantdesk.portfolio.contract_values import EXACT
from quantdesk.portfolio.pnl import Mark, profit_and_loss
from quantdesk.portfolio.state import Portfolio
from tests.unit.portfolio.trades import ALL, BY_NAME, CALL, PERPETUAL, fill

FUTURES = {name for name, one in BY_NAME.items() if one.strike is None}


@st.composite
def trades(draw: st.DrawFn) -> list[Fill]:
    """Fills of all kinds of contracts, each with an id of its own."""
    found = []
    for number in range(draw(st.integers(1, 25))):
        instrument = draw(st.sampled_from(ALL))
        lots = draw(st.integers(-50, 50).filter(bool))
        places = 1 if instrument.name in FUTURES else 4
        price = Decimal(draw(st.integers(1, 10**6))).scaleb(-places)
        found.append(
            fill(
                instrument,
                lots * instrument.amount_step,
                price,
                trade_id=str(number),
                account=draw(st.sampled_from(["main", "other"])),
                fee=str(Decimal(draw(st.integers(-10, 1000))).scaleb(-7)),
                index=str(draw(st.integers(1, 10**6))),
                event_ns=number,
            )
        )
    return found


@st.composite
def marks(draw: st.DrawFn) -> dict[tuple[str, str], Mark]:
    """A mark and an index of every instrument."""
    return {
        (one.venue, one.name): Mark(
            price=Decimal(draw(st.integers(1, 10**6))).scaleb(-1 if one.name in FUTURES else -4),
            index_price=Decimal(draw(st.integers(1, 10**6))),
        )
        for one in ALL
    }


def after(fills: list[Fill]) -> Portfolio:
    """A portfolio of `fills`."""
    portfolio = Portfolio()
    portfolio.apply_all(fills, BY_NAME)
    return portfolio


@settings(max_examples=150, deadline=None)
@given(fills=trades(), at=marks())
def test_cash_and_marked_value_are_the_profit_to_the_last_digit(
    fills: list[Fill], at: dict[tuple[str, str], Mark]
) -> None:
    snapshot = after(fills).snapshot()
    sums: dict[str, Decimal] = {}
    for balance in snapshot.balances:
        sums[balance.currency] = EXACT.add(sums.get(balance.currency, Decimal(0)), balance.cash)
    for row in profit_and_loss(snapshot, at):
        assert row.value is not None
        assert row.total is not None
        gap = EXACT.subtract(row.value, row.total)
        sums[row.currency] = EXACT.add(sums.get(row.currency, Decimal(0)), gap)
    assert all(total == 0 for total in sums.values()), sums


@settings(max_examples=100, deadline=None)
@given(fills=trades(), at=marks())
def test_usd_profit_is_every_flow_at_its_index_and_the_rest_at_the_index_of_now(
    fills: list[Fill], at: dict[tuple[str, str], Mark]
) -> None:
    snapshot = after(fills).snapshot()
    flows = Decimal(0)
    for sums in snapshot.cash_of.values():
        for total in sums.values():
            assert total.amount_usd is not None
            flows = EXACT.add(flows, total.amount_usd)
    earned = Decimal(0)
    for row in profit_and_loss(snapshot, at):
        assert row.total_usd is not None
        assert row.value is not None
        index = at[row.key.venue, row.key.instrument_name].index_price
        assert index is not None
        rate = index if row.instrument.is_inverse else Decimal(1)
        flows = EXACT.add(flows, EXACT.multiply(row.value, rate))
        earned = EXACT.add(earned, row.total_usd)
    assert abs(flows - earned) < Decimal("1e-12")


@settings(max_examples=100, deadline=None)
@given(fills=trades(), cut=st.integers(0, 25), again=st.integers(0, 25))
def test_any_chunks_and_repeats_of_the_same_fills_make_the_same_book(
    fills: list[Fill], cut: int, again: int
) -> None:
    whole = after(fills).snapshot()
    parts = after(fills[:cut])
    # A replay after a crash starts again somewhere before where it stopped.
    parts.apply_all(fills[max(cut - again, 0) :], BY_NAME)
    assert parts.snapshot().holdings == whole.holdings
    assert parts.snapshot().balances == whole.balances


@settings(max_examples=100, deadline=None)
@given(fills=trades())
def test_positions_are_the_sums_of_signed_fills(fills: list[Fill]) -> None:
    sums: dict[tuple[str, str], Decimal] = {}
    for one in fills:
        key = (one.account, one.instrument_name)
        sums[key] = sums.get(key, Decimal(0)) + one.signed_amount
    found = {
        (position.account, position.instrument.name): position.quantity
        for position in after(fills).snapshot().positions
    }
    assert found == {key: total for key, total in sums.items() if total}


@settings(max_examples=50, deadline=None)
@given(fills=trades())
def test_every_currency_of_the_ledger_is_in_balance(fills: list[Fill]) -> None:
    ledger = after(fills).ledger
    for currency in ("BTC", "USDC", "USDT"):
        total = Decimal(0)
        for amount in ledger.trial_balance(currency).values():
            total = EXACT.add(total, amount)
        assert total == 0


@settings(max_examples=100, deadline=None)
@given(
    instrument=st.sampled_from(ALL),
    legs=st.lists(
        st.tuples(st.integers(-20, 20).filter(bool), st.integers(1, 10**5)), min_size=1, max_size=8
    ),
    at=marks(),
)
def test_the_same_trades_the_other_way_round_earn_the_opposite(
    instrument: Instrument, legs: list[tuple[int, int]], at: dict[tuple[str, str], Mark]
) -> None:
    totals = []
    for sign in (1, -1):
        fills = [
            fill(
                instrument,
                sign * lots * instrument.amount_step,
                Decimal(price).scaleb(-1),
                trade_id=str(number),
            )
            for number, (lots, price) in enumerate(legs)
        ]
        (row,) = profit_and_loss(after(fills).snapshot(), at)
        assert row.total is not None
        totals.append(row.total)
    # Rounding to a grain is half to even: the same size both ways.
    assert EXACT.add(*totals) == 0


@pytest.mark.parametrize("instrument", [CALL, PERPETUAL])
def test_adjustments_keep_the_identity_with_what_they_brought(instrument: Instrument) -> None:
    portfolio = Portfolio()
    steps = [("3", "0.05"), ("-1", "0.07"), ("-4", "0.06"), ("1", None)]
    for number, (lots, price) in enumerate(steps):
        scale = instrument.amount_step
        portfolio.adjust(
            Adjustment(
                adjustment_id=str(number),
                venue=instrument.venue,
                account="main",
                instrument_name=instrument.name,
                quantity=Decimal(lots) * scale,
                price=None if price is None else Decimal(price) * 10**6,
                event_ns=number,
                reason="test",
            ),
            instrument,
        )
    snapshot = portfolio.snapshot()
    (row,) = profit_and_loss(
        snapshot, {(instrument.venue, instrument.name): Mark(price=Decimal(45000))}
    )
    (holding,) = snapshot.holdings
    assert row.value is not None
    assert row.total is not None
    assert EXACT.subtract(row.value, row.total) == holding.contributed
    assert snapshot.balances == ()
