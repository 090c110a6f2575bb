"""Positions as records with stable field names: the schema `quantdesk.positions/1`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from quantdesk.app.render.margin_record import plain
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.times import format_instant
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.valued_positions import PositionBranch, PositionSums, ValuedPosition

SCHEMA = "quantdesk.positions/1"

UNITS = {
    "quantity": "the venue's amount unit, negative is short",
    "average_price": "quote currency; harmonic for inverse futures",
    "mark": "quote currency",
    "value": "settlement currency; an option's worth, a future's open profit",
    "unrealised": "settlement currency, from average price to mark",
    "value_usd": "USD at the index of as_of",
    "unrealised_usd": "USD at the index of as_of; the index of the entry is not known",
}

LEG_FIELDS = (
    "venue",
    "account",
    "instrument_name",
    "underlying",
    "expiry",
    "strike",
    "option_type",
    "strategy",
    "structure",
    "quantity",
    "average_price",
    "mark",
    "mark_source",
    "mark_time",
    "currency",
    "value",
    "unrealised",
    "value_usd",
    "unrealised_usd",
    "reason",
)


def leg_record(leg: ValuedPosition) -> dict[str, Any]:
    """One position with LEG_FIELDS; None where there is no value."""
    position, instrument, mark = leg.position, leg.position.instrument, leg.mark
    return {
        "venue": instrument.venue,
        "account": position.account,
        "instrument_name": instrument.name,
        "underlying": instrument.underlying,
        "expiry": None if instrument.expiry_ns is None else format_instant(instrument.expiry_ns),
        "strike": plain(instrument.strike),
        "option_type": None if instrument.option_type is None else instrument.option_type.value,
        "strategy": position.strategy,
        "structure": position.structure,
        "quantity": plain(position.quantity),
        "average_price": plain(position.average_price),
        "mark": None if mark is None else plain(mark.mark),
        "mark_source": None if mark is None else mark.mark_source,
        "mark_time": format_instant(mark.event_ns) if mark is not None and mark.event_ns else None,
        "currency": leg.currency,
        "value": plain(leg.value),
        "unrealised": plain(leg.unrealised),
        "value_usd": plain(leg.value_usd),
        "unrealised_usd": plain(leg.unrealised_usd),
        "reason": leg.reason or None,
    }


def positions_record(
    legs: Sequence[ValuedPosition],
    root: PositionBranch,
    refused: Sequence[RefusedRow],
    market: MarketData,
) -> dict[str, Any]:
    """The whole answer: legs in the book's order, groups with their sums, what was left out."""
    moments = [one.as_of_ns for one in market.markets]
    return {
        "schema": SCHEMA,
        "as_of": format_instant(max(moments)) if moments else None,
        "source": market.source,
        "units": UNITS,
        "positions": [leg_record(leg) for leg in legs],
        "groups": list(_groups(root)),
        "excluded": [
            {
                "row": one.row,
                "venue": one.venue,
                "instrument_name": one.instrument_name,
                "quantity": one.quantity,
                "reason": one.reason,
            }
            for one in refused
        ],
    }


def _groups(branch: PositionBranch) -> Iterator[dict[str, Any]]:
    yield {
        "level": branch.level,
        "path": [_name(part) for part in branch.path],
        "positions": branch.positions,
        "by_currency": {name: _sums(sums) for name, sums in branch.by_currency.items()},
        "usd": _sums(branch.usd),
    }
    for below in branch.branches:
        yield from _groups(below)


def _name(part: str | int | Decimal) -> str | Decimal | None:
    """A name as JSON has it: an expiry as its instant, no expiry and no strike as null."""
    if isinstance(part, int):
        return format_instant(part) if part else None
    if isinstance(part, Decimal):
        return plain(part) if part else None
    return part


def _sums(sums: PositionSums) -> dict[str, Any]:
    return {
        "value": plain(sums.value),
        "unrealised": plain(sums.unrealised),
        "unknown_value": sums.unknown_value,
        "unknown_unrealised": sums.unknown_unrealised,
    }
