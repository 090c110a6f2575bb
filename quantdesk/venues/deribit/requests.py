"""Requests to Deribit: how they are written, and how their answers are known again.

An id is "<method>#<detail>#<n>". The venue echoes it, so that an answer says by itself what it
answers: a recorded frame can be decoded without the request that it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from quantdesk.errors import InvalidInput
from quantdesk.venues.deribit.settings import REQUEST_BYTES_MAX

ParamValue: TypeAlias = str | int | bool | Sequence[str]

ENVELOPE_BYTES = 512
"""Room kept for everything in a subscribe request that is not a channel."""

_ID = re.compile(r"((?:public|private)/[a-z_]{1,64})#([A-Za-z0-9_.\-]{0,64})#([0-9]{1,18})")


def request_id(method: str, detail: str, number: int) -> str:
    """The id of request `number`; `detail` is what the answer alone would not say."""
    text = f"{method}#{detail}#{number}"
    if not _ID.fullmatch(text):
        raise InvalidInput("request id", text, "must look like public/get_instruments#BTC#3")
    return text


def parse_request_id(text: str) -> tuple[str, str] | None:
    """(method, detail) of an id that `request_id` made; None for any other text."""
    found = _ID.fullmatch(text)
    return None if found is None else (found[1], found[2])


def request(id_text: str, method: str, params: Mapping[str, ParamValue]) -> bytes:
    """The JSON-RPC request as bytes. Raises InvalidInput where it exceeds the venue's 32 kB."""
    payload = msgspec.json.encode(
        {"jsonrpc": "2.0", "id": id_text, "method": method, "params": dict(params)}
    )
    if len(payload) > REQUEST_BYTES_MAX:
        raise InvalidInput("request", len(payload), f"must have at most {REQUEST_BYTES_MAX} bytes")
    return payload


def channel_batches(channels: Iterable[str], *, per_request: int) -> Iterator[tuple[str, ...]]:
    """`channels` in order, cut so that each batch fits one subscribe request."""
    batch: list[str] = []
    size = ENVELOPE_BYTES
    for channel in channels:
        # Two quotation marks and a comma stand around each.
        cost = len(channel) + 3
        if batch and (len(batch) == per_request or size + cost > REQUEST_BYTES_MAX):
            yield tuple(batch)
            batch, size = [], ENVELOPE_BYTES
        batch.append(channel)
        size += cost
    if batch:
        yield tuple(batch)
