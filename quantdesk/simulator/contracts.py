"""Instrument records of the simulated market as domain values, exact."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.simulator.futures import PERPETUAL_EXPIRATION_MS, FutureRecord
from quantdesk.simulator.samples import RecordedInstrument

NS_PER_MS = 1_000_000
VENUE = "deribit"


def exact(number: float) -> Decimal:
    """The decimal that a published number is printed as."""
    return Decimal(repr(number))


def option_instrument(record: RecordedInstrument) -> Instrument:
    """A recorded inverse option."""
    return Instrument(
        venue=VENUE,
        name=record.instrument_name,
        kind=InstrumentKind.OPTION,
        underlying=record.base_currency,
        settlement=Settlement.INVERSE,
        quote_currency=record.quote_currency,
        settlement_currency=record.settlement_currency,
        index_name=record.price_index,
        contract_size=exact(record.contract_size),
        ticks=TickScheme(
            tick=exact(record.tick_size),
            steps=tuple(
                (exact(step.above_price), exact(step.tick_size)) for step in record.tick_size_steps
            ),
        ),
        amount_min=exact(record.min_trade_amount),
        amount_step=exact(record.min_trade_amount),
        expiry_ns=record.expiration_timestamp * NS_PER_MS,
        strike=exact(record.strike),
        option_type=OptionType(record.option_type),
        maker_fee=exact(record.maker_commission),
        taker_fee=exact(record.taker_commission),
        created_ns=record.creation_timestamp * NS_PER_MS,
    )


def future_instrument(record: FutureRecord) -> Instrument:
    """An inverse future made by rule, or a perpetual. Amounts in USD."""
    is_perpetual = record.expiration_timestamp == PERPETUAL_EXPIRATION_MS
    return Instrument(
        venue=VENUE,
        name=record.instrument_name,
        kind=InstrumentKind.PERPETUAL if is_perpetual else InstrumentKind.FUTURE,
        underlying=record.base_currency,
        settlement=Settlement.INVERSE,
        quote_currency=record.quote_currency,
        settlement_currency=record.settlement_currency,
        index_name=record.price_index,
        contract_size=exact(record.contract_size),
        ticks=TickScheme(tick=exact(record.tick_size)),
        amount_min=exact(record.min_trade_amount),
        amount_step=exact(record.contract_size),
        expiry_ns=None if is_perpetual else record.expiration_timestamp * NS_PER_MS,
        maker_fee=exact(record.maker_commission),
        taker_fee=exact(record.taker_commission),
        created_ns=record.creation_timestamp * NS_PER_MS,
        simulated=True,
    )
