"""Binance's option margin against the worked numbers of the reference, and its order rules."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pytest

from quantdesk.domain.margin import MarginAccount, MarginPrices
from quantdesk.domain.venue_rule import RuleStatus
from quantdesk.errors import InvalidInput
from quantdesk.margin.binance_options import BinanceOptionMargin, equity
from quantdesk.margin.parameters import BinanceOptionRatios
from tests.unit.margin.contracts import AS_OF_NS, binance_option, order, prices

ZERO = Decimal(0)
MODEL = BinanceOptionMargin(as_of_ns=AS_OF_NS)


class Worked(NamedTuple):
    """[D] reference margin-and-fees B1: index 100 000, fee rate 0.03 %, one coin a contract."""

    contracts: str
    strike: str
    option_type: str
    mark: str
    price: str
    sell_to_open: str
    initial: str
    maintenance: str


WORKED = [
    Worked("0.5", "105000", "C", "800", "820", "5015", "5400", "2900"),
    Worked("1", "101000", "C", "2500", "2450", "14080", "16500", "9000"),
    Worked("2", "95000", "P", "900", "900", "20060", "21800", "11800"),
]


@pytest.mark.parametrize("case", WORKED)
def test_short_option_asks_the_worked_margin(case: Worked) -> None:
    leg = MODEL.position_margin(
        binance_option(case.strike, case.option_type),
        -Decimal(case.contracts),
        prices(case.mark, "100000"),
    )
    assert (leg.initial, leg.maintenance) == (Decimal(case.initial), Decimal(case.maintenance))
    assert (leg.currency, leg.origin.status) == ("USDT", RuleStatus.UNCERTAIN)


@pytest.mark.parametrize("case", WORKED)
def test_order_to_sell_short_asks_the_worked_margin(case: Worked) -> None:
    instrument = binance_option(case.strike, case.option_type)
    (leg,) = MODEL.order_margins(
        instrument,
        [order(instrument, f"-{case.contracts}", case.price)],
        held=Decimal(0),
        prices=prices(case.mark, "100000"),
    )
    assert (leg.initial, leg.maintenance) == (Decimal(case.sell_to_open), ZERO)


def test_contract_of_many_coins_scales_the_index_and_not_the_price() -> None:
    # By hand, XRP with 100 coins a contract: max(0.2, 0.3 − 0.1) × 100 + 12, maintenance
    # max(0.1, 0.15 − 0.1) × 100 + 12.
    instrument = binance_option("2.1", "C", underlying="XRP", contract_size="100")
    leg = MODEL.position_margin(instrument, Decimal(-1), prices("12", "2"))
    assert (leg.initial, leg.maintenance) == (Decimal(32), Decimal(22))


def test_ratios_listed_now_come_before_the_table() -> None:
    instrument = binance_option("100000", "C")
    listed = BinanceOptionRatios(
        initial=Decimal("0.2"),
        initial_floor=Decimal("0.1"),
        maintenance=Decimal("0.1"),
        maintenance_floor=Decimal("0.05"),
    )
    model = BinanceOptionMargin(as_of_ns=AS_OF_NS, listed={instrument.name: listed})
    leg = model.position_margin(instrument, Decimal(-1), prices("1000", "100000"))
    assert (leg.initial, leg.maintenance) == (Decimal(21_000), Decimal(11_000))


def test_long_option_needs_no_margin_and_no_price() -> None:
    leg = MODEL.position_margin(binance_option("100000", "P"), Decimal(3), MarginPrices())
    assert (leg.initial, leg.maintenance) == (ZERO, ZERO)


def test_buy_to_open_costs_premium_and_fee_beyond_the_short() -> None:
    instrument = binance_option("105000", "C")
    (leg,) = MODEL.order_margins(
        instrument, [order(instrument, "2", "800")], held=Decimal(0), prices=prices("800", "100000")
    )
    assert leg.initial == Decimal(1660)  # (800 + 30) × 2


def test_sell_to_close_costs_nothing() -> None:
    instrument = binance_option("105000", "C")
    legs = MODEL.order_margins(
        instrument,
        [
            order(instrument, "-1", "800", order_id="a"),
            order(instrument, "-1", "820", order_id="b"),
        ],
        held=Decimal(1),
        prices=prices("800", "100000"),
    )
    assert [leg.initial for leg in legs] == [0, Decimal(10_030)]


@pytest.mark.parametrize(
    ("balance", "positions", "initial"),
    [
        # Short 2 at mark 800 asks 21 600; the buy of 1 costs 830. By hand from the formula:
        ("50000", "21600", "0"),  # the whole margin of the half is freed
        ("1000", "21600", "330"),  # only the balance: 830 − ½ × 1 000
        ("1000", "43200", "580"),  # half of the balance is this position's: 830 − ½ × 500
        ("0", "21600", "830"),
        ("-500", "21600", "830"),  # a balance below zero frees nothing
    ],
)
def test_buy_to_close_is_paid_from_the_margin_of_the_short(
    balance: str, positions: str, initial: str
) -> None:
    instrument = binance_option("105000", "C")
    (leg,) = MODEL.order_margins(
        instrument,
        [order(instrument, "1", "800")],
        held=Decimal(-2),
        prices=prices("800", "100000"),
        account=MarginAccount(
            margin_balance=Decimal(balance), positions_initial=Decimal(positions)
        ),
    )
    assert leg.initial == Decimal(initial)


@pytest.mark.parametrize(
    ("bought", "price", "initial"),
    [
        # Short 2 asks 21 600 and the balance is ample. By hand from the formula:
        ("1", "30000", "19230"),  # 30 030 − ½ × 21 600: no more is freed than the margin itself
        ("0.5", "30000", "9615"),  # 15 015 − ¼ × 21 600
        ("3", "30000", "68490"),  # two close: 60 060 − 21 600; one opens: 30 030
    ],
)
def test_buy_to_close_frees_the_margin_of_the_part_it_closes(
    bought: str, price: str, initial: str
) -> None:
    instrument = binance_option("105000", "C")
    (leg,) = MODEL.order_margins(
        instrument,
        [order(instrument, bought, price)],
        held=Decimal(-2),
        prices=prices("800", "100000"),
        account=MarginAccount(margin_balance=Decimal(50_000), positions_initial=Decimal(21_600)),
    )
    assert leg.initial == Decimal(initial)


def test_buy_to_close_without_an_account_is_refused_by_name() -> None:
    instrument = binance_option("105000", "C")
    with pytest.raises(InvalidInput, match="account = None: is needed to buy back"):
        MODEL.order_margins(
            instrument,
            [order(instrument, "1", "800")],
            held=Decimal(-2),
            prices=prices("800", "100000"),
        )


def test_equity_is_wallet_and_signed_option_value() -> None:
    # [V] reference binance-options section 6: short 0.1 at mark 1 038.957.
    value = Decimal("-0.1") * Decimal("1038.957")
    assert equity(Decimal("10000475.51032086"), [value]) == Decimal("10000371.61462086")


def test_margin_balance_is_the_wallet() -> None:
    assert MODEL.margin_balance(cash=Decimal(12), futures_profit=Decimal(0)) == 12
