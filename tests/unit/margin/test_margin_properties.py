"""What must hold of every margin and fee, whatever the numbers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quantdesk.domain.fees import Fee
from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.margin import (
    MarginAccount,
    MarginBook,
    MarginPosition,
    MarginPrices,
    MarginRequirement,
)
from quantdesk.domain.ports import MarginModel
from quantdesk.margin.fees import CASH_UNIT, combo_fees, delivery_fee, payoff, trade_fee
from quantdesk.margin.model import standard_margin
from tests.unit.margin.contracts import AS_OF_NS, binance_option, future, option, order

UNHURRIED = settings(deadline=None, database=None)
"""Time on a shared machine says nothing about these."""

ROUNDING = Decimal("1e-15")
"""Far above what the 28 digits of a Decimal quotient leave, far below any cash unit."""


def numbers(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals on a grid of `places` decimals."""
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False)


STRIKES = st.integers(1_000, 300_000).map(str)
TYPES = st.sampled_from(["C", "P"])
SIZES = numbers("0.1", "1000", 1)
UNDERLYINGS = numbers("1000", "300000", 2)
COIN_MARKS = numbers("0", "3", 4)
DOLLAR_MARKS = numbers("0", "200000", 1)


@st.composite
def shorts(draw: st.DrawFn) -> tuple[MarginModel, Instrument, MarginPrices]:
    """A model, an option it margins and prices."""
    strike, option_type = draw(STRIKES), draw(TYPES)
    kind = draw(st.sampled_from(["inverse", "linear", "binance"]))
    marks = COIN_MARKS if kind == "inverse" else DOLLAR_MARKS
    market = MarginPrices(mark=draw(marks), underlying=draw(UNDERLYINGS))
    if kind == "binance":
        return standard_margin("binance", AS_OF_NS), binance_option(strike, option_type), market
    currency = "USDC" if kind == "linear" else None
    instrument = option(strike, option_type, currency=currency)
    return standard_margin("deribit", AS_OF_NS), instrument, market


@UNHURRIED
@given(case=shorts(), size=SIZES)
def test_short_asks_at_least_its_mark_and_initial_at_least_maintenance(
    case: tuple[MarginModel, Instrument, MarginPrices], size: Decimal
) -> None:
    model, instrument, market = case
    leg = model.position_margin(instrument, -size, market)
    assert market.mark is not None
    assert leg.initial >= leg.maintenance > size * market.mark - ROUNDING


@UNHURRIED
@given(case=shorts(), size=SIZES, times=st.integers(1, 50))
def test_option_margin_is_proportional_to_size(
    case: tuple[MarginModel, Instrument, MarginPrices], size: Decimal, times: int
) -> None:
    model, instrument, market = case
    one = model.position_margin(instrument, -size, market)
    many = model.position_margin(instrument, -size * times, market)
    assert abs(many.initial - one.initial * times) < ROUNDING * times * 1000
    assert abs(many.maintenance - one.maintenance * times) < ROUNDING * times * 1000


@UNHURRIED
@given(case=shorts(), size=SIZES, dearer=numbers("0", "1", 4))
def test_short_that_is_worth_more_asks_more(
    case: tuple[MarginModel, Instrument, MarginPrices], size: Decimal, dearer: Decimal
) -> None:
    model, instrument, market = case
    assert market.mark is not None
    up = replace(market, mark=market.mark + dearer)
    cheap = model.position_margin(instrument, -size, market)
    dear = model.position_margin(instrument, -size, up)
    assert dear.initial >= cheap.initial
    assert dear.maintenance >= cheap.maintenance


@UNHURRIED
@given(case=shorts(), further=numbers("0", "50000", 0))
def test_short_further_out_of_the_money_never_asks_more(
    case: tuple[MarginModel, Instrument, MarginPrices], further: Decimal
) -> None:
    model, instrument, market = case
    assert instrument.strike is not None
    assert instrument.option_type is not None
    outward = further if instrument.option_type.value == "call" else -further
    strike = instrument.strike + outward
    assume(strike > 0)
    far = model.position_margin(replace(instrument, strike=strike), Decimal(-1), market)
    near = model.position_margin(instrument, Decimal(-1), market)
    assert far.initial <= near.initial + ROUNDING
    assert far.maintenance <= near.maintenance + ROUNDING


@UNHURRIED
@given(case=shorts(), size=SIZES)
def test_long_asks_nothing(
    case: tuple[MarginModel, Instrument, MarginPrices], size: Decimal
) -> None:
    model, instrument, market = case
    leg = model.position_margin(instrument, size, market)
    assert (leg.initial, leg.maintenance) == (Decimal(0), Decimal(0))


@UNHURRIED
@given(case=shorts(), size=SIZES, price=numbers("0.1", "3", 1))
def test_buying_out_of_nothing_reserves_premium_and_at_most_its_fee(
    case: tuple[MarginModel, Instrument, MarginPrices], size: Decimal, price: Decimal
) -> None:
    model, instrument, market = case
    bid = order(instrument, str(size), str(price))
    (leg,) = model.order_margins(instrument, [bid], held=Decimal(0), prices=market)
    premium = size * price
    assert premium <= leg.initial <= premium * Decimal("1.125") + ROUNDING


@UNHURRIED
@given(
    case=shorts(),
    held=numbers("-20", "20", 1),
    sizes=st.lists(numbers("-20", "20", 1).filter(bool), max_size=6),
    price=numbers("0.1", "3", 1),
)
def test_orders_never_reserve_less_than_nothing_and_more_of_them_never_less(
    case: tuple[MarginModel, Instrument, MarginPrices],
    held: Decimal,
    sizes: list[Decimal],
    price: Decimal,
) -> None:
    model, instrument, market = case
    account = MarginAccount(margin_balance=Decimal(100), positions_initial=Decimal(50))
    orders = [
        order(instrument, str(size), str(price), order_id=str(number))
        for number, size in enumerate(sizes)
    ]
    sums = []
    for count in range(len(orders) + 1):
        legs = model.order_margins(
            instrument, orders[:count], held=held, prices=market, account=account
        )
        assert all(leg.initial >= 0 for leg in legs)
        sums.append(sum((leg.initial for leg in legs), Decimal(0)))
    assert all(fewer <= more + ROUNDING for fewer, more in itertools.pairwise(sums))


@UNHURRIED
@given(usd=st.integers(1, 10**9).map(lambda ten: Decimal(ten * 10)), mark=UNDERLYINGS)
def test_future_asks_the_same_long_and_short_and_more_than_in_proportion(
    usd: Decimal, mark: Decimal
) -> None:
    model, instrument = standard_margin("deribit", AS_OF_NS), future()
    market = MarginPrices(mark=mark)
    long, short, double = (
        model.position_margin(instrument, size, market) for size in (usd, -usd, usd * 2)
    )
    assert (long.initial, long.maintenance) == (short.initial, short.maintenance)
    assert long.initial > long.maintenance > 0
    assert double.initial >= long.initial * 2
    assert double.maintenance >= long.maintenance * 2


@UNHURRIED
@given(cases=st.lists(st.tuples(STRIKES, TYPES, numbers("-50", "50", 1)), max_size=8, unique=True))
def test_book_asks_the_sum_of_its_legs(cases: list[tuple[str, str, Decimal]]) -> None:
    model = standard_margin("deribit", AS_OF_NS)
    market = MarginPrices(mark=Decimal("0.03"), underlying=Decimal(90_000))
    net: dict[Instrument, Decimal] = {}
    positions = []
    for strike, option_type, size in cases:
        instrument = option(strike, option_type)
        positions.append(MarginPosition(instrument=instrument, quantity=size))
        net[instrument] = net.get(instrument, Decimal(0)) + size
    book = MarginBook(
        positions=tuple(positions), prices={instrument.name: market for instrument in net}
    )
    alone: list[MarginRequirement] = [
        model.position_margin(instrument, size, market) for instrument, size in net.items()
    ]
    total = model.statement(book).total("BTC")
    assert total.initial == sum((leg.initial for leg in alone), Decimal(0))
    assert total.maintenance == sum((leg.maintenance for leg in alone), Decimal(0))


def fee_of(instrument: Instrument, size: Decimal, price: Decimal, index: Decimal) -> Fee:
    """Taker's fee of a trade."""
    return trade_fee(
        instrument,
        quantity=size,
        price=price,
        liquidity=Liquidity.TAKER,
        as_of_ns=AS_OF_NS,
        underlying=index,
    )


@UNHURRIED
@given(case=shorts(), size=SIZES, price=numbers("0.0001", "5000", 4), index=UNDERLYINGS)
def test_option_fee_is_never_above_its_cap_and_the_same_either_way(
    case: tuple[MarginModel, Instrument, MarginPrices],
    size: Decimal,
    price: Decimal,
    index: Decimal,
) -> None:
    model, instrument, _ = case
    fee = fee_of(instrument, size, price, index)
    cap = Decimal("0.1") if model.venue == "binance" else Decimal("0.125")
    assert 0 < fee.exact <= cap * price * size
    assert abs(fee.amount - fee.exact) <= CASH_UNIT / 2
    assert fee.amount % CASH_UNIT == 0
    assert fee_of(instrument, -size, price, index) == fee


@UNHURRIED
@given(case=shorts(), size=SIZES, delivery=UNDERLYINGS)
def test_delivery_fee_never_eats_more_than_an_eighth_of_the_payoff(
    case: tuple[MarginModel, Instrument, MarginPrices], size: Decimal, delivery: Decimal
) -> None:
    _, instrument, _ = case
    fee = delivery_fee(instrument, quantity=size, delivery_price=delivery)
    paid = payoff(instrument, size, delivery)
    assert 0 <= fee.exact <= paid / 8
    assert payoff(instrument, -size, delivery) == -paid


@UNHURRIED
@given(legs=st.lists(st.tuples(numbers("-10", "10", 1), numbers("0.0001", "1", 4)), min_size=1))
def test_combo_never_costs_more_than_its_legs_nor_less_than_half(
    legs: list[tuple[Decimal, Decimal]],
) -> None:
    instrument = option("100000", "C")
    assume(all(size for size, _ in legs))
    paid = [
        (Side.BUY if size > 0 else Side.SELL, fee_of(instrument, size, price, Decimal(1)))
        for size, price in legs
    ]
    alone = sum((fee.exact for _, fee in paid), Decimal(0))
    together = sum((fee.exact for fee in combo_fees(paid)), Decimal(0))
    assert alone / 2 <= together <= alone
