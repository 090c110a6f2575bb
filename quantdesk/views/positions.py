"""Positions as lines of text: a tree of groups with their sums, and the legs below.

Rounds and names; computes nothing. Made for a screen (`TableView`) and for text alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from quantdesk.domain.position import RefusedRow
from quantdesk.portfolio.valued_positions import PositionBranch, PositionSums, ValuedPosition
from quantdesk.views.cells import Cell, Role
from quantdesk.views.margin import amount_text, price_text, quantity_text
from quantdesk.views.number_text import DASH
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import (
    Align,
    LineKind,
    TableColumn,
    TableLine,
    TableView,
    table_view,
)
from quantdesk.views.time_text import expiry_text

COLUMNS = (
    TableColumn(key="name", title="Position", align=Align.LEFT),
    TableColumn(key="quantity", title="Quantity"),
    TableColumn(key="average", title="Average", says="average entry price, quote currency"),
    TableColumn(key="mark", title="Mark", says="quote currency"),
    TableColumn(key="value", title="Value", says="what it adds to equity, settlement currency"),
    TableColumn(
        key="unrealised", title="Open P&L", says="from average to mark, settlement currency"
    ),
    TableColumn(key="currency", title="Ccy", align=Align.LEFT),
    TableColumn(key="value_usd", title="Value", unit="USD", says="at the index of now"),
    TableColumn(key="unrealised_usd", title="Open P&L", unit="USD", says="at the index of now"),
    TableColumn(key="tags", title="Tags", align=Align.LEFT, says="account, strategy, structure"),
    TableColumn(key="note", title="Note", align=Align.LEFT),
)

_NO_TAG = {"strategy": "no strategy", "structure": "no structure", "account": "no account"}


def branch_name(branch: PositionBranch) -> str:
    """What a group is called: a coin, a day, a strike, a tag; "book" for the root."""
    if not branch.path:
        return "book"
    name = branch.path[-1]
    if branch.level == "expiry":
        return expiry_text(int(name)) if name else "no expiry"
    if branch.level == "strike":
        return price_text(Decimal(name)) if name else "futures"
    return safe_text(str(name)) or _NO_TAG.get(branch.level, "none")


def positions_view(
    root: PositionBranch, refused: Sequence[RefusedRow] = (), *, depth_max: int | None = None
) -> TableView:
    """The tree as lines: each group with its sums by currency, then what is in it.

    depth_max : levels that are opened below the root; None opens all, with their legs
    """
    lines = list(_lines(root, 0, depth_max))
    lines += [_refused_line(number, one) for number, one in enumerate(refused)]
    return table_view(COLUMNS, lines, empty="no positions")


def _lines(branch: PositionBranch, depth: int, depth_max: int | None) -> Iterator[TableLine]:
    indent = "  " * depth
    name = branch_name(branch)
    many = f"{name} ({branch.positions})"
    usd: PositionSums | None = branch.usd
    key = "/".join(str(part) for part in branch.path) or "book"
    for currency, sums in branch.by_currency.items():
        yield TableLine(
            key=f"{branch.level}:{key}:{currency}",
            cells=_sum_cells(f"{indent}{many}", currency, sums, usd),
            kind=LineKind.TOTAL if not branch.path else LineKind.HEADING,
        )
        # The USD of a group is of all its currencies: said once, on its first line.
        usd = None
    if depth_max is not None and depth >= depth_max:
        return
    for below in branch.branches:
        yield from _lines(below, depth + 1, depth_max)
    for number, leg in enumerate(branch.legs):
        yield TableLine(
            key=f"leg:{key}:{number}", cells=_leg_cells(f"{indent}  ", leg), kind=LineKind.PLAIN
        )


def _sum_cells(
    name: str, currency: str, sums: PositionSums, usd: PositionSums | None
) -> tuple[Cell, ...]:
    missing = []
    if sums.unknown_value:
        missing.append(f"{sums.unknown_value} without value")
    if sums.unknown_unrealised:
        missing.append(f"{sums.unknown_unrealised} without P&L")
    return (
        Cell(name, Role.LABEL),
        Cell("", Role.VALUE),
        Cell("", Role.VALUE),
        Cell("", Role.VALUE),
        _amount(sums.value, currency),
        _profit(sums.unrealised, currency),
        Cell(currency, Role.LABEL),
        _amount(usd.value, "USD") if usd else Cell("", Role.VALUE),
        _profit(usd.unrealised, "USD") if usd else Cell("", Role.VALUE),
        Cell("", Role.LABEL),
        Cell(", ".join(missing), Role.WARNING if missing else Role.LABEL),
    )


def _leg_cells(indent: str, leg: ValuedPosition) -> tuple[Cell, ...]:
    position, mark = leg.position, leg.mark
    tags = " / ".join(
        safe_text(tag) for tag in (position.account, position.strategy, position.structure) if tag
    )
    source = "" if mark is None or mark.mark_source == "venue mark" else mark.mark_source
    return (
        Cell(f"{indent}{safe_text(position.instrument.name)}", Role.LABEL),
        Cell(quantity_text(position.quantity), Role.SIZE),
        Cell(price_text(position.average_price), Role.VALUE),
        Cell(price_text(None if mark is None else mark.mark), Role.MARK),
        _amount(leg.value, leg.currency),
        _profit(leg.unrealised, leg.currency),
        Cell(leg.currency, Role.LABEL),
        _amount(leg.value_usd, "USD"),
        _profit(leg.unrealised_usd, "USD"),
        Cell(tags, Role.LABEL),
        Cell(safe_text(leg.reason or source, 160), Role.WARNING if leg.reason else Role.LABEL),
    )


def _refused_line(number: int, one: RefusedRow) -> TableLine:
    row = "" if one.row is None else f"row {one.row}: "
    cells = [Cell(safe_text(f"{row}{one.instrument_name or DASH}"), Role.WARNING)]
    cells += [Cell(DASH, Role.MISSING) for _ in COLUMNS[1:-1]]
    cells.append(Cell(safe_text(f"left out: {one.reason}", 160), Role.WARNING))
    return TableLine(key=f"refused:{number}", cells=tuple(cells))


def _amount(value: Decimal | None, currency: str) -> Cell:
    return Cell(amount_text(value, currency), Role.MISSING if value is None else Role.VALUE)


def _profit(value: Decimal | None, currency: str) -> Cell:
    """A profit with its sign, which says what a colour says too."""
    if value is None:
        return Cell(DASH, Role.MISSING)
    text = amount_text(value, currency)
    if value > 0 and text.strip("0.,"):
        return Cell(f"+{text}", Role.GAIN)
    return Cell(text, Role.LOSS if value < 0 else Role.VALUE)
