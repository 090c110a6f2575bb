"""Portfolio margin as tables of text: totals, the grid with its binding cell, legs, distances.

Rounds and orders; computes nothing. The label of what is unproved stands before every table.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from quantdesk.margin.book_margin import ExcludedPosition
from quantdesk.margin.margin_change import MarginChange
from quantdesk.margin.portfolio_explain import LiquidationDistance
from quantdesk.margin.portfolio_grid import ExtendedRow, GridRow, extended_rows, grid_rows
from quantdesk.margin.portfolio_parameters import StatedParameter
from quantdesk.margin.portfolio_statement import AccountPortfolio, PortfolioStatement
from quantdesk.views.margin import REASON_LENGTH_MAX, TextTable, amount_text, quantity_text
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.time_text import date_clock_text

BINDING_MARK = "◄"
"""Stands beside the cell that sets the margin."""

NOISE = 12
"""Decimals beyond which a float is arithmetic, not margin: 1e-17 must not round up to a unit."""


def money_text(value: float | None, currency: str, *, is_requirement: bool = False) -> str:
    """A model's amount to the decimals of its currency; a requirement is rounded up."""
    if value is None:
        return DASH
    exact = Decimal(repr(round(value, NOISE)))
    return amount_text(exact, currency, is_requirement=is_requirement)


def label_text(statement: PortfolioStatement) -> str:
    """What must be read before any number, "" where captured replies confirm all of it."""
    label = statement.label
    if not label:
        return ""
    if label.startswith("unproved"):
        return f"OPTION PART UNPROVED: {label.partition(': ')[2]}"
    return "UNCERTAIN: rules or parameters that no captured reply settles; see their statuses"


def status_word(status: str) -> str:
    """The first word of a margin's status."""
    return status.partition(":")[0].upper() if status.startswith("unproved") else status


def portfolio_tables(statement: PortfolioStatement) -> tuple[TextTable, ...]:
    """Totals of all accounts, then each one's grid, extended table, legs and distances."""
    tables = [totals_table(statement)]
    for one in statement.accounts:
        tables += [grid_table(one), extended_table(one), legs_table(one)]
    tables += [liquidation_table(statement), venue_table(statement)]
    return tuple(table for table in tables if table.rows)


def portfolio_lines(statement: PortfolioStatement | None) -> tuple[str, ...]:
    """Portfolio margin of a structure alone, in words; nothing where there is none."""
    if statement is None:
        return ()
    label = label_text(statement)
    return (
        *(
            f"Margin, deribit portfolio, {statement.mode.value}: initial "
            f"{money_text(one.margin.initial, one.margin.currency, is_requirement=True)} "
            f"{one.margin.currency}, maintenance "
            f"{money_text(one.margin.maintenance, one.margin.currency, is_requirement=True)}, "
            f"worst at {one.margin.binding_name}" + (f" ({label})" if label else "")
            for one in statement.accounts
        ),
        *(f"Portfolio margin without {safe_text(one.reason, 200)}" for one in statement.excluded),
    )


def whose(one: AccountPortfolio) -> str:
    """Venue, account and currency of one margin."""
    return f"{one.venue} {safe_text(one.account)}".strip() + f" {one.margin.currency}"


def totals_table(statement: PortfolioStatement) -> TextTable:
    """One line an account and currency: every term of the sum, and the binding cell."""
    rows = []
    for one in statement.accounts:
        margin = one.margin
        terms = (
            margin.worst,
            margin.roll_shock,
            margin.delta_shock,
            margin.correlation_contingency,
            margin.risk_matrix_margin,
            margin.open_orders,
            margin.initial,
            margin.maintenance,
        )
        rows.append(
            (
                whose(one),
                *(money_text(term, margin.currency, is_requirement=True) for term in terms),
                margin.binding_name,
                status_word(margin.status),
            )
        )
    return TextTable(
        title=f"Portfolio margin, {statement.mode.value}",
        columns=(
            "Account",
            "Worst case",
            "Roll shock",
            "Delta shock",
            "Correlation",
            "Risk matrix",
            "Open orders",
            "Initial",
            "Maintenance",
            "Binding cell",
            "Status",
        ),
        numeric=(False, *(True,) * 8, False, False),
        rows=tuple(rows),
    )


def grid_table(one: AccountPortfolio) -> TextTable:
    """The 27 cells after offsets; the binding one is marked."""
    currency = one.margin.currency
    return TextTable(
        title=f"Grid, profit in {currency} after offsets, {BINDING_MARK} binding: {whose(one)} "
        f"({status_word(one.margin.status)})",
        columns=("Spot", "Vol down", "Vol same", "Vol up"),
        numeric=(False, True, True, True),
        rows=tuple(_grid_row(row, currency) for row in grid_rows(one.margin)),
    )


def _grid_row(row: GridRow, currency: str) -> tuple[str, ...]:
    cells = [
        _marked(money_text(cell, currency), number == row.binding)
        for number, cell in enumerate(row.cells)
    ]
    return (row.label, *cells)


def _marked(text: str, is_binding: bool) -> str:
    return f"{text} {BINDING_MARK}" if is_binding else f"{text}  "


def extended_table(one: AccountPortfolio) -> TextTable:
    """The far moves, vol up: weighted profit before and after the dampener."""
    currency = one.margin.currency
    return TextTable(
        title=f"Extended table, vol up, profit in {currency}: {whose(one)} "
        f"({status_word(one.margin.status)})",
        columns=("Spot", "Weight", "Before dampener", "Counts"),
        numeric=(False, True, True, True),
        rows=tuple(_extended_row(row, currency) for row in extended_rows(one.margin)),
    )


def _extended_row(row: ExtendedRow, currency: str) -> tuple[str, ...]:
    return (
        f"{row.move:+.0%}",
        ", ".join(f"{weight:.1%}" for weight in row.weights),
        money_text(row.before, currency),
        _marked(money_text(row.after, currency), row.is_binding),
    )


def legs_table(one: AccountPortfolio) -> TextTable:
    """Marginal margin of each leg, and what the gradient parts do not carry."""
    currency = one.margin.currency
    rows = [
        (
            safe_text(part.name),
            quantity_text(one.quantities[part.name]) if part.name in one.quantities else DASH,
            number_text(part.coins, 4),
            number_text(part.delta, 4),
            money_text(part.binding, currency),
            money_text(part.leave_one_out, currency),
            money_text(part.euler, currency),
        )
        for part in one.parts
    ]
    if rows:
        margin = money_text(one.margin.risk_matrix_margin, currency, is_requirement=True)
        blank = ("", "", "", "")
        unattributed = money_text(one.unattributed, currency)
        rows.append(("dampener, caps", *blank, "", unattributed))
        rows.append(("risk matrix margin", *blank, "", margin))
    return TextTable(
        title=f"Part of each leg, {currency}: {whose(one)} ({status_word(one.margin.status)})",
        columns=(
            "Instrument",
            "Quantity",
            "Coins",
            "Delta",
            "At binding cell",
            "Leave-one-out",
            "Euler",
        ),
        numeric=(False, *(True,) * 6),
        rows=tuple(rows),
    )


def liquidation_table(statement: PortfolioStatement) -> TextTable:
    """How far spot and vol may move until maintenance margin meets the balance."""
    rows = []
    for one in statement.accounts:
        balance, distance = one.balance, one.liquidation
        if balance is None or distance is None:
            continue
        margin = one.margin
        rows.append(
            (
                whose(one),
                money_text(balance.amount, margin.currency),
                money_text(balance.amount - margin.initial, margin.currency),
                *distance_texts(distance),
                safe_text(balance.source, 200),
            )
        )
    return TextTable(
        title="Liquidation distance, all spots or all vols together: maintenance meets the balance",
        columns=(
            "Account",
            "Balance",
            "Available",
            "Spot down",
            "Spot up",
            "Vol down",
            "Vol up",
            "Balance is",
        ),
        numeric=(False, *(True,) * 6, False),
        rows=tuple(rows),
    )


def distance_texts(distance: LiquidationDistance) -> tuple[str, str, str, str]:
    """Spot down and up in per cent, vol down and up in points; what never meets says "none"."""
    if distance.is_below:
        return ("BELOW NOW",) * 4
    return (
        _move(distance.spot_down, "%"),
        _move(distance.spot_up, "%"),
        _move(distance.vol_down, " pts"),
        _move(distance.vol_up, " pts"),
    )


def _move(move: float | None, unit: str) -> str:
    return "none" if move is None else f"{100 * move:+,.2f}{unit}"


def venue_table(statement: PortfolioStatement) -> TextTable:
    """The venue's own figures and ours less them, where an account is connected."""
    rows = []
    for one in statement.accounts:
        gap, currency = one.gap, one.margin.currency
        if gap is None:
            continue
        rows.append(
            (
                whose(one),
                safe_text(gap.model, 24) or DASH,
                money_text(gap.initial, currency),
                money_text(gap.maintenance, currency),
                money_text(gap.initial_gap, currency),
                money_text(gap.maintenance_gap, currency),
                safe_text(gap.reason, 120),
            )
        )
    return TextTable(
        title="The venue's own, and ours less it",
        columns=("Account", "Model", "Venue IM", "Venue MM", "IM gap", "MM gap", "Note"),
        numeric=(False, False, True, True, True, True, False),
        rows=tuple(rows),
    )


def change_table(changes: Sequence[MarginChange], ticket: str) -> TextTable:
    """Margin before and after a ticket."""
    rows = []
    for one in changes:
        figures = (
            (one.initial_before, True),
            (one.initial_after, True),
            (one.initial_change, False),
            (one.maintenance_before, True),
            (one.maintenance_after, True),
            (one.maintenance_change, False),
        )
        moved = (
            one.binding_after
            if one.binding_before == one.binding_after
            else f"{one.binding_before} → {one.binding_after}"
        )
        rows.append(
            (
                f"{one.venue} {safe_text(one.account)}".strip(),
                one.model,
                one.currency,
                *(money_text(value, one.currency, is_requirement=up) for value, up in figures),
                moved,
            )
        )
    return TextTable(
        title=f"Before and after {safe_text(ticket, 200)}",
        columns=(
            "Account",
            "Model",
            "Ccy",
            "IM before",
            "IM after",
            "IM change",
            "MM before",
            "MM after",
            "MM change",
            "Binding cell",
        ),
        numeric=(False, False, False, *(True,) * 6, False),
        rows=tuple(rows),
    )


def parameter_table(pair: str, stated: Sequence[StatedParameter]) -> TextTable:
    """Every parameter of a pair with its status and source."""
    return TextTable(
        title=f"Parameters of {safe_text(pair, 24)}, and how sure each is",
        columns=("Parameter", "Value", "Unit", "Status", "Source and note"),
        numeric=(False, True, False, False, False),
        rows=tuple(
            (
                one.name,
                one.value or DASH,
                one.unit,
                one.origin.status.value,
                _source(one),
            )
            for one in stated
        ),
    )


def _source(one: StatedParameter) -> str:
    origin = one.origin
    dated = "" if origin.since_ns is None else f" of {date_clock_text(origin.since_ns)[:10]}"
    return f"{origin.source}{dated}" + (f"; {origin.note}" if origin.note else "")


def excluded_table(excluded: Sequence[ExcludedPosition]) -> TextTable:
    """What the portfolio model leaves out, and why."""
    return TextTable(
        title="Left out of portfolio margin",
        columns=("Venue", "Instrument", "Quantity", "Reason"),
        numeric=(False, False, True, False),
        rows=tuple(
            (
                safe_text(one.venue),
                safe_text(one.instrument_name),
                quantity_text(one.quantity),
                safe_text(one.reason, REASON_LENGTH_MAX),
            )
            for one in excluded
        ),
    )
