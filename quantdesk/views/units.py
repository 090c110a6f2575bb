"""The unit switch of a screen: in what unit option prices are shown, and how that is said."""

from __future__ import annotations

from enum import Enum

from quantdesk.domain.instrument import Instrument
from quantdesk.views.safe_text import safe_text


class Units(Enum):
    """What price columns show.

    COIN is the quoted premium. USD_CASH is what paying it takes now: coin × index. USD_MODEL is
    what a model compares: coin × forward of its expiry. IV shows the vol of each price.
    """

    COIN = "coin"
    USD_CASH = "usd-cash"
    USD_MODEL = "usd-model"
    IV = "iv"

    def next(self) -> Units:
        """The unit after this one, in the order of the switch."""
        order = tuple(Units)
        return order[(order.index(self) + 1) % len(order)]


def units_sentence(units: Units, coin: str, quote_currency: str) -> str:
    """What the price columns show, for a header: "in USD cash (BTC × index)".

    Where prices are dollars already the conversions change nothing, and that is said.
    """
    coin, quote = safe_text(coin, 16), safe_text(quote_currency, 16)
    if coin != quote and units is not Units.IV:
        return f"in {quote}, as quoted"
    return {
        Units.COIN: f"in {coin}, as quoted",
        Units.USD_CASH: f"in USD cash ({coin} × index)",
        Units.USD_MODEL: f"in USD model ({coin} × forward)",
        Units.IV: "in implied vol, %",
    }[units]


def price_unit(units: Units, instrument: Instrument | None, coin: str) -> str:
    """Short unit of a price column: "BTC", "USD", "%"; linear options keep their currency."""
    if units is Units.IV:
        return "%"
    if instrument is not None and not instrument.is_inverse:
        return safe_text(instrument.quote_currency, 6)
    return safe_text(coin, 6) if units is Units.COIN else "USD"


def price_in(
    units: Units, price: float, is_inverse: bool, index_price: float, forward: float
) -> float:
    """`price` of the quote currency in COIN or one of the USD units; NaN where a factor is missing.

    A linear option's price is dollars already and stays as it is. IV is no conversion of a price.
    """
    assert units is not Units.IV, "the vol of a price is computed by the kernel, not here"
    if units is Units.COIN or not is_inverse:
        return price
    return price * (index_price if units is Units.USD_CASH else forward)
