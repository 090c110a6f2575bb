"""Positions as Deribit prints them, and what summaries of accounts add up from them.

Money is in the settlement currency. Option deltas are Black's times the position's size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from quantdesk.domain.instrument import InstrumentKind, Side
from quantdesk.domain.margin import MarginOrder, MarginPrices
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.simulator.board import Field
from quantdesk.simulator.contracts import exact
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.exchange.orders import OrderFilter
from quantdesk.simulator.exchange.positions import PositionReport
from quantdesk.simulator.exchange.reports import AccountSummary

COIN_DECIMALS = 9
USD_DECIMALS = 6
_KINDS = {
    InstrumentKind.OPTION: "option",
    InstrumentKind.FUTURE: "future",
    InstrumentKind.PERPETUAL: "future",
}


class PositionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A position. Gamma, vega, theta and USD averages of options only; leverage of futures."""

    instrument_name: str
    kind: str
    direction: str
    size: float
    average_price: float
    mark_price: float
    index_price: float
    delta: float
    floating_profit_loss: float
    realized_profit_loss: float
    total_profit_loss: float
    initial_margin: float
    maintenance_margin: float
    open_orders_margin: float
    average_price_usd: float | msgspec.UnsetType = msgspec.UNSET
    floating_profit_loss_usd: float | msgspec.UnsetType = msgspec.UNSET
    gamma: float | msgspec.UnsetType = msgspec.UNSET
    vega: float | msgspec.UnsetType = msgspec.UNSET
    theta: float | msgspec.UnsetType = msgspec.UNSET
    settlement_price: float | msgspec.UnsetType = msgspec.UNSET
    size_currency: float | msgspec.UnsetType = msgspec.UNSET
    leverage: int | msgspec.UnsetType = msgspec.UNSET
    realized_funding: float | msgspec.UnsetType = msgspec.UNSET
    interest_value: float | msgspec.UnsetType = msgspec.UNSET
    estimated_liquidation_price: float | msgspec.UnsetType | None = msgspec.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionGreeks:
    """Sums over options: delta by Black, gamma, vega and theta in the venue's units."""

    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta: float = 0.0


def position_record(face: DeribitFace, account_id: str, report: PositionReport) -> PositionRecord:
    """A position at the marks of now."""
    listing = face.exchange.listings[report.instrument_name]
    instrument, size = listing.instrument, report.size
    is_option = instrument.kind is InstrumentKind.OPTION
    model = DeribitStandardMargin(as_of_ns=face.venue.opened_ns)
    prices = MarginPrices(mark=report.mark_price, underlying=report.underlying_price)
    margin = model.position_margin(instrument, size, prices)
    floating = report.unrealised_pnl if is_option else floating_profit(report)
    realised = report.realised_pnl if is_option else report.session_pnl - floating
    index = float(report.index_price)
    record = PositionRecord(
        instrument_name=instrument.name,
        kind=_KINDS[instrument.kind],
        direction="zero" if not size else "buy" if size > 0 else "sell",
        size=float(size),
        average_price=plain(report.average_price, COIN_DECIMALS),
        mark_price=float(report.mark_price),
        index_price=index,
        delta=0.0,
        floating_profit_loss=plain(floating, COIN_DECIMALS),
        realized_profit_loss=plain(realised, COIN_DECIMALS),
        total_profit_loss=plain(report.unrealised_pnl, COIN_DECIMALS),
        initial_margin=plain(margin.initial, COIN_DECIMALS),
        maintenance_margin=plain(margin.maintenance, COIN_DECIMALS),
        open_orders_margin=plain(
            sum(order_reserves(face, account_id, instrument.name).values(), Decimal(0)),
            COIN_DECIMALS,
        ),
    )
    if is_option:
        greeks = _greeks_of(face, report)
        return msgspec.structs.replace(
            record,
            delta=round(greeks.delta, COIN_DECIMALS),
            gamma=round(greeks.gamma, USD_DECIMALS),
            vega=round(greeks.vega, USD_DECIMALS),
            theta=round(greeks.theta, USD_DECIMALS),
            settlement_price=plain(report.settlement_price or report.mark_price, COIN_DECIMALS),
            average_price_usd=_average_usd(face, account_id, report),
            floating_profit_loss_usd=round(float(floating) * index, USD_DECIMALS),
        )
    coins = float(size / report.mark_price)
    row = face.venue.futures.contracts[face.venue.futures.row_of[instrument.name]]
    ratio = liquidation_ratio(face, account_id, instrument.settlement_currency) if size else 0.0
    record = msgspec.structs.replace(
        record,
        delta=round(coins, COIN_DECIMALS),
        size_currency=round(coins, COIN_DECIMALS),
        leverage=row.record.max_leverage,
        settlement_price=face.market.settlement_price(face.market.line_of[instrument.name]),
        estimated_liquidation_price=round(ratio * float(report.mark_price), 2) if ratio else None,
    )
    if instrument.kind is not InstrumentKind.PERPETUAL:
        return record
    return msgspec.structs.replace(
        record,
        realized_funding=plain(report.session_funding, COIN_DECIMALS),
        interest_value=round(row.funding_8h * 100, COIN_DECIMALS),
    )


def margin_prices(face: DeribitFace, name: str) -> MarginPrices:
    """What margin reads of the market: mark and underlying."""
    market, line = face.market, face.market.line_of[name]
    future = market.future(line)
    underlying = (
        float(market.board.published[Field.UNDERLYING, line])
        if future is None
        else future.index_price
    )
    return MarginPrices(mark=exact(market.mark(line)), underlying=exact(underlying))


def liquidation_ratio(face: DeribitFace, account_id: str, currency: str) -> float:
    """Price of now to that at which maintenance margin eats the margin balance; 0 for none.

    By futures alone: with D coins of them and maintenance M, a balance of E is worth
    E + D·(1 − 1/x) at x times the price and M/x is required, so x = (D + M)/(E + D).
    """
    summary = face.exchange.summary(account_id, currency)
    assert isinstance(summary, AccountSummary)
    assert summary.margins is not None
    coins = sum(
        float(report.size / report.mark_price)
        for report in face.exchange.positions(account_id, currency=currency)
        if report.instrument_name not in face.market.board.row_of
    )
    whole = float(summary.margins.margin_balance) + coins
    if not coins or whole == 0.0:
        return 0.0
    ratio = (coins + float(summary.margins.maintenance)) / whole
    return round(ratio, COIN_DECIMALS - 1) if ratio > 0 else 0.0


def floating_profit(report: PositionReport) -> Decimal:
    """A future's open profit of the session: since its last settlement, else since it was opened.

    After a settlement what was closed in the session counts in; the exchange keeps one sum of both.
    """
    return report.unrealised_pnl if report.settlement_price is None else report.session_pnl


def _greeks_of(face: DeribitFace, report: PositionReport) -> PositionGreeks:
    board = face.market.board
    row, size = board.row_of[report.instrument_name], float(report.size)
    delta, gamma, vega, theta = (
        size * float(board.published[field, row])
        for field in (Field.DELTA, Field.GAMMA, Field.VEGA, Field.THETA)
    )
    return PositionGreeks(delta=delta, gamma=gamma, vega=vega, theta=theta)


def summed_greeks(face: DeribitFace, reports: Iterable[PositionReport]) -> PositionGreeks:
    """Greeks of several positions together."""
    all_of = [_greeks_of(face, report) for report in reports]
    return PositionGreeks(
        delta=sum(one.delta for one in all_of),
        gamma=sum(one.gamma for one in all_of),
        vega=sum(one.vega for one in all_of),
        theta=sum(one.theta for one in all_of),
    )


def order_reserves(face: DeribitFace, account_id: str, name: str) -> dict[int, Decimal]:
    """What each open order of an instrument reserves, by order id, fees left out."""
    listing = face.exchange.listings[name]
    orders = [
        MarginOrder(
            order_id=str(order.order_id),
            instrument=listing.instrument,
            quantity=(order.amount - order.filled_amount) * (1 if order.side is Side.BUY else -1),
            price=order.price,
            is_reduce_only=order.is_reduce_only,
        )
        for order in face.exchange.open_orders(account_id, OrderFilter(instrument_name=name))
        if order.price is not None
    ]
    reserves = DeribitStandardMargin(as_of_ns=face.venue.opened_ns).order_margins(
        listing.instrument,
        orders,
        held=listing.size_of(account_id),
        prices=margin_prices(face, name),
    )
    return {
        int(order.order_id): reserve.initial
        for order, reserve in zip(orders, reserves, strict=True)
    }


def _average_usd(face: DeribitFace, account_id: str, report: PositionReport) -> float:
    """USD that a coin of the position cost on average, by the index at each trade that made it."""
    size = cost = Decimal(0)
    for fill in face.exchange.fills(account_id, report.instrument_name):
        amount, value = fill.signed_amount, fill.price * (fill.index_price or 0)
        before, size = size, size + amount
        if before * amount >= 0:
            cost += abs(amount) * value
        elif before * size > 0:
            cost *= size / before
        else:
            cost = abs(size) * value
    return plain(cost / abs(size), USD_DECIMALS) if size else 0.0


def plain(number: Decimal | None, decimals: int) -> float:
    """A number as printed; an absent one is 0, as the venue has it. Never minus zero."""
    return 0.0 if not number else round(float(number), decimals) + 0.0
