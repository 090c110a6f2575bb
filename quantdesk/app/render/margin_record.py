"""A book's margin as records with stable field names: the schema `quantdesk.margin/1`.

One place decides the fields; JSON, CSV, Parquet and the risk report all write these. Amounts are
the model's own, exact and not rounded, as JSON numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from quantdesk.domain.margin import MarginTotal
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.times import format_instant
from quantdesk.domain.venue_rule import RuleOrigin
from quantdesk.margin.book_margin import (
    AccountMargin,
    BookMargin,
    ExcludedPosition,
    LegMargin,
    MarginGap,
)
from quantdesk.margin.standard_parameters import standard_parameters

SCHEMA = "quantdesk.margin/1"

UNITS = {
    "initial": "currency of the row",
    "maintenance": "currency of the row",
    "open_orders": "currency of the row; the part of initial that resting orders take",
    "initial_gap": "ours less the venue's, currency of the row",
    "maintenance_gap": "ours less the venue's, currency of the row",
    "quantity": "the venue's amount unit, negative is short",
    "mark": "quote currency",
    "forward": "USD per coin, of the option's own expiry",
    "index": "USD per coin",
    "time": "ISO-8601 UTC, venue's clock",
}

FLAT_FIELDS = (
    "kind",
    "row",
    "venue",
    "account",
    "instrument_name",
    "what",
    "order_id",
    "quantity",
    "currency",
    "initial",
    "maintenance",
    "open_orders",
    "initial_gap",
    "maintenance_gap",
    "mark",
    "mark_source",
    "forward",
    "index",
    "status",
    "since",
    "source",
    "note",
    "formula",
    "reason",
)
"""Columns of the flat formats; `kind` is leg, total, venue (its own figure) or excluded, `what` of
a leg position or order."""


def margin_record(margin: BookMargin, refused: Sequence[RefusedRow] = ()) -> dict[str, Any]:
    """The whole answer: accounts with totals, venue's figures and legs; what was left out."""
    return {
        "schema": SCHEMA,
        "as_of": format_instant(margin.as_of_ns) if margin.as_of_ns else None,
        "source": margin.source,
        "is_complete": margin.is_complete and not refused,
        "offsets": "none: standard models add positions, a long option covers no short one",
        "units": UNITS,
        "accounts": [_account(account) for account in margin.accounts],
        "parameters": [
            {"name": one.name, "value": one.value, "unit": one.unit, **_rule(one.origin)}
            for one in standard_parameters(margin)
        ],
        "excluded": excluded_records(margin.excluded, refused),
    }


def excluded_records(
    excluded: Sequence[ExcludedPosition], refused: Sequence[RefusedRow]
) -> list[dict[str, Any]]:
    """Refused rows of the file first, then holdings that could not be margined. Quantities are
    text: a refused row's is whatever was written there.
    """
    rows: list[dict[str, Any]] = [
        {
            "row": one.row,
            "venue": one.venue,
            "account": "",
            "order_id": None,
            "instrument_name": one.instrument_name,
            "quantity": one.quantity,
            "reason": one.reason,
        }
        for one in refused
    ]
    rows += [
        {
            "row": None,
            "venue": one.venue,
            "account": one.account,
            "order_id": one.order_id,
            "instrument_name": one.instrument_name,
            "quantity": f"{plain(one.quantity):f}",
            "reason": one.reason,
        }
        for one in excluded
    ]
    return rows


def plain(value: Decimal | None) -> Decimal | None:
    """`value` without trailing zeros and without an exponent; None stays."""
    if value is None:
        return None
    return Decimal(f"{value.normalize():f}") if value else Decimal(0)


def _account(account: AccountMargin) -> dict[str, Any]:
    return {
        "venue": account.venue,
        "account": account.account,
        "model": account.statement.model,
        "as_of": format_instant(account.statement.as_of_ns),
        "totals": [_total(total) for total in account.statement.totals],
        "venue_figures": [_gap(gap) for gap in account.gaps],
        "legs": [leg_record(leg) for leg in account.legs],
    }


def _total(total: MarginTotal) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "initial": plain(total.initial),
        "maintenance": plain(total.maintenance),
        "open_orders": plain(total.open_orders),
    }


def _gap(gap: MarginGap) -> dict[str, Any]:
    figure = gap.venue_figure
    return {
        "currency": figure.currency,
        "as_of": format_instant(figure.event_ns),
        "initial": plain(figure.initial),
        "maintenance": plain(figure.maintenance),
        "our_initial": plain(gap.initial),
        "our_maintenance": plain(gap.maintenance),
        "initial_gap": plain(gap.initial_gap),
        "maintenance_gap": plain(gap.maintenance_gap),
        "is_shared": figure.is_shared,
    }


def _rule(origin: RuleOrigin) -> dict[str, str | None]:
    return {
        "status": origin.status.value,
        "since": None if origin.since_ns is None else format_instant(origin.since_ns),
        "source": origin.source,
        "note": origin.note,
    }


def leg_record(leg: LegMargin) -> dict[str, Any]:
    """One leg: its margin, what it was priced at and the rule behind it."""
    requirement, mark = leg.requirement, leg.mark
    return {
        "venue": leg.venue,
        "account": leg.account,
        "what": requirement.kind.value,
        "order_id": requirement.order_id,
        "instrument_name": requirement.instrument_name,
        "quantity": plain(requirement.quantity),
        "currency": requirement.currency,
        "initial": plain(requirement.initial),
        "maintenance": plain(requirement.maintenance),
        "mark": plain(mark.mark),
        "mark_source": mark.mark_source,
        "mark_time": format_instant(mark.event_ns) if mark.event_ns else None,
        "forward": plain(mark.forward),
        "forward_source": mark.forward_source or None,
        "index": plain(mark.index),
        "formula": requirement.formula,
        "inputs": [
            {"name": one.name, "value": plain(one.value), "unit": one.unit}
            for one in requirement.inputs
        ],
        "rule": _rule(requirement.origin),
    }


def flat_rows(margin: BookMargin, refused: Sequence[RefusedRow] = ()) -> list[dict[str, Any]]:
    """Legs, totals, the venue's figures and exclusions as rows of FLAT_FIELDS, None where a field
    says nothing of its row.
    """
    rows: list[dict[str, Any]] = []
    for account in margin.accounts:
        whose = {"venue": account.venue, "account": account.account}
        for leg in account.legs:
            record = leg_record(leg)
            rows.append({**record, "kind": "leg", **record["rule"]})
        rows += [{"kind": "total", **whose, **_total(one)} for one in account.statement.totals]
        rows += [{"kind": "venue", **whose, **_gap(gap)} for gap in account.gaps]
    rows += [{"kind": "excluded", **one} for one in excluded_records(margin.excluded, refused)]
    return [{name: row.get(name) for name in FLAT_FIELDS} for row in rows]
