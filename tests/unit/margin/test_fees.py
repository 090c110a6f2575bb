"""Fees of both venues against every published, captured and worked number we have.

Tags: [V] published or captured at the venue, [D] our own worked number from the stated formula.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from quantdesk.domain.fees import Fee, ListingPeriod
from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.times import parse_instant
from quantdesk.domain.venue_rule import RuleStatus
from quantdesk.errors import OutOfDomain
from quantdesk.margin.fees import (
    combo_fees,
    delivery_fee,
    future_spread_fees,
    listing_period,
    payoff,
    trade_fee,
)
from tests.unit.margin.contracts import AS_OF_NS, binance_option, future, option

ZERO = Decimal(0)
MONTHLY_NS = parse_instant("2026-09-25T08:00:00Z")
WEEKLY_NS = parse_instant("2026-07-03T08:00:00Z")
DAILY_NS = parse_instant("2026-06-28T08:00:00Z")


def traded(
    instrument: Instrument,
    quantity: str,
    price: str,
    *,
    liquidity: Liquidity = Liquidity.TAKER,
    underlying: str | None = None,
) -> Fee:
    """Fee of a trade at the moment of the worked examples."""
    return trade_fee(
        instrument,
        quantity=Decimal(quantity),
        price=Decimal(price),
        liquidity=liquidity,
        as_of_ns=AS_OF_NS,
        underlying=None if underlying is None else Decimal(underlying),
    )


@pytest.mark.parametrize(
    ("size", "price", "fee", "is_capped"),
    [
        pytest.param("1", "0.05", "0.0003", False, id="D"),
        pytest.param("1", "0.0024", "0.0003", False, id="D-exactly-at-the-cap"),
        pytest.param("10", "0.001", "0.00125", True, id="D-capped"),
        pytest.param("1", "0.0001", "0.0000125", True, id="V-fees-page"),
        # [V] a fill of BTC-14FEB24-51000-C captured in February 2024, fee 8.75e-06.
        pytest.param("0.1", "0.0007", "0.00000875", True, id="V-captured-fill"),
    ],
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_inverse_option_pays_the_rate_or_an_eighth_of_its_price(
    size: str, price: str, fee: str, is_capped: bool, sign: str
) -> None:
    charged = traded(option("100000", "C"), sign + size, price)
    assert (charged.amount, charged.exact) == (Decimal(fee), Decimal(fee))
    assert (charged.is_capped, charged.currency) == (is_capped, "BTC")


@pytest.mark.parametrize(
    ("size", "price", "index", "fee"),
    [
        ("10", "6", "200", "1"),  # by hand: 0.0005 × 200 × 10
        ("10", "0.4", "200", "0.5"),  # by hand, capped: 0.125 × 0.4 × 10
    ],
)
def test_linear_option_pays_on_the_index(size: str, price: str, index: str, fee: str) -> None:
    instrument = option("220", "C", underlying="SOL", currency="USDC", contract_size="10")
    charged = traded(instrument, size, price, underlying=index)
    assert (charged.amount, charged.currency) == (Decimal(fee), "USDC")
    assert charged.origin.status is RuleStatus.UNCERTAIN


@pytest.mark.parametrize(
    ("name", "expiry_ns", "size", "liquidity", "fee"),
    [
        ("BTC-25SEP26", MONTHLY_NS, "10000", Liquidity.TAKER, "0.00005"),
        ("BTC-3JUL26", WEEKLY_NS, "10000", Liquidity.MAKER, "-0.00001"),
        ("BTC-3JUL26", WEEKLY_NS, "10000", Liquidity.TAKER, "0.00005"),
        ("BTC-25SEP26", MONTHLY_NS, "10000", Liquidity.MAKER, "0"),
        ("BTC-PERPETUAL", None, "50000", Liquidity.TAKER, "0.00025"),
        ("BTC-PERPETUAL", None, "50000", Liquidity.MAKER, "0"),
    ],
)
def test_inverse_future_pays_on_its_value_in_coin(
    name: str, expiry_ns: int | None, size: str, liquidity: Liquidity, fee: str
) -> None:
    # [V] reference A6, at a price of 100 000.
    charged = traded(future(name, expiry_ns=expiry_ns), size, "100000", liquidity=liquidity)
    assert charged.amount == Decimal(fee)


def test_linear_perpetual_pays_on_its_value_in_dollars() -> None:
    charged = traded(future("SOL_USDC-PERPETUAL", currency="USDC"), "50", "200")
    assert (charged.amount, charged.currency) == (Decimal(5), "USDC")


def test_rate_of_the_account_comes_before_the_listed_one_and_that_before_the_table() -> None:
    listed = option("100000", "C", taker_fee=Decimal("0.0002"))
    assert traded(listed, "1", "0.05").exact == Decimal("0.0002")
    own = trade_fee(
        listed,
        quantity=Decimal(1),
        price=Decimal("0.05"),
        liquidity=Liquidity.TAKER,
        as_of_ns=AS_OF_NS,
        rate=Decimal("0.0001"),
    )
    assert own.exact == Decimal("0.0001")


def test_fee_is_rounded_half_up_to_eight_decimals_and_keeps_the_exact_one() -> None:
    charged = traded(option("100000", "C"), "0.1", "0.0000001")
    assert (charged.exact, charged.amount) == (Decimal("0.00000000125"), Decimal("0"))
    charged = traded(option("100000", "C"), "0.1", "0.0000004")
    assert (charged.exact, charged.amount) == (Decimal("0.000000005"), Decimal("0.00000001"))


@pytest.mark.parametrize(("moment", "maker"), [("2026-07-31", "-0.00001"), ("2026-08-01", "0")])
def test_weekly_rebate_ends_with_the_schedule_of_august_2026(moment: str, maker: str) -> None:
    fee = trade_fee(
        future("BTC-14AUG26", expiry_ns=parse_instant("2026-08-14T08:00:00Z")),
        quantity=Decimal(10_000),
        price=Decimal(100_000),
        liquidity=Liquidity.MAKER,
        as_of_ns=parse_instant(moment),
    )
    assert fee.amount == Decimal(maker)


def test_no_rate_is_made_up_for_a_time_before_the_first_known_one() -> None:
    with pytest.raises(OutOfDomain, match="first hold from 2021-07-22"):
        trade_fee(
            option("100000", "C"),
            quantity=Decimal(1),
            price=Decimal("0.05"),
            liquidity=Liquidity.TAKER,
            as_of_ns=parse_instant("2020-05-14"),
        )


def combo(*legs: tuple[str, str]) -> list[tuple[Side, Fee]]:
    """(signed quantity, price) of each leg with its own fee."""
    instrument = option("100000", "C")
    return [
        (Side.BUY if Decimal(size) > 0 else Side.SELL, traded(instrument, size, price))
        for size, price in legs
    ]


@pytest.mark.parametrize(
    ("legs", "total"),
    [
        pytest.param([("1", "0.05"), ("-1", "0.001")], "0.0003", id="D-vertical"),
        pytest.param([("1", "0.06"), ("1", "0.02"), ("-2", "0.038")], "0.0006", id="D-butterfly"),
        pytest.param([("1", "0.05"), ("1", "0.04")], "0.0006", id="D-straddle-no-discount"),
    ],
)
def test_cheaper_side_of_an_option_combo_is_free(legs: list[tuple[str, str]], total: str) -> None:
    fees = combo_fees(combo(*legs))
    assert sum(fee.amount for fee in fees) == Decimal(total)
    assert len(fees) == len(legs)


def test_published_combo_of_ten_and_eight_pays_ten() -> None:
    # [V] notice of 18 August 2022.
    (_, ten), (_, eight) = combo(("1", "0.05"), ("-1", "0.05"))
    ten, eight = (
        replace(fee, amount=Decimal(size), exact=Decimal(size))
        for fee, size in ((ten, 10), (eight, 8))
    )
    paid = combo_fees([(Side.BUY, ten), (Side.SELL, eight)])
    assert [fee.amount for fee in paid] == [10, 0]
    assert paid[1].formula == "free: cheaper side of a combo"


def test_taker_of_a_future_spread_pays_half_of_the_cheaper_leg() -> None:
    # [V] notice of 18 August 2022: 3 bps a leg make 4.5 bps of one leg's value, not 6.
    legs = [
        trade_fee(
            future(name, expiry_ns=expiry_ns),
            quantity=Decimal(100_000),
            price=Decimal(100_000),
            liquidity=Liquidity.TAKER,
            as_of_ns=AS_OF_NS,
            rate=Decimal("0.0003"),
        )
        for name, expiry_ns in (("BTC-25SEP26", MONTHLY_NS), ("BTC-PERPETUAL", None))
    ]
    paid = future_spread_fees(legs, Liquidity.TAKER)
    assert sum(fee.amount for fee in paid) == Decimal("0.00045")
    assert future_spread_fees(legs, Liquidity.MAKER) == tuple(legs)


def test_discount_of_a_future_spread_is_on_the_leg_that_costs_less() -> None:
    dear = traded(future("BTC-25SEP26", expiry_ns=MONTHLY_NS), "100000", "90000")
    cheap = traded(future(), "100000", "100000")
    paid = future_spread_fees([dear, cheap], Liquidity.TAKER)
    assert paid[0] == dear
    assert paid[1].amount == Decimal("0.00025")


@pytest.mark.parametrize(
    ("delivery", "exact", "net"),
    [
        pytest.param("125000", "0.00015", "0.19985", id="D-in-the-money"),
        pytest.param("100100", "0.000124875", "0.000874126", id="D-cap-binds"),
        pytest.param("99000", "0", "0", id="out-of-the-money"),
    ],
)
def test_delivered_option_pays_its_fee_out_of_the_payoff(
    delivery: str, exact: str, net: str
) -> None:
    # [D] reference A7, long call of strike 100 000; shown to nine decimals.
    instrument = option("100000", "C", expiry_ns=MONTHLY_NS)
    fee = delivery_fee(instrument, quantity=Decimal(1), delivery_price=Decimal(delivery))
    paid = payoff(instrument, Decimal(1), Decimal(delivery))
    nine = Decimal("1e-9")
    assert fee.exact.quantize(nine) == Decimal(exact).quantize(nine)
    assert (paid - fee.exact).quantize(nine) == Decimal(net).quantize(nine)


def test_linear_option_payoff_is_the_published_one() -> None:
    # [V] reference deribit.md section 10: SOL K 250, D 275, multiplier 10 pays 250 USDC.
    instrument = option("250", "C", underlying="SOL", currency="USDC", contract_size="10")
    assert payoff(instrument, Decimal(10), Decimal(275)) == 250
    fee = delivery_fee(instrument, quantity=Decimal(10), delivery_price=Decimal(275))
    assert fee.exact == Decimal("0.4125")  # 0.00015 × 275 × 10


@pytest.mark.parametrize(
    ("strike", "kind", "delivery", "expected"),
    [
        ("100000", "C", "125000", "0.2"),
        ("10000", "P", "5000", "1"),
        ("10000", "P", "10001", "0"),
    ],
)
def test_inverse_payoff_is_the_published_one(
    strike: str, kind: str, delivery: str, expected: str
) -> None:
    # [V] reference deribit.md section 10.
    assert payoff(option(strike, kind), Decimal(1), Decimal(delivery)) == Decimal(expected)


def test_daily_option_and_weekly_future_are_delivered_free() -> None:
    daily = option("100000", "C", expiry_ns=DAILY_NS)
    fee = delivery_fee(daily, quantity=Decimal(1), delivery_price=Decimal(125_000))
    assert (fee.amount, fee.formula) == (ZERO, "free: day")
    weekly = future("BTC-3JUL26", expiry_ns=WEEKLY_NS)
    assert delivery_fee(weekly, quantity=Decimal(10), delivery_price=Decimal(100_000)).amount == 0


def test_other_futures_pay_on_the_value_delivered() -> None:
    # By hand: 100 000 USD at 100 000 is one coin, 0.025 % of it.
    monthly = future("BTC-25SEP26", expiry_ns=MONTHLY_NS)
    fee = delivery_fee(monthly, quantity=Decimal(-100_000), delivery_price=Decimal(100_000))
    assert fee.amount == Decimal("0.00025")


@pytest.mark.parametrize(
    ("expiry", "period"),
    [
        ("2026-06-28", ListingPeriod.DAY),
        ("2026-07-03", ListingPeriod.WEEK),
        ("2026-07-24", ListingPeriod.WEEK),
        ("2026-07-31", ListingPeriod.MONTH),
        ("2026-12-25", ListingPeriod.MONTH),
    ],
)
def test_period_of_a_contract_follows_from_its_expiry_day(
    expiry: str, period: ListingPeriod
) -> None:
    instrument = option("100000", "C", expiry_ns=parse_instant(f"{expiry}T08:00:00Z"))
    assert listing_period(instrument) is period


def test_period_equals_the_one_that_the_venue_lists() -> None:
    folder = Path(__file__).parents[4] / "shared" / "data" / "deribit"
    if not folder.is_dir():
        pytest.skip("the reference data is not beside this checkout")
    listed = []
    for name in ("btc", "eth", "sol"):
        path = folder / "rest" / f"get_instruments_{name}_2021-07-22.json.gz"
        text = gzip.decompress(path.read_bytes())
        listed += json.loads(text)["result"]
    dated = [record for record in listed if record["settlement_period"] != "perpetual"]
    assert len(dated) > 900
    for record in dated:
        expiry_ns = record["expiration_timestamp"] * 1_000_000
        period = listing_period(option("1", "C", expiry_ns=expiry_ns))
        assert period.value == record["settlement_period"], record["instrument_name"]


def test_binance_trade_pays_the_published_fee() -> None:
    # [V] FAQ Options fees: 3 ETH contracts, index 2 000, premium 1 000.
    instrument = binance_option("2000", "C", underlying="ETH")
    assert traded(instrument, "3", "1000", underlying="2000").amount == Decimal("1.8")


def test_binance_fee_is_capped_at_a_tenth_of_the_price() -> None:
    # [D] reference B2: index 100 000, price 50.
    charged = traded(binance_option("100000", "C"), "1", "50", underlying="100000")
    assert (charged.amount, charged.is_capped) == (Decimal(5), True)


def test_binance_exercise_pays_the_published_fee_of_the_holder() -> None:
    # [V] FAQ Options fees: K 2 000, settled at 2 200, 3 contracts.
    instrument = binance_option("2000", "C", underlying="ETH")
    fee = delivery_fee(instrument, quantity=Decimal(3), delivery_price=Decimal(2200))
    assert fee.amount == Decimal("0.99")
    seller = delivery_fee(instrument, quantity=Decimal(-3), delivery_price=Decimal(2200))
    assert (seller.amount, seller.formula) == (ZERO, "free: seller")


def test_binance_contract_of_many_coins_scales_index_and_payoff() -> None:
    instrument = binance_option("2", "C", underlying="XRP", contract_size="100")
    charged = traded(instrument, "5", "12", underlying="2")
    assert charged.exact == Decimal("0.3")  # 0.0003 × 2 × 100 × 5
    assert payoff(instrument, Decimal(-5), Decimal("2.5")) == -250
