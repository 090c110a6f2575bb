"""Binance's answers read whole or record by record: a bad one costs no more than itself."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from quantdesk.errors import ProtocolError
from quantdesk.venues.binance.wire import Unread
from quantdesk.venues.decoding.audit import quotes_of
from quantdesk.venues.decoding.reading import check_utf8, read, unknown_in

FRAME_BYTES_MAX = 8 * 1024 * 1024
"""No answer is near it: a list of 1,500 symbols has about 1 MB."""

RecordT = TypeVar("RecordT", bound=Struct)

_RAW_LIST = msgspec.json.Decoder(list[Raw])


def check_text(payload: bytes) -> None:
    """Raise ProtocolError "too_large" or "not_utf8" where `payload` can not be read at all."""
    if len(payload) > FRAME_BYTES_MAX:
        raise ProtocolError("too_large", f"{len(payload)} bytes, {FRAME_BYTES_MAX} are read")
    check_utf8(payload)


def without(payload: bytes, part: Raw) -> bytes:
    """`payload` with null where `part` stands: its parts were looked at already."""
    text = bytes(part)
    start = payload.rfind(text)
    return payload[:start] + b"null" + payload[start + len(text) :]


def read_checked(
    decoder: msgspec.json.Decoder[RecordT], raw: bytes | Raw
) -> tuple[RecordT, tuple[str, ...]]:
    """One object and the fields of it that are not known.

    Raises ProtocolError as `read` and `unknown_in`.
    """
    record = read(decoder, raw)
    return record, unknown_in(raw, record)


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
