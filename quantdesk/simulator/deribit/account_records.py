"""Account summaries as Deribit prints them.

Standard margin, segregated by currency. Money is in the settlement currency. `delta_total` is in
coin: futures plus options less their value (the venue's net transaction delta), and its map has the
options without that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from quantdesk.domain.margin import MarginPrices
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.simulator.contracts import exact
from quantdesk.simulator.deribit.accounts import ApiAccount
from quantdesk.simulator.deribit.credits import PRICES, Pool
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.position_records import (
    COIN_DECIMALS,
    USD_DECIMALS,
    floating_profit,
    liquidation_ratio,
    margin_prices,
    plain,
    summed_greeks,
)
from quantdesk.simulator.exchange.positions import PositionReport
from quantdesk.simulator.exchange.reports import AccountSummary

MARGIN_MODEL = "segregated_sm"


def portfolio(face: DeribitFace, account: ApiAccount, currency: str) -> dict[str, object]:
    """One currency of an account, as the portfolio channel and the summaries print it."""
    summary = face.exchange.summary(account.account_id, currency)
    assert isinstance(summary, AccountSummary)
    assert summary.margins is not None
    margins = summary.margins
    reports = face.exchange.positions(account.account_id, currency=currency)
    options = [r for r in reports if r.instrument_name in face.market.board.row_of]
    futures = [r for r in reports if r.instrument_name not in face.market.board.row_of]
    greeks = summed_greeks(face, options)
    futures_delta = sum(float(r.size / r.mark_price) for r in futures)
    index = f"{currency.lower()}_usd"
    is_exposed = bool(reports)
    staying = _projected(face, account.account_id, currency)
    floating = sum((floating_profit(r) for r in futures), Decimal(0))
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
        **{name: plain(amount, COIN_DECIMALS) for name, amount in money.items()},
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
    ratio = liquidation_ratio(face, account.account_id, currency)
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
    shown = {name: plain(amount, COIN_DECIMALS) for name, amount in money.items()}
    return {**portfolio(face, account, currency), **shown}


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


def _next_expiry_ns(face: DeribitFace) -> int | None:
    board = face.market.board
    return min(board.expiry_ns[board.is_open].tolist(), default=None)


def _staying_delta(face: DeribitFace, options: Iterable[PositionReport]) -> float:
    """Net transaction delta, Black less value, of the options that outlive the next expiry."""
    next_ns = _next_expiry_ns(face)
    listings = face.exchange.listings
    staying = [r for r in options if listings[r.instrument_name].instrument.expiry_ns != next_ns]
    return summed_greeks(face, staying).delta - float(sum((r.value for r in staying), Decimal(0)))


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
