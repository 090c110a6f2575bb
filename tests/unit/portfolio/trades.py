"""Instruments, fills and adjustments for the tests of this folder."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.portfolio.book import Adjustment
from tests.unit.margin.contracts import EXPIRY_NS, binance_option, future, option

CALL = option("100000", "C")
PUT = option("100000", "P")
LINEAR = option("97000", "P", currency="USDC")
BINANCE = binance_option("105000", "C")
PERPETUAL = future()
DATED = future("BTC-25SEP26", expiry_ns=EXPIRY_NS)
LINEAR_FUTURE = future("BTC_USDC-PERPETUAL", currency="USDC")
ALL = (CALL, PUT, LINEAR, BINANCE, PERPETUAL, DATED, LINEAR_FUTURE)
BY_NAME = {instrument.name: instrument for instrument in ALL}


def fill(
    instrument: Instrument,
    quantity: str | Decimal,
    price: str | Decimal,
    *,
    trade_id: str = "1",
    account: str = "main",
    fee: str = "0",
    fee_currency: str | None = None,
    index: str | None = None,
    label: str = "",
    event_ns: int = 1,
) -> Fill:
    """A trade from text; a negative quantity sells."""
    signed = Decimal(quantity)
    return Fill(
        venue=instrument.venue,
        account=account,
        instrument_name=instrument.name,
        trade_id=trade_id,
        order_id="o" + trade_id,
        label=label,
        side=Side.BUY if signed > 0 else Side.SELL,
        price=Decimal(price),
        amount=abs(signed),
        fee=Decimal(fee),
        fee_currency=fee_currency or instrument.settlement_currency,
        liquidity=Liquidity.TAKER,
        event_ns=event_ns,
        index_price=None if index is None else Decimal(index),
    )


def adjustment(
    instrument: Instrument,
    quantity: str,
    price: str | None,
    *,
    adjustment_id: str = "a1",
    index: str | None = None,
) -> Adjustment:
    """A recorded adjustment of the account "main" from text."""
    return Adjustment(
        adjustment_id=adjustment_id,
        venue=instrument.venue,
        account="main",
        instrument_name=instrument.name,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        event_ns=1,
        reason="test",
        index_price=None if index is None else Decimal(index),
    )
