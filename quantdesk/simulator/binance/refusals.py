"""What the simulated Binance answers when it refuses: the venue's codes, words and HTTP status.

Codes are those of the venue's options list; where that list gives no words, they are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from quantdesk.simulator.exchange.refusals import EndReason, Refusal, RefusalReason

BAD_REQUEST = 400
UNAUTHORIZED = 401
TEAPOT = 418
TOO_MANY = 429
UNAVAILABLE = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRefusal:
    """An error answer: body `{"code", "msg"}`, HTTP status and seconds of Retry-After, if any."""

    code: int
    msg: str
    status: int = BAD_REQUEST
    retry_after_s: int | None = None

    def body(self) -> dict[str, object]:
        """The JSON of the answer."""
        return {"code": self.code, "msg": self.msg}


class RequestRefused(Exception):
    """Carries a refusal out of the reading of a request; never leaves this face."""

    def __init__(self, refusal: ApiRefusal) -> None:
        super().__init__(refusal.msg)
        self.refusal = refusal


def refuse(code: int, msg: str, status: int = BAD_REQUEST) -> RequestRefused:
    """The exception to raise for a request that is answered with an error."""
    return RequestRefused(ApiRefusal(code=code, msg=msg, status=status))


UNKNOWN_PATH = ApiRefusal(code=-1000, msg="Path not found.", status=404)
INTERNAL_UNKNOWN = ApiRefusal(
    code=-1000,
    msg="Unknown error, please check your request or try again later.",
    status=UNAVAILABLE,
)
"""The request may have been carried out: the venue says to ask before sending again."""
TOO_MUCH_WEIGHT = ApiRefusal(
    code=-1008,
    msg="Too much request weight used; current limit is 2400 request weight per 1 MINUTE.",
    status=TOO_MANY,
    retry_after_s=1,
)
UNAUTHORISED_ACTION = ApiRefusal(
    code=-1002, msg="You are not authorized to execute this request.", status=UNAUTHORIZED
)
TIMESTAMP_AHEAD = ApiRefusal(
    code=-1021, msg="Timestamp for this request was 1000ms ahead of the server's time."
)
TIMESTAMP_OLD = ApiRefusal(code=-1021, msg="Timestamp for this request is outside of recvWindow.")
BAD_SIGNATURE = ApiRefusal(code=-1022, msg="Signature for this request is not valid.")
BAD_KEY_FORMAT = ApiRefusal(code=-2014, msg="API-key format invalid.", status=UNAUTHORIZED)
BAD_KEY = ApiRefusal(
    code=-2015,
    msg="Invalid API-key, IP, or permissions for action.",
    status=UNAUTHORIZED,
)
BAD_RECV_WINDOW = ApiRefusal(code=-1131, msg="recvWindow must be less than 60000")
NO_ORDER = ApiRefusal(code=-2013, msg="Order does not exist.")
NOT_A_MARKET_MAKER = ApiRefusal(code=-6005, msg="It is not market maker.")
BAD_SYMBOL = ApiRefusal(code=-1121, msg="Invalid symbol.")
BAD_UNDERLYING = ApiRefusal(code=-1128, msg="Invalid underlying.")
NO_LISTEN_KEY = ApiRefusal(code=-1125, msg="This listenKey does not exist.")
TOO_MANY_IN_BATCH = ApiRefusal(code=-6011, msg="Maximum 10 orders in one batchOrder request.")
TOO_MANY_ON_UNDERLYING = ApiRefusal(
    code=-6051, msg="Maximum open orders reached for this underlying."
)
FOK_REJECTED = ApiRefusal(
    code=-6046, msg="FOK order rejected because it could not be filled immediately."
)

_OF_REASON: dict[RefusalReason, tuple[int, str]] = {
    RefusalReason.UNKNOWN_ACCOUNT: (-2015, "Invalid API-key, IP, or permissions for action."),
    RefusalReason.UNKNOWN_INSTRUMENT: (-1121, "Invalid symbol."),
    RefusalReason.NOT_TRADING: (-6049, "Symbol is not in trading status."),
    RefusalReason.PRICE_MISSING: (
        -1102,
        "Mandatory parameter 'price' was not sent, was empty/null, or malformed.",
    ),
    RefusalReason.PRICE_INVALID: (-4001, "Price less than 0."),
    RefusalReason.PRICE_OFF_TICK: (-4029, "Tick size precision is invalid."),
    RefusalReason.PRICE_TOO_LOW: (-4013, "Price less than min price."),
    RefusalReason.PRICE_TOO_HIGH: (-4002, "Price greater than max price."),
    RefusalReason.AMOUNT_INVALID: (-4003, "Quantity less than zero."),
    RefusalReason.AMOUNT_TOO_SMALL: (-4004, "Quantity less than min quantity."),
    RefusalReason.AMOUNT_TOO_LARGE: (-4005, "Quantity greater than max quantity."),
    RefusalReason.AMOUNT_OFF_STEP: (-4030, "Step size precision is invalid."),
    RefusalReason.UNSUPPORTED_COMBINATION: (-1014, "Unsupported order combination."),
    RefusalReason.LABEL_TOO_LONG: (-1130, "Data sent for parameter 'clientOrderId' is not valid."),
    RefusalReason.LABEL_IN_USE: (-6044, "clientOrderId is duplicated."),
    RefusalReason.POST_ONLY: (
        -6047,
        "Post Only order rejected because it could not be executed as maker.",
    ),
    RefusalReason.REDUCE_ONLY: (
        -6045,
        "Reduce-only order rejected due to conflicts with existing open orders.",
    ),
    RefusalReason.SELF_TRADE: (-6023, "Self trade prevention."),
    RefusalReason.NOT_ENOUGH_FUNDS: (-2027, "Option margin is insufficient."),
    RefusalReason.NO_MARGIN_RULE: (-4078, "Options internal error."),
    RefusalReason.TOO_MANY_ORDERS: (-6050, "Maximum open orders reached for this symbol."),
    RefusalReason.ORDER_NOT_FOUND: (-2013, "Order does not exist."),
    RefusalReason.ORDER_NOT_OWNED: (-2013, "Order does not exist."),
    RefusalReason.ORDER_NOT_OPEN: (-6028, "Order is in final state."),
}


def from_exchange(refusal: Refusal) -> ApiRefusal:
    """The venue's error for what the exchange would not do."""
    code, msg = _OF_REASON.get(refusal.reason, (-2010, "New order rejected."))
    return ApiRefusal(code=code, msg=msg)


STATUS_OF_END = {
    EndReason.USER_REQUEST: "CANCELED",
    EndReason.COUNTDOWN: "CANCELED",
    EndReason.DISCONNECT: "CANCELED",
    EndReason.VENUE_RESTART: "CANCELED",
    EndReason.UNFILLED_REST: "EXPIRED",
    EndReason.NOT_FILLABLE: "EXPIRED",
    EndReason.REDUCE_ONLY: "EXPIRED",
    EndReason.TIME_REACHED: "EXPIRED",
    EndReason.SETTLEMENT: "EXPIRED",
    EndReason.SELF_TRADE: "EXPIRED_IN_MATCH",
}
"""Status of an order that ended unfilled, by why."""


def missing(name: str) -> RequestRefused:
    """A mandatory parameter that is not there, or empty."""
    return refuse(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def invalid(name: str) -> RequestRefused:
    """A parameter that is there and means nothing."""
    return refuse(-1130, f"Data sent for parameter '{name}' is not valid.")
