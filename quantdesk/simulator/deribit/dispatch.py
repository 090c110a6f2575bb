"""From a request to its method: is there one, may the caller use it, can he pay for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from quantdesk.simulator.deribit import (
    account_methods,
    candles,
    funding_methods,
    index_methods,
    market_methods,
    order_methods,
    order_queries,
    refusals,
    session_methods,
    settlement_methods,
    trade_methods,
    wallet_methods,
)
from quantdesk.simulator.deribit.calls import Call, Caller, Method
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params
from quantdesk.simulator.deribit.rpc import Request
from quantdesk.simulator.deribit.tokens import Grant

METHODS: dict[str, Method] = {
    **session_methods.METHODS,
    **market_methods.METHODS,
    **index_methods.METHODS,
    **funding_methods.METHODS,
    **trade_methods.METHODS,
    **candles.METHODS,
    **order_methods.METHODS,
    **order_queries.METHODS,
    **settlement_methods.METHODS,
    **account_methods.METHODS,
    **wallet_methods.METHODS,
}

LATER: dict[str, Refusal] = {
    "private/mass_quote": refusals.MASS_QUOTES_DISABLED,
    "private/cancel_quotes": refusals.MASS_QUOTES_DISABLED,
    **dict.fromkeys(
        (
            "private/create_combo",
            "private/get_leg_prices",
            "private/set_mmp_config",
            "private/get_mmp_config",
            "private/get_mmp_status",
            "private/reset_mmp",
            "private/verify_block_trade",
            "private/execute_block_trade",
            "private/simulate_block_trade",
            "private/invalidate_block_trade_signature",
            "private/get_block_trade",
            "private/get_block_trades",
            "private/get_block_trade_requests",
            "private/approve_block_trade",
            "private/reject_block_trade",
            "private/create_block_rfq",
            "private/accept_block_rfq",
            "private/cancel_block_rfq",
            "private/cancel_block_rfq_trigger",
            "private/add_block_rfq_quote",
            "private/edit_block_rfq_quote",
            "private/cancel_block_rfq_quote",
            "private/cancel_all_block_rfq_quotes",
            "private/get_block_rfqs",
            "private/get_block_rfq_quotes",
            "private/get_block_rfq_makers",
            "private/move_positions",
            "private/change_margin_model",
            "private/toggle_portfolio_margining",
            "private/pme/simulate",
            "private/get_portfolio_margins",
            "private/create_subaccount",
            "private/remove_subaccount",
            "private/create_api_key",
            "private/edit_api_key",
            "private/remove_api_key",
            "private/reset_api_key",
            "public/get_block_rfq_trades",
            "public/exchange_token",
        ),
        refusals.SWITCHED_OFF,
    ),
    **dict.fromkeys(
        (
            "private/withdraw",
            "private/cancel_withdrawal",
            "private/create_deposit_address",
            "private/submit_transfer_to_user",
            "private/submit_transfer_to_subaccount",
            "private/submit_transfer_between_subaccounts",
            "private/cancel_transfer_by_id",
        ),
        # The keys of these accounts may read a wallet and move nothing out of it.
        refusals.FORBIDDEN,
    ),
}
"""Methods of the venue that are not simulated, and the venue's own words for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from.

    caller : the connection; None over HTTP
    grant : what an HTTP header gave; None for none
    address : of the peer, to whom what is asked without an account is charged
    has_bad_header : an Authorization header was shown that nobody here signed
    """

    caller: Caller | None = None
    grant: Grant | None = None
    address: str = ""
    has_bad_header: bool = False


NOWHERE = Origin()

WHOLE_MAX = 2**53
"""Beyond it a JSON number with a fraction part is not exact."""

_FIELD_IN_MESSAGE = re.compile(r"field `(\w+)`|\$\.(\w+)")


def answer(request: Request, face: DeribitFace, origin: Origin = NOWHERE) -> object:
    """Result of `request`, or the Refusal of it."""
    if face.is_in_maintenance:
        return refusals.MAINTENANCE
    if request.method not in METHODS and request.method not in LATER:
        return refusals.UNKNOWN_METHOD
    grant = _grant(request, face, origin)
    if isinstance(grant, Refusal):
        return grant
    if request.method in LATER:
        return LATER[request.method]
    method = METHODS[request.method]
    refusal = _barred(method, face, origin, grant)
    return refusal or _carry_out(request, method, face, origin, grant)


def _barred(
    method: Method, face: DeribitFace, origin: Origin, grant: Grant | None
) -> Refusal | None:
    """Why the caller may not call the method now."""
    payer = grant.account.client_id if grant is not None else f"at {origin.address}"
    if not face.credits.spend(payer, method.pool, face.venue.clock.now_ns()):
        return refusals.TOO_MANY_REQUESTS
    if method.area and (grant is None or not grant.allows(method.area, method.level)):
        return refusals.FORBIDDEN
    return refusals.WEBSOCKET_ONLY if method.needs_socket and origin.caller is None else None


def _carry_out(
    request: Request, method: Method, face: DeribitFace, origin: Origin, grant: Grant | None
) -> object:
    given = {name: _whole(value) for name, value in request.params.items()}
    if request.is_query:
        given = {name: _unpacked(value) for name, value in given.items()}
    try:
        # Numbers and flags that are written as text are taken: a query has nothing else, and
        # clients send over a socket what they send in a query.
        params = msgspec.convert(given, method.params, strict=False)
    except msgspec.ValidationError as error:
        return _misfit(error)
    return method.run(Call(face=face, caller=origin.caller, grant=grant, params=params))


def _whole(value: object) -> object:
    """Whole numbers written with a fraction, 10.0, are whole numbers all the same."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) <= WHOLE_MAX
    return int(value) if is_whole and isinstance(value, float) else value


def _unpacked(value: object) -> object:
    """Lists and objects stand in a query string as JSON; whatever else is text stays text."""
    if not isinstance(value, str) or not value.startswith(("[", "{")):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def _grant(request: Request, face: DeribitFace, origin: Origin) -> Grant | Refusal | None:
    """Who asks: by token, by the connection's authentication or by an HTTP header."""
    machine_ns = face.venue.clock.now_ns()
    is_private = request.method.startswith("private/")
    token = request.params.get("access_token")
    if token is not None and request.method != "public/auth":
        connection = origin.caller.connection_id if origin.caller is not None else ""
        shown = token if isinstance(token, str) else ""
        found = face.tokens.find(shown, connection=connection, machine_ns=machine_ns)
        return refusals.UNAUTHORIZED if found is None else found
    held = origin.grant if origin.caller is None else origin.caller.grant
    is_good = held is not None and held.expires_ns > machine_ns
    if not is_private:
        # What is public is answered to anyone; whose credits it costs is known all the same.
        return held if is_good else None
    if origin.has_bad_header or (held is not None and not is_good):
        return refusals.UNAUTHORIZED
    return refusals.AUTHORIZATION_REQUIRED if held is None else held


def _misfit(error: msgspec.ValidationError) -> Refusal:
    found = _FIELD_IN_MESSAGE.search(str(error))
    name = next((group for group in found.groups() if group), "") if found else ""
    return invalid_params(name, "required" if "missing" in str(error) else "wrong format")
