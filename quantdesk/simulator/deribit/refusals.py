"""Refusals of a request with the venue's codes. Values: a refused request is normal work."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that says no. `data` is what the venue puts into `error.data`, where it does."""

    code: int
    message: str
    data: dict[str, str] | msgspec.UnsetType | None = msgspec.UNSET


BAD_REQUEST = Refusal(code=11050, message="bad_request")
"""To what is no request: not JSON, a batch, no id. Captured so, without `id` in the answer."""

TOO_LARGE = Refusal(code=-32600, message="request entity too large")
UNKNOWN_METHOD = Refusal(code=-32601, message="Method not found")
NOT_FOUND = Refusal(code=13020, message="not_found")
WEBSOCKET_ONLY = Refusal(code=10030, message="must_be_websocket_request")
TOO_MANY_REQUESTS = Refusal(code=10028, message="too_many_requests", data=None)
"""Captured with a null for data."""

AUTHORIZATION_REQUIRED = Refusal(code=10000, message="authorization_required")
UNAUTHORIZED = Refusal(code=13009, message="unauthorized", data={"reason": "invalid_token"})
FORBIDDEN = Refusal(code=13021, message="forbidden")
MAINTENANCE = Refusal(code=11051, message="system_maintenance")
SWITCHED_OFF = Refusal(code=13025, message="method_switched_off_by_admin")
MASS_QUOTES_DISABLED = Refusal(code=13902, message="mass_quotes_disabled")
SETTLEMENT = Refusal(code=10041, message="settlement_in_progress")
UNSUPPORTED_COMBINATION = Refusal(code=11047, message="unsupported_arg_combination")
TIMED_OUT = Refusal(code=13888, message="timed_out")
ORDER_NOT_FOUND = Refusal(code=10004, message="order_not_found")
ALREADY_CLOSED = Refusal(code=10010, message="already_closed")
ALREADY_FILLED = Refusal(code=11008, message="already_filled")
POST_ONLY_NOT_ALLOWED = Refusal(code=11055, message="post_only_not_allowed")
NOT_OPEN = Refusal(code=11044, message="not_open_order")
AMBIGUOUS_LABEL = Refusal(code=13032, message="non_unique_order_label")
INVALID_CREDENTIALS = Refusal(code=13004, message="invalid_credentials")
RAW_NEEDS_AUTHORIZATION = Refusal(
    code=13778, message="raw_subscriptions_not_available_for_unauthorized"
)


def invalid_params(param: str, reason: str) -> Refusal:
    """A parameter is absent, of the wrong type or out of range."""
    return Refusal(code=-32602, message="Invalid params", data={"reason": reason, "param": param})


def other_reject(reason: str) -> Refusal:
    """An order that the venue does not take, for a reason of its own words."""
    return Refusal(code=11030, message="other_reject", data={"reason": reason})
