"""Signatures, against the figure that the reference recomputed with another program."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.secret import Secret
from quantdesk.errors import InvalidInput
from quantdesk.venues.binance.signing import encoded_query, signature, signed_query

# The key of the venue's own documentation. Its printed signature does not belong to this string;
# the one here was recomputed with openssl.
SECRET = Secret("YtP1BudNOWZE1ag5uzCkh4hIC7qSmQOu797r5EJBFGhxBYivjj8HIX0iiiPof5yG")
PAYLOAD = (
    "symbol=BTC-210129-40000-C&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=2000"
    "&recvWindow=5000&timestamp=1611825601400"
)
EXPECTED = "7b98bedaee09e23358f57d098876f29ede7df74202f7fccf164666bd3f3f84cb"


def test_signature_is_that_of_the_reference() -> None:
    assert signature(SECRET, PAYLOAD) == EXPECTED


def test_signed_query_ends_with_the_signature_of_all_before_it() -> None:
    params = dict(parse_qsl(PAYLOAD))
    del params["timestamp"], params["recvWindow"]
    query = signed_query(params, secret=SECRET, timestamp_ms=1611825601400, recv_window_ms=5000)
    assert query == f"{PAYLOAD}&signature={EXPECTED}"


def test_empty_question_is_signed_too() -> None:
    query = signed_query({}, secret=SECRET, timestamp_ms=1, recv_window_ms=2)
    assert query.startswith("recvWindow=2&timestamp=1&signature=")


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=4))
def test_signature_covers_the_encoded_bytes(params: dict[str, str]) -> None:
    for name in ("timestamp", "recvWindow", "signature"):
        params.pop(name, None)
    query = signed_query(params, secret=SECRET, timestamp_ms=5, recv_window_ms=6)
    payload, _, given_signature = query.rpartition("&signature=")
    assert payload.isascii()
    key = SECRET.reveal().encode()
    assert hmac.new(key, payload.encode(), hashlib.sha256).hexdigest() == given_signature
    found = dict(parse_qsl(payload, keep_blank_values=True))
    assert found == {**params, "recvWindow": "6", "timestamp": "5"}


@pytest.mark.parametrize("name", ["timestamp", "recvWindow", "signature"])
def test_name_that_signing_adds_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        signed_query({name: "1"}, secret=SECRET, timestamp_ms=1, recv_window_ms=1)


def test_query_keeps_the_order_and_encodes_blanks_as_percent() -> None:
    assert encoded_query({"b": "x y", "a": "&="}) == "b=x%20y&a=%26%3D"
