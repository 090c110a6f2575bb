"""Binance's symbol records made into domain instruments: contract law as data.

A record that can not be understood is named by a short reason and left out; the list goes on.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.errors import InvalidInput, ProtocolError
from quantdesk.venues.binance.names import VENUE, is_underlying, parse_symbol
from quantdesk.venues.binance.numbers import optional, required
from quantdesk.venues.binance.wire import (
    Contract,
    Filter,
    Listing,
    OptionalNumber,
    SymbolRecord,
    Unread,
)
from quantdesk.venues.decoding.ranges import event_ns_of_ms, name_like

UNIT_MAX = 10**9

UNLISTED_STATES = frozenset({"PENDING_TRADING", "DELIVERED", "SETTLED", "CLOSE", "DELISTED"})
"""States in which an option is not or no longer in the market. Only TRADING is documented for
options; the others are the words of the venue's other derivatives."""

KNOWN_STATES = UNLISTED_STATES | {"TRADING", "HALT", "BREAK", "PRE_DELIVERING", "DELIVERING"}

_SIDES = {"CALL": OptionType.CALL, "PUT": OptionType.PUT}


def listed_instruments(
    listing: Listing, coin: str
) -> tuple[tuple[Instrument, ...], tuple[tuple[str, int], ...]]:
    """Instruments on `coin` in the order listed, and counts of what was not understood.

    Unread records are counted with every coin, since they do not say whose they are.
    """
    contracts = {contract.underlying: contract for contract in listing.contracts}
    listed: dict[str, Instrument] = {}
    reasons: Counter[str] = Counter()
    for record in listing.records:
        if isinstance(record, Unread):
            reasons[record.reason] += 1
            continue
        contract = contracts.get(record.underlying)
        if contract is None:
            reasons["underlying without contract"] += record.symbol.startswith(f"{coin}-")
            continue
        if contract.base_asset != coin or record.status in UNLISTED_STATES:
            continue
        try:
            instrument = to_instrument(record, contract)
        except InvalidInput as error:
            reasons[error.field] += 1
            continue
        if instrument.name in listed:
            reasons["listed twice"] += 1
        listed[instrument.name] = instrument
    return tuple(listed.values()), tuple(sorted(r for r in reasons.items() if r[1]))


def to_instrument(record: SymbolRecord, contract: Contract) -> Instrument:
    """The instrument that `record` describes; `contract` is that of its underlying.

    Raises InvalidInput naming the field whose value makes no contract.
    """
    symbol = parse_symbol(record.symbol)
    expiry_ns = event_ns_of_ms(record.expiry_date)
    if expiry_ns is None:
        raise InvalidInput("expiryDate", record.expiry_date, "must be ms between 2001 and 2100")
    option_type = _SIDES.get(record.side)
    if option_type is not symbol.option_type:
        raise InvalidInput("side", record.side[:16], f"must be that of {record.symbol}")
    strike = _exact(record.strike_price, "strikePrice")
    if strike != symbol.strike:
        raise InvalidInput("strikePrice", strike, f"must be that of {record.symbol}")
    if not 0 < record.unit <= UNIT_MAX:
        raise InvalidInput("unit", record.unit, "must be a positive number of coins")
    if not is_underlying(record.underlying):
        raise InvalidInput("underlying", record.underlying[:24], "must look like BTCUSDT")
    sizes = _filter(record, "LOT_SIZE")
    return Instrument(
        venue=VENUE,
        name=record.symbol,
        kind=InstrumentKind.OPTION,
        underlying=contract.base_asset,
        settlement=Settlement.LINEAR,
        quote_currency=_currency(record.quote_asset, "quoteAsset"),
        settlement_currency=_currency(contract.settle_asset, "settleAsset"),
        index_name=record.underlying,
        contract_size=Decimal(record.unit),
        is_amount_in_contracts=True,
        ticks=_ticks(record),
        amount_min=_exact(record.min_qty, "minQty"),
        amount_step=_exact(sizes.step_size, "stepSize"),
        expiry_ns=expiry_ns,
        strike=strike,
        option_type=option_type,
        maker_fee=_fee(record.maker_fee_rate, "makerFeeRate"),
        taker_fee=_fee(record.taker_fee_rate, "takerFeeRate"),
    )


def _ticks(record: SymbolRecord) -> TickScheme:
    """The grid of PRICE_FILTER, which counts ticks from `minPrice`."""
    prices = _filter(record, "PRICE_FILTER")
    tick = _exact(prices.tick_size, "tickSize")
    price_low = _exact(prices.min_price, "minPrice") if prices.min_price else Decimal(0)
    return TickScheme(tick=tick, origin=price_low % tick)


def _filter(record: SymbolRecord, kind: str) -> Filter:
    found = next((each for each in record.filters if each.filter_type == kind), None)
    if found is None:
        raise InvalidInput(f"filter {kind}", None, f"of {record.symbol} is missing")
    return found


def _currency(text: str, field: str) -> str:
    if not (0 < len(text) <= 16 and name_like(text) is not None):
        raise InvalidInput(field, text[:16], "must be letters and digits")
    return text


def _exact(text: OptionalNumber, field: str) -> Decimal:
    try:
        return required(text, field)
    except ProtocolError as error:
        raise InvalidInput(field, str(text)[:40], error.detail) from error


def _fee(text: OptionalNumber, field: str) -> Decimal | None:
    try:
        value = optional(text, field)
    except ProtocolError as error:
        raise InvalidInput(field, str(text)[:40], error.detail) from error
    if value is not None and abs(value) >= 1:
        raise InvalidInput(field, value, "must be a rate below 1")
    return value
