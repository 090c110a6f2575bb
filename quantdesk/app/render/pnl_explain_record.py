"""A P&L explain as records and flat rows: schema `quantdesk.pnl_explain/1`."""

from __future__ import annotations

import math
from typing import Any

from quantdesk.app.render.known_numbers import known
from quantdesk.app.render.margin_record import plain
from quantdesk.domain.times import format_instant
from quantdesk.risk.pnl_explain_steps import LINES, STEPS
from quantdesk.risk.pnl_explain_totals import ROLL_UPS, ExplainTotal, LegExplain, PnlExplain

SCHEMA = "quantdesk.pnl_explain/1"

UNITS = {
    "steps": "settlement currency; each a full revaluation, in their order, they add up to actual",
    "lines": "settlement currency; theta, delta, vega and rho of each step's start × its move; "
    "theta drift, gamma, volga and vanna summed along strides of the step",
    "residual": "step less its lines",
    "residual_one_step": "step less theta, delta, gamma, vega, vanna, volga and rho of its start × "
    "the whole move, without strides",
    "gross": "sum over legs of absolute lines",
    "gross_one_step": "sum over legs of the absolute lines of one step, those of residual_one_step",
    "residual_share": "|residual| / gross; is_alarm above residual_limit",
    "residual_one_step_share": "|residual_one_step| / gross_one_step; no alarm",
    "actual_usd": "actual at the closing index, and the translation of the opening coin value",
}


def explain_record(explained: PnlExplain) -> dict[str, Any]:
    """The whole explain: totals by currency, roll-ups, legs, what is in no number."""
    return {
        "schema": SCHEMA,
        "from": format_instant(explained.from_ns),
        "to": format_instant(explained.to_ns),
        "vol_rule": explained.rule.value,
        "order": list(STEPS),
        "units": UNITS,
        "sources": {"opening": explained.sources[0], "closing": explained.sources[1]},
        "is_alarm": explained.is_alarm,
        "actual_usd": known(explained.actual_usd),
        "cash_translation_usd": dict(explained.cash_translation_usd),
        "totals": [total_record(one) for one in explained.totals],
        **{f"by_{what}": [total_record(one) for one in explained.by(what)] for what in ROLL_UPS},
        "legs": [leg_record(leg) for leg in explained.legs],
        "excluded": [
            {
                "venue": one.change.key.venue,
                "instrument_name": one.change.key.instrument_name,
                "quantity_before": plain(one.change.quantity_before),
                "quantity_after": plain(one.change.quantity_after),
                "reason": one.reason,
            }
            for one in explained.excluded
        ],
        "notes": list(explained.notes),
    }


def total_record(total: ExplainTotal) -> dict[str, Any]:
    """A sum of legs in one currency."""
    return {
        "label": total.label,
        "currency": total.currency,
        "legs": total.legs,
        **_amounts(total),
        "actual": total.actual,
        "gross": total.gross,
        "gross_one_step": total.gross_one_step,
        "residual_share": total.residual_share,
        "residual_one_step_share": total.residual_one_step_share,
        "residual_limit": total.residual_limit,
        "is_alarm": total.is_alarm,
        "actual_usd": known(total.actual_usd),
        "translation_usd": total.translation_usd,
        "index_before": known(total.index_before),
        "index_after": known(total.index_after),
    }


def leg_record(leg: LegExplain) -> dict[str, Any]:
    """One holding."""
    key, change = leg.key, leg.change
    return {
        "venue": key.venue,
        "account": key.account,
        "instrument_name": key.instrument_name,
        "strategy": key.strategy,
        "structure": key.structure,
        "currency": leg.currency,
        "quantity_before": plain(change.quantity_before),
        "quantity_after": plain(change.quantity_after),
        "cash": {
            "traded": plain(change.traded),
            "settled": plain(change.settled),
            "fees": plain(change.fees),
            "funding": plain(change.funding),
        },
        **_amounts(leg),
        "actual": leg.actual,
        "gross": leg.gross,
        "gross_one_step": leg.gross_one_step,
        "translation_usd": leg.translation_usd,
        "note": leg.note or None,
    }


def _amounts(part: LegExplain | ExplainTotal) -> dict[str, Any]:
    """Steps with their lines, lines over the steps, and what they leave."""
    steps, lines = part.steps, part.lines
    left, left_one_step = part.residual.tolist(), part.residual_one_step.tolist()
    return {
        "steps": [
            {
                "step": name,
                "amount": float(steps[number]),
                "lines": {
                    line: amount
                    for line, amount in zip(LINES, lines[number].tolist(), strict=True)
                    if amount
                },
                "residual": left[number],
                "residual_one_step": left_one_step[number],
            }
            for number, name in enumerate(STEPS)
        ],
        "lines": {line: math.fsum(lines[:, number].tolist()) for number, line in enumerate(LINES)},
        "residual": math.fsum(left),
        "residual_one_step": math.fsum(left_one_step),
    }


def explain_flat_rows(explained: PnlExplain) -> list[dict[str, Any]]:
    """One flat row a leg and step, and one a line that is not 0."""
    rows = []
    for leg in explained.legs:
        head = {
            "kind": "pnl_explain",
            "venue": leg.key.venue,
            "account": leg.key.account,
            "instrument_name": leg.key.instrument_name,
            "strategy": leg.key.strategy,
            "structure": leg.key.structure,
            "currency": leg.currency,
        }
        for number, step in enumerate(STEPS):
            rows.append(head | {"step": step, "line": "step", "amount": float(leg.steps[number])})
            rows += [
                head | {"step": step, "line": line, "amount": amount}
                for line, amount in zip(LINES, leg.lines[number].tolist(), strict=True)
                if amount
            ]
            for line in ("residual", "residual_one_step"):
                amount = float(getattr(leg, line)[number])
                rows.append(head | {"step": step, "line": line, "amount": amount})
    return rows
