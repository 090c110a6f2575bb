"""A risk report as records with stable field names: the schema `quantdesk.risk/1`.

One place decides the fields; JSON, CSV, Parquet and HTML all write these. NaN is never written: a
number that is not there is null.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from quantdesk.app.render.limits_record import limits_record
from quantdesk.app.render.margin_record import margin_record, plain
from quantdesk.app.render.pnl_explain_record import explain_record
from quantdesk.app.render.portfolio_record import portfolio_record
from quantdesk.app.render.scenario_record import cube_record, named_record
from quantdesk.app.render.var_record import var_record
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.times import format_instant
from quantdesk.market.chain import FloatArray
from quantdesk.risk.exposure import Exposures, Grouping, NetGreeks
from quantdesk.risk.greeks import GREEK_FIELDS, GREEK_UNITS
from quantdesk.risk.report import InputSource, RiskReport
from quantdesk.risk.valuation import Exclusion, ValuedBook
from quantdesk.risk.venue_decay import decay_note

SCHEMA = "quantdesk.risk/1"

GROUPINGS: dict[str, Grouping] = {
    "by_underlying": Grouping.UNDERLYING,
    "by_expiry": Grouping.EXPIRY,
    "by_strike": Grouping.STRIKE,
    "by_expiry_strike": Grouping.EXPIRY_STRIKE,
    "by_strategy": Grouping.STRATEGY,
    "by_structure": Grouping.STRUCTURE,
    "by_venue": Grouping.VENUE,
}
"""Lists of net Greeks in the record, each within one underlying."""

POSITION_FIELDS = (
    "venue",
    "account",
    "instrument_name",
    "underlying",
    "kind",
    "expiry",
    "strike",
    "option_type",
    "settlement_currency",
    "quantity",
    "average_price",
    "strategy",
    "structure",
    "coins",
    "index_price",
    "forward",
    "forward_source",
    "days_left",
    "iv",
    "iv_source",
    "venue_mark",
    "mark_age_s",
    *GREEK_FIELDS,
    "venue_delta",
    "venue_gamma",
    "venue_vega",
    "venue_theta",
    "venue_note",
)
"""Fields of a position, in the order they are written."""


def greek_units() -> dict[str, str]:
    """Unit of each Greek; "coin" is the row's underlying."""
    return {name: unit.format(coin="coin") for name, unit in GREEK_UNITS.items()}


def risk_record(report: RiskReport, refused: Sequence[RefusedRow] = ()) -> dict[str, Any]:
    """The whole report; `refused` are rows of the book's file that made no position."""
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "as_of": format_instant(report.as_of_ns) if report.as_of_ns else None,
        "positions": position_records(report.exposures),
        "greeks": greeks_record(report.exposures),
        "scenarios": scenarios_record(report),
        "margin": margin_record(report.margin, refused) | {"portfolio": _portfolio(report)},
        "excluded": excluded_records(report, refused),
        "sources": [source_record(source) for source in report.sources],
        "var": None if report.var is None else var_record(report.var, report.var_backtests),
        "limits": None if report.limits is None else limits_record(report.limits),
        "pnl_explain": None if report.pnl_explain is None else explain_record(report.pnl_explain),
    }
    return record | {"reasons": dict(report.reasons)}


def _portfolio(report: RiskReport) -> dict[str, Any] | None:
    return None if report.portfolio is None else portfolio_record(report.portfolio)


def scenarios_record(report: RiskReport) -> dict[str, Any]:
    """The matrix and the named scenarios."""
    return {
        "left_out": len(report.excluded),
        "matrix": cube_record(report.cube),
        "stresses": named_record(report.stresses),
        "historical": named_record(report.historical),
        "own": None if report.own is None else named_record(report.own),
    }


def greeks_record(exposures: Exposures) -> dict[str, Any]:
    """Net Greeks by each grouping and the two hedges; nothing is summed across underlyings."""
    record: dict[str, Any] = {"units": greek_units(), "left_out": len(exposures.book.excluded)}
    for name, grouping in GROUPINGS.items():
        record[name] = [net_record(net) for net in exposures.net(grouping)]
    record["hedges"] = [
        {name: getattr(hedge, name) for name in hedge.__slots__} for hedge in exposures.hedges
    ]
    return record


def net_record(net: NetGreeks) -> dict[str, Any]:
    """One sum: what it is about, how many positions, how many it misses, its Greeks."""
    key = net.key
    record: dict[str, Any] = {
        "underlying": key.underlying,
        "label": key.label,
        "expiry": None if key.expiry_ns is None else format_instant(key.expiry_ns),
        "strike_low": key.strike_low,
        "strike_high": key.strike_high,
        "strategy": key.strategy,
        "structure": key.structure,
        "venue": key.venue,
        "positions": net.positions,
        "left_out": net.left_out,
    }
    return record | net.greeks._asdict()


def position_records(exposures: Exposures) -> list[dict[str, Any]]:
    """One record a valued position, in the book's order."""
    book = exposures.book
    numbers = _numbers(book)
    greeks = exposures.by_position.tolist()
    venue = _venue_greeks(book)
    # A thousand positions share a dozen expiries.
    expiry_text = cache(format_instant)
    note_of = cache(lambda number, expiry_ns: decay_note(book.markets[number], expiry_ns))
    records = []
    for row, (position, mark) in enumerate(zip(book.positions, book.marks, strict=True)):
        instrument = position.instrument
        market = book.markets[book.market_of[row]]
        age = (market.as_of_ns - mark.event_ns) / 1e9 if mark.event_ns else None
        note = note_of(book.market_of[row], instrument.expiry_ns) if instrument.expiry_ns else ""
        values = (
            instrument.venue,
            position.account,
            instrument.name,
            instrument.underlying,
            instrument.kind.value,
            None if instrument.expiry_ns is None else expiry_text(instrument.expiry_ns),
            _strike(instrument),
            None if instrument.option_type is None else instrument.option_type.value,
            instrument.settlement_currency,
            plain(position.quantity),
            plain(position.average_price),
            position.strategy,
            position.structure,
            numbers["coins"][row],
            numbers["index"][row],
            numbers["forward"][row],
            mark.forward_source,
            _present(numbers["days"][row]),
            _present(numbers["vol"][row]),
            mark.vol_source or None,
            mark.venue_mark,
            age,
            *greeks[row],
            *venue[row],
            note or None,
        )
        records.append(dict(zip(POSITION_FIELDS, values, strict=True)))
    return records


def excluded_records(
    report: RiskReport, refused: Sequence[RefusedRow] = ()
) -> list[dict[str, Any]]:
    """Rows of the file that made no position, then positions that could not be marked, then what
    could be marked but not margined.
    """
    found: list[dict[str, Any]] = [
        {
            "row": one.row,
            "venue": one.venue,
            "instrument_name": one.instrument_name,
            "quantity": one.quantity,
            "strategy": None,
            "left_out_of": "everything",
            "reason": one.reason,
        }
        for one in refused
    ]
    found += [_excluded(one) for one in report.excluded]
    found += [
        {
            "row": None,
            "venue": None,
            "instrument_name": f"cash in {currency}",
            "quantity": plain(amount),
            "strategy": None,
            "left_out_of": "collateral",
            "reason": f"the market has no price of {currency}",
        }
        for currency, amount in report.unpriced_cash.items()
    ]
    unmarked = {_key(one.position.instrument) for one in report.excluded}
    found += [
        {
            "row": None,
            "venue": one.venue,
            "instrument_name": one.instrument_name,
            "quantity": plain(one.quantity),
            "strategy": None,
            "left_out_of": "margin",
            "reason": one.reason,
        }
        for one in report.margin.excluded
        if (one.venue, one.instrument_name) not in unmarked
    ]
    return found


def _excluded(one: Exclusion) -> dict[str, Any]:
    return {
        "row": None,
        "venue": one.position.instrument.venue,
        "instrument_name": one.position.instrument.name,
        "quantity": plain(one.position.quantity),
        "strategy": one.position.strategy or None,
        "left_out_of": "greeks and scenarios",
        "reason": one.reason,
    }


def source_record(source: InputSource) -> dict[str, Any]:
    """One input: what, from where, of when, how old."""
    return {
        "what": source.what,
        "source": source.source,
        "as_of": None if source.as_of_ns is None else format_instant(source.as_of_ns),
        "age_s": source.age_s,
    }


def _key(instrument: Instrument) -> tuple[str, str]:
    return instrument.venue, instrument.name


def _strike(instrument: Instrument) -> float | None:
    return None if instrument.strike is None else float(instrument.strike)


def _present(value: float) -> float | None:
    return None if math.isnan(value) else value


def _numbers(book: ValuedBook) -> dict[str, list[float]]:
    """What the arrays of a book say of each row, options and the rest put together again."""
    options, contracts = book.options, book.delta_ones
    nan = float("nan")
    found: dict[str, list[float]] = {
        name: [nan] * len(book) for name in ("coins", "index", "forward", "days", "vol")
    }

    def put(rows: list[int], **columns: FloatArray) -> None:
        for name, column in columns.items():
            target = found[name]
            for row, value in zip(rows, column.tolist(), strict=True):
                target[row] = value

    put(
        options.rows.tolist(),
        coins=options.coins,
        index=options.index,
        forward=options.forward,
        days=options.days,
        vol=options.vol,
    )
    put(
        contracts.rows.tolist(),
        coins=contracts.coins,
        index=contracts.index,
        forward=contracts.price,
    )
    return found


def _venue_greeks(book: ValuedBook) -> list[tuple[float | None, ...]]:
    """The venue's own delta, gamma, vega and theta × coins of each row; None where it gave none."""
    coins = dict(zip(book.options.rows.tolist(), book.options.coins.tolist(), strict=True))
    columns = [
        [
            market.chain.venue_delta.tolist(),
            market.chain.venue_gamma.tolist(),
            market.chain.venue_vega.tolist(),
            market.chain.venue_theta.tolist(),
        ]
        for market in book.markets
    ]
    found: list[tuple[float | None, ...]] = []
    for row, mark in enumerate(book.marks):
        if mark.chain_row is None:
            found.append((None, None, None, None))
            continue
        unit = [column[mark.chain_row] for column in columns[book.market_of[row]]]
        found.append(tuple(_present(value * coins[row]) for value in unit))
    return found
