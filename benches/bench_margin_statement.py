"""What does the standard margin of a book cost, and of one order before it is sent?

A book of 200 BTC options (90 % short) with 40 resting orders is what a market maker's account looks
like; the exchange asks for its statement, and for one order's reserve, at every new order.
"""

from __future__ import annotations

from decimal import Decimal

from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.domain.margin import MarginBook, MarginOrder, MarginPosition, MarginPrices
from quantdesk.domain.times import parse_instant
from quantdesk.margin.model import standard_margin

POSITIONS, ORDERS = 200, 40
AS_OF_NS = parse_instant("2026-06-27T09:00:00Z")
UNDERLYING = Decimal("61048.04")


def _option(number: int) -> Instrument:
    is_call = number % 2 == 0
    strike = Decimal(30_000 + 500 * (number // 2))
    return Instrument(
        venue="deribit",
        name=f"BTC-25SEP26-{strike}-{'C' if is_call else 'P'}",
        kind=InstrumentKind.OPTION,
        underlying="BTC",
        settlement=Settlement.INVERSE,
        quote_currency="BTC",
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size=Decimal(1),
        ticks=TickScheme(tick=Decimal("0.0001")),
        amount_min=Decimal("0.1"),
        amount_step=Decimal("0.1"),
        expiry_ns=parse_instant("2026-09-25T08:00:00Z"),
        strike=strike,
        option_type=OptionType.CALL if is_call else OptionType.PUT,
    )


INSTRUMENTS = [_option(number) for number in range(POSITIONS)]
PRICES = {
    instrument.name: MarginPrices(mark=Decimal(1 + number) / 1000, underlying=UNDERLYING)
    for number, instrument in enumerate(INSTRUMENTS)
}
BOOK = MarginBook(
    positions=tuple(
        MarginPosition(instrument=instrument, quantity=Decimal(1 if number % 10 == 0 else -1))
        for number, instrument in enumerate(INSTRUMENTS)
    ),
    orders=tuple(
        MarginOrder(
            order_id=str(number),
            instrument=INSTRUMENTS[number],
            quantity=Decimal(-1 if number % 2 else 1),
            price=Decimal("0.03"),
        )
        for number in range(ORDERS)
    ),
    prices=PRICES,
)


def test_statement_of_200_positions_and_40_orders(benchmark: BenchmarkFixture) -> None:
    model = standard_margin("deribit", AS_OF_NS)
    statement = benchmark(model.statement, BOOK)
    assert statement.is_complete
    assert len(statement.legs) == POSITIONS + ORDERS
    assert statement.total("BTC").initial > statement.total("BTC").maintenance


def test_margin_of_one_short(benchmark: BenchmarkFixture) -> None:
    model = standard_margin("deribit", AS_OF_NS)
    instrument = INSTRUMENTS[1]
    leg = benchmark(model.position_margin, instrument, Decimal(-1), PRICES[instrument.name])
    assert leg.initial > 0


def test_reserve_of_one_order(benchmark: BenchmarkFixture) -> None:
    model = standard_margin("deribit", AS_OF_NS)
    instrument = INSTRUMENTS[1]
    sell = MarginOrder(
        order_id="1", instrument=instrument, quantity=Decimal(-1), price=Decimal("0.03")
    )

    def reserve() -> Decimal:
        (leg,) = model.order_margins(
            instrument, [sell], held=Decimal(0), prices=PRICES[instrument.name]
        )
        return leg.initial

    assert benchmark(reserve) > 0
