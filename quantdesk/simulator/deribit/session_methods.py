"""The methods on the connection itself: greeting, heartbeat, authentication, subscriptions."""

from __future__ import annotations

import msgspec

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.accounts import ApiAccount
from quantdesk.simulator.deribit.calls import Call, Flag, Method, NoParams, Text, given
from quantdesk.simulator.deribit.channels import needs_authorization
from quantdesk.simulator.deribit.credits import Pool
from quantdesk.simulator.deribit.private_channels import is_private
from quantdesk.simulator.deribit.refusals import invalid_params
from quantdesk.simulator.deribit.tokens import TokenPair

VERSION = "1.2.26"
"""Deribit's API version string in public examples; clients only print it."""

HEARTBEAT_S_MIN, HEARTBEAT_S_MAX = 10, 86_400
CONNECTION, ACCOUNT = "connection", "account"


class HelloParams(msgspec.Struct, frozen=True):
    client_name: str
    client_version: str


class HeartbeatParams(msgspec.Struct, frozen=True):
    interval: int


class ChannelParams(msgspec.Struct, frozen=True):
    channels: list[str]


class AuthParams(msgspec.Struct, frozen=True):
    grant_type: str
    client_id: Text = msgspec.UNSET
    client_secret: Text = msgspec.UNSET
    refresh_token: Text = msgspec.UNSET
    # Documented as an integer, captured as text; what is signed is the same.
    timestamp: int | str | msgspec.UnsetType = msgspec.UNSET
    signature: Text = msgspec.UNSET
    nonce: Text = msgspec.UNSET
    data: Text = msgspec.UNSET
    state: Text = msgspec.UNSET
    scope: Text = msgspec.UNSET


class ForkParams(msgspec.Struct, frozen=True):
    refresh_token: str
    session_name: str


class LogoutParams(msgspec.Struct, frozen=True):
    invalidate_token: Flag = msgspec.UNSET


class ScopeParams(msgspec.Struct, frozen=True):
    scope: Text = msgspec.UNSET


def _test(call: Call) -> object:
    if call.caller is not None:
        call.caller.answer_test()
    return {"version": VERSION}


def _set_heartbeat(call: Call) -> object:
    if not HEARTBEAT_S_MIN <= call.params.interval <= HEARTBEAT_S_MAX:
        return invalid_params("interval", f"must be {HEARTBEAT_S_MIN} to {HEARTBEAT_S_MAX}")
    call.socket.start_heartbeat(call.params.interval)
    return "ok"


def _disable_heartbeat(call: Call) -> object:
    call.socket.stop_heartbeat()
    return "ok"


def _subscribe_public(call: Call) -> object:
    """Channels of an account are left out: they are asked for by the private method."""
    names: list[str] = call.params.channels
    if call.grant is None and any(needs_authorization(name) for name in names):
        return refusals.RAW_NEEDS_AUTHORIZATION
    return call.socket.subscribe([name for name in names if not is_private(name)], None)


def _subscribe_private(call: Call) -> object:
    return call.socket.subscribe(call.params.channels, call.account.account_id)


def _unsubscribe(call: Call) -> object:
    return call.socket.unsubscribe(call.params.channels)


def _unsubscribe_all(call: Call) -> object:
    call.socket.unsubscribe_all()
    return "ok"


def _auth(call: Call) -> object:
    face, params = call.face, call.params
    connection = call.caller.connection_id if call.caller is not None else ""
    machine_ns = face.venue.clock.now_ns()
    if params.grant_type == "refresh_token":
        pair = face.tokens.refresh(
            given(params.refresh_token, ""), connection=connection, machine_ns=machine_ns
        )
    elif params.grant_type in ("client_credentials", "client_signature"):
        account = _account_of(call)
        scope = given(params.scope, "")
        pair = (
            face.tokens.grant(account, scope, connection=connection, machine_ns=machine_ns)
            if account is not None
            else None
        )
    else:
        return invalid_params("grant_type", "must be client_credentials, client_signature or so")
    if pair is None:
        return refusals.INVALID_CREDENTIALS
    if call.caller is not None:
        call.caller.grant = pair.grant
        if pair.grant.account.user_id in face.cancels_on_disconnect:
            call.caller.cancels_on_disconnect = True
    return _auth_result(pair, params.state)


def _fork(call: Call) -> object:
    """A token of another session of the same account."""
    face, params = call.face, call.params
    if not params.session_name:
        return invalid_params("session_name", "must not be empty")
    pair = face.tokens.fork(
        params.refresh_token,
        session=params.session_name,
        machine_ns=face.venue.clock.now_ns(),
    )
    return refusals.UNAUTHORIZED if pair is None else _auth_result(pair, msgspec.UNSET)


def _account_of(call: Call) -> ApiAccount | None:
    params, check = call.params, call.face.authenticator
    client_id = given(params.client_id, "")
    if params.grant_type == "client_credentials":
        return check.by_secret(client_id, given(params.client_secret, ""))
    timestamp = "" if params.timestamp is msgspec.UNSET else str(params.timestamp)
    return check.by_signature(
        client_id,
        timestamp=timestamp,
        nonce=given(params.nonce, ""),
        data=given(params.data, ""),
        shown=given(params.signature, ""),
        clocks=call.face.clocks(),
    )


def _auth_result(pair: TokenPair, state: Text) -> dict[str, object]:
    result: dict[str, object] = {
        "access_token": pair.access_token,
        "expires_in": pair.grant.life_s,
        "refresh_token": pair.refresh_token,
        "scope": pair.grant.scope,
        "token_type": "bearer",
        "enabled_features": [],
    }
    if pair.grant.session:
        result["sid"] = pair.grant.session
    return result if isinstance(state, msgspec.UnsetType) else {**result, "state": state}


def _logout(call: Call) -> object:
    """Close the connection, without cancelling what was to be cancelled on its loss."""
    if call.params.invalidate_token is not False and call.grant is not None:
        call.face.tokens.forget_session(call.grant)
    call.socket.log_out()
    return "ok"


def _set_cancel_on_disconnect(call: Call, is_enabled: bool) -> object:
    scope = given(call.params.scope, CONNECTION)
    if scope not in (CONNECTION, ACCOUNT):
        return invalid_params("scope", f"must be {CONNECTION} or {ACCOUNT}")
    if scope == CONNECTION and call.caller is None:
        return refusals.WEBSOCKET_ONLY
    if scope == CONNECTION:
        call.socket.cancels_on_disconnect = is_enabled
    elif is_enabled:
        call.face.cancels_on_disconnect.add(call.account.user_id)
    else:
        call.face.cancels_on_disconnect.discard(call.account.user_id)
    return "ok"


def _cancel_on_disconnect(call: Call) -> object:
    scope = given(call.params.scope, CONNECTION)
    if scope not in (CONNECTION, ACCOUNT):
        return invalid_params("scope", f"must be {CONNECTION} or {ACCOUNT}")
    if scope == CONNECTION:
        if call.caller is None:
            return refusals.WEBSOCKET_ONLY
        return {"scope": scope, "enabled": call.socket.cancels_on_disconnect}
    is_enabled = call.account.user_id in call.face.cancels_on_disconnect
    return {"scope": scope, "enabled": is_enabled}


METHODS: dict[str, Method] = {
    "public/hello": Method(run=lambda call: {"version": VERSION}, params=HelloParams),
    "public/test": Method(run=_test),
    "public/auth": Method(run=_auth, params=AuthParams),
    "public/fork_token": Method(run=_fork, params=ForkParams),
    "public/set_heartbeat": Method(run=_set_heartbeat, params=HeartbeatParams, needs_socket=True),
    "public/disable_heartbeat": Method(run=_disable_heartbeat, needs_socket=True),
    "public/subscribe": Method(
        run=_subscribe_public, params=ChannelParams, pool=Pool.SUBSCRIBE, needs_socket=True
    ),
    "public/unsubscribe": Method(run=_unsubscribe, params=ChannelParams, needs_socket=True),
    "public/unsubscribe_all": Method(run=_unsubscribe_all, needs_socket=True),
    "private/subscribe": Method(
        run=_subscribe_private,
        params=ChannelParams,
        area="account",
        pool=Pool.SUBSCRIBE,
        needs_socket=True,
    ),
    "private/unsubscribe": Method(
        run=_unsubscribe, params=ChannelParams, area="account", needs_socket=True
    ),
    "private/unsubscribe_all": Method(
        run=_unsubscribe_all, params=NoParams, area="account", needs_socket=True
    ),
    "private/logout": Method(run=_logout, params=LogoutParams, area="account", needs_socket=True),
    "private/enable_cancel_on_disconnect": Method(
        run=lambda call: _set_cancel_on_disconnect(call, True), params=ScopeParams, area="account"
    ),
    "private/disable_cancel_on_disconnect": Method(
        run=lambda call: _set_cancel_on_disconnect(call, False), params=ScopeParams, area="account"
    ),
    "private/get_cancel_on_disconnect": Method(
        run=_cancel_on_disconnect, params=ScopeParams, area="account"
    ),
}
