"""The JSON-RPC envelope: bytes to a request, a result or refusal to bytes.

Strict where Deribit is: no batches, no request without id, ids integer or string and echoed with
their type. Any bytes give a request or a refusal, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from quantdesk.simulator.deribit.refusals import BAD_REQUEST, TOO_LARGE, Refusal, invalid_params

REQUEST_BYTES_MAX = 32 * 1024
"""Deribit refuses a body or frame over 32 kB."""

NS_PER_US = 1_000

RequestId = int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A well-formed request. `is_query` : parameters are text of a query string, to be coerced."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    request_id: RequestId = None
    is_query: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """No request; the refusal to answer with, and the id where one could be read."""

    refusal: Refusal
    request_id: RequestId = None


def parse_request(payload: bytes) -> Request | Malformed:
    """The request in `payload`. NaN and Infinity are not JSON here."""
    if len(payload) > REQUEST_BYTES_MAX:
        return Malformed(refusal=TOO_LARGE)
    message = _decoded(payload)
    if message is None:
        return Malformed(refusal=BAD_REQUEST)
    request_id = message.get("id")
    if not isinstance(request_id, int | str) or isinstance(request_id, bool):
        return Malformed(refusal=BAD_REQUEST)
    method, params = message.get("method"), message.get("params", {})
    if message.get("jsonrpc", "2.0") != "2.0" or not isinstance(method, str):
        return Malformed(refusal=BAD_REQUEST, request_id=request_id)
    if not isinstance(params, dict):
        refusal = invalid_params("params", "must be an object")
        return Malformed(refusal=refusal, request_id=request_id)
    # Clients of years' standing write methods with the slash of the HTTP path.
    return Request(method=method.removeprefix("/"), params=params, request_id=request_id)


def _decoded(payload: bytes) -> dict[str, Any] | None:
    """The object in `payload`; None for anything else. A list would be a batch: not taken."""
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return message if isinstance(message, dict) else None


class _Error(msgspec.Struct, frozen=True):
    message: str
    code: int
    data: dict[str, str] | msgspec.UnsetType | None = msgspec.UNSET


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    jsonrpc: str = "2.0"
    id: int | str | msgspec.UnsetType = msgspec.UNSET
    result: Any = msgspec.UNSET
    error: _Error | msgspec.UnsetType = msgspec.UNSET
    usIn: int  # noqa: N815 - the venue's spelling
    usOut: int  # noqa: N815
    usDiff: int  # noqa: N815
    testnet: bool


_ENCODER = msgspec.json.Encoder()


def encode_answer(
    outcome: object,
    *,
    request_id: RequestId,
    received_ns: int,
    sent_ns: int,
    is_testnet: bool,
) -> bytes:
    """The answer to a request: `outcome` is a result, or a Refusal.

    request_id : None leaves the field out, as in answers to query strings and to what is no request
    received_ns, sent_ns : venue time
    """
    us_in, us_out = received_ns // NS_PER_US, sent_ns // NS_PER_US
    error: _Error | msgspec.UnsetType = msgspec.UNSET
    if isinstance(outcome, Refusal):
        error = _Error(message=outcome.message, code=outcome.code, data=outcome.data)
    return _ENCODER.encode(
        _Answer(
            id=msgspec.UNSET if request_id is None else request_id,
            result=msgspec.UNSET if isinstance(outcome, Refusal) else outcome,
            error=error,
            usIn=us_in,
            usOut=us_out,
            usDiff=us_out - us_in,
            testnet=is_testnet,
        )
    )


def heartbeat(kind: str) -> bytes:
    """A heartbeat notification: `kind` is "heartbeat" or "test_request"."""
    message = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}}
    return _ENCODER.encode(message)


def notification(channel: str, data: bytes) -> bytes:
    """A subscription notification; `data` is JSON, `channel` a name that the hub has parsed."""
    head = b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":'
    return b"".join((head, _ENCODER.encode(channel), b',"data":', data, b"}}"))
