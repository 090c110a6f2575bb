"""Results of private requests as typed values; what does not fit is a bad message, not a crash."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from quantdesk.errors import ProtocolError
from quantdesk.venues.deribit.account_decode import AUTH, read_account_result
from quantdesk.venues.deribit.account_wire import AuthGrant

GRANT = {"access_token": "first", "refresh_token": "second", "expires_in": 900, "scope": "x"}


def read(**changed: object) -> object:
    return read_account_result(AUTH, Raw(json.dumps({**GRANT, **changed}).encode()))[0]


def test_tokens_are_read_and_never_shown() -> None:
    grant = read()
    assert isinstance(grant, AuthGrant)
    assert grant.access_token.reveal() == "first"
    assert "first" not in repr(grant)
    assert "second" not in repr(grant)


@pytest.mark.parametrize("token", [12345, None, ["secret"], {"a": 1}])
def test_a_token_that_is_no_text_is_a_bad_message(token: object) -> None:
    with pytest.raises(ProtocolError, match="must be text") as caught:
        read(access_token=token)
    assert "12345" not in str(caught.value)
    assert "secret" not in str(caught.value)
