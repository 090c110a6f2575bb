"""The dated tables: right row at the right time, and no rule without its origin."""

from __future__ import annotations

import pytest

from quantdesk.domain.times import parse_instant
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.margin import fee_rates, parameters
from quantdesk.margin.fee_rates import FeeProduct, trade_rates_at
from quantdesk.margin.parameters import deribit_future_row, deribit_option_row
from tests.unit.margin.contracts import AS_OF_NS, EXPIRY_NS, future

MARGIN_TABLES = [
    parameters.DERIBIT_OPTIONS,
    parameters.DERIBIT_INVERSE_PERPETUALS,
    parameters.DERIBIT_INVERSE_FUTURES,
    parameters.DERIBIT_LINEAR_FUTURES,
    parameters.BINANCE_OPTIONS,
]


@pytest.mark.parametrize("table", MARGIN_TABLES)
def test_no_two_rows_of_an_underlying_begin_together(table: tuple[object, ...]) -> None:
    keys = [(getattr(row, "underlying", ""), getattr(row, "effective_ns", 0)) for row in table]
    assert len(set(keys)) == len(keys)


def test_every_fee_product_has_rates_and_no_two_rows_begin_together() -> None:
    keys = [(row.product, row.effective_ns) for row in fee_rates.TRADE_RATES]
    assert len(set(keys)) == len(keys)
    assert {product for product, _ in keys} == set(FeeProduct)


@pytest.mark.parametrize(
    ("moment", "initial"),
    [
        ("2021-12-31T23:59:59.999999999Z", "0.01"),
        ("2022-01-11T00:00:00Z", "0.02"),
        ("2026-11-21T00:00:00Z", "0.02"),
    ],
)
def test_row_holds_from_its_instant_until_the_next(moment: str, initial: str) -> None:
    row = deribit_future_row(future(), parse_instant(moment))
    assert str(row.ratios.initial) == initial


def test_dated_futures_have_had_their_own_row_since_2024() -> None:
    dated = deribit_future_row(future("BTC-25SEP26", expiry_ns=EXPIRY_NS), AS_OF_NS)
    assert str(dated.ratios.initial) == "0.04"
    assert str(deribit_future_row(future(), AS_OF_NS).ratios.initial) == "0.02"


def test_underlying_without_a_row_of_its_own_takes_the_general_one() -> None:
    assert deribit_option_row("AVAX", AS_OF_NS).underlying == parameters.ANY
    assert deribit_option_row("BTC", AS_OF_NS).underlying == "BTC"


def test_inverse_future_on_an_unknown_coin_has_no_rule() -> None:
    with pytest.raises(OutOfDomain, match="inverse perpetuals on SOL: known are BTC, ETH"):
        deribit_future_row(future("SOL-PERPETUAL"), AS_OF_NS)


def test_time_before_the_first_row_has_no_rule() -> None:
    with pytest.raises(OutOfDomain, match="at 2019-05-01T00:00:00Z: the first holds from 2020"):
        deribit_future_row(future(), parse_instant("2019-05-01"))
    with pytest.raises(OutOfDomain, match="no fee rates for binance options"):
        trade_rates_at(FeeProduct.BINANCE_OPTION, parse_instant("2022-07-31"))


def test_uncertain_rule_must_say_what_is_uncertain() -> None:
    with pytest.raises(InvalidInput, match="note"):
        RuleOrigin(status=RuleStatus.UNCERTAIN, source="a page")
    with pytest.raises(InvalidInput, match="source"):
        RuleOrigin(status=RuleStatus.VERIFIED, source="")


def test_origin_reads_as_one_line() -> None:
    origin = RuleOrigin(status=RuleStatus.DERIVED, source="a page", note="of one day")
    assert str(origin) == "derived: a page; of one day"


@pytest.mark.parametrize(
    ("product", "moment", "maker", "taker"),
    [
        # Reference A6, the published table and the captures after it.
        (FeeProduct.DERIBIT_INVERSE_OPTION, "2026-06-27", "0.0003", "0.0003"),
        (FeeProduct.DERIBIT_INVERSE_OPTION, "2026-09-07", "0.0003", "0.0003"),
        (FeeProduct.DERIBIT_INVERSE_FUTURE, "2026-06-27", "0", "0.0005"),
        (FeeProduct.DERIBIT_WEEKLY_FUTURE, "2026-06-27", "-0.0001", "0.0005"),
        (FeeProduct.DERIBIT_LINEAR_FUTURE, "2026-06-27", "0", "0.0005"),
        (FeeProduct.DERIBIT_LINEAR_FUTURE, "2026-09-07", "0.00015", "0.00035"),
        (FeeProduct.BINANCE_OPTION, "2026-06-27", "0.0003", "0.0003"),
    ],
)
def test_rates_are_the_published_or_captured_ones(
    product: FeeProduct, moment: str, maker: str, taker: str
) -> None:
    rates = trade_rates_at(product, parse_instant(moment)).rates
    assert (str(rates.maker), str(rates.taker)) == (maker, taker)
