"""Portfolio margin as flat rows for CSV and Parquet: one thing a row, told apart by `kind`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantdesk.app.render.portfolio_record import (
    account_record,
    change_records,
    portfolio_excluded,
    stated_record,
)
from quantdesk.margin.margin_change import MarginChange
from quantdesk.margin.portfolio_statement import AccountPortfolio, PortfolioStatement

PORTFOLIO_FIELDS = (
    "model",
    "worst_case",
    "roll_shock",
    "delta_shock",
    "correlation_contingency",
    "risk_matrix_margin",
    "binding_cell",
    "spot",
    "vol",
    "weight",
    "pnl_before",
    "pnl",
    "is_binding",
    "coins",
    "delta",
    "pnl_at_binding_cell",
    "leave_one_out",
    "euler",
    "balance",
    "available",
    "spot_down",
    "spot_up",
    "vol_down",
    "vol_up",
    "name",
    "value",
    "unit",
    "initial_before",
    "initial_after",
    "initial_change",
    "maintenance_before",
    "maintenance_after",
    "maintenance_change",
    "binding_before",
    "binding_after",
)
"""Columns beside those of the standard margin. Of portfolio margin `kind` is portfolio_total,
portfolio_cell, portfolio_extended, portfolio_leg, portfolio_distance, portfolio_venue, parameter,
portfolio_excluded; change is a ticket's, of any model."""

Row = dict[str, Any]


def portfolio_rows(statement: PortfolioStatement) -> list[Row]:
    """Every part of the statement."""
    rows: list[Row] = []
    for one in statement.accounts:
        rows += _account_rows(one)
    for pair, stated in statement.parameters:
        for parameter in stated:
            record = stated_record(parameter)
            rows.append({"kind": "parameter", "model": pair, **record})
    rows += [{"kind": "portfolio_excluded", **one} for one in portfolio_excluded(statement)]
    return rows


def book_rows(statement: PortfolioStatement) -> list[Row]:
    """Totals, legs, distances and the venue's figures, without the cells and the parameters."""
    left_away = {"portfolio_cell", "portfolio_extended", "parameter"}
    return [row for row in portfolio_rows(statement) if row["kind"] not in left_away]


def change_rows(changes: Sequence[MarginChange]) -> list[Row]:
    """Before and after a ticket."""
    return [{"kind": "change", **one} for one in change_records(changes)]


def _account_rows(one: AccountPortfolio) -> list[Row]:
    record = account_record(one)
    head = {
        "venue": one.venue,
        "account": one.account,
        "currency": one.margin.currency,
        "model": f"portfolio {one.margin.mode.value}",
        "status": one.margin.status,
    }
    rows: list[Row] = [{**record, **head, "kind": "portfolio_total", "balance": None}]
    rows += [
        {
            **head,
            "kind": "portfolio_cell",
            "spot": _moves(cell["spot"]),
            "vol": cell["vol"],
            "pnl_before": cell["pnl_before_offset"],
            "pnl": cell["pnl"],
            "is_binding": cell["is_binding"],
        }
        for cell in record["grid"]
    ]
    rows += [
        {
            **head,
            "kind": "portfolio_extended",
            "spot": f"{cell['spot']:.12g}",
            "vol": cell["vol"],
            "weight": max(cell["weights"]),
            "pnl_before": cell["pnl_before_dampener"],
            "pnl": cell["pnl"],
            "is_binding": cell["is_binding"],
        }
        for cell in record["extended"]
    ]
    rows += [{**head, **leg, "kind": "portfolio_leg"} for leg in record["legs"]]
    if one.balance is not None:
        rows.append(
            {
                **head,
                "kind": "portfolio_distance",
                **record["liquidation"],
                "balance": one.balance.amount,
                "available": record["balance"]["available"],
                "source": one.balance.source,
            }
        )
    if record["venue_figure"] is not None:
        rows.append({**head, **record["venue_figure"], "kind": "portfolio_venue"})
    return rows


def _moves(moves: dict[str, float]) -> str:
    """One number where all pairs move alike, else each with its name."""
    if len({round(move, 12) for move in moves.values()}) == 1:
        return f"{next(iter(moves.values())):.12g}"
    return "; ".join(f"{pair} {move:.12g}" for pair, move in moves.items())
