"""REST answers as frames, so that a recording holds them and decoding stays a pure function.

The payload of such a frame is one JSON object:

    {"rest":{"v":1,"method":"GET","path":"/eapi/v1/depth","query":"symbol=BTC-260626-60000-C",
             "status":200,"asked_ms":1782552300000,"coins":["BTC"]},"body":<the answer as sent>}

`query` holds what was asked, never what signs it: no timestamp, window, signature or key. `body`
is the answer's own bytes; where they are no JSON (a proxy's page) `text` holds their beginning
instead. Answers that carry a secret, such as a listen key, are never made into a frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from quantdesk.venues.binance.wire import RestHead

VERSION = 1
TEXT_LENGTH_MAX = 500
"""Of a body that is no JSON: enough to see whose page it is."""

SECRET_PATHS = ("/eapi/v1/listenKey",)


def envelop(
    *,
    method: str,
    path: str,
    query: str,
    status: int,
    asked_ms: int | None,
    body: bytes,
    coins: Sequence[str] = (),
) -> bytes:
    """The payload of a frame for one REST answer; `query` is the unsigned one."""
    assert path not in SECRET_PATHS
    head = msgspec.json.encode(
        RestHead(
            v=VERSION,
            method=method,
            path=path,
            query=query,
            status=status,
            asked_ms=asked_ms,
            coins=list(coins),
        )
    )
    if _is_json(body):
        return b'{"rest":' + head + b',"body":' + body + b"}"
    text = msgspec.json.encode(body[:TEXT_LENGTH_MAX].decode("utf-8", "replace"))
    return b'{"rest":' + head + b',"text":' + text + b"}"


def _is_json(body: bytes) -> bool:
    """Whether `body` alone is one JSON value: then it can not break out of its envelope."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True
