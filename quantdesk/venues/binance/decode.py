"""Bytes to a typed message of the market, or ProtocolError. Pure; judges each payload by itself.

Strict where silence would cost: a number must be text where Binance writes text, NaN and
infinities are no JSON, a repeated key is refused. Lenient in two things: a field that is not known
is named and the rest is used, and a bad record of a list costs no more than itself. Streams of the
format that ended in January 2026 are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from quantdesk.errors import ProtocolError
from quantdesk.venues.binance.envelope import VERSION
from quantdesk.venues.binance.reading import (
    check_text,
    read_checked,
    read_each,
    read_records,
    without,
)
from quantdesk.venues.binance.wire import (
    BookTicker,
    Control,
    ControlFailure,
    DayTicker,
    Depth,
    ErrorBody,
    ExchangeInfo,
    IndexPrice,
    Listing,
    MarkPrice,
    Message,
    NewSymbol,
    OpenInterest,
    Push,
    RestAnswer,
    RestBody,
    RestDepth,
    RestFailure,
    RestHead,
    RestIndex,
    RestMark,
    RestTicker,
    ServerTime,
    StreamRecord,
    SymbolRecord,
    Trade,
    Unread,
)
from quantdesk.venues.decoding.audit import audit, quotes_of
from quantdesk.venues.decoding.reading import read

PUSH_BYTES_MAX = 2 * 1024 * 1024
"""Of a push; the mark prices of 800 options have about 250 kB."""

API = "/eapi/v1/"
HTTP_OK = 200


class Envelope(Struct, gc=False):
    """The outermost object of any payload: push, control answer, error or enveloped REST answer."""

    stream: str | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    rest: Raw | UnsetType = UNSET
    body: Raw | UnsetType = UNSET
    text: str | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    id: int | UnsetType | None = UNSET
    error: ErrorBody | UnsetType = UNSET
    code: int | UnsetType = UNSET
    msg: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What a stream carries: `word` is the event's own name for it, `topic` what stands before the
    @: a "symbol", an "underlying", "either", or "none" for streams of the whole venue."""

    record: type[StreamRecord]
    word: str
    topic: str


_KINDS: tuple[tuple[re.Pattern[str], StreamKind], ...] = (
    (re.compile(r"bookTicker"), StreamKind(BookTicker, "bookTicker", "symbol")),
    (re.compile(r"optionMarkPrice"), StreamKind(MarkPrice, "markPrice", "underlying")),
    (re.compile(r"optionTicker"), StreamKind(DayTicker, "24hrTicker", "symbol")),
    (re.compile(r"optionTicker@\d{6}"), StreamKind(DayTicker, "24hrTicker", "underlying")),
    (
        re.compile(r"(?:openInterest|optionOpenInterest)@\d{6}"),
        StreamKind(OpenInterest, "openInterest", "underlying"),
    ),
    (re.compile(r"optionTrade"), StreamKind(Trade, "trade", "either")),
    (re.compile(r"depth(?:5|10|20)?@(?:100|500)ms"), StreamKind(Depth, "depthUpdate", "symbol")),
)
_ALL_MARKET = {
    "!index@arr": StreamKind(IndexPrice, "indexPrice", "none"),
    "!optionSymbol": StreamKind(NewSymbol, "optionSymbol", "none"),
}
_RETIRED = re.compile(r"(?:trade|ticker|index|markPrice|depth\d*|option_pair)(?:@\w+)?")


def _list_decoder(kind: type[StreamRecord]) -> msgspec.json.Decoder[list[StreamRecord]]:
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]


_RECORD_KINDS: tuple[type[StreamRecord], ...] = (
    BookTicker,
    MarkPrice,
    DayTicker,
    OpenInterest,
    Trade,
    Depth,
    IndexPrice,
    NewSymbol,
)
_ENVELOPE = msgspec.json.Decoder(Envelope)
_ONE = {kind: msgspec.json.Decoder(kind) for kind in _RECORD_KINDS}
_MANY = {kind: _list_decoder(kind) for kind in _RECORD_KINDS}
_HEAD = msgspec.json.Decoder(RestHead)
_ERROR = msgspec.json.Decoder(ErrorBody)
_INFO = msgspec.json.Decoder(ExchangeInfo)
_SYMBOL = msgspec.json.Decoder(SymbolRecord)
_TEXTS = msgspec.json.Decoder(tuple[str, ...])
_TIME = msgspec.json.Decoder(ServerTime)
_INDEX = msgspec.json.Decoder(RestIndex)
_DEPTH = msgspec.json.Decoder(RestDepth)
_TICKER = msgspec.json.Decoder(RestTicker)
_TICKERS = msgspec.json.Decoder(list[RestTicker])
_MARK = msgspec.json.Decoder(RestMark)
_MARKS = msgspec.json.Decoder(list[RestMark])


def decode(payload: bytes) -> Message:
    """The message in `payload`.

    Raises ProtocolError whose `kind` is one of "too_large", "not_utf8", "not_json", "too_deep",
    "bad_envelope", "missing_field", "bad_field", "bad_text", "out_of_range", "duplicate_field",
    "unknown_channel", "retired_stream", "unknown_method".
    """
    check_text(payload)
    envelope = read(_ENVELOPE, payload)
    if isinstance(envelope.stream, str):
        return _read_push(payload, envelope, envelope.stream)
    if isinstance(envelope.rest, Raw):
        head, body = rest_parts(payload, envelope.rest, envelope.body, envelope.text)
        return _read_rest(head, body, envelope.text)
    return _read_control(payload, envelope)


def stream_kind(stream: str) -> StreamKind:
    """What the stream named `stream` carries.

    Raises ProtocolError "retired_stream" for one of the format before 2026, "unknown_channel" for
    any other name that is not known.
    """
    if (kind := _ALL_MARKET.get(stream)) is not None:
        return kind
    topic, _, suffix = stream.partition("@")
    if topic == topic.lower():
        for pattern, kind in _KINDS:
            if pattern.fullmatch(suffix):
                return kind
    if topic != topic.lower() or _RETIRED.fullmatch(suffix):
        raise ProtocolError("retired_stream", f"{stream} is of the format before 2026")
    raise ProtocolError("unknown_channel", stream)


def _read_push(payload: bytes, envelope: Envelope, stream: str) -> Push:
    raw = envelope.data
    if not isinstance(raw, Raw):
        raise ProtocolError("missing_field", "a push without data")
    kind = stream_kind(stream)
    if len(payload) > PUSH_BYTES_MAX:
        raise ProtocolError("too_large", f"a push over {PUSH_BYTES_MAX} bytes")
    records, unknown_inside = _stream_records(kind.record, raw)
    unknown = tuple(f"data.{name}" for name in unknown_inside)
    if payload.count(b'"') != quotes_of(envelope) + bytes(raw).count(b'"'):
        unknown += audit(without(payload, raw), Envelope)
    topic = stream.partition("@")[0]
    checked = tuple(_of_stream(record, kind, topic) for record in records)
    if len(checked) == 1 and isinstance(checked[0], Unread):
        raise ProtocolError(checked[0].reason, f"a push on {stream}")
    return Push(stream=stream, records=checked, unknown_fields=unknown)


def _stream_records(
    kind: type[StreamRecord], raw: Raw
) -> tuple[tuple[StreamRecord | Unread, ...], tuple[str, ...]]:
    """The records of a push, which is one object or a list of them."""
    if bytes(raw).lstrip()[:1] == b"[":
        return read_records(_ONE[kind], _MANY[kind], raw)
    record, unknown = read_checked(_ONE[kind], raw)
    return (record,), unknown


def _of_stream(
    record: StreamRecord | Unread, kind: StreamKind, topic: str
) -> StreamRecord | Unread:
    """`record` if it belongs on its stream, by its event's name and by its symbol."""
    if isinstance(record, Unread):
        return record
    if record.event != kind.word:
        return Unread(reason="bad_field")
    if isinstance(record, IndexPrice | NewSymbol):
        return record
    symbol = record.symbol.lower()
    coin = symbol.partition("-")[0]
    is_own = (symbol == topic and kind.topic != "underlying") or (
        kind.topic != "symbol" and coin != "" and topic.startswith(coin)
    )
    return record if is_own else Unread(reason="bad_field")


def _read_control(payload: bytes, envelope: Envelope) -> Control | ControlFailure:
    number = envelope.id if isinstance(envelope.id, int) else None
    if isinstance(envelope.error, ErrorBody):
        error = envelope.error
    elif isinstance(envelope.code, int) and isinstance(envelope.msg, str):
        error = ErrorBody(code=envelope.code, msg=envelope.msg)
    elif envelope.result is UNSET:
        raise ProtocolError("bad_envelope", "neither push, answer nor error")
    else:
        if number is None:
            raise ProtocolError("bad_envelope", "an answer without an id")
        is_list = bytes(envelope.result)[:1] == b"["
        streams = read(_TEXTS, envelope.result) if is_list else None
        return Control(id=number, streams=streams, unknown_fields=audit(payload, Envelope))
    unknown = audit(payload, Envelope)
    return ControlFailure(id=number, code=error.code, message=error.msg, unknown_fields=unknown)


def rest_parts(
    payload: bytes, raw_head: Raw, body: Raw | UnsetType, text: str | UnsetType
) -> tuple[RestHead, Raw | None]:
    """Head and body of an enveloped REST answer; None for a body that was no JSON.

    Raises ProtocolError where the envelope is not one that `envelope` makes.
    """
    head, unknown = read_checked(_HEAD, raw_head)
    if unknown or head.v != VERSION:
        raise ProtocolError("bad_envelope", f"a REST envelope of version {head.v}")
    if isinstance(body, Raw) == isinstance(text, str):
        raise ProtocolError("bad_envelope", "a REST envelope without a body, or with two")
    outer = without(payload, body) if isinstance(body, Raw) else payload
    if audit(outer, Envelope, at=("rest",), inner=RestHead):
        raise ProtocolError("bad_envelope", "a REST envelope with fields of no meaning")
    return head, body if isinstance(body, Raw) else None


def read_failure(head: RestHead, body: Raw | None, text: str | UnsetType) -> RestFailure:
    """A refused request; its body may be the venue's error or a page of whoever stands between."""
    if body is not None:
        try:
            error, unknown = read_checked(_ERROR, body)
        except ProtocolError:
            return RestFailure(head=head, code=None, message=bytes(body)[:200].decode("latin-1"))
        return RestFailure(head=head, code=error.code, message=error.msg, unknown_fields=unknown)
    return RestFailure(head=head, code=None, message=text if isinstance(text, str) else "")


def _read_rest(head: RestHead, body: Raw | None, text: str | UnsetType) -> RestAnswer | RestFailure:
    if head.status != HTTP_OK:
        return read_failure(head, body, text)
    if body is None:
        raise ProtocolError("not_json", f"{head.path}: {text}")
    found, unknown = _read_body(head, body)
    return RestAnswer(
        head=head, body=found, unknown_fields=tuple(f"body.{name}" for name in unknown)
    )


def _read_body(head: RestHead, body: Raw) -> tuple[RestBody, tuple[str, ...]]:
    found: tuple[RestBody, tuple[str, ...]]
    name = head.path.removeprefix(API)
    match name if head.path.startswith(API) and head.method == "GET" else "":
        case "time":
            found = read_checked(_TIME, body)
        case "exchangeInfo":
            found = read_listing(body)
        case "ticker":
            tickers = read_records(_TICKER, _TICKERS, body)
            found = tickers
        case "mark":
            marks = read_records(_MARK, _MARKS, body)
            found = marks
        case "index":
            found = read_checked(_INDEX, body)
        case "depth":
            found = read_checked(_DEPTH, body)
        case "ping":
            found = None, ()
        case _:
            raise ProtocolError("unknown_method", f"{head.method} {head.path}")
    return found


def read_listing(body: Raw) -> tuple[Listing, tuple[str, ...]]:
    """The answer to GET /exchangeInfo and its unknown fields. Raises ProtocolError as `decode`."""
    info = read(_INFO, body)
    symbols = read_each(_SYMBOL, info.option_symbols)
    records, unknown = symbols
    unknown += audit(without(bytes(body), info.option_symbols), ExchangeInfo)
    limits = [
        rate.limit
        for rate in info.rate_limits
        if rate.rate_limit_type == "REQUEST_WEIGHT"
        and (rate.interval, rate.interval_num) == ("MINUTE", 1)
    ]
    listing = Listing(
        server_time=info.server_time,
        contracts=tuple(info.option_contracts),
        records=records,
        weight_limit=min(limits, default=None),
    )
    return listing, unknown
