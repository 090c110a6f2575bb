"""Positions and account summaries as Deribit prints them.

Standard margin, segregated by currency. Money is in the settlement currency. Option deltas of a
position are Black's times its size; `delta_total` is in coin: futures plus options less their value
(the venue's net transaction delta), and its map has the options without that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from quantdesk.domain.instrument import InstrumentKind, Side
from quantdesk.domain.margin import MarginOrder, MarginPrices
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.simulator.board import Field
from quantdesk.simulator.contracts import exact
from quantdesk.simulator.deribit.accounts import ApiAccount
from quantdesk.simulator.deribit.credits import PRICES, Pool
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.exchange.orders import OrderFilter
from quantdesk.simulator.exchange.positions import PositionReport
from quantdesk.simulator.exchange.reports import AccountSummary

COIN_DECIMALS = 9
USD_DECIMALS = 6
MARGIN_MODEL = "segregated_sm"
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
class _Greeks:
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
    floating = report.unrealised_pnl if is_option else _floating(report)
    realised = report.realised_pnl if is_option else report.session_pnl - floating
    index = float(report.index_price)
    record = PositionRecord(
        instrument_name=instrument.name,
        kind=_KINDS[instrument.kind],
        direction="zero" if not size else "buy" if size > 0 else "sell",
        size=float(size),
        average_price=_plain(report.average_price, COIN_DECIMALS),
        mark_price=float(report.mark_price),
        index_price=index,
        delta=0.0,
        floating_profit_loss=_plain(floating, COIN_DECIMALS),
        realized_profit_loss=_plain(realised, COIN_DECIMALS),
        total_profit_loss=_plain(report.unrealised_pnl, COIN_DECIMALS),
        initial_margin=_plain(margin.initial, COIN_DECIMALS),
        maintenance_margin=_plain(margin.maintenance, COIN_DECIMALS),
        open_orders_margin=_plain(
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
            settlement_price=_plain(report.settlement_price or report.mark_price, COIN_DECIMALS),
            average_price_usd=_average_usd(face, account_id, report),
            floating_profit_loss_usd=round(float(floating) * index, USD_DECIMALS),
        )
    coins = float(size / report.mark_price)
    row = face.venue.futures.contracts[face.venue.futures.row_of[instrument.name]]
    ratio = _liquidation_ratio(face, account_id, instrument.settlement_currency) if size else 0.0
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
        realized_funding=_plain(report.realised_funding, COIN_DECIMALS),
        interest_value=round(row.funding_8h * 100, COIN_DECIMALS),
    )


def portfolio(face: DeribitFace, account: ApiAccount, currency: str) -> dict[str, object]:
    """One currency of an account, as the portfolio channel and the summaries print it."""
    summary = face.exchange.summary(account.account_id, currency)
    assert isinstance(summary, AccountSummary)
    assert summary.margins is not None
    margins = summary.margins
    reports = face.exchange.positions(account.account_id, currency=currency)
    options = [r for r in reports if r.instrument_name in face.market.board.row_of]
    futures = [r for r in reports if r.instrument_name not in face.market.board.row_of]
    greeks = _sum(face, options)
    futures_delta = sum(float(r.size / r.mark_price) for r in futures)
    index = f"{currency.lower()}_usd"
    is_exposed = bool(reports)
    staying = _projected(face, account.account_id, currency)
    floating = sum((_floating(r) for r in futures), Decimal(0))
    delta_total = greeks.delta - float(summary.options_value) + futures_delta
    by_index = {
        "delta_total_map": round(greeks.delta + futures_delta, COIN_DECIMALS),
        "options_gamma_map": round(greeks.gamma, USD_DECIMALS),
        "options_vega_map": round(greeks.vega, USD_DECIMALS),
        "options_theta_map": round(greeks.theta, USD_DECIMALS),
    }
    money = {
        "balance": summary.balance,
        "equity": summary.equity,
        "margin_balance": margins.margin_balance,
        "available_funds": max(margins.available, Decimal(0)),
        "available_withdrawal_funds": max(min(margins.available, summary.balance), Decimal(0)),
        "initial_margin": margins.initial,
        "maintenance_margin": margins.maintenance,
        "projected_initial_margin": margins.open_orders + staying[0],
        "projected_maintenance_margin": staying[1],
        "options_value": summary.options_value,
        "options_pl": summary.options_unrealised_pnl,
        "options_session_upl": summary.options_unrealised_pnl,
        "options_session_rpl": sum((r.realised_pnl for r in options), Decimal(0)),
        "futures_pl": summary.futures_unrealised_pnl,
        "futures_session_upl": floating,
        "futures_session_rpl": summary.futures_session_pnl - floating,
        "session_upl": summary.options_unrealised_pnl + floating,
        "session_rpl": summary.futures_session_pnl
        - floating
        + sum((r.realised_pnl for r in options), Decimal(0)),
        "total_pl": summary.options_unrealised_pnl + summary.futures_unrealised_pnl,
    }
    return {
        "currency": currency,
        **{name: _plain(amount, COIN_DECIMALS) for name, amount in money.items()},
        **{name: {index: total} if is_exposed else {} for name, total in by_index.items()},
        "delta_total": round(delta_total, COIN_DECIMALS),
        "projected_delta_total": round(
            futures_delta + _staying_delta(face, options), COIN_DECIMALS
        ),
        "options_delta": round(greeks.delta, COIN_DECIMALS),
        "options_gamma": round(greeks.gamma, USD_DECIMALS),
        "options_vega": round(greeks.vega, USD_DECIMALS),
        "options_theta": round(greeks.theta, USD_DECIMALS),
        # Nothing of the kind exists on these accounts.
        "fee_balance": 0.0,
        "spot_reserve": 0.0,
        "additional_reserve": 0.0,
        "locked_balance": 0.0,
        "margin_model": MARGIN_MODEL,
        "portfolio_margining_enabled": False,
        "cross_collateral_enabled": False,
    }


def account_summary(face: DeribitFace, account: ApiAccount, currency: str) -> dict[str, object]:
    """One currency of an account with its limits and fees."""
    shown = portfolio(face, account, currency)
    ratio = _liquidation_ratio(face, account.account_id, currency)
    return {
        **shown,
        "estimated_liquidation_ratio": ratio,
        "estimated_liquidation_ratio_map": {f"{currency.lower()}_usd": ratio} if ratio else {},
        "limits": _limits(face),
        "fees": _fees(face, currency),
    }


def simulated_portfolio(
    face: DeribitFace,
    account: ApiAccount,
    currency: str,
    *,
    sizes: Mapping[str, Decimal],
    is_added: bool,
) -> dict[str, object]:
    """The portfolio with the margins that it would have with other positions, marked as now.

    sizes : coins by instrument; is_added : on top of what is held, else instead of it
    """
    model = DeribitStandardMargin(as_of_ns=face.venue.opened_ns)
    exchange = face.exchange
    held = exchange.positions(account.account_id, currency=currency) if is_added else ()
    amounts = {report.instrument_name: report.size for report in held}
    summary = exchange.summary(account.account_id, currency)
    assert isinstance(summary, AccountSummary)
    assert summary.margins is not None
    initial, maintenance = summary.margins.open_orders, Decimal(0)
    for name, coins in sizes.items():
        is_option = name in face.market.board.row_of
        amount = coins if is_option else coins * exact(face.market.mark(face.market.line_of[name]))
        amounts[name] = amounts.get(name, Decimal(0)) + amount
    for name, size in amounts.items():
        margin = model.position_margin(
            exchange.listings[name].instrument, size, margin_prices(face, name)
        )
        initial += margin.initial
        maintenance += margin.maintenance
    available = max(summary.margins.margin_balance - initial, Decimal(0))
    money = {
        "initial_margin": initial,
        "maintenance_margin": maintenance,
        "projected_initial_margin": initial,
        "projected_maintenance_margin": maintenance,
        "available_funds": available,
        "available_withdrawal_funds": min(available, summary.balance),
    }
    shown = {name: _plain(amount, COIN_DECIMALS) for name, amount in money.items()}
    return {**portfolio(face, account, currency), **shown}


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


def _liquidation_ratio(face: DeribitFace, account_id: str, currency: str) -> float:
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


def account_identity(face: DeribitFace, account: ApiAccount) -> dict[str, object]:
    """Who the account is, as extended summaries print it."""
    return {
        "id": account.user_id,
        "email": f"{account.username}@simulated.invalid",
        "system_name": account.username,
        "username": account.username,
        "block_rfq_self_match_prevention": True,
        "creation_timestamp": face.venue.opened_ns // 1_000_000,
        "type": "main",
        "referrer_id": None,
        "login_enabled": False,
        "security_keys_enabled": False,
        "mmp_enabled": False,
        "interuser_transfers_enabled": False,
        "self_trading_reject_mode": face.self_trading.get(account.user_id, "reject_taker"),
        "self_trading_extended_to_subaccounts": False,
    }


def _floating(report: PositionReport) -> Decimal:
    """A future's open profit of the session: since its last settlement, else since it was opened.

    After a settlement what was closed in the session counts in; the exchange keeps one sum of both.
    """
    return report.unrealised_pnl if report.settlement_price is None else report.session_pnl


def _greeks_of(face: DeribitFace, report: PositionReport) -> _Greeks:
    board = face.market.board
    row, size = board.row_of[report.instrument_name], float(report.size)
    delta, gamma, vega, theta = (
        size * float(board.published[field, row])
        for field in (Field.DELTA, Field.GAMMA, Field.VEGA, Field.THETA)
    )
    return _Greeks(delta=delta, gamma=gamma, vega=vega, theta=theta)


def _sum(face: DeribitFace, reports: Iterable[PositionReport]) -> _Greeks:
    all_of = [_greeks_of(face, report) for report in reports]
    return _Greeks(
        delta=sum(one.delta for one in all_of),
        gamma=sum(one.gamma for one in all_of),
        vega=sum(one.vega for one in all_of),
        theta=sum(one.theta for one in all_of),
    )


def _next_expiry_ns(face: DeribitFace) -> int | None:
    board = face.market.board
    return min(board.expiry_ns[board.is_open].tolist(), default=None)


def _staying_delta(face: DeribitFace, options: Iterable[PositionReport]) -> float:
    """Net transaction delta, Black less value, of the options that outlive the next expiry."""
    next_ns = _next_expiry_ns(face)
    listings = face.exchange.listings
    staying = [r for r in options if listings[r.instrument_name].instrument.expiry_ns != next_ns]
    return _sum(face, staying).delta - float(sum((r.value for r in staying), Decimal(0)))


def _projected(face: DeribitFace, account_id: str, currency: str) -> tuple[Decimal, Decimal]:
    """Initial and maintenance margin of the positions that outlive the next expiry."""
    model = DeribitStandardMargin(as_of_ns=face.venue.opened_ns)
    next_ns = _next_expiry_ns(face)
    initial = maintenance = Decimal(0)
    for report in face.exchange.positions(account_id, currency=currency):
        instrument = face.exchange.listings[report.instrument_name].instrument
        if instrument.expiry_ns != next_ns:
            prices = MarginPrices(mark=report.mark_price, underlying=report.underlying_price)
            margin = model.position_margin(instrument, report.size, prices)
            initial += margin.initial
            maintenance += margin.maintenance
    return initial, maintenance


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
    return _plain(cost / abs(size), USD_DECIMALS) if size else 0.0


def _limits(face: DeribitFace) -> dict[str, object]:
    """Requests a second and at once, from what the face charges."""
    # A face that limits nothing shows the venue's limits all the same: clients read them.
    prices = PRICES if face.prices is None else face.prices
    matching, general = (
        {
            "burst": prices[pool].size // prices[pool].cost,
            "rate": prices[pool].refill // prices[pool].cost,
        }
        for pool in (Pool.MATCHING, Pool.GENERAL)
    )
    return {
        "limits_per_currency": False,
        "non_matching_engine": general,
        "matching_engine": {
            "trading": {"total": matching},
            "spot": matching,
            "quotes": {"burst": 500, "rate": 500},
            "max_quotes": {"burst": 10, "rate": 10},
            "guaranteed_quotes": {"burst": 2, "rate": 2},
            "cancel_all": matching,
        },
    }


def _fees(face: DeribitFace, currency: str) -> list[dict[str, object]]:
    """Rates by kind, those of the instruments listed."""
    shown: dict[str, dict[str, object]] = {}
    for line in face.market.lines(currency):
        record = face.market.instrument(line)
        kind = "perpetual" if record.settlement_period == "perpetual" else record.kind
        shown.setdefault(
            kind,
            {
                "kind": kind,
                "index_name": record.price_index,
                "value": {
                    "default": {
                        "type": "fixed",
                        "taker": record.taker_commission,
                        "maker": record.maker_commission,
                    },
                    "block_trade": record.block_trade_commission,
                },
            },
        )
    return list(shown.values())


def _plain(number: Decimal | None, decimals: int) -> float:
    """A number as printed; an absent one is 0, as the venue has it. Never minus zero."""
    return 0.0 if not number else round(float(number), decimals) + 0.0
