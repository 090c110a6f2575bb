"""The REST side: from a request's bytes to an answer, through limits, key, signature and time.

Order of the checks, as the venue's: path, weight, key, signature, timestamp, then the endpoint's
own. Opens no socket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from quantdesk.simulator.binance import account_endpoints, market_endpoints, trade_endpoints
from quantdesk.simulator.binance.accounts import KEY_LENGTH, ApiAccount, by_key
from quantdesk.simulator.binance.calls import Call, Endpoint, Routes, Security
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.limits import Limits
from quantdesk.simulator.binance.listen_keys import ListenKeys
from quantdesk.simulator.binance.parameters import Parameters, parse_form
from quantdesk.simulator.binance.refusals import (
    BAD_KEY,
    BAD_KEY_FORMAT,
    UNKNOWN_PATH,
    ApiRefusal,
    RequestRefused,
)
from quantdesk.simulator.binance.signing import check_signature, check_time

BASE = "/eapi/v1"
ROUTES: Routes = {
    **market_endpoints.ROUTES,
    **account_endpoints.ROUTES,
    **trade_endpoints.ROUTES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """A request as it came. `path` is below `BASE`; query and body are raw text."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    api_key: str | None = field(default=None, repr=False)
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """An answer to send: status, headers and JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RestFace:
    """Answers requests on one trading floor."""

    def __init__(
        self,
        floor: BinanceFloor,
        accounts: Sequence[ApiAccount],
        listen_keys: ListenKeys,
        limits: Limits,
    ) -> None:
        self._floor = floor
        self._by_key = by_key(accounts)
        self._listen_keys = listen_keys
        self.limits = limits

    def answer(self, request: RawRequest) -> RawAnswer:
        """Carry a request out, or say in the venue's words why not."""
        machine_ns = self._floor.venue.clock.now_ns()
        account: ApiAccount | None = None
        is_order = False
        headers: dict[str, str] = {}
        try:
            endpoint = ROUTES.get((request.method, request.path))
            if endpoint is None:
                self._spend(request, 1, machine_ns)
                raise RequestRefused(UNKNOWN_PATH)
            # The query comes first, so that of a name in both its value counts.
            parameters = Parameters(
                {**parse_form(request.body), **parse_form(request.query)},
            )
            self._spend(request, endpoint.weight(parameters), machine_ns)
            account = self._account(request, endpoint, parameters, machine_ns)
            is_order = endpoint.orders is not None
            if endpoint.orders is not None and account is not None:
                count = endpoint.orders(parameters)
                refusal = self.limits.spend_orders(account.account_id, count, machine_ns)
                if refusal is not None:
                    raise RequestRefused(refusal)
            self._floor.advance()
            outcome: object = endpoint.handle(
                Call(
                    floor=self._floor,
                    listen_keys=self._listen_keys,
                    parameters=parameters,
                    account=account,
                    now_ms=self._floor.now_ms,
                )
            )
            status = 200
        except RequestRefused as refused:
            outcome, status, headers = _refused(refused.refusal)
        counted = account.account_id if account is not None and is_order else None
        headers |= self.limits.headers(request.address, counted, machine_ns)
        return RawAnswer(status=status, headers=headers, body=msgspec.json.encode(outcome))

    def _spend(self, request: RawRequest, weight: int, machine_ns: int) -> None:
        refusal = self.limits.spend(request.address, weight, machine_ns)
        if refusal is not None:
            raise RequestRefused(refusal)

    def _account(
        self, request: RawRequest, endpoint: Endpoint, parameters: Parameters, machine_ns: int
    ) -> ApiAccount | None:
        """Whose request it is, where the endpoint asks."""
        if endpoint.security is Security.NONE:
            return None
        key = request.api_key or ""
        if len(key) != KEY_LENGTH or not key.isalnum():
            raise RequestRefused(BAD_KEY_FORMAT)
        account = self._by_key.get(key)
        if account is None:
            raise RequestRefused(BAD_KEY)
        if endpoint.security is Security.SIGNED:
            check_signature(request.query, request.body, account.api_secret)
            venue_ms = self._floor.venue.now_ns() // 1_000_000
            check_time(parameters, (venue_ms, machine_ns // 1_000_000))
        return account


def _refused(refusal: ApiRefusal) -> tuple[object, int, dict[str, str]]:
    headers = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return refusal.body(), refusal.status, headers
