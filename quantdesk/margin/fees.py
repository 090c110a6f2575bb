"""Trading, combo and delivery fees of both venues, exact.

    inverse option   min(rate, cap × price) × size                      coin
    linear option    min(rate × underlying, cap × price) × size         USDC, USDT
    inverse future   rate × size / price                                coin
    linear future    rate × size × price                                USDC
    delivery         min(rate × D, cap × payoff) × size; inverse rate × 1 coin, capped alike

Binance charges by the contract: the underlying is multiplied by the contract's coins, the price is
not. Fees are rounded to the cash unit half up; the venues do not publish how they round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from quantdesk.domain.fees import Fee, FeeKind, ListingPeriod
from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, InstrumentKind, Side
from quantdesk.domain.times import EPOCH, NS_PER_S
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import InvalidInput
from quantdesk.margin.fee_rates import (
    BINANCE_EXERCISE,
    COMBO_ORIGIN,
    DERIBIT_FUTURE_DELIVERY,
    DERIBIT_OPTION_DELIVERY,
    OPTION_FEE_CAP,
    SPREAD_ORIGIN,
    DeliveryRule,
    FeeProduct,
    trade_rates_at,
)
from quantdesk.margin.requirements import ZERO
from quantdesk.margin.sizes import (
    BINANCE,
    DERIBIT,
    require_finite,
    require_positive,
)
from quantdesk.portfolio.contract_values import CASH_UNIT, payoff

__all__ = [
    "CASH_UNIT",
    "combo_fees",
    "delivery_charge",
    "delivery_fee",
    "future_spread_fees",
    "listing_period",
    "payoff",
    "to_cash",
    "trade_fee",
]

_DAYS_A_WEEK = 7
_FRIDAY = 1
"""Days since 1970-01-01, a Thursday, modulo 7."""


def to_cash(exact: Decimal) -> Decimal:
    """`exact` in whole cash units, half up (away from zero)."""
    return exact.quantize(CASH_UNIT, rounding=ROUND_HALF_UP)


def listing_period(instrument: Instrument) -> ListingPeriod:
    """Period of a contract by its expiry: last Friday of a month, other Friday, other day."""
    if instrument.expiry_ns is None:
        return ListingPeriod.PERPETUAL
    days = instrument.expiry_ns // (NS_PER_S * 86_400)
    if days % _DAYS_A_WEEK != _FRIDAY:
        return ListingPeriod.DAY
    is_last = _month_of(days) != _month_of(days + _DAYS_A_WEEK)
    return ListingPeriod.MONTH if is_last else ListingPeriod.WEEK


def _month_of(days: int) -> int:
    return (EPOCH + timedelta(days=days)).month


def trade_fee(
    instrument: Instrument,
    *,
    quantity: Decimal,
    price: Decimal,
    liquidity: Liquidity,
    as_of_ns: int,
    underlying: Decimal | None = None,
    rate: Decimal | None = None,
) -> Fee:
    """Fee of one side of a trade, settlement currency.

    Parameters
    ----------
    quantity : traded, either sign; amount unit
    price : of the trade, quote currency
    underlying : index, USD per coin; needed for linear options and on Binance
    rate : the account's own, if known; else the instrument's listed one, else the table's

    Raises InvalidInput for what is missing or wrong, OutOfDomain where there is no rate.
    """
    name = instrument.name
    amount = abs(require_finite("quantity", quantity, name))
    require_positive("price", price, name)
    rate, origin = _trade_rate(instrument, liquidity, as_of_ns, rate)
    if instrument.is_future:
        size = amount / price if instrument.is_inverse else amount * price
        return _fee(
            FeeKind.TRADE,
            instrument,
            rate * size,
            cap=None,
            rate=rate,
            formula="rate × value",
            origin=origin,
        )
    if instrument.is_inverse:
        unit, formula = rate, "min(rate, cap × price) × size"
    else:
        index = require_positive("underlying", underlying, name)
        unit, formula = rate * index, "min(rate × index, cap × price) × size"
    return _fee(
        FeeKind.TRADE,
        instrument,
        unit * instrument.unit_size * amount,
        cap=OPTION_FEE_CAP[instrument.venue] * price * amount,
        rate=rate,
        formula=formula,
        origin=origin,
    )


def delivery_fee(
    instrument: Instrument,
    *,
    quantity: Decimal,
    delivery_price: Decimal,
    period: ListingPeriod | None = None,
) -> Fee:
    """Fee of a position that expires at `delivery_price` (USD), settlement currency.

    quantity : signed, amount unit
    period : of the contract; taken from its expiry date if not given

    An option out of the money pays nothing; nor do Deribit's daily options and weekly futures.
    Raises InvalidInput.
    """
    name = instrument.name
    amount = require_finite("quantity", quantity, name)
    price = require_positive("delivery_price", delivery_price, name)
    rule = _delivery_rule(instrument)
    period = period or listing_period(instrument)
    free = ListingPeriod.WEEK if instrument.is_future else ListingPeriod.DAY
    is_free = instrument.venue == DERIBIT and period is free
    if is_free or (amount < 0 and not rule.is_short_charged):
        rate, formula = ZERO, f"free: {period.value}" if is_free else "free: seller"
    else:
        rate, formula = rule.rate, "min(rate × settled underlying, cap × payoff)"
    size = abs(instrument.coins(amount, price))
    notional = size if instrument.is_inverse else size * price
    cap = None if rule.cap is None else rule.cap * abs(payoff(instrument, amount, price))
    return _fee(
        FeeKind.DELIVERY,
        instrument,
        rate * notional,
        cap=cap,
        rate=rate,
        formula=formula,
        origin=rule.origin,
    )


def delivery_charge(instrument: Instrument, quantity: Decimal, delivery_price: Decimal) -> Decimal:
    """What an expiry costs in whole cash units: the fee law as `portfolio.settlement` takes it."""
    return delivery_fee(instrument, quantity=quantity, delivery_price=delivery_price).amount


def combo_fees(legs: Sequence[tuple[Side, Fee]]) -> tuple[Fee, ...]:
    """Fees of the option legs of one Deribit combo, in their order.

    With both buys and sells, the side whose fees sum to less is free (the sells in a tie); with one
    side only there is no discount. Raises InvalidInput if the legs are in different currencies.
    """
    _require_one_currency([fee for _, fee in legs])
    buys = sum((fee.exact for side, fee in legs if side is Side.BUY), ZERO)
    sells = sum((fee.exact for side, fee in legs if side is Side.SELL), ZERO)
    if len({side for side, _ in legs}) < 2:
        return tuple(fee for _, fee in legs)
    free = Side.SELL if sells <= buys else Side.BUY
    return tuple(
        replace(fee.waived("free: cheaper side of a combo"), origin=COMBO_ORIGIN)
        if side is free
        else fee
        for side, fee in legs
    )


def future_spread_fees(fees: Sequence[Fee], liquidity: Liquidity) -> tuple[Fee, ...]:
    """Fees of the legs of one Deribit future spread: a taker pays half of the cheaper leg.

    Raises InvalidInput if the legs are in different currencies.
    """
    _require_one_currency(fees)
    if liquidity is Liquidity.MAKER or len(fees) < 2:
        return tuple(fees)
    cheaper = min(range(len(fees)), key=lambda leg: fees[leg].exact)
    halved = fees[cheaper].exact / 2
    discounted = replace(
        fees[cheaper],
        exact=halved,
        amount=to_cash(halved),
        formula="half of rate × value: cheaper leg of a spread",
        origin=SPREAD_ORIGIN,
    )
    return tuple(discounted if leg == cheaper else fee for leg, fee in enumerate(fees))


def _require_one_currency(fees: Sequence[Fee]) -> None:
    currencies = sorted({fee.currency for fee in fees})
    if len(currencies) > 1:
        raise InvalidInput("currency", currencies, "of a combo's legs must be one")


def _product(instrument: Instrument) -> FeeProduct:
    """What `instrument` is to the fee table. Raises InvalidInput if it is nothing there."""
    is_option = instrument.kind is InstrumentKind.OPTION
    if instrument.venue == BINANCE and is_option:
        return FeeProduct.BINANCE_OPTION
    if instrument.venue == DERIBIT and is_option:
        inverse, linear = FeeProduct.DERIBIT_INVERSE_OPTION, FeeProduct.DERIBIT_LINEAR_OPTION
        return inverse if instrument.is_inverse else linear
    if instrument.venue == DERIBIT and instrument.is_future:
        if not instrument.is_inverse:
            return FeeProduct.DERIBIT_LINEAR_FUTURE
        is_weekly = listing_period(instrument) is ListingPeriod.WEEK
        weekly, other = FeeProduct.DERIBIT_WEEKLY_FUTURE, FeeProduct.DERIBIT_INVERSE_FUTURE
        return weekly if is_weekly else other
    kind = f"{instrument.venue} {instrument.kind.value}"
    raise InvalidInput(
        "instrument", kind, f"of {instrument.name} must be deribit option or future, binance option"
    )


def _trade_rate(
    instrument: Instrument, liquidity: Liquidity, as_of_ns: int, own: Decimal | None
) -> tuple[Decimal, RuleOrigin]:
    product = _product(instrument)
    if own is not None:
        return require_finite("rate", own, instrument.name), _OWN_RATE
    is_maker = liquidity is Liquidity.MAKER
    listed = instrument.maker_fee if is_maker else instrument.taker_fee
    if listed is not None:
        return require_finite("listed rate", listed, instrument.name), _LISTED_RATE
    row = trade_rates_at(product, as_of_ns)
    return row.rates.maker if is_maker else row.rates.taker, row.origin


_OWN_RATE = RuleOrigin(status=RuleStatus.VERIFIED, source="the account's own rate")
_LISTED_RATE = RuleOrigin(status=RuleStatus.VERIFIED, source="rate listed with the instrument")


def _delivery_rule(instrument: Instrument) -> DeliveryRule:
    product = _product(instrument)
    if instrument.expiry_ns is None:
        raise InvalidInput("expiry", None, f"of {instrument.name} must be there to be delivered")
    if product is FeeProduct.BINANCE_OPTION:
        return BINANCE_EXERCISE
    return DERIBIT_FUTURE_DELIVERY if instrument.is_future else DERIBIT_OPTION_DELIVERY


def _fee(
    kind: FeeKind,
    instrument: Instrument,
    uncapped: Decimal,
    *,
    cap: Decimal | None,
    rate: Decimal,
    formula: str,
    origin: RuleOrigin,
) -> Fee:
    exact = uncapped if cap is None else min(uncapped, cap)
    return Fee(
        kind=kind,
        currency=instrument.settlement_currency,
        amount=to_cash(exact),
        exact=exact,
        rate=rate,
        is_capped=exact < uncapped,
        formula=formula,
        origin=origin,
    )
