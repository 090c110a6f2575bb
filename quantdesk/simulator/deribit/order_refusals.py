"""The exchange's refusals in Deribit's codes and words."""

from __future__ import annotations

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params, other_reject
from quantdesk.simulator.exchange.refusals import Refusal as ExchangeRefusal
from quantdesk.simulator.exchange.refusals import RefusalReason as Reason

_CODES: dict[Reason, Refusal] = {
    Reason.UNKNOWN_INSTRUMENT: refusals.NOT_FOUND,
    Reason.NOT_TRADING: Refusal(code=13019, message="orderbook_closed"),
    Reason.PRICE_MISSING: invalid_params("price", "required"),
    Reason.PRICE_NOT_ALLOWED: Refusal(code=10011, message="price_not_allowed"),
    Reason.PRICE_INVALID: Refusal(code=10023, message="invalid_price"),
    Reason.PRICE_OFF_TICK: Refusal(code=10043, message="price_wrong_tick"),
    Reason.PRICE_TOO_LOW: Refusal(code=10005, message="price_too_low"),
    Reason.PRICE_TOO_HIGH: Refusal(code=10007, message="price_too_high"),
    Reason.AMOUNT_INVALID: Refusal(code=10021, message="invalid_amount"),
    Reason.AMOUNT_TOO_SMALL: Refusal(code=10002, message="qty_too_low"),
    Reason.AMOUNT_TOO_LARGE: Refusal(code=10022, message="invalid_quantity"),
    Reason.AMOUNT_OFF_STEP: Refusal(code=10027, message="non_integer_contract_amount"),
    Reason.AMOUNT_BELOW_FILLED: Refusal(code=11008, message="already_filled"),
    Reason.UNSUPPORTED_COMBINATION: refusals.UNSUPPORTED_COMBINATION,
    Reason.VALID_UNTIL_MISSING: invalid_params("valid_until", "required"),
    Reason.VALID_UNTIL_PASSED: refusals.TIMED_OUT,
    Reason.LABEL_TOO_LONG: invalid_params("label", "must be at most 64 characters"),
    Reason.LABEL_IN_USE: refusals.AMBIGUOUS_LABEL,
    Reason.POST_ONLY: Refusal(code=11054, message="post_only_reject"),
    Reason.REDUCE_ONLY: other_reject("invalid_reduce_only_order"),
    Reason.SELF_TRADE: Refusal(code=10003, message="order_overlap"),
    Reason.NO_LIQUIDITY: other_reject("no_liquidity"),
    Reason.NOT_ENOUGH_FUNDS: Refusal(code=10009, message="not_enough_funds"),
    Reason.NO_MARGIN_RULE: other_reject("no_margin_rule"),
    Reason.TOO_MANY_ORDERS: other_reject("max_open_orders_reached"),
    Reason.ORDER_NOT_FOUND: refusals.ORDER_NOT_FOUND,
    Reason.ORDER_NOT_OWNED: Refusal(code=10029, message="not_owner_of_order"),
    Reason.ORDER_NOT_OPEN: refusals.NOT_OPEN,
    Reason.NO_POSITION: refusals.ALREADY_CLOSED,
    Reason.UNKNOWN_ACCOUNT: refusals.UNAUTHORIZED,
}

_WITH_LIMIT = frozenset({Reason.PRICE_TOO_LOW, Reason.PRICE_TOO_HIGH, Reason.AMOUNT_TOO_SMALL})
"""Refusals whose message carries the number that was missed."""


def translated(refusal: ExchangeRefusal) -> Refusal:
    """The venue's answer for a refusal of the exchange."""
    answer = _CODES[refusal.reason]
    if refusal.reason in _WITH_LIMIT and refusal.limit is not None:
        return Refusal(code=answer.code, message=f"{answer.message} {refusal.limit:f}")
    return answer
