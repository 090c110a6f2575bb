"""The positions table: a tree of groups with sums, legs below, what was left out at the end.

Groups are within one underlying, so that their Greeks may be added; money of different currencies
stands on lines of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum

from quantdesk.domain.position import Position, RefusedRow
from quantdesk.margin.book_margin import BookMargin, LegMargin
from quantdesk.portfolio.valued_positions import PositionSums
from quantdesk.risk.book_tree import BookGroup, BookLeg
from quantdesk.views.book_cells import BLANK, MISSING, age_cell, greek_cell
from quantdesk.views.cells import Cell, Role
from quantdesk.views.margin import amount_text, price_text, quantity_text
from quantdesk.views.number_text import DASH, number_text, percent_text
from quantdesk.views.risk_choice import (
    GREEK_COLUMNS,
    GreekChoice,
)
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view
from quantdesk.views.time_text import expiry_text

REASON_WIDTH = 160

MORE_GREEKS = ("vanna_per_point", "volga_per_point", "charm_per_day", "basis_delta_per_bp")


class ColumnSet(Enum):
    """What the table shows beside names."""

    RISK = "P&L and Greeks"
    PNL = "P&L"
    GREEKS = "Greeks"
    STATE = "state"


class TreeOrder(Enum):
    """How the tree is grouped; always within one underlying."""

    CONTRACT = ("underlying", "expiry", "strike")
    TAG = ("underlying", "strategy", "structure")
    VENUE = ("underlying", "venue", "expiry")


TREE_WORDS = {
    TreeOrder.CONTRACT: "underlying → expiry → strike",
    TreeOrder.TAG: "underlying → strategy → structure",
    TreeOrder.VENUE: "underlying → venue → expiry",
}

_NAME = TableColumn(key="name", title="Position", align=Align.LEFT)
_MONEY = {
    "quantity": TableColumn(key="quantity", title="Quantity", unit="venue's"),
    "average": TableColumn(key="average", title="Average", unit="quote ccy"),
    "mark": TableColumn(key="mark", title="Mark", unit="quote ccy"),
    "value": TableColumn(key="value", title="Value", unit="settl. ccy"),
    "open": TableColumn(key="open", title="Open P&L", unit="settl. ccy"),
    "currency": TableColumn(key="currency", title="Ccy", align=Align.LEFT),
    "value_usd": TableColumn(key="value_usd", title="Value", unit="USD"),
    "open_usd": TableColumn(key="open_usd", title="Open P&L", unit="USD"),
}
_STATE = {
    "iv": TableColumn(key="iv", title="IV", unit="%"),
    "days": TableColumn(key="days", title="Left", unit="days"),
    "chance": TableColumn(key="chance", title="In money", unit="%"),
    "margin": TableColumn(key="margin", title="Init. mgn", unit="settl. ccy"),
    "share": TableColumn(key="share", title="Share", unit="% of it"),
    "age": TableColumn(key="age", title="Mark age"),
    "source": TableColumn(key="source", title="Valued by", align=Align.LEFT),
    "tags": TableColumn(key="tags", title="Tags", align=Align.LEFT),
}
_NOTE = TableColumn(key="note", title="Note", align=Align.LEFT)

_OWN_CURRENCY = ("value", "open", "currency")
_IN_USD = ("value_usd", "open_usd")


def shown_names(columns: ColumnSet, choice: GreekChoice) -> tuple[str, ...]:
    """Names of the columns between the position's name and its note, from left to right."""
    if columns is ColumnSet.RISK:
        if choice.is_usd:
            return ("quantity", "open_usd", *choice.fields, "mark")
        return ("quantity", "open", "currency", *choice.fields, "mark", "open_usd")
    if columns is ColumnSet.PNL:
        money = (*_IN_USD, *_OWN_CURRENCY) if choice.is_usd else (*_OWN_CURRENCY, *_IN_USD)
        return ("quantity", "average", "mark", *money, "tags")
    if columns is ColumnSet.GREEKS:
        return ("quantity", *choice.fields, *MORE_GREEKS)
    return ("quantity", *_STATE)


def _columns(names: Sequence[str]) -> tuple[TableColumn, ...]:
    known = _MONEY | _STATE
    greeks = {
        field: TableColumn(key=field, title=column.title, unit=column.unit)
        for field, column in GREEK_COLUMNS.items()
    }
    return (_NAME, *(known.get(name) or greeks[name] for name in names), _NOTE)


def tree_view(
    root: BookGroup,
    margin: BookMargin,
    refused: Sequence[RefusedRow] = (),
    *,
    columns: ColumnSet,
    choice: GreekChoice,
    folded: Collection[str] = (),
) -> TableView:
    """The tree as lines; groups whose key is in `folded` show their sums only."""
    names = shown_names(columns, choice)
    lines = list(_group_lines(root, 0, names, _margins(margin), frozenset(folded)))
    lines += [_refused_line(number, one, names) for number, one in enumerate(refused)]
    return table_view(_columns(names), lines, empty="no positions: the book is flat")


def group_key(group: BookGroup) -> str:
    """The key of a group's first line."""
    return f"{group.level}:{'/'.join(str(part) for part in group.path) or 'book'}"


def group_of(root: BookGroup, key: str) -> BookGroup | None:
    """The group whose line has `key`, whichever of its currencies; None for other lines."""
    wanted = key.partition("|")[0]
    stack = [root]
    while stack:
        group = stack.pop()
        if group_key(group) == wanted:
            return group
        stack.extend(group.groups)
    return None


def foldable_keys(root: BookGroup, depth: int) -> frozenset[str]:
    """Keys of all groups that many levels below the root (1: the underlyings)."""
    level = [root]
    for _ in range(depth):
        level = [below for group in level for below in group.groups]
    return frozenset(group_key(group) for group in level)


def _margins(margin: BookMargin) -> Mapping[tuple[str, str, str], tuple[LegMargin, Decimal]]:
    """Margin of each holding and the account's total in its currency, by venue, account, name."""
    found: dict[tuple[str, str, str], tuple[LegMargin, Decimal]] = {}
    for account in margin.accounts:
        for leg in account.legs:
            if leg.requirement.order_id is None:
                total = account.statement.total(leg.requirement.currency).initial
                found[leg.venue, leg.account, leg.instrument.name] = (leg, total)
    return found


def group_name(group: BookGroup) -> str:
    """What a group is called on its line."""
    if not group.path:
        return "book"
    name = group.path[-1]
    if group.level == "expiry":
        return expiry_text(int(str(name))) if name else "no expiry"
    if group.level == "strike":
        return price_text(Decimal(str(name))) if name else "futures"
    none = {"strategy": "no strategy", "structure": "no structure"}.get(group.level, "none")
    return safe_text(str(name), 32) or none


def _group_lines(
    group: BookGroup,
    depth: int,
    names: Sequence[str],
    margins: Mapping[tuple[str, str, str], tuple[LegMargin, Decimal]],
    folded: frozenset[str],
) -> Iterator[TableLine]:
    key = group_key(group)
    if not group.groups and group.positions == 1:
        # A heading with the same numbers as its only leg would say everything twice.
        cells = _leg_cells("  " * depth, group.legs[0], names, margins)
        yield TableLine(key=f"leg:{key}:0", cells=cells)
        return
    is_folded = key in folded
    sign = "+" if is_folded else "-"
    name = f"{'  ' * depth}{sign} {group_name(group)} ({group.positions})"
    kind = LineKind.TOTAL if depth <= 1 else LineKind.HEADING
    for place, (currency, sums) in enumerate(group.by_currency.items()):
        is_first = place == 0
        title = name if is_first else f"{'  ' * depth}  of it in {safe_text(currency, 8)}"
        yield TableLine(
            key=key if is_first else f"{key}|{currency}",
            cells=_sum_cells(title, group, currency, sums, names, is_first=is_first),
            kind=kind,
        )
    if is_folded:
        return
    for below in group.groups:
        yield from _group_lines(below, depth + 1, names, margins, folded)
    for number, leg in enumerate(group.legs):
        yield TableLine(
            key=f"leg:{key}:{number}", cells=_leg_cells("  " * (depth + 1), leg, names, margins)
        )


def _sum_cells(
    title: str,
    group: BookGroup,
    currency: str,
    sums: PositionSums,
    names: Sequence[str],
    *,
    is_first: bool,
) -> tuple[Cell, ...]:
    money = {
        "value": _amount(sums.value, currency),
        "open": _profit(sums.unrealised, currency),
        "currency": Cell(safe_text(currency, 8), Role.LABEL),
        "value_usd": _amount(group.usd.value, "USD") if is_first else BLANK,
        "open_usd": _profit(group.usd.unrealised, "USD") if is_first else BLANK,
    }
    missing = []
    if is_first and group.left_out:
        missing.append(f"WITHOUT {group.left_out} that could not be valued")
    if sums.unknown_unrealised:
        missing.append(f"P&L without {sums.unknown_unrealised} of unknown cost or mark")
    # Sums over underlyings would mean nothing: the root's Greeks are blank, not missing.
    has_greeks = is_first and bool(group.path)
    greeks = {name: greek_cell(group.greeks, name) for name in GREEK_COLUMNS if has_greeks}
    return (
        Cell(title, Role.LABEL),
        *(money.get(name) or greeks.get(name, BLANK) for name in names),
        Cell("; ".join(missing), Role.WARNING if missing else Role.LABEL),
    )


def _leg_cells(
    indent: str,
    leg: BookLeg,
    names: Sequence[str],
    margins: Mapping[tuple[str, str, str], tuple[LegMargin, Decimal]],
) -> tuple[Cell, ...]:
    valued = leg.valued
    position, mark = valued.position, valued.mark
    money = {
        "quantity": Cell(quantity_text(position.quantity), Role.SIZE),
        "average": _price(position.average_price),
        "mark": _price(None if mark is None else mark.mark),
        "value": _amount(valued.value, valued.currency),
        "open": _profit(valued.unrealised, valued.currency),
        "currency": Cell(safe_text(valued.currency, 8), Role.LABEL),
        "value_usd": _amount(valued.value_usd, "USD"),
        "open_usd": _profit(valued.unrealised_usd, "USD"),
    }
    is_stale = leg.state is not None and leg.state.is_stale
    state = _state_cells(leg, margins) if set(names) & _STATE.keys() else {}
    note = leg.reason or valued.reason
    if not note and is_stale:
        note = "STALE mark"
    return (
        Cell(f"{indent}{safe_text(position.instrument.name, 36)}", Role.LABEL),
        *(money.get(name) or state.get(name) or greek_cell(leg.greeks, name) for name in names),
        Cell(safe_text(note, REASON_WIDTH), Role.WARNING if note else Role.LABEL),
    )


def _state_cells(
    leg: BookLeg, margins: Mapping[tuple[str, str, str], tuple[LegMargin, Decimal]]
) -> dict[str, Cell]:
    state, position = leg.state, leg.valued.position
    found = margins.get((position.instrument.venue, position.account, position.instrument.name))
    margin, share = MISSING, MISSING
    if found is not None:
        requirement, total = found[0].requirement, found[1]
        margin = Cell(
            amount_text(requirement.initial, requirement.currency, is_requirement=True), Role.VALUE
        )
        if total > 0:
            share = Cell(number_text(100 * float(requirement.initial / total), 1), Role.VALUE)
    tags = " / ".join(
        safe_text(tag, 24)
        for tag in (position.account, position.strategy, position.structure)
        if tag
    )
    return {
        "iv": MISSING if state is None else _number(percent_text(state.vol), Role.IV),
        "days": MISSING if state is None else _number(number_text(state.days, 2), Role.VALUE),
        "chance": MISSING
        if state is None
        else _number(percent_text(state.chance_in_the_money, 1), Role.VALUE),
        "margin": margin,
        "share": share,
        "age": MISSING if state is None else age_cell(state.quote_age_ns, is_stale=state.is_stale),
        "source": Cell(safe_text(leg.mark_source, 32) or DASH, Role.LABEL),
        "tags": Cell(tags, Role.LABEL),
    }


def _refused_line(number: int, one: RefusedRow, names: Sequence[str]) -> TableLine:
    row = "" if one.row is None else f"row {one.row}: "
    cells = [
        MISSING
        if column.key != "quantity"
        else Cell(safe_text(one.quantity, 24) or DASH, Role.SIZE)
        for column in _columns(names)[1:-1]
    ]
    name = safe_text(f"{row}{one.instrument_name or DASH}", 40)
    reason = safe_text(f"LEFT OUT: {one.reason}", REASON_WIDTH)
    return TableLine(
        key=f"refused:{number}",
        cells=(Cell(name, Role.WARNING), *cells, Cell(reason, Role.WARNING)),
    )


def _number(text: str, role: Role) -> Cell:
    return MISSING if text == DASH else Cell(text, role)


def _price(value: Decimal | None) -> Cell:
    return MISSING if value is None else Cell(price_text(value), Role.MARK)


def _amount(value: Decimal | None, currency: str) -> Cell:
    return MISSING if value is None else Cell(amount_text(value, currency), Role.VALUE)


def _profit(value: Decimal | None, currency: str) -> Cell:
    """A profit with its sign, which says what a colour says too."""
    if value is None:
        return MISSING
    text = amount_text(value, currency)
    if value > 0 and text.strip("0.,"):
        return Cell(f"+{text}", Role.GAIN)
    return Cell(text, Role.LOSS if value < 0 else Role.VALUE)


def position_of(root: BookGroup, key: str) -> Position | None:
    """The position whose line has `key`; None for groups and what was left out."""
    leg = leg_of(root, key)
    return None if leg is None else leg.valued.position


def leg_of(root: BookGroup, key: str) -> BookLeg | None:
    """The leg whose line has `key` ("leg:" + its group's key + ":" + its number)."""
    if not key.startswith("leg:"):
        return None
    owner, _, number = key.removeprefix("leg:").rpartition(":")
    group = group_of(root, owner)
    return None if group is None else group.legs[int(number)]
