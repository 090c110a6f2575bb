"""The methods that read an account: positions, summaries, margins."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.simulator.contracts import exact
from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.account_records import (
    account_identity,
    account_summary,
    portfolio,
    simulated_portfolio,
)
from quantdesk.simulator.deribit.accounts import KEY_SCOPE
from quantdesk.simulator.deribit.calls import Call, Flag, Method, NoParams, Text, given
from quantdesk.simulator.deribit.market_methods import CURRENCIES, bad_scope
from quantdesk.simulator.deribit.names import parse_order_id, printed_order_id
from quantdesk.simulator.deribit.order_methods import KINDS
from quantdesk.simulator.deribit.order_records import order_record
from quantdesk.simulator.deribit.order_refusals import translated
from quantdesk.simulator.deribit.position_records import (
    margin_prices,
    order_reserves,
    position_record,
)
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params
from quantdesk.simulator.exchange.orders import Order, OrderFilter, OrderRequest
from quantdesk.simulator.exchange.positions import Position, PositionReport
from quantdesk.simulator.exchange.refusals import Refusal as ExchangeRefusal
from quantdesk.simulator.exchange.reports import AccountSummary
from quantdesk.simulator.exchange.standard_fees import StandardFees

ORDERS_MAX = 100
SIMULATED_SIZE_MAX = Decimal(10) ** 9
_DECIMALS = 9


class PositionParams(msgspec.Struct, frozen=True):
    instrument_name: str


class PositionsParams(msgspec.Struct, frozen=True):
    currency: Text = msgspec.UNSET
    kind: Text = msgspec.UNSET


class SummaryParams(msgspec.Struct, frozen=True):
    currency: str
    extended: Flag = msgspec.UNSET


class SummariesParams(msgspec.Struct, frozen=True):
    extended: Flag = msgspec.UNSET


class MarginsParams(msgspec.Struct, frozen=True):
    instrument_name: str
    amount: Decimal
    price: Decimal


class SimulatedParams(msgspec.Struct, frozen=True):
    currency: str
    add_positions: Flag = msgspec.UNSET
    simulated_positions: dict[str, Decimal] | msgspec.UnsetType = msgspec.UNSET


class DetailsParams(msgspec.Struct, frozen=True):
    currency: str
    with_open_orders: Flag = msgspec.UNSET


class SubaccountsParams(msgspec.Struct, frozen=True):
    with_portfolio: Flag = msgspec.UNSET


class OrderMarginParams(msgspec.Struct, frozen=True):
    ids: list[str]


def _positions(call: Call) -> object:
    currency = given(call.params.currency, "any")
    refusal = bad_scope(currency, call.params.kind)
    if refusal is not None:
        return refusal
    account_id, exchange = call.account.account_id, call.face.exchange
    return [
        position_record(call.face, account_id, report)
        for kind in KINDS[given(call.params.kind, "any")]
        for report in exchange.positions(
            account_id, currency=None if currency == "any" else currency, kind=kind
        )
    ]


def _position(call: Call) -> object:
    """A position, of size 0 and direction "zero" where nothing is held."""
    name = call.params.instrument_name
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    account_id = call.account.account_id
    report = call.face.exchange.position(account_id, name) or _nothing_held(call, name)
    return position_record(call.face, account_id, report)


def _nothing_held(call: Call, name: str) -> PositionReport:
    """The report of an instrument that was never traded, or is delivered."""
    listing, market = call.face.exchange.listings[name], call.face.market
    mark = exact(market.mark(market.line_of[name]))
    index = exact(call.face.venue.index_price(listing.instrument.index_name))
    return Position(listing.law).report(
        mark=mark, index=index, underlying=margin_prices(call.face, name).underlying or index
    )


def _summary(call: Call) -> object:
    currency = call.params.currency
    if currency not in CURRENCIES or currency == "any":
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES[:-1])}")
    summary = account_summary(call.face, call.account, currency)
    if call.params.extended is not True:
        return summary
    return {**account_identity(call.face, call.account), **summary}


def _summaries(call: Call) -> object:
    summaries = [
        account_summary(call.face, call.account, currency)
        for currency in call.face.market.currencies
    ]
    if call.params.extended is not True:
        return {"summaries": summaries}
    return {**account_identity(call.face, call.account), "summaries": summaries}


def _subaccounts(call: Call) -> object:
    """The main account, which has no others."""
    account, face = call.account, call.face
    record: dict[str, object] = {
        "id": account.user_id,
        "email": f"{account.username}@simulated.invalid",
        "username": account.username,
        "system_name": account.username,
        "type": "main",
        "is_password": True,
        "login_enabled": False,
        "receive_notifications": False,
        "security_keys_enabled": False,
        "security_keys_assignments": [],
        "margin_model": "segregated_sm",
    }
    if call.params.with_portfolio is True:
        record["portfolio"] = {
            currency.lower(): portfolio(face, account, currency)
            for currency in face.market.currencies
        }
    return [record]


def _margins(call: Call) -> object:
    """What a buy and a sell would reserve, and the prices allowed."""
    params, exchange = call.params, call.face.exchange
    name, account_id = params.instrument_name, call.account.account_id
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    if not params.amount.is_finite() or not params.price.is_finite():
        return invalid_params("amount", "must be a number")
    currency = exchange.listings[name].instrument.settlement_currency
    summary = exchange.summary(account_id, currency)
    assert isinstance(summary, AccountSummary)
    assert summary.margins is not None
    reserved: dict[str, object] = {}
    for side in Side:
        request = OrderRequest(
            instrument_name=name, side=side, amount=params.amount, price=params.price
        )
        margins = exchange.margins_with(account_id, request)
        if isinstance(margins, ExchangeRefusal):
            return translated(margins)
        more = margins.initial - summary.margins.initial
        reserved[side.value] = round(float(more), _DECIMALS)
    lowest, highest = call.face.market.price_limits(call.face.market.line_of[name])
    fees = _fees_of(call, exchange.listings[name].instrument)
    return {**reserved, **fees, "min_price": lowest, "max_price": highest}


def _fees_of(call: Call, instrument: Instrument) -> dict[str, object]:
    """What either side would pay as maker and as taker."""
    fees = StandardFees(as_of_ns=call.face.venue.opened_ns)
    index = exact(call.face.venue.index_price(instrument.index_name))
    charged = {
        role: fees.trade_fee(
            instrument,
            amount=call.params.amount,
            price=call.params.price,
            liquidity=liquidity,
            index_price=index,
        )
        for role, liquidity in (("taker", Liquidity.TAKER), ("maker", Liquidity.MAKER))
    }
    return {
        f"{side.value}_{role}_fee": round(float(fee), _DECIMALS)
        for side in Side
        for role, fee in charged.items()
    }


def _simulated(call: Call) -> object:
    """The portfolio with other positions: its margins only, what they cost or made left out."""
    params, market = call.params, call.face.market
    if params.currency not in market.currencies:
        return invalid_params("currency", f"must be one of {', '.join(market.currencies)}")
    asked = {} if params.simulated_positions is msgspec.UNSET else params.simulated_positions
    for name, size in asked.items():
        line = market.line_of.get(name)
        if line is None or market.currency(line) != params.currency or not market.is_open(line):
            return invalid_params("simulated_positions", f"{name} is not of {params.currency}")
        if not size.is_finite() or abs(size) > SIMULATED_SIZE_MAX:
            return invalid_params("simulated_positions", f"must be at most {SIMULATED_SIZE_MAX}")
    return simulated_portfolio(
        call.face,
        call.account,
        params.currency,
        sizes=asked,
        is_added=params.add_positions is not False,
    )


def _subaccount_details(call: Call) -> object:
    currency = call.params.currency
    refusal = bad_scope(currency, msgspec.UNSET)
    if refusal is not None:
        return refusal
    account_id, exchange = call.account.account_id, call.face.exchange
    wanted = None if currency == "any" else currency
    record: dict[str, object] = {
        "uid": call.account.user_id,
        "positions": [
            position_record(call.face, account_id, report)
            for report in exchange.positions(account_id, currency=wanted)
        ],
    }
    if call.params.with_open_orders is True:
        record["open_orders"] = [
            order_record(order, call.face)
            for order in exchange.open_orders(account_id, OrderFilter(currency=wanted))
        ]
    return [record]


def _api_keys(call: Call) -> object:
    """The only key of the account. Its secret is told to a key that may write accounts only."""
    account = call.account
    scope = " ".join(f"{area}:{level}" for area, level in sorted(KEY_SCOPE.items()))
    return [
        {
            "id": 1,
            "timestamp": call.face.venue.opened_ns // 1_000_000,
            "client_id": account.client_id,
            "client_secret": "********",
            "max_scope": scope,
            "enabled": True,
            "default": True,
            "name": account.username,
            "enabled_features": [],
            "ip_whitelist": [],
        }
    ]


def _order_margins(call: Call) -> object:
    """What each open order reserves beside the others of its instrument."""
    if len(call.params.ids) > ORDERS_MAX:
        return invalid_params("ids", f"must hold at most {ORDERS_MAX}")
    found = [_order_margin(call, order_id) for order_id in call.params.ids]
    return next((one for one in found if isinstance(one, Refusal)), found)


def _order_margin(call: Call, order_id: str) -> dict[str, object] | Refusal:
    number = parse_order_id(order_id)
    if number is None:
        return refusals.ORDER_NOT_FOUND
    account_id, exchange = call.account.account_id, call.face.exchange
    order = exchange.order(account_id, number)
    if not isinstance(order, Order):
        return translated(order)
    currency = exchange.listings[order.instrument_name].instrument.settlement_currency
    if order.status.is_final:
        return refusals.NOT_OPEN
    margin = order_reserves(call.face, account_id, order.instrument_name)[number]
    return {
        "order_id": printed_order_id(currency, number),
        "initial_margin": round(float(margin), _DECIMALS),
        "initial_margin_currency": currency,
    }


def _reading(
    run: Callable[[Call], object], params: type[msgspec.Struct], area: str = "account"
) -> Method:
    return Method(run=run, params=params, area=area)


METHODS: dict[str, Method] = {
    "private/get_positions": _reading(_positions, PositionsParams, "trade"),
    "private/get_position": _reading(_position, PositionParams, "trade"),
    "private/get_account_summary": _reading(_summary, SummaryParams),
    "private/get_account_summaries": _reading(_summaries, SummariesParams),
    "private/get_subaccounts": _reading(_subaccounts, SubaccountsParams),
    "private/get_subaccounts_details": _reading(_subaccount_details, DetailsParams),
    "private/list_api_keys": _reading(_api_keys, NoParams),
    "private/get_user_locks": _reading(
        lambda call: [{"currency": one, "locked": False} for one in call.face.market.currencies],
        NoParams,
    ),
    "private/get_access_log": _reading(lambda _call: {"records_total": 0, "data": []}, NoParams),
    "private/get_announcements": _reading(lambda _call: [], NoParams),
    "private/get_new_announcements": _reading(lambda _call: [], NoParams),
    "private/simulate_portfolio": _reading(_simulated, SimulatedParams, "trade"),
    "private/get_margins": _reading(_margins, MarginsParams, "trade"),
    "private/get_order_margin_by_ids": _reading(_order_margins, OrderMarginParams, "trade"),
}
