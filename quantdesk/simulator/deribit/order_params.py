"""Parameters of the order methods, and what they mean to the exchange."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderType, TimeInForce
from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.calls import Call, Flag, Text, Whole, given
from quantdesk.simulator.deribit.market import NS_PER_MS
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params, other_reject
from quantdesk.simulator.exchange.orders import OrderEdit, OrderRequest, PostOnly

Number = Decimal | msgspec.UnsetType

CONTRACTS_MAX = Decimal(10) ** 15
"""Far beyond any book, and small enough to be multiplied."""

DAY_NS = 86_400 * 1_000_000_000
DAY_END_NS = 8 * 3_600 * 1_000_000_000
"""A day at the venue ends at 08:00 UTC."""

_TYPES = {
    "limit": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "market_limit": OrderType.MARKET_LIMIT,
}
_TRIGGERED = ("stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop")
_TIMES_IN_FORCE = {
    "good_til_cancelled": TimeInForce.GTC,
    "good_til_day": TimeInForce.GTD,
    "immediate_or_cancel": TimeInForce.IOC,
    "fill_or_kill": TimeInForce.FOK,
}


class OrderParams(msgspec.Struct, frozen=True, kw_only=True):
    """Of `private/buy` and `private/sell`."""

    instrument_name: str
    amount: Number = msgspec.UNSET
    contracts: Number = msgspec.UNSET
    type: Text = msgspec.UNSET
    price: Number = msgspec.UNSET
    label: Text = msgspec.UNSET
    time_in_force: Text = msgspec.UNSET
    post_only: Flag = msgspec.UNSET
    reject_post_only: Flag = msgspec.UNSET
    reduce_only: Flag = msgspec.UNSET
    valid_until: Whole = msgspec.UNSET
    display_amount: Number = msgspec.UNSET
    max_show: Number = msgspec.UNSET
    advanced: Text = msgspec.UNSET
    mmp: Flag = msgspec.UNSET
    trigger: Text = msgspec.UNSET
    linked_order_type: Text = msgspec.UNSET


class EditParams(msgspec.Struct, frozen=True, kw_only=True):
    """Of `private/edit`."""

    order_id: str
    amount: Number = msgspec.UNSET
    contracts: Number = msgspec.UNSET
    price: Number = msgspec.UNSET
    post_only: Flag = msgspec.UNSET
    reject_post_only: Flag = msgspec.UNSET
    reduce_only: Flag = msgspec.UNSET
    valid_until: Whole = msgspec.UNSET
    advanced: Text = msgspec.UNSET
    mmp: Flag = msgspec.UNSET


class EditByLabelParams(msgspec.Struct, frozen=True, kw_only=True):
    """Of `private/edit_by_label`."""

    label: str
    instrument_name: str
    amount: Number = msgspec.UNSET
    contracts: Number = msgspec.UNSET
    price: Number = msgspec.UNSET
    post_only: Flag = msgspec.UNSET
    reject_post_only: Flag = msgspec.UNSET
    reduce_only: Flag = msgspec.UNSET
    valid_until: Whole = msgspec.UNSET
    advanced: Text = msgspec.UNSET
    mmp: Flag = msgspec.UNSET


def order_request(call: Call, side: Side, now_ns: int) -> OrderRequest | Refusal:
    """What the parameters ask of the exchange."""
    params: OrderParams = call.params
    name = params.instrument_name
    line = call.face.market.line_of.get(name)
    if line is None:
        return refusals.NOT_FOUND
    refusal = _unsupported(params, call.face.market.kind(line)) or _late(params.valid_until, now_ns)
    amount = amount_of(call, name, params.amount, params.contracts)
    refusal = refusal or (amount if isinstance(amount, Refusal) else None)
    if refusal is not None:
        return refusal
    if not isinstance(amount, Decimal):
        return invalid_params("amount", "required")
    order_type = _TYPES[given(params.type, "limit")]
    time_in_force = _TIMES_IN_FORCE[given(params.time_in_force, "good_til_cancelled")]
    day_ends_ns = ((now_ns - DAY_END_NS) // DAY_NS + 1) * DAY_NS + DAY_END_NS
    return OrderRequest(
        instrument_name=name,
        side=side,
        amount=amount,
        # A market order's price is ignored by the venue.
        price=None if order_type is not OrderType.LIMIT else _value(params.price),
        order_type=order_type,
        time_in_force=time_in_force,
        valid_until_ns=day_ends_ns if time_in_force is TimeInForce.GTD else None,
        post_only=post_only_of(params.post_only, params.reject_post_only) or PostOnly.NO,
        is_reduce_only=params.reduce_only is True,
        label=given(params.label, ""),
        session=call.caller.connection_id if call.caller is not None else "",
    )


def order_edit(call: Call, name: str, now_ns: int) -> OrderEdit | Refusal:
    """What the parameters change of an order of instrument `name`."""
    params: EditParams | EditByLabelParams = call.params
    if params.mmp is not msgspec.UNSET:
        return invalid_params("mmp", "can not be changed")
    if params.advanced is not msgspec.UNSET:
        return Refusal(code=11041, message="not_adv_order")
    refusal = _late(params.valid_until, now_ns)
    if refusal is not None:
        return refusal
    amount = amount_of(call, name, params.amount, params.contracts)
    if isinstance(amount, Refusal):
        return amount
    return OrderEdit(
        amount=amount,
        price=_value(params.price),
        post_only=post_only_of(params.post_only, params.reject_post_only),
        is_reduce_only=None if params.reduce_only is msgspec.UNSET else params.reduce_only,
    )


def amount_of(call: Call, name: str, amount: Number, contracts: Number) -> Decimal | Refusal | None:
    """The amount asked for, in coin or USD; None where neither was given."""
    size = call.face.exchange.listings[name].instrument.contract_size
    by_amount, by_contracts = _value(amount), _value(contracts)
    if by_contracts is None:
        return by_amount
    given = (by_contracts,) if by_amount is None else (by_contracts, by_amount)
    if not all(one.is_finite() and abs(one) <= CONTRACTS_MAX for one in given):
        return Refusal(code=10021, message="invalid_amount")
    from_contracts = by_contracts * size
    if by_amount is not None and by_amount != from_contracts:
        return invalid_params("contracts", "must agree with amount")
    return from_contracts


def post_only_of(post_only: Flag, rejects: Flag) -> PostOnly | None:
    """The post-only rule asked for; None where nothing was said.

    The document gives it a default of true, yet captured orders without it take: so do ours.
    """
    if post_only is msgspec.UNSET:
        return None
    if post_only is False:
        return PostOnly.NO
    return PostOnly.REJECT if rejects is True else PostOnly.REPRICE


def _value(number: Number) -> Decimal | None:
    return None if isinstance(number, msgspec.UnsetType) else number


def _late(valid_until: Whole, now_ns: int) -> Refusal | None:
    is_late = isinstance(valid_until, int) and valid_until * NS_PER_MS < now_ns
    return refusals.TIMED_OUT if is_late else None


def _unsupported(params: OrderParams, kind: str) -> Refusal | None:
    """What the venue or its simulation does not take, in the venue's words."""
    order_type, is_option = given(params.type, "limit"), kind == "option"
    time_in_force = given(params.time_in_force, "good_til_cancelled")
    is_timed = params.time_in_force is not msgspec.UNSET
    is_advanced = params.advanced is not msgspec.UNSET
    is_hidden = any(one is not msgspec.UNSET for one in (params.display_amount, params.max_show))
    types = f"must be one of {', '.join((*_TYPES, *_TRIGGERED))}"
    rules: tuple[tuple[bool, Refusal], ...] = (
        (order_type in _TRIGGERED, other_reject("trigger_orders_not_available")),
        (order_type not in _TYPES, invalid_params("type", types)),
        (
            time_in_force not in _TIMES_IN_FORCE,
            invalid_params("time_in_force", f"must be one of {', '.join(_TIMES_IN_FORCE)}"),
        ),
        (is_timed and order_type != "limit", refusals.UNSUPPORTED_COMBINATION),
        (
            params.post_only is True
            and not is_advanced
            and (order_type != "limit" or time_in_force != "good_til_cancelled"),
            refusals.POST_ONLY_NOT_ALLOWED,
        ),
        (is_advanced and not is_option, Refusal(code=11038, message="no_adv_for_futures")),
        (is_advanced and params.post_only is True, Refusal(code=11039, message="no_adv_postonly")),
        (is_advanced, other_reject("advanced_orders_not_available")),
        (is_hidden and is_option, Refusal(code=11048, message="wrong_max_show_for_option")),
        (is_hidden, other_reject("iceberg_orders_not_available")),
        (
            params.linked_order_type is not msgspec.UNSET,
            other_reject("linked_orders_not_available"),
        ),
        (params.mmp is True, other_reject("mmp_not_enabled")),
    )
    return next((refusal for is_met, refusal in rules if is_met), None)
