"""A secret shows itself to nobody but who asks for it by name."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass

import msgspec
import pytest

from quantdesk.domain.secret import MASK, Secret
from quantdesk.errors import InvalidInput

CANARY = "c4n4ry0fTheSecretText"


@dataclass(frozen=True)
class Held:
    secret: Secret


def shown_forms(secret: Secret) -> list[str]:
    """Everything that common tools make of a secret, or of what holds one."""
    held = Held(secret)
    return [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret:>40}",
        "%s" % secret,  # noqa: UP031  (a way of showing that must be masked too)
        str([secret]),
        repr(held),
        str(asdict(held)),
        json.dumps({"secret": secret}, default=str),
        str(pickle.dumps(secret)),
        str(inspect.getmembers(secret)),
        str([getattr(secret, name, "") for name in Secret.__slots__]),
    ]


def test_secret_is_masked_wherever_it_is_shown() -> None:
    forms = shown_forms(Secret(CANARY))
    assert not [form for form in forms if CANARY in form]
    assert forms[0] == MASK


def test_secret_is_masked_in_logs_and_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").error("%s %r", secret, secret)
    try:
        raise ValueError(secret)
    except ValueError as error:
        text = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert CANARY not in caplog.text + text


def test_json_encoders_refuse_it() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(CANARY))
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret(CANARY))


def test_pickled_secret_can_not_be_revealed() -> None:
    lost = pickle.loads(pickle.dumps(Secret(CANARY)))
    assert repr(lost) == f"Secret({MASK})"
    with pytest.raises(InvalidInput, match="pickle"):
        lost.reveal()


def test_copies_are_the_secret_itself() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": secret})["a"] is secret
    assert secret.reveal() == CANARY


def test_equal_texts_are_equal_secrets() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(CANARY + "x")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY)}) == 1


@pytest.mark.parametrize("text", ["", " ", f"{CANARY}\n", f" {CANARY}", "schlüssel", "a\x00b"])
def test_text_that_no_key_is_is_refused_unseen(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Secret(text)
    assert CANARY not in str(refused.value)
    assert refused.value.value == MASK
