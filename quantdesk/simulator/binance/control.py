"""Control messages of a WebSocket: SUBSCRIBE and its kin, decoded and answered.

Any bytes give an answer, never an exception. The words are those the venue documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

STREAMS_MAX = 200
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID_LENGTH_MAX = 64


class Listener(Protocol):
    """A connection as control messages see it."""

    is_combined: bool

    def streams(self) -> list[str]:
        """Names subscribed to, in that order."""

    def subscribe(self, names: Sequence[str]) -> None:
        """Listen to more streams; those that do not exist stay silent."""

    def unsubscribe(self, names: Sequence[str]) -> None:
        """Listen to fewer."""


class _Refused(Exception):
    def __init__(self, code: int, msg: str) -> None:
        super().__init__(msg)
        self.body: dict[str, object] = {"code": code, "msg": msg}


def answer(payload: bytes, listener: Listener) -> bytes:
    """Carry out a control message; gives the answer to send."""
    try:
        body = _carry_out(payload, listener)
    except _Refused as refused:
        body = refused.body
    return msgspec.json.encode(body)


def _carry_out(payload: bytes, listener: Listener) -> dict[str, object]:
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _Refused(3, "Invalid JSON: expected value at line 1 column 1") from error
    if not isinstance(message, dict):
        raise _Refused(3, "Invalid JSON: expected an object at line 1 column 1")
    if "method" not in message:
        raise _Refused(2, "Invalid request: missing field `method` at line 1 column 1")
    method, request_id = message["method"], message.get("id")
    if method not in _METHODS:
        expected = ", ".join(f"`{name}`" for name in _METHODS)
        text = str(method)[:_ID_LENGTH_MAX]
        raise _Refused(2, f"Invalid request: unknown variant {text}, expected one of {expected}")
    is_whole = isinstance(request_id, int) and not isinstance(request_id, bool) and request_id >= 0
    # The documents ask for an unsigned integer; clients that send text have always been served.
    if not is_whole and not (isinstance(request_id, str) and len(request_id) <= _ID_LENGTH_MAX):
        raise _Refused(2, "Invalid request: request ID must be an unsigned integer")
    return {"result": _result(method, message.get("params"), listener), "id": request_id}


def _result(method: str, params: Any, listener: Listener) -> object:
    if method == "LIST_SUBSCRIPTIONS":
        return listener.streams()
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return _property(method, params, listener)
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise _Refused(2, "Invalid request: invalid type, expected a list of strings")
    if method == "UNSUBSCRIBE":
        listener.unsubscribe(params)
        return None
    if len(set(listener.streams()) | set(params)) > STREAMS_MAX:
        raise _Refused(2, f"Invalid request: at most {STREAMS_MAX} streams a connection")
    listener.subscribe(params)
    return None


def _property(method: str, params: Any, listener: Listener) -> object:
    count = 2 if method == "SET_PROPERTY" else 1
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise _Refused(2, "Invalid request: property name must be a string")
    if len(params) > count:
        raise _Refused(2, "Invalid request: too many parameters")
    if params[0] != "combined":
        raise _Refused(0, "Unknown property")
    if method == "GET_PROPERTY":
        return listener.is_combined
    if len(params) < count or not isinstance(params[1], bool):
        raise _Refused(1, "Invalid value type: expected Boolean")
    listener.is_combined = params[1]
    return None
