"""Fee rates and caps of both venues, as dated data with their status. Knows no formula.

A rate listed with an instrument comes before the table's: venues change rates without notice and
accounts have their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from quantdesk.domain.times import format_instant, parse_instant
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import OutOfDomain


class FeeProduct(Enum):
    """What a venue has one rate for."""

    DERIBIT_INVERSE_OPTION = "deribit inverse options"
    DERIBIT_LINEAR_OPTION = "deribit linear options"
    DERIBIT_INVERSE_FUTURE = "deribit inverse futures and perpetuals"
    DERIBIT_WEEKLY_FUTURE = "deribit inverse weekly futures"
    DERIBIT_LINEAR_FUTURE = "deribit linear perpetuals"
    BINANCE_OPTION = "binance options"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRates:
    """Fractions of the underlying (options) or of position value (futures)."""

    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRateRow:
    """Rates of a product from `effective_ns` on."""

    product: FeeProduct
    effective_ns: int
    rates: TradeRates
    origin: RuleOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRule:
    """Fee at expiry: `rate` of the settled underlying, capped at `cap` of the payoff.

    cap : None for futures, which have no payoff
    is_short_charged : whether the side that pays the payoff is charged too
    """

    rate: Decimal
    cap: Decimal | None
    is_short_charged: bool
    origin: RuleOrigin


OPTION_FEE_CAP = {"deribit": Decimal("0.125"), "binance": Decimal("0.10")}
"""Largest trading fee of an option as a part of its price, by venue."""

COMBO_ORIGIN = RuleOrigin(
    status=RuleStatus.VERIFIED, source="support.deribit.com, 18 August 2022: 10 and 8 pay 10"
)
SPREAD_ORIGIN = RuleOrigin(
    status=RuleStatus.VERIFIED,
    source="support.deribit.com, 18 August 2022: 3 bps taker pay 4.5 instead of 6",
    note="a summary of 2026 speaks of a full discount and of halved rebates",
)

_FEES_PAGE = "support.deribit.com, Fees, copies of 2024 to early 2026"
_NEW_SCHEDULE = "a new fee schedule was announced for 2026-08-01; last known rates used"


def _row(
    product: FeeProduct, since: str, rates: tuple[str, str], origin: RuleOrigin
) -> TradeRateRow:
    maker, taker = map(Decimal, rates)
    return TradeRateRow(
        product=product,
        effective_ns=parse_instant(since),
        rates=TradeRates(maker=maker, taker=taker),
        origin=origin,
    )


def _origin(status: RuleStatus, source: str, note: str = "") -> RuleOrigin:
    return RuleOrigin(status=status, source=source, note=note)


_LISTED = _origin(
    RuleStatus.VERIFIED, f"{_FEES_PAGE}; instruments listed on 2021-07-22 and 2026-06-27"
)
_LISTED_2021 = _origin(RuleStatus.VERIFIED, f"{_FEES_PAGE}; instruments listed on 2021-07-22")
_REVISED = _origin(RuleStatus.UNCERTAIN, _FEES_PAGE, _NEW_SCHEDULE)

TRADE_RATES = (
    _row(FeeProduct.DERIBIT_INVERSE_OPTION, "2021-07-22", ("0.0003", "0.0003"), _LISTED),
    _row(
        FeeProduct.DERIBIT_INVERSE_OPTION,
        "2026-08-01",
        ("0.0003", "0.0003"),
        _origin(
            RuleStatus.UNCERTAIN,
            "an instrument captured on a Deribit-compatible host in September 2026",
            "whether that host shows www.deribit.com's rates is not stated",
        ),
    ),
    _row(
        FeeProduct.DERIBIT_LINEAR_OPTION,
        "2022-04-28",
        ("0.0001", "0.0005"),
        _origin(RuleStatus.UNCERTAIN, _FEES_PAGE, "other copies say 0.0003 for both"),
    ),
    _row(FeeProduct.DERIBIT_INVERSE_FUTURE, "2021-07-22", ("0", "0.0005"), _LISTED_2021),
    _row(FeeProduct.DERIBIT_INVERSE_FUTURE, "2026-08-01", ("0", "0.0005"), _REVISED),
    _row(FeeProduct.DERIBIT_WEEKLY_FUTURE, "2021-07-22", ("-0.0001", "0.0005"), _LISTED_2021),
    _row(FeeProduct.DERIBIT_WEEKLY_FUTURE, "2026-08-01", ("0", "0.0005"), _REVISED),
    _row(
        FeeProduct.DERIBIT_LINEAR_FUTURE,
        "2022-04-28",
        ("0", "0.0005"),
        _origin(RuleStatus.VERIFIED, f"{_FEES_PAGE}; USDC perpetuals listed in mid-2022"),
    ),
    _row(
        FeeProduct.DERIBIT_LINEAR_FUTURE,
        "2026-08-01",
        ("0.00015", "0.00035"),
        _origin(
            RuleStatus.UNCERTAIN,
            "one altcoin perpetual captured on a Deribit-compatible host in September 2026",
            "BTC and ETH may differ, and so may www.deribit.com",
        ),
    ),
    _row(
        FeeProduct.BINANCE_OPTION,
        "2022-08-01",
        ("0.0003", "0.0003"),
        _origin(
            RuleStatus.UNCERTAIN,
            "FAQ Options fees, its worked example",
            "a notice of January 2023 says 0.0002; an account has its own from GET /commission",
        ),
    ),
)

DERIBIT_OPTION_DELIVERY = DeliveryRule(
    rate=Decimal("0.00015"),
    cap=Decimal("0.125"),
    is_short_charged=True,
    origin=_origin(RuleStatus.DERIVED, _FEES_PAGE, "that both sides pay is inferred"),
)
DERIBIT_FUTURE_DELIVERY = DeliveryRule(
    rate=Decimal("0.00025"),
    cap=None,
    is_short_charged=True,
    origin=_origin(RuleStatus.DERIVED, _FEES_PAGE, "weekly futures are free"),
)
BINANCE_EXERCISE = DeliveryRule(
    rate=Decimal("0.00015"),
    cap=Decimal("0.10"),
    is_short_charged=False,
    origin=_origin(
        RuleStatus.VERIFIED,
        "FAQ Options fees, its worked example",
        "whether the exercised seller pays is not established; taken as free",
    ),
)


def trade_rates_at(product: FeeProduct, as_of_ns: int) -> TradeRateRow:
    """The row of `product` that holds at `as_of_ns`. Raises OutOfDomain before the first."""
    rows: Sequence[TradeRateRow] = [row for row in TRADE_RATES if row.product is product]
    past = [row for row in rows if row.effective_ns <= as_of_ns]
    if not past:
        first = format_instant(min(row.effective_ns for row in rows))
        raise OutOfDomain(
            f"no fee rates for {product.value} at {format_instant(as_of_ns)}: "
            f"the first hold from {first}"
        )
    return max(past, key=lambda row: row.effective_ns)
