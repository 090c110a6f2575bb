"""Instruments of the worked examples, and the moment at which most of them are margined."""

from __future__ import annotations

import re
from decimal import Decimal

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.domain.margin import MarginOrder, MarginPrices
from quantdesk.domain.times import parse_instant

AS_OF_NS = parse_instant("2026-06-27T09:00:00Z")
EXPIRY_NS = parse_instant("2026-09-25T08:00:00Z")
TICKS = TickScheme(tick=Decimal("0.0001"))


def option(
    strike: str,
    option_type: str,
    *,
    underlying: str = "BTC",
    currency: str | None = None,
    venue: str = "deribit",
    contract_size: str = "1",
    expiry_ns: int = EXPIRY_NS,
    taker_fee: Decimal | None = None,
) -> Instrument:
    """An option; inverse unless `currency` names the dollar coin it is settled in."""
    settled = currency or underlying
    return Instrument(
        venue=venue,
        name=f"{underlying}_{settled}-{strike}-{option_type}",
        kind=InstrumentKind.OPTION,
        underlying=underlying,
        settlement=Settlement.LINEAR if currency else Settlement.INVERSE,
        quote_currency=settled,
        settlement_currency=settled,
        index_name=f"{underlying}_usd".lower(),
        contract_size=Decimal(contract_size),
        is_amount_in_contracts=venue == "binance",
        ticks=TICKS,
        amount_min=Decimal("0.1"),
        amount_step=Decimal("0.1"),
        expiry_ns=expiry_ns,
        strike=Decimal(strike),
        option_type=OptionType.CALL if option_type == "C" else OptionType.PUT,
        taker_fee=taker_fee,
    )


def binance_option(strike: str, option_type: str, **changes: str) -> Instrument:
    """A BTC option of Binance, one coin a contract."""
    asked = {"currency": "USDT", "venue": "binance", **changes}
    return option(strike, option_type, **asked)  # type: ignore[arg-type]


def future(
    name: str = "BTC-PERPETUAL", *, currency: str | None = None, expiry_ns: int | None = None
) -> Instrument:
    """A perpetual, or a dated future if it has an expiry; inverse unless `currency` is given."""
    underlying = re.split("[-_]", name)[0]
    return Instrument(
        venue="deribit",
        name=name,
        kind=InstrumentKind.PERPETUAL if expiry_ns is None else InstrumentKind.FUTURE,
        underlying=underlying,
        settlement=Settlement.LINEAR if currency else Settlement.INVERSE,
        quote_currency=currency or "USD",
        settlement_currency=currency or underlying,
        index_name=f"{underlying}_usd".lower(),
        contract_size=Decimal(10),
        ticks=TICKS,
        amount_min=Decimal(10),
        amount_step=Decimal(10),
        expiry_ns=expiry_ns,
    )


def prices(mark: str, underlying: str | None = None) -> MarginPrices:
    """Prices from text."""
    return MarginPrices(
        mark=Decimal(mark), underlying=None if underlying is None else Decimal(underlying)
    )


def order(
    instrument: Instrument,
    quantity: str,
    price: str,
    *,
    order_id: str = "1",
    fee: str | None = None,
    is_reduce_only: bool = False,
) -> MarginOrder:
    """A resting order from text; a negative quantity sells."""
    return MarginOrder(
        order_id=order_id,
        instrument=instrument,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=None if fee is None else Decimal(fee),
        is_reduce_only=is_reduce_only,
    )
