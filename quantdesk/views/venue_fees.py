"""What a taker pays on each quote of a chain, by the venue's own rule: looked up, not made here."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument
from quantdesk.errors import PricingError
from quantdesk.margin.fees import trade_fee
from quantdesk.market.chain import Chain, FloatArray
from quantdesk.market.cross_venue import QuoteFees


def taker_fees(chain: Chain, index_price: float | None, as_of_ns: int) -> QuoteFees:
    """Fee of selling at each bid and of buying at each ask, caps included, per unit of price.

    In each instrument's settlement currency. NaN where there is no price, and where no rate is
    known: the fee of a trade that nobody can tell must not pass for none.
    """
    index = None if index_price is None else Decimal(repr(index_price))

    def column(prices: FloatArray) -> FloatArray:
        fees = [
            _fee(instrument, price, index, as_of_ns)
            for instrument, price in zip(chain.instruments, prices.tolist(), strict=True)
        ]
        return np.array(fees, dtype=np.float64)

    return QuoteFees(bid=column(chain.bid), ask=column(chain.ask))


def _fee(instrument: Instrument, price: float, index: Decimal | None, as_of_ns: int) -> float:
    if not price > 0:
        return float("nan")
    try:
        fee = trade_fee(
            instrument,
            quantity=Decimal(1),
            price=Decimal(repr(price)),
            liquidity=Liquidity.TAKER,
            as_of_ns=as_of_ns,
            underlying=index,
        )
    except PricingError:
        return float("nan")
    return float(fee.exact)
