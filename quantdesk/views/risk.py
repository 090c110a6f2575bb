"""The risk report as text: a heading, a sentence that must not be missed, and tables.

Screens, terminal tables, Markdown and HTML all show this; CSV, Parquet and JSON write the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quantdesk.domain.position import RefusedRow
from quantdesk.risk.exposure import Grouping
from quantdesk.risk.report import RiskReport
from quantdesk.risk.venue_decay import decay_note
from quantdesk.views.greeks import hedge_table, ladder_table, net_tables, position_table
from quantdesk.views.limits import limits_text_table
from quantdesk.views.margin import REASON_LENGTH_MAX, TextTable, margin_view, quantity_text
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.pnl_explain import explain_notes, explain_tables
from quantdesk.views.portfolio_margin import label_text, portfolio_tables
from quantdesk.views.risk_summary import summary_table
from quantdesk.views.safe_text import safe_text
from quantdesk.views.scenario import SPOT_RULE, matrix_tables, named_table, worst_table
from quantdesk.views.time_text import instant_text
from quantdesk.views.var import backtest_notes, backtest_table, var_notes, var_tables

LADDERS = (Grouping.EXPIRY, Grouping.STRIKE, Grouping.STRATEGY, Grouping.VENUE)
"""Ladders of the report; the others are `risk ladder`'s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskView:
    """Everything shown of a report.

    heading : what it is and of when;  sentence : what a reader must know first, "" where nothing
    notes : one line each, below the tables
    """

    heading: str
    sentence: str
    tables: tuple[TextTable, ...]
    notes: tuple[str, ...]


def risk_view(report: RiskReport, refused: Sequence[RefusedRow] = ()) -> RiskView:
    """The whole report; `refused` are rows of the book's file that made no position."""
    excluded = excluded_table(report, refused)
    has_cash = any(report.collateral.values())
    margin = margin_view(report.margin)
    tables: list[TextTable] = [summary_table(report, left_out=len(excluded.rows))]
    tables += [*net_tables(report.greeks), hedge_table(report.greeks.hedges)]
    tables += [ladder_table(report.greeks, grouping) for grouping in LADDERS]
    tables += matrix_tables(report.cube, with_collateral=False)
    if has_cash:
        tables += matrix_tables(report.cube, with_collateral=True)
    tables += [worst_table(report.cube), named_table(report.stresses, "Stresses")]
    if report.own is not None:
        tables.append(named_table(report.own, "Own scenarios"))
    tables.append(named_table(report.historical, "Recorded days replayed on this book"))
    if report.var is not None:
        tables += var_tables(report.var)
    if report.var_backtests:
        tables.append(backtest_table(report.var_backtests))
    if report.pnl_explain is not None:
        tables += explain_tables(report.pnl_explain)
    if report.limits is not None:
        tables.append(limits_text_table(report.limits))
    tables += [table for table in margin.tables if not table.title.startswith("Left out")]
    if report.portfolio is not None:
        tables += portfolio_tables(report.portfolio)
    tables.append(position_table(report.greeks))
    if excluded.rows:
        tables.append(excluded)
    tables.append(sources_table(report))
    return RiskView(
        heading=f"Risk report, {instant_text(report.as_of_ns)}",
        sentence=incomplete_sentence(len(excluded.rows)),
        tables=tuple(table for table in tables if table.rows),
        notes=(
            f"Scenarios: {SPOT_RULE}.",
            "Greeks in dollars are on each leg's own forward; values in USD are coin × index.",
            *venue_notes(report),
            *(() if report.var is None else var_notes(report.var)),
            *backtest_notes(report.var_backtests),
            *(() if report.pnl_explain is None else explain_notes(report.pnl_explain)),
            *(f"{name}: {reason}" for name, reason in report.reasons.items()),
            *margin.rules,
            *_portfolio_notes(report),
        ),
    )


def _portfolio_notes(report: RiskReport) -> tuple[str, ...]:
    """What must be said of the portfolio margin, and what it leaves out."""
    statement = report.portfolio
    if statement is None or not (statement.accounts or statement.excluded):
        return ()
    label = label_text(statement)
    return (
        *((f"Portfolio margin: {label}.",) if label else ()),
        *(
            f"Portfolio margin without {safe_text(one.instrument_name)}: "
            f"{safe_text(one.reason, REASON_LENGTH_MAX)}"
            for one in statement.excluded
        ),
    )


def incomplete_sentence(left_out: int) -> str:
    """What stands first where something is missing."""
    return f"INCOMPLETE: {left_out} left out, listed below; totals miss them" if left_out else ""


def excluded_table(report: RiskReport, refused: Sequence[RefusedRow] = ()) -> TextTable:
    """Rows refused, positions not marked, legs not margined: each with its reason."""
    rows = [
        (
            DASH if one.row is None else str(one.row),
            safe_text(one.venue) or DASH,
            safe_text(one.instrument_name) or DASH,
            safe_text(one.quantity) or DASH,
            "everything",
            safe_text(one.reason, REASON_LENGTH_MAX),
        )
        for one in refused
    ]
    rows += [
        (
            DASH,
            DASH,
            f"cash in {safe_text(currency, 16)}",
            quantity_text(amount),
            "collateral",
            f"the market has no price of {safe_text(currency, 16)}",
        )
        for currency, amount in report.unpriced_cash.items()
    ]
    unmarked = set()
    for exclusion in report.excluded:
        instrument = exclusion.position.instrument
        unmarked.add((instrument.venue, instrument.name))
        rows.append(
            (
                DASH,
                safe_text(instrument.venue),
                safe_text(instrument.name),
                quantity_text(exclusion.position.quantity),
                "Greeks, scenarios",
                safe_text(exclusion.reason, REASON_LENGTH_MAX),
            )
        )
    rows += [
        (
            DASH,
            safe_text(leg.venue),
            safe_text(leg.instrument_name),
            quantity_text(leg.quantity),
            "margin",
            safe_text(leg.reason, REASON_LENGTH_MAX),
        )
        for leg in report.margin.excluded
        if (leg.venue, leg.instrument_name) not in unmarked
    ]
    return TextTable(
        title="Left out, in no total",
        columns=("Row", "Venue", "Instrument", "Quantity", "Left out of", "Reason"),
        numeric=(True, False, False, True, False, False),
        rows=tuple(rows),
    )


def sources_table(report: RiskReport) -> TextTable:
    """Where each input comes from and how old it is."""
    return TextTable(
        title="Sources",
        columns=("Input", "Source", "As of", "Age s"),
        numeric=(False, False, False, True),
        rows=tuple(
            (
                safe_text(one.what, 80),
                safe_text(one.source, 80),
                DASH if one.as_of_ns is None else instant_text(one.as_of_ns),
                number_text(one.age_s, 1),
            )
            for one in report.sources
        ),
    )


def venue_notes(report: RiskReport) -> tuple[str, ...]:
    """Why a venue's own Greeks differ near expiry, once an expiry."""
    book = report.book
    notes: dict[str, None] = {}
    for row, position in enumerate(book.positions):
        expiry_ns = position.instrument.expiry_ns
        if expiry_ns is None:
            continue
        note = decay_note(book.markets[book.market_of[row]], expiry_ns)
        if note:
            notes[f"Expiry {instant_text(expiry_ns)}: {note}."] = None
    return tuple(notes)
