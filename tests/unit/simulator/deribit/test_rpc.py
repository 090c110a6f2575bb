"""The JSON-RPC envelope: whatever the bytes, a request or a refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.simulator.deribit.refusals import NOT_FOUND
from quantdesk.simulator.deribit.rpc import (
    REQUEST_BYTES_MAX,
    Malformed,
    Request,
    encode_answer,
    parse_request,
)


def request(**fields: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "public/test", **fields}).encode()


@pytest.mark.parametrize("request_id", [0, 7, -1, 2**80, "", "public/test#BTC#3", "7"])
def test_id_is_kept_with_its_type(request_id: int | str) -> None:
    parsed = parse_request(request(id=request_id))
    assert isinstance(parsed, Request)
    assert parsed.request_id == request_id
    assert type(parsed.request_id) is type(request_id)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 11050),
        (b"{", 11050),
        (b"\xff\xfe", 11050),
        (b'{"id":1,"method":"public/test","params":{"x":NaN}}', 11050),
        (b'{"id":1,"method":"public/test","params":{"x":Infinity}}', 11050),
        (b'{"id":"\\ud800","method":"public/test"}', 11050),
        (b"[" * 30_000, 11050),
        (b'{"a":' * 6_000, 11050),
        (b"5", 11050),
        (b"null", 11050),
        (b"[]", 11050),
        (b"[" + request() + b"]", 11050),
        (request(id=None), 11050),
        (request(id=1.5), 11050),
        (request(id=True), 11050),
        (request(id=[1]), 11050),
        (request(jsonrpc="1.0"), 11050),
        (request(method=None), 11050),
        (request(method=3), 11050),
        (request(params=[]), -32602),
        (request(params=None), -32602),
        (b"x" * (REQUEST_BYTES_MAX + 1), -32600),
    ],
)
def test_what_is_no_request_is_refused_by_code(payload: bytes, code: int) -> None:
    parsed = parse_request(payload)
    assert isinstance(parsed, Malformed)
    assert parsed.refusal.code == code


def test_method_may_begin_with_the_slash_of_its_http_path() -> None:
    parsed = parse_request(request(method="/public/test"))
    assert isinstance(parsed, Request)
    assert parsed.method == "public/test"


def test_request_of_the_full_size_is_taken() -> None:
    filler = "x" * (REQUEST_BYTES_MAX - len(request(params={"a": ""})))
    payload = request(params={"a": filler})
    assert len(payload) == REQUEST_BYTES_MAX
    assert isinstance(parse_request(payload), Request)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_request_or_a_refusal(payload: bytes) -> None:
    assert isinstance(parse_request(payload), Request | Malformed)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
        max_leaves=8,
    )
)
def test_any_json_gives_a_request_or_a_refusal(value: object) -> None:
    parsed = parse_request(json.dumps(value).encode())
    assert isinstance(parsed, Request | Malformed)


def test_answer_carries_venue_time_in_microseconds() -> None:
    answer = json.loads(
        encode_answer(
            "ok", request_id="a", received_ns=1_000_999, sent_ns=3_500_000, is_testnet=True
        )
    )
    assert answer == {
        "jsonrpc": "2.0",
        "id": "a",
        "result": "ok",
        "usIn": 1000,
        "usOut": 3500,
        "usDiff": 2500,
        "testnet": True,
    }


def test_refusal_has_an_error_and_no_result() -> None:
    answer = json.loads(
        encode_answer(NOT_FOUND, request_id=None, received_ns=0, sent_ns=0, is_testnet=False)
    )
    assert answer["error"] == {"code": 13020, "message": "not_found"}
    assert "result" not in answer
    assert "id" not in answer
