"""What a quantity of a contract is worth: the one place that tells inverse from linear.

    worth(q, p)   options and linear futures  q × p;   inverse futures  −q / p  (coin, q in USD)
    profit        worth(q, exit) − worth(q, entry), settlement currency

so that an inverse future's average price is harmonic and its profit size × (1/entry − 1/exit)
without a case of its own. Exact to GRAIN; knows no venue's spelling and no fee.
"""

from __future__ import annotations

from decimal import Context, Decimal

from quantdesk.domain.instrument import Instrument, OptionType
from quantdesk.errors import InvalidInput

GRAIN = Decimal("1e-24")
"""Quotients are kept to this: sixteen decimals finer than any venue's cash."""

CASH_UNIT = Decimal("0.00000001")
"""Smallest cash of every currency here."""

EXACT = Context(prec=64)
"""Room for 10^15 units to the last digit of GRAIN, products included."""


def worth(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """Signed worth of `quantity` at `price`, settlement currency; see the module's formulas.

    Raises InvalidInput for a price that is no number, and an inverse future's that is not above 0.
    """
    if not price.is_finite():
        raise InvalidInput("price", f"{price:f}", f"of {instrument.name} must be a number")
    if instrument.is_inverse_future:
        if price <= 0:
            raise InvalidInput("price", f"{price:f}", f"of {instrument.name} must be above 0")
        return EXACT.quantize(EXACT.divide(quantity.copy_negate(), price), GRAIN)
    return EXACT.multiply(quantity, price)


def average_price(instrument: Instrument, quantity: Decimal, cost: Decimal) -> Decimal | None:
    """The price at which `quantity` is worth `cost`: harmonic for inverse futures, else arithmetic.

    To 20 significant digits, without trailing zeros; None where nothing is held.
    """
    if not quantity:
        return None
    is_harmonic = instrument.is_inverse_future
    if is_harmonic and not cost:
        return None
    exact = (
        EXACT.divide(quantity.copy_negate(), cost) if is_harmonic else EXACT.divide(cost, quantity)
    )
    rounded = Context(prec=20).plus(exact)
    return Decimal(f"{rounded.normalize():f}") if rounded else Decimal(0)


def open_value(instrument: Instrument, quantity: Decimal, cost: Decimal, mark: Decimal) -> Decimal:
    """What an open holding adds to equity at `mark`, settlement currency.

    An option's whole worth, since its premium was paid; a future's profit, since nothing was.
    """
    value = worth(instrument, quantity, mark)
    return EXACT.subtract(value, cost) if instrument.is_future else value


def payoff(instrument: Instrument, quantity: Decimal, delivery_price: Decimal) -> Decimal:
    """What an option position of `quantity` pays at `delivery_price`, signed, not rounded.

    Inverse: max(±(D − K), 0) / D coin by coin; linear: max(±(D − K), 0) by coin. Raises
    InvalidInput for a delivery price that is not above 0.
    """
    if not (delivery_price.is_finite() and delivery_price > 0):
        raise InvalidInput(
            "delivery_price", delivery_price, f"of {instrument.name} must be above 0"
        )
    strike = instrument.strike
    assert strike is not None, instrument.name
    is_call = instrument.option_type is OptionType.CALL
    gain = max(delivery_price - strike if is_call else strike - delivery_price, Decimal(0))
    by_coin = gain / delivery_price if instrument.is_inverse else gain
    return instrument.coins(quantity, delivery_price) * by_coin
