"""What a method of the API is, and what it gets when it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from quantdesk.simulator.deribit.accounts import ApiAccount
from quantdesk.simulator.deribit.credits import Pool
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.tokens import Grant

Text = str | msgspec.UnsetType
Whole = int | msgspec.UnsetType
Flag = bool | msgspec.UnsetType


class Caller(Protocol):
    """The WebSocket connection a request came by.

    Attributes
    ----------
    connection_id : unique as long as the server runs
    grant : of the token it authenticated with; None before
    cancels_on_disconnect : whether its orders end with it
    """

    @property
    def connection_id(self) -> str:
        """See the class."""

    grant: Grant | None
    cancels_on_disconnect: bool

    def subscribe(self, names: list[str], account_id: str | None) -> list[str]:
        """Join channels; gives those there are. Their state is sent by `greet`."""

    def unsubscribe(self, names: list[str]) -> list[str]:
        """Leave channels; gives those it was in."""

    def unsubscribe_all(self) -> None:
        """Leave every channel."""

    def start_heartbeat(self, interval_s: int) -> None:
        """Beat from now on, each `interval_s` of the machine's time."""

    def stop_heartbeat(self) -> None:
        """Beat no more."""

    def answer_test(self) -> None:
        """The client answered a test request."""

    def log_out(self) -> None:
        """End after the answer, and cancel nothing by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way. `caller` is None over HTTP, `grant` where nobody is authenticated."""

    face: DeribitFace
    caller: Caller | None
    grant: Grant | None
    params: Any

    @property
    def socket(self) -> Caller:
        """The connection, for methods that are refused over HTTP."""
        assert self.caller is not None
        return self.caller

    @property
    def account(self) -> ApiAccount:
        """The account, for methods that are refused without one."""
        assert self.grant is not None
        return self.grant.account


class NoParams(msgspec.Struct, frozen=True):
    """A method without parameters; unknown ones are ignored, as the venue does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the API.

    params : what its parameters must fit
    area, level : right that the token must give; "" needs none
    pool : credits that it spends
    """

    run: Callable[[Call], object]
    params: type[msgspec.Struct] = NoParams
    area: str = ""
    level: str = "read"
    pool: Pool = Pool.GENERAL
    needs_socket: bool = False


def given(value: Text, default: str) -> str:
    """`value`, or `default` where it was left out."""
    return default if isinstance(value, msgspec.UnsetType) else value


def given_number(value: Whole, default: int) -> int:
    """`value`, or `default` where it was left out."""
    return default if isinstance(value, msgspec.UnsetType) else value
