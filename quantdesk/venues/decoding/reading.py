"""JSON to a typed value, with the decoder's errors made into ours. Knows no venue's message."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.audit import audit, quotes_of

ShapeT = TypeVar("ShapeT")


def read(decoder: msgspec.json.Decoder[ShapeT], payload: bytes | Raw) -> ShapeT:
    """`payload` as `decoder` has it.

    Raises ProtocolError "missing_field", "out_of_range", "bad_field", "not_json" or "too_deep".
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


def check_utf8(payload: bytes) -> None:
    """Raise ProtocolError "not_utf8" where `payload` is no text."""
    if payload.isascii():
        return
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError("not_utf8", f"byte {error.start} is no UTF-8") from error


def unknown_in(raw: bytes | Raw, record: Struct) -> tuple[str, ...]:
    """Paths of the fields in `raw` that `record`, read from it, does not name.

    Raises ProtocolError as `audit` does: "duplicate_field" or "bad_text" where the text does not
    hold up to a second look.
    """
    text = bytes(raw)
    if text.count(b'"') == quotes_of(record):
        return ()
    return audit(text, type(record))
