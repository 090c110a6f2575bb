"""Limits and decisions as records for JSON. Numbers that are not known are null."""

from __future__ import annotations

from typing import Any

from quantdesk.domain.times import format_instant
from quantdesk.market.quoted_vols import VOL_RULE
from quantdesk.risk.limits.decision import Decision
from quantdesk.risk.limits.findings import Finding
from quantdesk.risk.limits.limit import Limit
from quantdesk.risk.limits.use_report import LimitReport, LimitRow

SCHEMA = "quantdesk.limits/1"


def limits_record(report: LimitReport) -> dict[str, Any]:
    """Every limit with its use."""
    return {
        "schema": SCHEMA,
        "as_of": format_instant(report.as_of_ns),
        "source": report.source,
        "sha256": report.digest,
        "vols": VOL_RULE,
        "limits": [limit_row_record(row) for row in report.rows],
    }


def limit_row_record(row: LimitRow) -> dict[str, Any]:
    """One limit with its use."""
    use = row.use
    return _limit(use.cell.number, use.cell.limit) | {
        "soft": use.cell.limit.soft,
        "hard": use.cell.limit.hard,
        "use": use.value,
        "room": use.room,
        "share": use.share,
        "trend": row.trend or None,
        "state": use.state,
        "detail": use.detail,
    }


def decision_record(decision: Decision) -> dict[str, Any]:
    """A decision with the numbers compared."""
    largest = decision.largest
    return {
        "schema": SCHEMA,
        "ticket": [
            {
                "instrument_name": leg.instrument.name,
                "quantity": str(leg.quantity),
                "price": None if leg.price is None else str(leg.price),
            }
            for leg in decision.ticket.legs
        ],
        "account": decision.ticket.account or None,
        "strategy": decision.ticket.strategy or None,
        "allowed": decision.is_allowed,
        "refusals": [_finding(one) for one in decision.refusals],
        "warnings": [_finding(one) for one in decision.warnings],
        "sentences": list(decision.sentences),
        "largest": None
        if largest is None
        else {
            "lots": largest.lots,
            "of": largest.of,
            "is_interval": largest.is_interval,
            "quantities": None
            if largest.ticket is None
            else [str(leg.quantity) for leg in largest.ticket.legs],
        },
    }


def _limit(number: int, limit: Limit) -> dict[str, Any]:
    return {
        "number": number,
        "scope": limit.scope_words,
        "measure": limit.measure.value,
        "convention": limit.convention or None,
        "unit": limit.unit_words,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return _limit(one.cell.number, one.cell.limit) | {
        "level": one.level.value,
        "now": one.now,
        "after": one.after,
        "limit": one.limit,
        "sentence": one.sentence,
    }
