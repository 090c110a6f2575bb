"""Layout: one object with `instruments` (public/get_instruments) and `tickers` (public/ticker).

Each record is decoded by itself, so that a faulty one costs no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from quantdesk.domain.events import FutureUpdate
from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.errors import ChainFileError, InvalidInput
from quantdesk.storage.chain_files.assembly import (
    Collection,
    OptionValue,
    choose_moment,
    choose_underlying,
)
from quantdesk.storage.chain_files.cells import RowFault, in_range, instant, word
from quantdesk.storage.chain_files.contract_rules import DERIBIT
from quantdesk.storage.chain_files.deribit_rows import (
    LAW_BY_RULE,
    NS_PER_MS,
    future_value,
    named,
    option_value,
)
from quantdesk.storage.chain_files.figures import to_quote
from quantdesk.storage.chain_files.names import FutureName, OptionName, is_underlying

LAYOUT = "deribit-ticker-json"

_OPTION_TYPES = {"call": OptionType.CALL, "put": OptionType.PUT}
_SETTLEMENTS = {"reversed": Settlement.INVERSE, "linear": Settlement.LINEAR}


class _Step(msgspec.Struct):
    above_price: Decimal
    tick_size: Decimal


class _Record(msgspec.Struct):
    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    expiration_timestamp: int
    tick_size: Decimal
    contract_size: Decimal
    min_trade_amount: Decimal
    instrument_type: str = "reversed"
    settlement_currency: str = ""
    price_index: str = ""
    strike: Decimal | None = None
    option_type: str = ""
    tick_size_steps: list[_Step] = []
    qty_tick_size: Decimal | None = None
    maker_commission: Decimal | None = None
    taker_commission: Decimal | None = None
    creation_timestamp: int | None = None


class _Stats(msgspec.Struct):
    volume: Decimal | None = None


class _Greeks(msgspec.Struct):
    delta: Decimal | None = None
    gamma: Decimal | None = None
    vega: Decimal | None = None
    theta: Decimal | None = None
    rho: Decimal | None = None


class _Ticker(msgspec.Struct):
    instrument_name: str
    timestamp: int
    bid: Decimal | None = msgspec.field(default=None, name="best_bid_price")
    ask: Decimal | None = msgspec.field(default=None, name="best_ask_price")
    bid_size: Decimal | None = msgspec.field(default=None, name="best_bid_amount")
    ask_size: Decimal | None = msgspec.field(default=None, name="best_ask_amount")
    mark: Decimal | None = msgspec.field(default=None, name="mark_price")
    last: Decimal | None = msgspec.field(default=None, name="last_price")
    forward: Decimal | None = msgspec.field(default=None, name="underlying_price")
    index_price: Decimal | None = None
    bid_iv: Decimal | None = None
    mark_iv: Decimal | None = None
    ask_iv: Decimal | None = None
    open_interest: Decimal | None = None
    underlying_index: str | None = None
    state: str = "open"
    stats: _Stats = msgspec.field(default_factory=_Stats)
    greeks: _Greeks = msgspec.field(default_factory=_Greeks)


_FIGURES = (
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "mark",
    "last",
    "forward",
    "index_price",
    "bid_iv",
    "mark_iv",
    "ask_iv",
    "open_interest",
)
_record_decoder = msgspec.json.Decoder(_Record)
_ticker_decoder = msgspec.json.Decoder(_Ticker)
_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_map_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_ticker_json(
    path: Path, fields: dict[str, msgspec.Raw], *, at_ns: int | None, underlying: str | None
) -> Collection:
    """The chain of one underlying; one capture is one moment, the instant of its last ticker.

    Raises ChainFileError where there is no such underlying or moment.
    """
    collection = Collection(
        path=path, layout=LAYOUT, venue=DERIBIT, underlying="", as_of_ns=0, moments_ns=()
    )
    listed = _listed(path, fields["instruments"], collection)
    tickers = list(_tickers(path, fields["tickers"], collection))
    names = {name.underlying for name, _ in tickers}
    names |= {name.underlying for name, _ in listed.values()}
    if not names:
        reasons = ", ".join(f"{count} {reason}" for reason, count in collection.skipped.items())
        raise ChainFileError(f"{path}: not one usable record in it ({reasons or 'empty'})")
    collection.underlying = choose_underlying(path, names, underlying)
    mine = [(name, t) for name, t in tickers if name.underlying == collection.underlying]
    if not mine:
        raise ChainFileError(f"{path}: lists {collection.underlying} options but quotes none")
    collection.moments_ns = (max(ticker.timestamp for _, ticker in mine) * NS_PER_MS,)
    choose_moment(path, collection.moments_ns, at_ns)
    collection.as_of_ns = collection.moments_ns[0]
    collection.rows_elsewhere = len(tickers) - len(mine)
    records = {text: i for text, (n, i) in listed.items() if n.underlying == collection.underlying}
    for name, ticker in mine:
        try:
            collection.add(_value(name, ticker, records))
        except RowFault as fault:
            collection.skipped[fault.reason] += 1
    if any(name.text not in records for name, _ in mine if isinstance(name, OptionName)):
        collection.notes.append(LAW_BY_RULE)
    for text, instrument in records.items():
        collection.options.setdefault(text, OptionValue(instrument=instrument, quote=None))
    return collection


def _listed(
    path: Path, raw: msgspec.Raw, collection: Collection
) -> dict[str, tuple[OptionName, Instrument]]:
    """Options by name. Records of other kinds and faulty ones are counted."""
    try:
        records = _list_decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise ChainFileError(f"{path}: instruments: {error}") from None
    listed: dict[str, tuple[OptionName, Instrument]] = {}
    for one in records:
        try:
            record = _record_decoder.decode(one)
            if record.kind != InstrumentKind.OPTION.value:
                raise RowFault("instrument record of another kind")
            name = named(record.instrument_name, "instrument_name")
            if not isinstance(name, OptionName):
                raise RowFault("instrument record of another kind")
            listed[record.instrument_name] = (name, _instrument(record))
        except RowFault as fault:
            collection.skipped[fault.reason] += 1
        except (msgspec.DecodeError, RecursionError):
            collection.skipped["instrument record is not understood"] += 1
        except InvalidInput as error:
            collection.skipped[f"instrument record: {error.field} is out of range"] += 1
    return listed


def _instrument(record: _Record) -> Instrument:
    settlement = _SETTLEMENTS.get(record.instrument_type)
    if settlement is None:
        raise RowFault("instrument record: instrument_type is neither reversed nor linear")
    if not (is_underlying(record.base_currency) and is_underlying(record.quote_currency)):
        raise RowFault("instrument record: currency is no name")
    steps = sorted(
        (in_range(step.above_price, "above_price"), in_range(step.tick_size, "tick_size"))
        for step in record.tick_size_steps
    )
    created = record.creation_timestamp
    return Instrument(
        venue=DERIBIT,
        name=record.instrument_name,
        kind=InstrumentKind.OPTION,
        underlying=record.base_currency,
        settlement=settlement,
        quote_currency=record.quote_currency,
        settlement_currency=record.settlement_currency or record.quote_currency,
        index_name=_index_name(record),
        contract_size=in_range(record.contract_size, "contract_size"),
        ticks=TickScheme(tick=in_range(record.tick_size, "tick_size"), steps=tuple(steps)),
        amount_min=in_range(record.min_trade_amount, "min_trade_amount"),
        amount_step=in_range(record.qty_tick_size or record.min_trade_amount, "qty_tick_size"),
        expiry_ns=_instant_ms(record.expiration_timestamp, "expiration_timestamp"),
        strike=_checked(record.strike, "strike"),
        option_type=_OPTION_TYPES.get(record.option_type),
        maker_fee=_checked(record.maker_commission, "maker_commission"),
        taker_fee=_checked(record.taker_commission, "taker_commission"),
        created_ns=None if created is None else _instant_ms(created, "creation_timestamp"),
    )


def _index_name(record: _Record) -> str:
    return word(record.price_index, "price_index") or f"{record.base_currency}_usd".lower()


def _checked(value: Decimal | None, field: str) -> Decimal | None:
    return None if value is None else in_range(value, field)


def _tickers(
    path: Path, raw: msgspec.Raw, collection: Collection
) -> Iterator[tuple[OptionName | FutureName, _Ticker]]:
    """Tickers, in an array or keyed by name. Those that can not be placed are counted."""
    try:
        is_map = bytes(raw).lstrip().startswith(b"{")
        records = list(_map_decoder.decode(raw).values()) if is_map else _list_decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise ChainFileError(f"{path}: tickers: {error}") from None
    collection.rows = len(records)
    for one in records:
        try:
            ticker = _ticker_decoder.decode(one)
            _instant_ms(ticker.timestamp, "timestamp")
            yield named(ticker.instrument_name, "instrument_name"), ticker
        except RowFault as fault:
            collection.skipped[fault.reason] += 1
        except (msgspec.DecodeError, RecursionError):
            collection.skipped["ticker is not understood"] += 1


def _value(
    name: OptionName | FutureName, ticker: _Ticker, records: dict[str, Instrument]
) -> OptionValue | FutureUpdate:
    event_ns = ticker.timestamp * NS_PER_MS
    figures: dict[str, Decimal | None] = {field: getattr(ticker, field) for field in _FIGURES}
    if isinstance(name, FutureName):
        return future_value(name, figures, event_ns)
    figures |= msgspec.structs.asdict(ticker.greeks)
    figures["volume"] = ticker.stats.volume
    record = records.get(name.text)
    if record is None:
        return option_value(
            name,
            figures,
            event_ns=event_ns,
            forward_index=ticker.underlying_index or "",
            state=ticker.state,
        )
    quote = to_quote(
        figures,
        name=name.text,
        event_ns=event_ns,
        forward_index=ticker.underlying_index or "",
        state=ticker.state,
    )
    return OptionValue(instrument=record, quote=quote)


def _instant_ms(value: int, field: str) -> int:
    return instant(str(value), field, unit_ns=NS_PER_MS)
