"""Typed reading of JSON with the library's errors made into ours, whole or record by record."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from quantdesk.errors import ProtocolError
from quantdesk.venues.binance.wire import Unread
from quantdesk.venues.decoding.audit import audit, quotes_of

FRAME_BYTES_MAX = 8 * 1024 * 1024
"""No answer is near it: a list of 1,500 symbols has about 1 MB."""

ShapeT = TypeVar("ShapeT")
RecordT = TypeVar("RecordT", bound=Struct)

_RAW_LIST = msgspec.json.Decoder(list[Raw])


def check_text(payload: bytes) -> None:
    """Raise ProtocolError "too_large" or "not_utf8" where `payload` can not be read at all."""
    if len(payload) > FRAME_BYTES_MAX:
        raise ProtocolError("too_large", f"{len(payload)} bytes, {FRAME_BYTES_MAX} are read")
    if not payload.isascii():
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError("not_utf8", f"byte {error.start} is no UTF-8") from error


def without(payload: bytes, part: Raw) -> bytes:
    """`payload` with null where `part` stands: its parts were looked at already."""
    text = bytes(part)
    start = payload.rfind(text)
    return payload[:start] + b"null" + payload[start + len(text) :]


def read(decoder: msgspec.json.Decoder[ShapeT], payload: bytes | Raw) -> ShapeT:
    """`payload` as `decoder` has it.

    Raises ProtocolError: "missing_field", "out_of_range", "bad_field", "not_json", "too_deep".
    """
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


def read_checked(
    decoder: msgspec.json.Decoder[RecordT], raw: bytes | Raw
) -> tuple[RecordT, tuple[str, ...]]:
    """One object and the fields of it that are not known.

    Raises ProtocolError as `read`, and "duplicate_field" or "bad_text" where the text does not
    hold up to a second look.
    """
    record = read(decoder, raw)
    text = bytes(raw)
    if text.count(b'"') == quotes_of(record):
        return record, ()
    return record, audit(text, type(record))


def read_records(
    decoder: msgspec.json.Decoder[RecordT], whole: msgspec.json.Decoder[list[RecordT]], raw: Raw
) -> tuple[tuple[RecordT | Unread, ...], tuple[str, ...]]:
    """The records of a list and their unknown fields; a bad record costs no more than itself.

    Raises ProtocolError where `raw` is no list.
    """
    try:
        records = whole.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return read_each(decoder, raw)
    if bytes(raw).count(b'"') == sum(map(quotes_of, records)):
        return tuple(records), ()
    return read_each(decoder, raw)


def read_each(
    decoder: msgspec.json.Decoder[RecordT], raw: Raw
) -> tuple[tuple[RecordT | Unread, ...], tuple[str, ...]]:
    """As `read_records`, one by one from the start."""
    found: list[RecordT | Unread] = []
    unknown: set[str] = set()
    for part in read(_RAW_LIST, raw):
        try:
            record, unknown_here = read_checked(decoder, part)
        except ProtocolError as error:
            found.append(Unread(reason=error.kind))
        else:
            found.append(record)
            unknown.update(unknown_here)
    return tuple(found), tuple(sorted(unknown))
