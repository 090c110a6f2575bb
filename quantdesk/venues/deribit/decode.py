"""Bytes to a typed wire message, or ProtocolError. Pure; judges each payload by itself alone.

Strict where silence would cost: NaN and infinities are not JSON, no value is bent into another
type, a repeated key is refused. Lenient in one thing: a field that is not known is named and the
rest is used, since a venue that adds a field must not blind the desk.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.audit import audit, parse_strictly, quotes_of
from quantdesk.venues.decoding.reading import check_utf8, read, unknown_in
from quantdesk.venues.deribit.account_decode import (
    ACCOUNT_METHODS,
    read_account_push,
    read_account_result,
)
from quantdesk.venues.deribit.requests import parse_request_id
from quantdesk.venues.deribit.wire import (
    Answer,
    Book,
    ChannelData,
    ChannelRecord,
    Envelope,
    Failure,
    GroupedBook,
    Heartbeat,
    InstrumentRecord,
    InstrumentState,
    MarkRecord,
    Message,
    Notification,
    Params,
    Perpetual,
    Platform,
    PriceIndex,
    PublicMethods,
    Quote,
    Ticker,
    TradeRecord,
    UnreadRecord,
    VolIndex,
)

FRAME_BYTES_MAX = 8 * 1024 * 1024
"""No answer is near it: the longest list of instruments that was captured is below 1 MiB."""

DATA_BYTES_MAX = 64 * 1024
"""Of a push; a ticker has about 900 bytes. Bounds the digits of any number in it too."""

LONG_DATA_BYTES_MAX = 2 * 1024 * 1024
"""Of a push that is a list: 10,000 levels a side, or the marks of several thousand options."""

PUSH_QUOTES = 16
"""What the envelope of a push needs: keys jsonrpc, method, params, channel, data; three texts."""

GROUPED_BOOK_DOTS = 4
_LONG_CHANNELS = ("book.", "markprice.", "trades.", "user.")


_ENVELOPE = msgspec.json.Decoder(Envelope)
_INSTRUMENT = msgspec.json.Decoder(InstrumentRecord)
_RAW_LIST = msgspec.json.Decoder(list[Raw])
_TEXTS = msgspec.json.Decoder(tuple[str, ...])
_INT = msgspec.json.Decoder(int)

_OF_INSTRUMENTS: dict[str, msgspec.json.Decoder[Any]] = {
    "ticker": msgspec.json.Decoder(Ticker),
    "book": msgspec.json.Decoder(Book),
    "quote": msgspec.json.Decoder(Quote),
}
_GROUPED_BOOK: msgspec.json.Decoder[Any] = msgspec.json.Decoder(GroupedBook)
_LISTS: dict[str, msgspec.json.Decoder[Any]] = {
    "trades": msgspec.json.Decoder(tuple[TradeRecord, ...]),
    "markprice": msgspec.json.Decoder(tuple[MarkRecord, ...]),
}
_CHANNELS: tuple[tuple[str, type[ChannelRecord]], ...] = (
    ("deribit_price_index.", PriceIndex),
    ("deribit_volatility_index.", VolIndex),
    ("perpetual.", Perpetual),
    ("instrument.state.", InstrumentState),
    ("instrument.creation.", InstrumentRecord),
    ("platform_state.public_methods_state", PublicMethods),
    ("platform_state", Platform),
)
_DECODERS: dict[type[ChannelRecord], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for _, kind in _CHANNELS
}

_LISTS_OF_CHANNELS = (
    "public/subscribe",
    "public/unsubscribe",
    "private/subscribe",
    "private/unsubscribe",
)
_WITHOUT_RESULT = ("public/hello", "public/test", "public/set_heartbeat")


class _TickerParams(Struct, gc=False):
    channel: str
    data: Ticker


class _TickerPush(Struct, gc=False):
    params: _TickerParams


class _BookParams(Struct, gc=False):
    channel: str
    data: Book


class _BookPush(Struct, gc=False):
    params: _BookParams


_TICKER_PUSH = msgspec.json.Decoder(_TickerPush)
_BOOK_PUSH = msgspec.json.Decoder(_BookPush)
_PUSH_HEAD = b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"'
_TICKER_HEAD = _PUSH_HEAD + b"ticker."
_BOOK_HEAD = _PUSH_HEAD + b"book."


def decode(payload: bytes) -> Message:
    """The message in `payload`.

    Raises ProtocolError whose `kind` is one of "too_large", "not_utf8", "not_json", "too_deep",
    "bad_envelope", "missing_field", "bad_field", "bad_text", "out_of_range", "duplicate_field",
    "unknown_channel", "unknown_method", "foreign_answer".
    """
    if payload.startswith(_PUSH_HEAD) and (push := _read_usual(payload)) is not None:
        return push
    if len(payload) > FRAME_BYTES_MAX:
        raise ProtocolError("too_large", f"{len(payload)} bytes, {FRAME_BYTES_MAX} are read")
    if not payload.isascii():
        check_utf8(payload)
    envelope = read(_ENVELOPE, payload)
    if envelope.jsonrpc != "2.0":
        raise ProtocolError("bad_envelope", "jsonrpc is not 2.0")
    if envelope.params is not UNSET:
        return _read_push(payload, envelope, envelope.params)
    if envelope.error is not UNSET:
        return _read_failure(payload, envelope)
    return _read_answer(payload, envelope)


def _read_usual(payload: bytes) -> Notification | None:
    """A ticker or a change of a book spelt as always, read in one pass.

    None for anything else, also for one with the smallest oddity: it is read and judged the long
    way, so that what is told of it does not depend on this shortcut.
    """
    if len(payload) > DATA_BYTES_MAX or not payload.isascii():
        return None
    data: Ticker | Book
    try:
        if payload.startswith(_TICKER_HEAD):
            params = _TICKER_PUSH.decode(payload).params
            channel, data = params.channel, params.data
        elif payload.startswith(_BOOK_HEAD):
            book_params = _BOOK_PUSH.decode(payload).params
            channel, data = book_params.channel, book_params.data
        else:
            return None
    except (msgspec.DecodeError, RecursionError):
        return None
    if payload.count(b'"') != PUSH_QUOTES + _quotes_needed(data):
        return None
    name = data.instrument_name
    if not channel.startswith(f"{name}.", 7 if type(data) is Ticker else 5):
        return None
    return Notification(channel=channel, data=data)


def _read_push(payload: bytes, envelope: Envelope, params: Params) -> Message:
    if envelope.id is not UNSET or envelope.result is not UNSET or envelope.error is not UNSET:
        raise ProtocolError("bad_envelope", "an answer and a push at once")
    if envelope.method == "heartbeat":
        if params.type not in ("heartbeat", "test_request"):
            raise ProtocolError("bad_envelope", "a heartbeat of no known type")
        unknown = audit(payload, Envelope)
        return Heartbeat(is_test_request=params.type == "test_request", unknown_fields=unknown)
    if envelope.method != "subscription":
        raise ProtocolError("bad_envelope", "a push of no known method")
    channel, raw = params.channel, params.data
    if channel is UNSET or raw is UNSET:
        raise ProtocolError("missing_field", "a push without channel or data")
    data = _read_channel(channel, raw)
    if payload.count(b'"') == PUSH_QUOTES + _quotes_needed(data):
        return Notification(channel=channel, data=data)
    unknown = audit(payload, Envelope, at=("params", "data"), inner=_record_type(data))
    if isinstance(data, Book | GroupedBook):
        _refuse_text_levels(payload)
    return Notification(channel=channel, data=data, unknown_fields=unknown)


def _read_channel(channel: str, raw: Raw) -> ChannelData:
    size = memoryview(raw).nbytes
    if size > DATA_BYTES_MAX and not channel.startswith(_LONG_CHANNELS):
        raise ProtocolError("too_large", f"a push over {DATA_BYTES_MAX} bytes")
    if size > LONG_DATA_BYTES_MAX:
        raise ProtocolError("too_large", f"a push over {LONG_DATA_BYTES_MAX} bytes")
    topic, _, rest = channel.partition(".")
    if topic in _OF_INSTRUMENTS:
        # A book is of an instrument and an interval, or with a group and a depth between them.
        is_grouped = topic == "book" and channel.count(".") == GROUPED_BOOK_DOTS
        decoder = _GROUPED_BOOK if is_grouped else _OF_INSTRUMENTS[topic]
        data: Ticker | Book | GroupedBook | Quote = read(decoder, raw)
        if not f"{rest}.".startswith(f"{data.instrument_name}."):
            raise ProtocolError("bad_field", "instrument_name is not the channel's")
        return data
    if topic == "user":
        return read_account_push(channel, raw)
    found = _LISTS.get(topic)
    if found is None:
        found = next(
            (_DECODERS[kind] for prefix, kind in _CHANNELS if channel.startswith(prefix)), None
        )
    if found is None:
        raise ProtocolError("unknown_channel", channel)
    listed: ChannelData = read(found, raw)
    return listed


def _quotes_needed(data: ChannelData) -> int:
    if isinstance(data, tuple):
        return sum(map(quotes_of, data))
    if type(data) is Book:
        # Five keys and a name, the two fields that may be absent, and the action of each level.
        needed = 12 + 2 * (len(data.bids) + len(data.asks))
        needed += 2 * (data.prev_change_id is not UNSET)
        return needed + 4 * (data.type is not UNSET)
    return quotes_of(data)


def _record_type(data: ChannelData) -> type[Struct]:
    """What the audit compares the data, or each item of it, with."""
    if not isinstance(data, tuple):
        return type(data)
    return type(data[0]) if data else TradeRecord


def _refuse_text_levels(payload: bytes) -> None:
    """Raise ProtocolError where a price or amount in a book is text, which a Decimal would take."""
    tree = parse_strictly(payload)
    for name in ("params", "data"):
        tree = tree.get(name) if isinstance(tree, dict) else None
    sides = [tree.get(side) for side in ("bids", "asks")] if isinstance(tree, dict) else []
    for side in sides:
        for level in side if isinstance(side, list) else []:
            if isinstance(level, list) and any(isinstance(part, str) for part in level[-2:]):
                raise ProtocolError("bad_field", "a level of the book has text for a number")


def _read_failure(payload: bytes, envelope: Envelope) -> Failure:
    error = envelope.error
    if error is UNSET or envelope.result is not UNSET:
        raise ProtocolError("bad_envelope", "an error and a result at once")
    return Failure(
        request_id=envelope.id if isinstance(envelope.id, str) else None,
        code=error.code,
        message=error.message,
        us_out=_time_or_none(envelope),
        unknown_fields=audit(payload, Envelope),
    )


def _read_answer(payload: bytes, envelope: Envelope) -> Answer:
    if envelope.result is UNSET:
        raise ProtocolError("bad_envelope", "neither push, answer nor error")
    if envelope.method is not UNSET:
        raise ProtocolError("bad_envelope", "an answer with a method")
    request_id = envelope.id
    if not isinstance(request_id, str) or (found := parse_request_id(request_id)) is None:
        raise ProtocolError("foreign_answer", "the id is none of ours")
    answer = Answer(
        request_id=request_id, method=found[0], detail=found[1], us_out=_time_or_none(envelope)
    )
    _read_result(answer, envelope.result)
    if answer.records or answer.account is not None:
        # It was read by itself: of a list of instruments a bad record costs no more than itself.
        payload = payload.replace(bytes(envelope.result), b"null", 1)
    answer.unknown_fields += audit(payload, Envelope)
    return answer


def _read_result(answer: Answer, raw: Raw) -> None:
    """Fill in the field of `answer` that its method calls for."""
    if answer.method == "public/get_instruments":
        answer.records, answer.unknown_fields = _read_records(raw)
    elif answer.method == "public/get_time":
        answer.time_ms = read(_INT, raw)
    elif answer.method in _LISTS_OF_CHANNELS:
        answer.channels = read(_TEXTS, raw)
    elif answer.method in ACCOUNT_METHODS:
        answer.account, answer.unknown_fields = read_account_result(answer.method, raw)
    elif answer.method not in _WITHOUT_RESULT:
        raise ProtocolError("unknown_method", answer.method)


def _time_or_none(envelope: Envelope) -> int | None:
    return None if envelope.us_out is UNSET else envelope.us_out


def _read_records(
    raw: Raw,
) -> tuple[tuple[InstrumentRecord | UnreadRecord, ...], tuple[str, ...]]:
    """Instrument records, each read for itself, and the unknown fields of all."""
    records: list[InstrumentRecord | UnreadRecord] = []
    unknown: set[str] = set()
    for part in read(_RAW_LIST, raw):
        try:
            record = read(_INSTRUMENT, part)
            unknown.update(unknown_in(part, record))
        except ProtocolError as error:
            records.append(UnreadRecord(reason=error.kind))
        else:
            records.append(record)
    return tuple(records), tuple(sorted(f"result.{name}" for name in unknown))
