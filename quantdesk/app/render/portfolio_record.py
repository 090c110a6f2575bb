"""Portfolio margin as records with stable field names: the schema `quantdesk.portfolio_margin/1`.

One place decides the fields; JSON, CSV, Parquet, the risk report and `build` all write these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantdesk.app.render.margin_record import plain
from quantdesk.domain.times import format_instant
from quantdesk.domain.venue_rule import RuleOrigin
from quantdesk.margin.margin_change import MarginChange
from quantdesk.margin.portfolio_grid import extended_rows, grid_rows
from quantdesk.margin.portfolio_parameters import VOL_SCENARIOS, StatedParameter
from quantdesk.margin.portfolio_statement import AccountPortfolio, PortfolioStatement

SCHEMA = "quantdesk.portfolio_margin/1"

UNITS = {
    "margins and cells": "currency of the account's record; cells are profit, a loss is negative",
    "spot": "relative move of index and forwards, by pair",
    "leave_one_out": "risk matrix margin with the leg less that without it",
    "euler": "gradient times size; with `unattributed` they add up to risk_matrix_margin",
    "coins": "signed coins of underlying",
    "delta": "coins, as the roll shock takes it",
    "spot_down": "relative move of all spots; vol moves in 1.00 of vol; null: never in the range",
    "gap": "ours less the venue's",
}

BINANCE = "no portfolio margin for options is established; standard margin stands alone"


def portfolio_record(statement: PortfolioStatement) -> dict[str, Any]:
    """The whole statement; `label` says what of it is unproved."""
    return {
        "schema": SCHEMA,
        "model": "deribit portfolio",
        "mode": statement.mode.value,
        "as_of": format_instant(statement.as_of_ns) if statement.as_of_ns else None,
        "source": statement.source,
        "is_complete": statement.is_complete,
        "label": statement.label or "verified",
        "units": UNITS,
        "accounts": [account_record(one) for one in statement.accounts],
        "parameters": {
            pair: [stated_record(one) for one in stated] for pair, stated in statement.parameters
        },
        "binance": BINANCE,
        "notes": list(statement.notes),
        "excluded": portfolio_excluded(statement),
    }


def portfolio_excluded(statement: PortfolioStatement) -> list[dict[str, Any]]:
    """What is in no total of the portfolio model, with its reason."""
    return [
        {
            "venue": one.venue,
            "account": one.account,
            "order_id": one.order_id,
            "instrument_name": one.instrument_name,
            "quantity": plain(one.quantity),
            "reason": one.reason,
        }
        for one in statement.excluded
    ]


def account_record(one: AccountPortfolio) -> dict[str, Any]:
    """One account in one currency: totals, grid, extended table, legs, distances, the venue's."""
    return {
        "venue": one.venue,
        "account": one.account,
        **totals_record(one),
        "balance": _balance(one),
        "liquidation": _liquidation(one),
        "venue_figure": _gap(one),
        "grid": cell_records(one),
        "extended": extended_records(one),
        "legs": leg_records(one),
        "unattributed": one.unattributed,
    }


def totals_record(one: AccountPortfolio) -> dict[str, Any]:
    """Every term of the sums, and the binding cell."""
    margin = one.margin
    return {
        "currency": margin.currency,
        "status": margin.status,
        "worst_case": margin.worst,
        "binding_cell": margin.binding_name,
        "binding_index": margin.binding,
        "roll_shock": margin.roll_shock,
        "delta_shock": margin.delta_shock,
        "correlation_contingency": margin.correlation_contingency,
        "risk_matrix_margin": margin.risk_matrix_margin,
        "open_orders": margin.open_orders,
        "spot_margin": margin.spot_margin,
        "mmp_margin": margin.mmp_margin,
        "initial": margin.initial,
        "maintenance": margin.maintenance,
        "mm_factor": margin.mm_factor,
    }


def cell_records(one: AccountPortfolio) -> list[dict[str, Any]]:
    """The 27 cells, price-major, vols down, same and up."""
    pairs = [pair.book.parameters.pair for pair in one.margin.pairs]
    found = []
    for number, row in enumerate(grid_rows(one.margin)):
        for vol, word in enumerate(VOL_SCENARIOS):
            found.append(
                {
                    "index": len(VOL_SCENARIOS) * number + vol,
                    "spot": dict(zip(pairs, row.moves, strict=True)),
                    "vol": word,
                    "pnl_before_offset": row.raw[vol],
                    "pnl": row.cells[vol],
                    "is_binding": row.binding == vol,
                }
            )
    return found


def extended_records(one: AccountPortfolio) -> list[dict[str, Any]]:
    """The eight far moves, vol up."""
    return [
        {
            "spot": row.move,
            "vol": "up",
            "weights": list(row.weights),
            "pnl_before_dampener": row.before,
            "pnl": row.after,
            "is_binding": row.is_binding,
        }
        for row in extended_rows(one.margin)
    ]


def leg_records(one: AccountPortfolio) -> list[dict[str, Any]]:
    """Marginal margin of each leg."""
    return [
        {
            "instrument_name": part.name,
            "pair": part.pair,
            "quantity": plain(one.quantities.get(part.name)),
            "coins": part.coins,
            "delta": part.delta,
            "pnl_at_binding_cell": part.binding,
            "leave_one_out": part.leave_one_out,
            "euler": part.euler,
        }
        for part in one.parts
    ]


def _balance(one: AccountPortfolio) -> dict[str, Any] | None:
    balance = one.balance
    if balance is None:
        return None
    return {
        "amount": balance.amount,
        "available": balance.amount - one.margin.initial,
        "source": balance.source,
    }


def _liquidation(one: AccountPortfolio) -> dict[str, Any] | None:
    distance = one.liquidation
    if distance is None:
        return None
    return {
        "is_below": distance.is_below,
        "spot_down": distance.spot_down,
        "spot_up": distance.spot_up,
        "vol_down": distance.vol_down,
        "vol_up": distance.vol_up,
    }


def _gap(one: AccountPortfolio) -> dict[str, Any] | None:
    gap = one.gap
    if gap is None:
        return None
    return {
        "model": gap.model or None,
        "as_of": format_instant(gap.event_ns) if gap.event_ns else None,
        "initial": gap.initial,
        "maintenance": gap.maintenance,
        "initial_gap": gap.initial_gap,
        "maintenance_gap": gap.maintenance_gap,
        "reason": gap.reason or None,
    }


def origin_record(origin: RuleOrigin) -> dict[str, Any]:
    """Status, date, source and note of a rule."""
    return {
        "status": origin.status.value,
        "since": None if origin.since_ns is None else format_instant(origin.since_ns),
        "source": origin.source,
        "note": origin.note or None,
    }


def stated_record(one: StatedParameter) -> dict[str, Any]:
    """One parameter: its value as text, its unit and how sure it is."""
    return {"name": one.name, "value": one.value or None, "unit": one.unit} | origin_record(
        one.origin
    )


def change_records(changes: Sequence[MarginChange]) -> list[dict[str, Any]]:
    """Before and after a ticket, by account, model and currency."""
    return [
        {
            "venue": one.venue,
            "account": one.account,
            "model": one.model,
            "currency": one.currency,
            "initial_before": one.initial_before,
            "initial_after": one.initial_after,
            "initial_change": one.initial_change,
            "maintenance_before": one.maintenance_before,
            "maintenance_after": one.maintenance_after,
            "maintenance_change": one.maintenance_change,
            "binding_before": one.binding_before or None,
            "binding_after": one.binding_after or None,
        }
        for one in changes
    ]
