"""Bytes to a typed wire message, or ProtocolError. Pure; judges each payload by itself alone.

Strict where silence would cost: NaN and infinities are not JSON, no value is bent into another
type, a repeated key is refused. Lenient in one thing: a field that is not known is named and the
rest is used, since a venue that adds a field must not blind the desk.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct

from quantdesk.errors import ProtocolError
from quantdesk.venues.deribit.audit import audit, quotes_of
from quantdesk.venues.deribit.requests import parse_request_id
from quantdesk.venues.deribit.wire import (
    Answer,
    ChannelData,
    Envelope,
    Failure,
    Heartbeat,
    InstrumentRecord,
    InstrumentState,
    Message,
    Notification,
    Params,
    Platform,
    PriceIndex,
    Ticker,
    UnreadRecord,
)

FRAME_BYTES_MAX = 8 * 1024 * 1024
"""No answer is near it: the longest list of instruments that was captured is below 1 MiB."""

DATA_BYTES_MAX = 64 * 1024
"""Of a push; a ticker has about 900 bytes. Bounds the digits of any number in it too."""

PUSH_QUOTES = 16
"""What the envelope of a push needs: keys jsonrpc, method, params, channel, data; three texts."""

ShapeT = TypeVar("ShapeT")

_ENVELOPE = msgspec.json.Decoder(Envelope)
_INSTRUMENT = msgspec.json.Decoder(InstrumentRecord)
_RAW_LIST = msgspec.json.Decoder(list[Raw])
_TEXTS = msgspec.json.Decoder(tuple[str, ...])
_INT = msgspec.json.Decoder(int)

_TICKER = msgspec.json.Decoder(Ticker)
_CHANNELS: tuple[tuple[str, type[ChannelData]], ...] = (
    ("deribit_price_index.", PriceIndex),
    ("instrument.state.", InstrumentState),
    ("instrument.creation.", InstrumentRecord),
    ("platform_state", Platform),
)
_DECODERS = {kind: msgspec.json.Decoder(kind) for _, kind in _CHANNELS}

_LISTS_OF_CHANNELS = ("public/subscribe", "public/unsubscribe")
_WITHOUT_RESULT = ("public/hello", "public/test", "public/set_heartbeat")


def decode(payload: bytes) -> Message:
    """The message in `payload`.

    Raises ProtocolError whose `kind` is one of "too_large", "not_utf8", "not_json", "too_deep",
    "bad_envelope", "missing_field", "bad_field", "bad_text", "out_of_range", "duplicate_field",
    "unknown_channel", "unknown_method", "foreign_answer".
    """
    if len(payload) > FRAME_BYTES_MAX:
        raise ProtocolError("too_large", f"{len(payload)} bytes, {FRAME_BYTES_MAX} are read")
    if not payload.isascii():
        _check_utf8(payload)
    envelope = _read(_ENVELOPE, payload)
    if envelope.jsonrpc != "2.0":
        raise ProtocolError("bad_envelope", "jsonrpc is not 2.0")
    if envelope.params is not UNSET:
        return _read_push(payload, envelope, envelope.params)
    if envelope.error is not UNSET:
        return _read_failure(payload, envelope)
    return _read_answer(payload, envelope)


def _check_utf8(payload: bytes) -> None:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError("not_utf8", f"byte {error.start} is no UTF-8") from error


def _read(decoder: msgspec.json.Decoder[ShapeT], payload: bytes | Raw) -> ShapeT:
    """`payload` as `decoder` has it, with its errors made into ours."""
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        # The library has one error for all misfits; only its text tells them apart, and only the
        # name of a counter hangs on it.
        text = str(error)
        if "missing required field" in text:
            raise ProtocolError("missing_field", text) from error
        if "out of range" in text:
            raise ProtocolError("out_of_range", text) from error
        raise ProtocolError("bad_field", text) from error
    except msgspec.DecodeError as error:
        raise ProtocolError("not_json", str(error)) from error
    except RecursionError as error:
        raise ProtocolError("too_deep", "nested beyond what is read") from error


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
    if payload.count(b'"') == PUSH_QUOTES + quotes_of(data):
        return Notification(channel=channel, data=data)
    unknown = audit(payload, Envelope, at=("params", "data"), inner=type(data))
    return Notification(channel=channel, data=data, unknown_fields=unknown)


def _read_channel(channel: str, raw: Raw) -> ChannelData:
    if memoryview(raw).nbytes > DATA_BYTES_MAX:
        raise ProtocolError("too_large", f"a push over {DATA_BYTES_MAX} bytes")
    if channel.startswith("ticker."):
        ticker = _read(_TICKER, raw)
        if not channel.startswith(f"{ticker.instrument_name}.", len("ticker.")):
            raise ProtocolError("bad_field", "instrument_name is not the channel's")
        return ticker
    for prefix, kind in _CHANNELS:
        if channel.startswith(prefix):
            return _read(_DECODERS[kind], raw)
    raise ProtocolError("unknown_channel", channel)


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
    if answer.records:
        # The list was read record by record, so that a bad one costs no more than itself.
        payload = payload.replace(bytes(envelope.result), b"null", 1)
    answer.unknown_fields += audit(payload, Envelope)
    return answer


def _read_result(answer: Answer, raw: Raw) -> None:
    """Fill in the field of `answer` that its method calls for."""
    if answer.method == "public/get_instruments":
        answer.records, answer.unknown_fields = _read_records(raw)
    elif answer.method == "public/get_time":
        answer.time_ms = _read(_INT, raw)
    elif answer.method in _LISTS_OF_CHANNELS:
        answer.channels = _read(_TEXTS, raw)
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
    for part in _read(_RAW_LIST, raw):
        try:
            record = _read(_INSTRUMENT, part)
            unknown.update(_unknown_in(part, record))
        except ProtocolError as error:
            records.append(UnreadRecord(reason=error.kind))
        else:
            records.append(record)
    return tuple(records), tuple(sorted(f"result.{name}" for name in unknown))


def _unknown_in(raw: Raw, record: Struct) -> tuple[str, ...]:
    text = bytes(raw)
    if text.count(b'"') == quotes_of(record):
        return ()
    return audit(text, type(record))
