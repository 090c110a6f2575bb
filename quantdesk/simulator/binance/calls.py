"""One REST call as the endpoints see it, and what an endpoint is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from quantdesk.domain.instrument import Instrument
from quantdesk.simulator.binance.accounts import ApiAccount
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.ladder import CONTRACT_OF, Contract
from quantdesk.simulator.binance.listen_keys import ListenKeys
from quantdesk.simulator.binance.parameters import Parameters
from quantdesk.simulator.binance.refusals import BAD_SYMBOL, BAD_UNDERLYING, RequestRefused


class Security(Enum):
    """What a request needs: nothing, the key, or the key and a signature."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may act.

    account : whose key it carries; None where the endpoint needs none
    now_ms : venue time
    """

    floor: BinanceFloor
    listen_keys: ListenKeys
    parameters: Parameters
    account: ApiAccount | None
    now_ms: int

    @property
    def account_id(self) -> str:
        """Of an endpoint that needs a key."""
        assert self.account is not None
        return self.account.account_id

    def instrument(self, name: str = "symbol") -> Instrument:
        """The listed option that a mandatory parameter names, expired ones included."""
        symbol = self.parameters.symbol(name)
        listing = self.floor.exchange.listings.get(symbol)
        if listing is None:
            raise RequestRefused(BAD_SYMBOL)
        return listing.instrument

    def instrument_if_sent(self, name: str = "symbol") -> Instrument | None:
        """The same of a parameter that may be left out."""
        return self.instrument(name) if self.parameters.has(name) else None

    def contract(self, name: str = "underlying") -> Contract:
        """The contract of a mandatory underlying symbol."""
        symbol = self.parameters.symbol(name)
        if symbol not in self.floor.market.indexes:
            raise RequestRefused(BAD_UNDERLYING)
        return CONTRACT_OF[symbol]


def one(_parameters: Parameters) -> int:
    """The weight of most requests."""
    return 1


def weighing(weight: int) -> Callable[[Parameters], int]:
    """A constant weight."""
    return lambda _parameters: weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path and method of the REST side.

    handle : gives what is to be encoded as JSON; raises RequestRefused
    orders : how many new orders the request counts as
    """

    handle: Callable[[Call], Any]
    security: Security = Security.NONE
    weight: Callable[[Parameters], int] = one
    orders: Callable[[Parameters], int] | None = None


Routes = dict[tuple[str, str], Endpoint]
"""Endpoints by (method, path below /eapi/v1)."""
