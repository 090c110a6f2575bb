"""The first table of a risk report: what a reader who reads one table must see.

Each row is a figure of a table further down; a figure that is not there says why.
"""

from __future__ import annotations

import math

import numpy as np

from quantdesk.risk.exposure import Grouping
from quantdesk.risk.report import RiskReport, equity_usd
from quantdesk.risk.scenarios import ScenarioResults
from quantdesk.risk.var import DEFAULT_METHOD, TOTAL, VarReport, VarRow
from quantdesk.views.limits import limits_summary
from quantdesk.views.margin import TextTable, amount_text
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.portfolio_margin import money_text, status_word
from quantdesk.views.safe_text import safe_text
from quantdesk.views.scenario import cell_text
from quantdesk.views.time_text import instant_text

Row = tuple[str, str, str, str]

REASON_LENGTH_MAX = 200


def summary_table(report: RiskReport, *, left_out: int) -> TextTable:
    """Equity, Greeks, VaR, worst scenarios, margin, limits and P&L, one line each.

    left_out : rows and legs that are in no total
    """
    rows: list[Row] = [*_worth(report), *_greeks(report), *_var(report), *_worst(report)]
    rows += [*_margin(report), *_pnl(report), _limits(report)]
    rows.append(
        (
            "Left out of the totals",
            str(left_out),
            "rows and legs",
            "listed below" if left_out else "",
        )
    )
    return TextTable(
        title="Summary",
        columns=("Figure", "Value", "Unit", "What it is"),
        numeric=(False, True, False, False),
        rows=tuple(rows),
    )


def _worth(report: RiskReport) -> list[Row]:
    worth = math.fsum(net.greeks.value_usd for net in report.exposures.net(Grouping.UNDERLYING))
    equity = equity_usd(report)
    held = ", ".join(f"{currency} {amount:f}" for currency, amount in report.collateral.items())
    no_cash = "no collateral was handed in"
    return [
        ("Positions", number_text(worth, 2), "USD", f"{len(report.book)} valued, coin × index"),
        (
            "Equity",
            number_text(equity, 2),
            "USD",
            f"with {safe_text(held, 80)} of collateral" if equity is not None else no_cash,
        ),
    ]


def _greeks(report: RiskReport) -> list[Row]:
    rows: list[Row] = []
    for net in report.exposures.net(Grouping.UNDERLYING):
        coin, greeks = safe_text(net.key.underlying, 16), net.greeks
        rows += [
            (
                f"{coin} delta",
                number_text(greeks.delta_premium_adjusted, 4),
                coin,
                f"premium-adjusted; Black {number_text(greeks.delta_black, 4)}, "
                f"{number_text(greeks.dollar_delta, 0)} USD",
            ),
            (f"{coin} gamma", number_text(greeks.gamma_per_pct_usd, 2), "USD per 1 %", ""),
            (
                f"{coin} vega",
                number_text(greeks.vega_per_point, 2),
                "USD per vol point",
                f"weighted to 30 days {number_text(greeks.vega_per_point_weighted, 2)}",
            ),
            (
                f"{coin} theta",
                number_text(greeks.theta_one_day_revalued, 2),
                "USD over one day",
                "by full revaluation",
            ),
        ]
    return rows


def _var(report: RiskReport) -> list[Row]:
    found = report.var
    head = None if found is None else found.headline
    if found is None or head is None:
        reason = report.reasons.get("var", "" if found is None else _total_reason(found))
        return [("Value at risk", DASH, "USD", safe_text(reason, REASON_LENGTH_MAX))]
    settings = found.settings
    title = f"{100 * settings.confidence:g} %, {settings.horizon_days:g} d"
    what = f"{head.method.value} history, vols {head.vols.value}, {_sample(head)}"
    if (head.method, head.vols) != DEFAULT_METHOD:
        what += "; stands in for the default, see the notes"
    cash = head.usd_with_collateral if any(report.collateral.values()) else None
    rows = [
        (f"VaR {title}", _loss(head, "var"), "USD", what),
        (f"ES {title}", _loss(head, "es"), "USD", "of the same moves"),
    ]
    if cash is not None:
        with_cash = f"ES {number_text(cash.es, 2)}"
        rows.append((f"VaR {title}, with collateral", number_text(cash.var, 2), "USD", with_cash))
    return rows


def _total_reason(found: VarReport) -> str:
    row = found.row(TOTAL)
    return "" if row is None else row.reason


def _sample(head: VarRow) -> str:
    assert head.sample is not None, "a figure has a sample"
    return f"{head.sample.observations} observations"


def _loss(head: VarRow, which: str) -> str:
    return number_text(getattr(head.usd, which), 2)


def _worst(report: RiskReport) -> list[Row]:
    lists = [
        ("Worst cell of the matrix", report.cube.results),
        ("Worst stress", report.stresses.results),
        ("Worst recorded day", report.historical.results),
    ]
    if report.own is not None:
        lists.append(("Worst own scenario", report.own.results))
    return [
        row
        for title, results in lists
        for row in _worst_of(title, results, is_matrix=results is report.cube.results)
    ]


def _worst_of(title: str, results: ScenarioResults, *, is_matrix: bool) -> list[Row]:
    totals = results.total_usd
    if not np.isfinite(totals).any():
        return [(title, DASH, "USD", "no scenario has moves of all that is held")]
    place = int(np.nanargmin(totals))
    name = cell_text(results, place) if is_matrix else results.scenarios[place].name
    what = f"{safe_text(name, 80)}; without collateral"
    return [(title, number_text(float(totals[place]), 2), "USD", what)]


def _margin(report: RiskReport) -> list[Row]:
    rows: list[Row] = []
    for account in report.margin.accounts:
        name = f" {safe_text(account.account)}" if account.account else ""
        rows += [
            (
                f"Margin, {safe_text(account.venue)}{name}",
                amount_text(total.initial, total.currency, is_requirement=True),
                total.currency,
                f"initial, {account.statement.model}; maintenance "
                f"{amount_text(total.maintenance, total.currency, is_requirement=True)}",
            )
            for total in account.statement.totals
        ]
    if report.portfolio is not None:
        rows += [
            (
                f"Portfolio margin, {safe_text(one.venue)}"
                + (f" {safe_text(one.account)}" if one.account else ""),
                money_text(one.margin.initial, one.margin.currency, is_requirement=True),
                one.margin.currency,
                f"initial, {status_word(one.margin.status)}; maintenance "
                f"{money_text(one.margin.maintenance, one.margin.currency, is_requirement=True)}, "
                f"worst at {one.margin.binding_name}",
            )
            for one in report.portfolio.accounts
        ]
    return rows


def _pnl(report: RiskReport) -> list[Row]:
    explained = report.pnl_explain
    if explained is None:
        reason = safe_text(report.reasons.get("pnl_explain", ""), REASON_LENGTH_MAX)
        return [("P&L", DASH, "USD", reason)]
    shares = ", ".join(
        f"{safe_text(one.currency, 16)} residual {one.residual_share:.3%} of gross"
        + (" ALARM" if one.is_alarm else "")
        for one in explained.totals
    )
    return [
        (
            "P&L",
            number_text(explained.actual_usd, 2),
            "USD",
            f"since {instant_text(explained.from_ns)}; {shares}",
        )
    ]


def _limits(report: RiskReport) -> Row:
    if report.limits is None:
        reason = safe_text(report.reasons.get("limits", ""), REASON_LENGTH_MAX)
        return ("Limits", DASH, "", reason)
    _, _, state = limits_summary(report).partition(", ")
    return ("Limits", str(len(report.limits.rows)), "limits", state)
