"""A text that must not be seen: an API secret, a listen key, a token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from hmac import compare_digest

from quantdesk.errors import InvalidInput

MASK = "***"


class Secret:
    """Holds a text that only `reveal` gives out.

    `str`, `repr`, `format`, JSON, pickle and a walk over its attributes show a mask. A pickled
    secret comes back as one that can not be revealed: a process that got it by accident fails with
    a clear sentence instead of sending a wrong key. Copies are the object itself.

    Raises InvalidInput for an empty text or one with anything but printable ASCII (a line end that
    was copied along would otherwise be found out by the venue only).
    """

    __slots__ = ("_reveal",)

    def __init__(self, text: str) -> None:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            # The value is left out of the message on purpose.
            raise InvalidInput("secret", MASK, "must be printable ASCII without blanks, not empty")
        # A closure, so that tools which print attributes find a function and not the text.
        self._reveal: Callable[[], str] = lambda: text

    def reveal(self) -> str:
        """The text itself. Raises InvalidInput for a secret that went through pickle."""
        return self._reveal()

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self.reveal(), other.reveal())

    def __hash__(self) -> int:
        return hash(hashlib.sha256(self.reveal().encode()).digest())

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce__(self) -> tuple[Callable[[], Secret], tuple[()]]:
        return _lost_secret, ()


def _lost_secret() -> Secret:
    """What a pickled secret comes back as."""
    secret = Secret.__new__(Secret)
    secret._reveal = _refuse
    return secret


def _refuse() -> str:
    raise InvalidInput("secret", MASK, "was left behind by pickle: hand it to the process itself")
