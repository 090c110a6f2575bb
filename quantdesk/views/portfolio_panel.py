"""Portfolio margin as one table of the margin screen: totals, grid, extended table, legs, distance.

Every account starts with a line that says whether its option part is unproved.
"""

from __future__ import annotations

from quantdesk.margin.portfolio_grid import extended_rows, grid_rows
from quantdesk.margin.portfolio_statement import AccountPortfolio, PortfolioStatement
from quantdesk.views.cells import Cell, Role
from quantdesk.views.portfolio_margin import (
    BINDING_MARK,
    distance_texts,
    label_text,
    money_text,
    status_word,
    whose,
)
from quantdesk.views.provenance import Provenance
from quantdesk.views.safe_text import cell_width, safe_text
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view

COLUMNS = (
    TableColumn(key="what", title="Spot, leg", align=Align.LEFT),
    TableColumn(key="down", title="Vol down", says="profit with vols down; of legs their coins"),
    TableColumn(key="same", title="Vol same", says="profit with vols as they are; of legs delta"),
    TableColumn(key="up", title="Vol up", says="profit with vols up; of legs at the binding cell"),
    TableColumn(key="leave", title="Leave-1-out", says="margin with the leg less without it"),
    TableColumn(key="euler", title="Euler", says="gradient times size; adds up to the margin"),
)
NOTE_COLUMN = TableColumn(key="note", title="Note", says="why it is in no total", align=Align.LEFT)
"""Stands where something was left out."""

PART_TITLES = ("each leg", "coins", "delta", "at binding", "leave-1-out", "Euler")
"""What the columns are on the lines of legs, which stand below those of the grid."""

BLANK = Cell("", Role.VALUE)


def portfolio_title(statement: PortfolioStatement, width: int = 200) -> str:
    """What the table is, and what of it is unproved; in few of `width` columns without why."""
    label = label_text(statement)
    of_mode = f"margin, {statement.mode.value}"
    if not label:
        return f"Deribit portfolio {of_mode}"
    said, _, _ = label.partition(": ")
    titles = (
        f"Deribit portfolio {of_mode}: {label}",
        f"Portfolio {of_mode}: {label}",
        f"Deribit portfolio {of_mode}: {said}",
    )
    fitting = (title for title in titles if cell_width(title) <= width)
    return next(fitting, f"{said}: portfolio {of_mode}")


def portfolio_screen(statement: PortfolioStatement) -> TableView:
    """All accounts, one below the other; lines keep their keys as prices move."""
    lines: list[TableLine] = []
    for one in statement.accounts:
        lines += _account_lines(one)
    empty = "nothing here has a portfolio margin"
    if not statement.excluded:
        return table_view(COLUMNS, lines, empty=empty)
    lines = [line._replace(cells=(*line.cells, BLANK)) for line in lines]
    for number, left in enumerate(statement.excluded):
        name = Cell(f"left out: {safe_text(left.instrument_name, 30)}", Role.WARNING)
        reason = Cell(safe_text(left.reason, 200), Role.WARNING)
        blanks = (BLANK for _ in COLUMNS[1:])
        lines.append(TableLine(key=f"out:{number}", cells=(name, *blanks, reason)))
    return table_view((*COLUMNS, NOTE_COLUMN), lines, empty=empty)


def _account_lines(one: AccountPortfolio) -> list[TableLine]:
    margin, name = one.margin, whose(one)
    currency = margin.currency
    initial = money_text(margin.initial, currency, is_requirement=True)
    maintenance = money_text(margin.maintenance, currency, is_requirement=True)
    status = status_word(margin.status)
    role = Role.LABEL if status == "verified" else Role.WARNING
    lines = [
        _line(
            f"total:{name}",
            (Cell(name, Role.LABEL), Cell(f"IM {initial}", Role.VALUE)),
            (Cell(f"MM {maintenance}", Role.VALUE), Cell(status, role)),
            kind=LineKind.TOTAL,
        )
    ]
    for row in grid_rows(margin):
        cells = tuple(
            _profit(value, currency, is_binding=row.binding == vol)
            for vol, value in enumerate(row.cells)
        )
        lines.append(_line(f"grid:{name}:{row.label}", (Cell(row.label, Role.STRIKE),), cells))
    for far in extended_rows(margin):
        cell = _profit(far.after, currency, is_binding=far.is_binding)
        lines.append(
            _line(
                f"far:{name}:{far.move:+.0%}",
                (Cell(f"far {far.move:+.0%}", Role.STRIKE), BLANK, BLANK),
                (cell,),
            )
        )
    if one.parts:
        titles = tuple(Cell(title, Role.LABEL) for title in PART_TITLES)
        lines.append(_line(f"parts:{name}", titles))
    for part in one.parts:
        numbers = (part.coins, part.delta)
        amounts = (part.binding, part.leave_one_out, part.euler)
        lines.append(
            _line(
                f"part:{name}:{part.name}",
                (Cell(safe_text(part.name), Role.LABEL),),
                tuple(Cell(f"{number:,.4f}", Role.GREEK) for number in numbers),
                tuple(Cell(money_text(value, currency), Role.VALUE) for value in amounts),
            )
        )
    if one.liquidation is not None:
        words = ("spot ", "spot ", "vol ", "vol ")
        texts = distance_texts(one.liquidation)
        cells = tuple(
            Cell(f"{word}{text}", Role.BREACH if one.liquidation.is_below else Role.VALUE)
            for word, text in zip(words, texts, strict=True)
        )
        lines.append(_line(f"way:{name}", (Cell("liquidation at", Role.LABEL),), cells))
    return lines


def _line(key: str, *groups: tuple[Cell, ...], kind: LineKind = LineKind.PLAIN) -> TableLine:
    """A line filled up with blanks."""
    cells = tuple(cell for group in groups for cell in group)
    return TableLine(
        key=key, cells=(*cells, *(BLANK for _ in range(len(COLUMNS) - len(cells)))), kind=kind
    )


def _profit(value: float, currency: str, *, is_binding: bool) -> Cell:
    text = money_text(value, currency)
    if is_binding:
        return Cell(f"{text} {BINDING_MARK}", Role.BREACH)
    return Cell(f"{text}  ", Role.LOSS if value < 0 else Role.VALUE)


def explain_portfolio(statement: PortfolioStatement, key: str | None) -> Provenance:
    """How the line with `key` of `portfolio_screen` was made."""
    for one in statement.accounts:
        if key is not None and f":{whose(one)}" in key:
            return _explain(one, key.partition(":")[0])
    kind, _, number = (key or "").partition(":")
    if kind == "out" and int(number) < len(statement.excluded):
        left = statement.excluded[int(number)]
        return Provenance(
            title=f"{safe_text(left.instrument_name, 40)}: left out, in no total",
            sentences=(safe_text(left.reason, 400),),
        )
    return Provenance(title="Move to a line: how it was made is said here", sentences=())


def _explain(one: AccountPortfolio, kind: str) -> Provenance:
    margin, currency = one.margin, one.margin.currency

    def amount(value: float) -> str:
        return money_text(value, currency, is_requirement=True)

    sentences = {
        "grid": "Profit after the pair's offset, options revalued at the shocked forward and vol.",
        "far": "Weighted profit, vols up, after the dampener.",
        "parts": "Below are coins, delta, profit at the binding cell, and the part of the margin.",
        "part": "Coins, delta, profit at the binding cell, then the leg's part of the margin.",
        "way": "Moves of all spots, or of all vols in points, at which maintenance margin meets "
        "the balance; the margin is computed anew at every move.",
    }
    total = (
        f"Initial {amount(margin.initial)} {currency} = worst case {amount(margin.worst)} "
        f"({margin.binding_name}) + roll shock {amount(margin.roll_shock)} + delta shock "
        f"{amount(margin.delta_shock)} + open orders {amount(margin.open_orders)}; maintenance is "
        f"{margin.mm_factor:g} of the first three."
    )
    found = [sentences[kind]] if kind in sentences else []
    found += [total, f"Status: {margin.status}."]
    if one.balance is not None:
        found.append(f"Balance: {safe_text(one.balance.source, 200)}.")
    if one.gap is not None:
        said = f"The venue's own: IM {money_text(one.gap.initial, currency)}, MM "
        said += f"{money_text(one.gap.maintenance, currency)}; ours less it "
        said += f"{money_text(one.gap.initial_gap, currency)}, "
        said += f"{money_text(one.gap.maintenance_gap, currency)}"
        found.append(f"{said}. {safe_text(one.gap.reason, 120)}".strip())
    return Provenance(title=f"Portfolio margin of {whose(one)}", sentences=tuple(found))
