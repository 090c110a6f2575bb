"""Deribit's instrument records made into domain instruments: contract law as data.

A record that can not be understood is named by a short reason and left out; the list goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.errors import InvalidInput, ProtocolError
from quantdesk.venues.decoding.ranges import event_ns_of_ms, exact_in_range, name_like
from quantdesk.venues.deribit.account_wire import OptionalDecimal
from quantdesk.venues.deribit.wire import InstrumentRecord, UnreadRecord

VENUE = "deribit"

UNLISTED_STATES = frozenset({"delivered", "archivized", "inactive", "closed", "terminated"})
"""States in which an instrument has left the market; the last two are the older API's words."""

KNOWN_STATES = UNLISTED_STATES | {
    "open",
    "settlement",
    "locked",
    "halted",
    "created",
    "started",
    "settled",
    "deactivated",
}

_KINDS = {
    "option": InstrumentKind.OPTION,
    "future": InstrumentKind.FUTURE,
    "spot": InstrumentKind.SPOT,
    "option_combo": InstrumentKind.OPTION_COMBO,
    "future_combo": InstrumentKind.FUTURE_COMBO,
}
_COMBOS = (InstrumentKind.OPTION_COMBO, InstrumentKind.FUTURE_COMBO)
_OPTION_TYPES = {"call": OptionType.CALL, "put": OptionType.PUT}
_SETTLEMENTS = {"reversed": Settlement.INVERSE, "linear": Settlement.LINEAR}


def underlying_of(record: InstrumentRecord) -> str:
    """How the desk calls the chain of `record`: "BTC" coin-settled, "BTC_USDC" linear."""
    if _settlement(record) is Settlement.INVERSE:
        return record.base_currency
    return f"{record.base_currency}_{record.quote_currency}"


def listed_instruments(
    records: Iterable[InstrumentRecord | UnreadRecord], underlying: str
) -> tuple[tuple[Instrument, ...], tuple[tuple[str, int], ...]]:
    """Instruments of `underlying` in the order listed, and counts of what was not understood.

    Records of other underlyings are passed over: one currency's list holds several. Raises
    ProtocolError ("bad_list") where there are records and none of them is understood: then the
    venue has changed its format, not its listing, and an empty chain would be a lie.
    """
    records = tuple(records)
    listed: dict[str, Instrument] = {}
    reasons: Counter[str] = Counter()
    for record in records:
        if isinstance(record, UnreadRecord):
            reasons[record.reason] += 1
        elif record.kind not in _KINDS:
            reasons[f"kind {name_like(record.kind) or 'unreadable'}"] += 1
        elif underlying_of(record) == underlying and _is_listed(record):
            try:
                instrument = to_instrument(record)
            except InvalidInput as error:
                reasons[error.field] += 1
                continue
            if instrument.name in listed:
                reasons["listed twice"] += 1
            listed[instrument.name] = instrument
    if records and reasons.total() == len(records):
        raise ProtocolError("bad_list", f"none of {len(records)} instruments is understood")
    return tuple(listed.values()), tuple(sorted(reasons.items()))


def to_instrument(record: InstrumentRecord) -> Instrument:
    """The instrument that `record` describes.

    Raises InvalidInput naming the field whose value makes no contract.
    """
    kind = _KINDS.get(record.kind)
    name = name_like(record.instrument_name)
    if kind is None or name is None:
        raise InvalidInput("instrument_name", record.instrument_name[:64], "of no known form")
    if kind is InstrumentKind.FUTURE and record.settlement_period == "perpetual":
        kind = InstrumentKind.PERPETUAL
    is_option = kind is InstrumentKind.OPTION
    return Instrument(
        venue=VENUE,
        name=name,
        kind=kind,
        underlying=record.base_currency,
        settlement=_settlement(record),
        quote_currency=_currency(record.quote_currency, "quote_currency"),
        settlement_currency=_currency(_settlement_currency(record), "settlement_currency"),
        index_name=_index_name(record),
        contract_size=_exact(record.contract_size, "contract_size"),
        ticks=_ticks(record),
        amount_min=_exact(record.min_trade_amount, "min_trade_amount"),
        amount_step=_exact(record.qty_tick_size or record.min_trade_amount, "qty_tick_size"),
        expiry_ns=_expiry_ns(record, kind),
        strike=_exact(record.strike, "strike") if is_option else None,
        option_type=_option_type(record) if is_option else None,
        maker_fee=_fee(record.maker_commission, "maker_commission"),
        taker_fee=_fee(record.taker_commission, "taker_commission"),
        created_ns=event_ns_of_ms(record.creation_timestamp),
    )


def _is_listed(record: InstrumentRecord) -> bool:
    if record.state:
        return record.state not in UNLISTED_STATES
    return record.is_active is not False


def _settlement(record: InstrumentRecord) -> Settlement:
    """Of records before `instrument_type` came, the currencies tell."""
    said = _SETTLEMENTS.get(record.instrument_type or record.future_type or "")
    if said is not None:
        return said
    is_inverse = record.quote_currency in (record.base_currency, "USD")
    return Settlement.INVERSE if is_inverse else Settlement.LINEAR


def _settlement_currency(record: InstrumentRecord) -> str:
    if record.settlement_currency:
        return record.settlement_currency
    is_inverse = _settlement(record) is Settlement.INVERSE
    return record.base_currency if is_inverse else record.quote_currency


def _index_name(record: InstrumentRecord) -> str:
    if record.price_index:
        name = name_like(record.price_index)
        if name is None:
            raise InvalidInput("price_index", record.price_index[:64], "of no known form")
        return name
    is_inverse = _settlement(record) is Settlement.INVERSE
    quote = "usd" if is_inverse else record.quote_currency.lower()
    return f"{record.base_currency.lower()}_{quote}"


def _currency(text: str, field: str) -> str:
    if not (0 < len(text) <= 16 and text.isascii() and text.isalnum()):
        raise InvalidInput(field, text[:16], "must be letters and digits")
    return text


def _exact(value: OptionalDecimal, field: str) -> Decimal:
    if not isinstance(value, Decimal):
        raise InvalidInput(field, None, "is missing")
    if value <= 0 or not exact_in_range(value):
        raise InvalidInput(field, value, "must be positive and in range")
    return value


def _fee(value: OptionalDecimal, field: str) -> Decimal | None:
    if not isinstance(value, Decimal):
        return None
    if abs(value) >= 1:
        raise InvalidInput(field, value, "must be a rate below 1")
    return value


def _ticks(record: InstrumentRecord) -> TickScheme:
    steps = tuple(
        (_exact(step.above_price, "above_price"), _exact(step.tick_size, "tick_size"))
        for step in record.tick_size_steps or ()
    )
    return TickScheme(tick=_exact(record.tick_size, "tick_size"), steps=tuple(sorted(steps)))


def _expiry_ns(record: InstrumentRecord, kind: InstrumentKind) -> int | None:
    """None for what never expires, which the venue gives a date of the year 3000."""
    if kind in (InstrumentKind.PERPETUAL, InstrumentKind.SPOT):
        return None
    if kind in _COMBOS and not record.expiration_timestamp:
        return None
    expiry_ns = event_ns_of_ms(record.expiration_timestamp)
    if expiry_ns is None:
        raise InvalidInput(
            "expiration_timestamp", record.expiration_timestamp, "must be ms between 2001 and 2100"
        )
    return expiry_ns


def _option_type(record: InstrumentRecord) -> OptionType:
    option_type = _OPTION_TYPES.get(record.option_type or "")
    if option_type is None:
        raise InvalidInput("option_type", record.option_type or None, "must be call or put")
    return option_type
