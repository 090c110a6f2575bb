"""A book's margin as rows of text: what a screen, a terminal table and Markdown show.

Rounds and orders; computes nothing. Colour roles are left to the screen: a status is also a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from quantdesk.domain.margin import MarginRequirement, MarginTotal
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.margin.book_margin import AccountMargin, BookMargin, LegMargin, MarginGap
from quantdesk.views.cells import Cell, Role
from quantdesk.views.number_text import DASH
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view
from quantdesk.views.time_text import date_clock_text, instant_text

COIN_DECIMALS = 6
DOLLAR_DECIMALS = 2
_DOLLARS = frozenset({"USD", "USDC", "USDT"})
REASON_LENGTH_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A titled table of safe text. `numeric` (by column) is true where cells align right."""

    title: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginView:
    """Everything shown of a book's margin.

    heading : source and moment; sentence : what a reader must know first, "" where nothing
    rules : one line a rule: number as in the legs' `rule` column, status, source, note
    """

    heading: str
    sentence: str
    tables: tuple[TextTable, ...]
    rules: tuple[str, ...]


def amount_text(value: Decimal | None, currency: str, *, is_requirement: bool = False) -> str:
    """`value` to the decimals of its currency with separators; the dash for None.

    A requirement is rounded up: what is shown is never less than what is asked for.
    """
    if value is None:
        return DASH
    places = DOLLAR_DECIMALS if currency in _DOLLARS else COIN_DECIMALS
    rounding = ROUND_CEILING if is_requirement else ROUND_HALF_EVEN
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=rounding)
    return f"{abs(rounded) if rounded == 0 else rounded:,f}"


def quantity_text(value: Decimal) -> str:
    """A signed quantity with only the decimals it has."""
    return f"{Decimal(f'{value.normalize():f}'):+,f}" if value else "0"


def price_text(value: Decimal | None) -> str:
    """A price with only the decimals it has, at most eight; the dash for None."""
    if value is None:
        return DASH
    rounded = value.quantize(Decimal("0.00000001")) if value.as_tuple().exponent else value
    return f"{Decimal(f'{rounded.normalize():f}'):,f}" if rounded else "0"


def margin_view(margin: BookMargin, refused: Sequence[RefusedRow] = ()) -> MarginView:
    """The view of `margin`; `refused` are rows of the book's file that made no position."""
    rules: dict[RuleOrigin, int] = {}
    tables: list[TextTable] = []
    for account in margin.accounts:
        tables.append(_totals(account))
        if account.legs:
            tables.append(_legs(account, rules))
    left_out = len(margin.excluded) + len(refused)
    if left_out:
        tables.append(_excluded(margin, refused))
    return MarginView(
        heading=f"Standard margin, {safe_text(margin.source)}, {instant_text(margin.as_of_ns)}",
        sentence=(
            f"INCOMPLETE: {left_out} left out, listed below; totals miss them" if left_out else ""
        ),
        tables=tuple(tables),
        rules=tuple(f"[{number}] {_rule_text(rule)}" for rule, number in rules.items()),
    )


def _rule_text(rule: RuleOrigin) -> str:
    since = "" if rule.since_ns is None else f" (parameters since {date_clock_text(rule.since_ns)})"
    return safe_text(f"{rule}{since}", 500)


def _whose(account: AccountMargin) -> str:
    name = f" {safe_text(account.account)}" if account.account else ""
    moment = instant_text(account.statement.as_of_ns)
    return f"{account.venue}{name}, {account.statement.model}, {moment}"


def _totals(account: AccountMargin) -> TextTable:
    """Totals by currency, the venue's own figure and the gap beside them where it is known."""
    figures = {gap.venue_figure.currency: gap for gap in account.gaps}
    totals = {total.currency: total for total in account.statement.totals}
    rows = []
    for currency in sorted({*totals, *figures}):
        total = account.statement.total(currency)
        row = [
            currency,
            amount_text(total.initial, currency, is_requirement=True),
            amount_text(total.maintenance, currency, is_requirement=True),
        ]
        if figures:
            gap = figures.get(currency)
            figure = None if gap is None else gap.venue_figure
            row += [
                amount_text(figure.initial if figure else None, currency, is_requirement=True),
                amount_text(figure.maintenance if figure else None, currency, is_requirement=True),
                amount_text(gap.initial_gap if gap else None, currency),
                amount_text(gap.maintenance_gap if gap else None, currency),
                "whole account" if figure and figure.is_shared else "this currency",
            ]
        rows.append(tuple(row))
    columns = ["Ccy", "Initial", "Maintenance"]
    if figures:
        columns += ["Venue IM", "Venue MM", "IM gap", "MM gap", "Venue counts"]
    return TextTable(
        title=f"Total by currency: {_whose(account)}",
        columns=tuple(columns),
        numeric=tuple(name not in {"Ccy", "Venue counts"} for name in columns),
        rows=tuple(rows),
    )


_LEG_COLUMNS = (
    ("Instrument", False),
    ("What", False),
    ("Quantity", True),
    ("Mark", True),
    ("Unit", False),
    ("Priced on", True),
    ("Initial", True),
    ("Maintenance", True),
    ("Ccy", False),
    ("Status", False),
    ("Rule", False),
)


def _legs(account: AccountMargin, rules: dict[RuleOrigin, int]) -> TextTable:
    return TextTable(
        title=f"By leg: {_whose(account)}",
        columns=tuple(name for name, _ in _LEG_COLUMNS),
        numeric=tuple(is_number for _, is_number in _LEG_COLUMNS),
        rows=tuple(_leg_row(leg, rules) for leg in account.legs),
    )


def _leg_row(leg: LegMargin, rules: dict[RuleOrigin, int]) -> tuple[str, ...]:
    requirement = leg.requirement
    number = rules.setdefault(requirement.origin, len(rules) + 1)
    return (
        safe_text(requirement.instrument_name),
        requirement.kind.value if requirement.order_id is None else f"order {_order(requirement)}",
        quantity_text(requirement.quantity),
        price_text(leg.mark.mark),
        leg.instrument.quote_currency,
        price_text(leg.underlying),
        amount_text(requirement.initial, requirement.currency, is_requirement=True),
        amount_text(requirement.maintenance, requirement.currency, is_requirement=True),
        requirement.currency,
        requirement.origin.status.value,
        f"[{number}]",
    )


def _order(requirement: MarginRequirement) -> str:
    return safe_text(requirement.order_id or "", 24)


def _excluded(margin: BookMargin, refused: Sequence[RefusedRow]) -> TextTable:
    rows = [
        (
            DASH if one.row is None else str(one.row),
            safe_text(one.venue) or DASH,
            safe_text(one.instrument_name) or DASH,
            safe_text(one.quantity) or DASH,
            safe_text(one.reason, REASON_LENGTH_MAX),
        )
        for one in refused
    ]
    rows += [
        (
            DASH,
            safe_text(one.venue),
            safe_text(one.instrument_name),
            quantity_text(one.quantity),
            safe_text(one.reason, REASON_LENGTH_MAX),
        )
        for one in margin.excluded
    ]
    return TextTable(
        title="Left out, in no total",
        columns=("Row", "Venue", "Instrument", "Quantity", "Reason"),
        numeric=(True, False, False, True, False),
        rows=tuple(rows),
    )


def margin_screen(margin: BookMargin, refused: Sequence[RefusedRow] = ()) -> TableView:
    """The same for a screen: each account's totals above its legs, then what was left out.

    Lines keep their keys as prices move.
    """
    lines: list[TableLine] = []
    rules: dict[RuleOrigin, int] = {}
    for account in margin.accounts:
        whose = f"{account.venue} {safe_text(account.account)}".strip()
        gaps = {gap.venue_figure.currency: gap for gap in account.gaps}
        currencies = {total.currency for total in account.statement.totals} | set(gaps)
        for currency in sorted(currencies):
            total = account.statement.total(currency)
            lines.append(
                TableLine(
                    key=f"total:{whose}:{currency}",
                    cells=_total_cells(whose, currency, total, gaps.get(currency)),
                    kind=LineKind.TOTAL,
                )
            )
        for leg in account.legs:
            name, *row, status, _ = _leg_row(leg, rules)
            is_uncertain = leg.requirement.origin.status is RuleStatus.UNCERTAIN
            cells = (
                Cell(f"  {name}", Role.LABEL),
                *(Cell(text, Role.VALUE) for text in row),
                Cell(status, Role.WARNING if is_uncertain else Role.LABEL),
                Cell("", Role.LABEL),
            )
            key = leg.requirement.order_id or "position"
            lines.append(
                TableLine(key=f"leg:{whose}:{leg.requirement.instrument_name}:{key}", cells=cells)
            )
    left_out = _excluded(margin, refused).rows
    lines += [_left_out_line(number, row) for number, row in enumerate(left_out)]
    return table_view(SCREEN_COLUMNS, lines, empty="no positions")


SCREEN_COLUMNS = (
    TableColumn(key="instrument", title="Instrument", align=Align.LEFT),
    TableColumn(key="what", title="What", align=Align.LEFT),
    TableColumn(key="quantity", title="Quantity"),
    TableColumn(key="mark", title="Mark", says="quote currency"),
    TableColumn(key="unit", title="Unit", align=Align.LEFT),
    TableColumn(key="underlying", title="Priced on", unit="USD", says="forward or index"),
    TableColumn(key="initial", title="Initial", says="settlement currency"),
    TableColumn(key="maintenance", title="Maint.", says="settlement currency"),
    TableColumn(key="currency", title="Ccy", align=Align.LEFT),
    TableColumn(key="status", title="Status", align=Align.LEFT, says="how sure the rule is"),
    TableColumn(key="venue", title="Venue's own", align=Align.LEFT, says="and the gap to ours"),
)


def _total_cells(
    whose: str, currency: str, total: MarginTotal, gap: MarginGap | None
) -> tuple[Cell, ...]:
    venue = ""
    if gap is not None:
        figure = gap.venue_figure
        shared = " whole account" if figure.is_shared else ""
        venue = (
            f"IM {amount_text(figure.initial, currency)} (gap "
            f"{amount_text(gap.initial_gap, currency)}), MM "
            f"{amount_text(figure.maintenance, currency)} (gap "
            f"{amount_text(gap.maintenance_gap, currency)}){shared}"
        )
    blank = Cell("", Role.VALUE)
    return (
        Cell(f"{whose} {currency}", Role.LABEL),
        Cell("total", Role.LABEL),
        *(blank for _ in range(4)),
        Cell(amount_text(total.initial, currency, is_requirement=True), Role.VALUE),
        Cell(amount_text(total.maintenance, currency, is_requirement=True), Role.VALUE),
        Cell(currency, Role.LABEL),
        blank,
        Cell(venue, Role.VENUE),
    )


def _left_out_line(number: int, row: tuple[str, ...]) -> TableLine:
    place, venue, name, quantity, reason = row
    shown = name if place == DASH else f"row {place}: {name}"
    cells = [
        Cell(shown, Role.WARNING),
        Cell("left out", Role.WARNING),
        Cell(quantity, Role.VALUE),
        *(Cell(DASH, Role.MISSING) for _ in range(6)),
        Cell(venue, Role.LABEL),
        Cell(reason, Role.WARNING),
    ]
    return TableLine(key=f"left-out:{number}", cells=tuple(cells))
