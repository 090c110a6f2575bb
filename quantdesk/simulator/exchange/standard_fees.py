"""The venues' published fees as the exchange's fee model: `quantdesk.margin` at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument
from quantdesk.margin.fees import delivery_fee, trade_fee


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardFees:
    """Fees of Deribit or Binance, by each instrument's venue, with the rates of `as_of_ns`.

    A rate listed with an instrument comes before the table's. Raises PricingError for an instrument
    that neither venue has a rule for.
    """

    as_of_ns: int

    def trade_fee(
        self,
        instrument: Instrument,
        *,
        amount: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        index_price: Decimal,
    ) -> Decimal:
        """Fee of one side of a trade, in whole cash."""
        return trade_fee(
            instrument,
            quantity=amount,
            price=price,
            liquidity=liquidity,
            as_of_ns=self.as_of_ns,
            underlying=index_price,
        ).amount

    def delivery_fee(
        self, instrument: Instrument, *, size: Decimal, delivery_price: Decimal
    ) -> Decimal:
        """Fee of an expiring position, in whole cash."""
        return delivery_fee(instrument, quantity=size, delivery_price=delivery_price).amount
