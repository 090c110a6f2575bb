"""What the exchange answers when it will not do something, and why an order ended.

Values, not exceptions; a face maps them to its venue's error codes and words.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


class RefusalReason(Enum):
    """Why a request was not carried out. The words are for people; faces have their own."""

    UNKNOWN_ACCOUNT = "no such account"
    UNKNOWN_INSTRUMENT = "no such instrument"
    NOT_TRADING = "the instrument is not open for trading"
    PRICE_MISSING = "the order type needs a price"
    PRICE_NOT_ALLOWED = "the order type takes no price"
    PRICE_INVALID = "the price is not a positive number in range"
    PRICE_OFF_TICK = "the price is not on the tick grid"
    PRICE_TOO_LOW = "a sell below the lowest price allowed"
    PRICE_TOO_HIGH = "a buy above the highest price allowed"
    AMOUNT_INVALID = "the amount is not a positive number in range"
    AMOUNT_TOO_SMALL = "the amount is below the smallest order"
    AMOUNT_TOO_LARGE = "the amount is above the largest order"
    AMOUNT_OFF_STEP = "the amount is not on the amount grid"
    AMOUNT_BELOW_FILLED = "the new amount is not above what is filled"
    UNSUPPORTED_COMBINATION = "the flags do not go together"
    VALID_UNTIL_MISSING = "the time in force needs an end"
    VALID_UNTIL_PASSED = "the end of validity has passed"
    LABEL_TOO_LONG = "the label is too long"
    LABEL_IN_USE = "an open order carries the label"
    POST_ONLY = "a post-only order would trade at once"
    REDUCE_ONLY = "a reduce-only order would not reduce the position"
    SELF_TRADE = "the order would trade with one of its own side"
    NO_LIQUIDITY = "nothing to take a price from"
    NOT_ENOUGH_FUNDS = "not enough available funds"
    NO_MARGIN_RULE = "the venue's margin has no rule for the instrument"
    TOO_MANY_ORDERS = "too many open orders"
    ORDER_NOT_FOUND = "no such order"
    ORDER_NOT_OWNED = "the order is another account's"
    ORDER_NOT_OPEN = "the order is not open any more"
    NO_POSITION = "no position to close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that changed nothing.

    limit : the number it was measured against (lowest price, largest amount, funds available), in
        the unit of what it limits; None where there is none
    field : the argument at fault, "" where it is the whole
    """

    reason: RefusalReason
    limit: Decimal | None = None
    field: str = ""


class EndReason(Enum):
    """Why an order ended before it was filled."""

    USER_REQUEST = "user_request"
    UNFILLED_REST = "immediate_or_cancel"
    NOT_FILLABLE = "fill_or_kill"
    SELF_TRADE = "self_trade"
    REDUCE_ONLY = "reduce_only"
    DISCONNECT = "cancel_on_disconnect"
    COUNTDOWN = "countdown"
    TIME_REACHED = "valid_until"
    SETTLEMENT = "settlement"
    VENUE_RESTART = "venue_restart"
