"""Layout: the desk's own chain JSON, schema `quantdesk.chain/1`: what it printed, it reads back.

Only what was quoted is taken; IVs and Greeks of ours are computed anew from it. A row's forward
comes with the source that the file states for its expiry.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import msgspec

from quantdesk.domain.events import IndexUpdate
from quantdesk.domain.instrument import OptionType
from quantdesk.errors import ChainFileError
from quantdesk.storage.chain_files.assembly import (
    Collection,
    OptionValue,
    choose_moment,
    choose_underlying,
)
from quantdesk.storage.chain_files.cells import RowFault, in_range, instant, iso_instant
from quantdesk.storage.chain_files.contract_rules import (
    BINANCE,
    DERIBIT,
    contract_by_rule,
    index_name_of,
)
from quantdesk.storage.chain_files.figures import FRACTION, quoted, to_quote
from quantdesk.storage.chain_files.names import is_underlying

SCHEMA = "quantdesk.chain/1"
ENVIRONMENTS = ("simulated", "replay", "testnet", "live")

_VENUES = (DERIBIT, BINANCE)
_OPTION_TYPES = {"call": OptionType.CALL, "put": OptionType.PUT}
_FROM_GREEKS = "delta ("
"""Such a forward is our reading of the row's own Greeks, which are here too: it was not quoted."""

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}", re.ASCII)


class _Expiry(msgspec.Struct):
    expiry: str
    forward_source: str = ""


class _Header(msgspec.Struct):
    underlying: str
    venue: str
    environment: str
    as_of: str
    rows: list[msgspec.Raw]
    index_price: Decimal | None = None
    index_source: str = ""
    expiries: list[_Expiry] = []


class _Row(msgspec.Struct):
    instrument_name: str
    expiry: str
    strike: Decimal
    option_type: str
    price_currency: str
    event_ns: int | str | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    mark: Decimal | None = None
    forward: Decimal | None = None
    bid_iv: Decimal | None = msgspec.field(default=None, name="venue_bid_iv")
    mark_iv: Decimal | None = msgspec.field(default=None, name="venue_mark_iv")
    ask_iv: Decimal | None = msgspec.field(default=None, name="venue_ask_iv")
    delta: Decimal | None = msgspec.field(default=None, name="venue_delta")
    gamma: Decimal | None = msgspec.field(default=None, name="venue_gamma")
    vega: Decimal | None = msgspec.field(default=None, name="venue_vega")
    theta: Decimal | None = msgspec.field(default=None, name="venue_theta")
    open_interest: Decimal | None = None
    volume: Decimal | None = None


_FIGURES = (
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "mark",
    "forward",
    "bid_iv",
    "mark_iv",
    "ask_iv",
    "delta",
    "gamma",
    "vega",
    "theta",
    "open_interest",
    "volume",
)
_header_decoder = msgspec.json.Decoder(_Header)
_row_decoder = msgspec.json.Decoder(_Row)


def read_desk_json(
    path: Path, content: bytes, *, at_ns: int | None, underlying: str | None
) -> Collection:
    """The chain that the desk wrote. Its one moment is its `as_of`.

    Raises ChainFileError where its header makes no sense or another underlying or an earlier moment
    is asked for.
    """
    try:
        header = _header_decoder.decode(content)
        as_of_ns = iso_instant(header.as_of, "as_of")
    except (msgspec.DecodeError, RecursionError) as error:
        raise ChainFileError(f"{path}: {SCHEMA}: {error}") from None
    except RowFault as fault:
        raise ChainFileError(f"{path}: {SCHEMA}: {fault.reason}") from None
    _check_header(path, header)
    choose_underlying(path, {header.underlying}, underlying)
    choose_moment(path, (as_of_ns,), at_ns)
    collection = Collection(
        path=path,
        layout=SCHEMA,
        venue=header.venue,
        underlying=header.underlying,
        as_of_ns=as_of_ns,
        moments_ns=(as_of_ns,),
        environment=header.environment,
        rows=len(header.rows),
        notes=["Tick and smallest amount of each option follow the venue's rules, not a record."],
    )
    sources = {one.expiry: one.forward_source for one in header.expiries}
    for raw in header.rows:
        try:
            collection.add(_value(_row_decoder.decode(raw), header, sources, as_of_ns))
        except RowFault as fault:
            collection.skipped[fault.reason] += 1
        except (msgspec.DecodeError, RecursionError):
            collection.skipped["row is not understood"] += 1
    _add_index(collection, header)
    return collection


def _check_header(path: Path, header: _Header) -> None:
    allowed = {
        "venue": (header.venue, _VENUES),
        "environment": (header.environment, ENVIRONMENTS),
    }
    for field, (value, known) in allowed.items():
        if value not in known:
            raise ChainFileError(f"{path}: {field} {value[:64]!r} is none of {', '.join(known)}")
    if not is_underlying(header.underlying):
        raise ChainFileError(f"{path}: underlying {header.underlying[:64]!r} is no name of a chain")


def _add_index(collection: Collection, header: _Header) -> None:
    try:
        price = quoted(header.index_price, "index_price")
    except RowFault as fault:
        raise ChainFileError(f"{collection.path}: {fault.reason}") from None
    if price is not None:
        collection.add(
            IndexUpdate(
                venue=header.venue,
                index_name=index_name_of(header.venue, header.underlying),
                event_ns=collection.as_of_ns,
                recv_ns=collection.as_of_ns,
                price=price,
            )
        )


def _value(row: _Row, header: _Header, sources: dict[str, str], as_of_ns: int) -> OptionValue:
    option_type = _OPTION_TYPES.get(row.option_type)
    if option_type is None:
        raise RowFault("option_type is neither call nor put")
    if _NAME.fullmatch(row.instrument_name) is None:
        raise RowFault("instrument_name is of no known form")
    coin, _, currency = header.underlying.partition("_")
    if header.venue == DERIBIT and row.price_currency != (currency or coin):
        raise RowFault("price_currency is not that of the chain")
    instrument = contract_by_rule(
        venue=header.venue,
        name=row.instrument_name,
        coin=coin,
        quote_currency=row.price_currency,
        expiry_ns=iso_instant(row.expiry, "expiry"),
        strike=in_range(row.strike, "strike"),
        option_type=option_type,
        at_ns=as_of_ns,
    )
    if row.event_ns is None:
        return OptionValue(instrument=instrument, quote=None)
    source = sources.get(row.expiry, "")
    figures: dict[str, Decimal | None] = {figure: getattr(row, figure) for figure in _FIGURES}
    if source.startswith(_FROM_GREEKS):
        figures["forward"] = None
    quote = to_quote(
        figures,
        name=row.instrument_name,
        event_ns=_event_ns(row.event_ns),
        venue=header.venue,
        iv_unit=FRACTION,
        forward_index=_forward_index(source),
    )
    return OptionValue(instrument=instrument, quote=quote)


def _event_ns(value: int | str) -> int:
    if isinstance(value, int):
        return instant(str(value), "event_ns", unit_ns=1)
    return iso_instant(value, "event_ns")


def _forward_index(source: str) -> str:
    """The venue's own name of a forward, or our words for how it was found, as the file says."""
    text = source.removeprefix("venue:")
    return "" if text in ("venue", "none") else text
