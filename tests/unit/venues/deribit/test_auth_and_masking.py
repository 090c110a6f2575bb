"""Signatures against the venue's published vector; scopes; secrets taken out of bytes."""

from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.secret import Secret
from quantdesk.errors import ConfigError
from quantdesk.venues.deribit.account_wire import AuthGrant
from quantdesk.venues.deribit.auth import check_scope
from quantdesk.venues.deribit.decode import decode
from quantdesk.venues.deribit.masking import Masker
from quantdesk.venues.deribit.signing import DeribitCredentials, new_nonce, signature
from quantdesk.venues.deribit.wire import Answer

GRANT = (
    b'{"jsonrpc":"2.0","id":"public/auth##4","result":{"access_token":"abc.DEF","refresh_token":'
    b'"ghi\\"JKL","expires_in":900,"scope":"account:read","token_type":"bearer"},"usIn":'
    b'1782552300000000,"usOut":1782552300000001,"usDiff":1,"testnet":true}'
)


def test_signature_is_the_one_in_the_venues_documents() -> None:
    found = signature(Secret("AMANDASECRECT"), timestamp_ms=1576074319000, nonce="1iqt2wls")
    assert found == "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1"


def test_nonces_are_letters_and_digits_and_differ() -> None:
    rng = random.Random(1)
    nonces = {new_nonce(rng) for _ in range(1_000)}
    assert len(nonces) == 1_000
    assert all(len(nonce) == 8 and nonce.isalnum() and nonce.isascii() for nonce in nonces)


@pytest.mark.parametrize(
    "scope",
    [
        "connection mainaccount account:read_write trade:read_write wallet:read block_trade:read",
        "session:desk account:read trade:none wallet:none expires:900",
        "account:read",
    ],
)
def test_scopes_that_can_not_withdraw_are_taken(scope: str) -> None:
    check_scope(scope)


@pytest.mark.parametrize("scope", ["wallet:read_write", "trade:read wallet:x", "wallet", "", " "])
def test_scopes_that_can_withdraw_or_do_not_say_are_refused(scope: str) -> None:
    with pytest.raises(ConfigError, match="scope of the key"):
        check_scope(scope)


def test_tokens_are_read_into_secrets_and_shown_nowhere() -> None:
    answer = decode(GRANT)
    assert isinstance(answer, Answer)
    grant = answer.account
    assert isinstance(grant, AuthGrant)
    assert grant.access_token.reveal() == "abc.DEF"
    assert grant.refresh_token.reveal() == 'ghi"JKL'
    assert answer.unknown_fields == ()
    for shown in (repr(answer), str(grant)):
        assert "abc.DEF" not in shown
        assert "JKL" not in shown


def test_tokens_are_masked_and_the_frame_can_still_be_read() -> None:
    masked = Masker().masked(GRANT)
    assert b"abc.DEF" not in masked
    assert b"JKL" not in masked
    answer = decode(masked)
    assert isinstance(answer, Answer)
    assert isinstance(answer.account, AuthGrant)
    assert answer.account.expires_in == 900


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    masker = Masker(Secret("s3cr\\et"))
    masker.learn(Secret("tok"))
    assert masker.masked(rb'{"a":"s3cr\\et","b":"tok"}') == b'{"a":"***","b":"***"}'
    assert masker.masked(rb"s3cr\et") == b"***"
    assert masker.masked(b"nothing") == b"nothing"


@given(
    head=st.binary(max_size=20),
    token=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=8),
    tail=st.binary(max_size=20),
    cut=st.integers(0, 60),
)
def test_a_token_is_masked_in_broken_frames_too(
    head: bytes, token: str, tail: bytes, cut: int
) -> None:
    text = token.encode().replace(b"\\", b"/").replace(b'"', b"/")
    masked = Masker().masked(head + b'"access_token" : "' + (text + b'"' + tail)[: len(text) + cut])
    assert b'"access_token" : "' + text not in masked


def test_credentials_show_nothing() -> None:
    key = DeribitCredentials(client_id=Secret("the-id"), client_secret=Secret("the-secret"))
    assert "the-" not in repr(key) + str(key)
    assert b"the-secret" not in pickle.dumps(key)
