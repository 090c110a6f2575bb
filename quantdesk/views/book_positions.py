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
from quantdesk.risk.leg_state import CHANCE_LAW
from quantdesk.views.book_cells import BLANK, MISSING, age_cell, greek_cell
from quantdesk.views.cells import Cell, Role
from quantdesk.views.margin import amount_text, price_text, quantity_text
from quantdesk.views.number_text import DASH, number_text, percent_text
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import (
    DEFINITIONS,
    GREEK_COLUMNS,
    GreekChoice,
    long_unit,
)
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view
from quantdesk.views.time_text import duration_text, expiry_text

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

_SAYS = {
    "quantity": "Signed quantity in the venue's own unit: coins of underlying, or USD for inverse "
    "futures, or contracts at Binance.",
    "average": "Average entry price, quote currency, as the file or the account said it.",
    "mark": "The venue's mark, else what the panel of the leg says, quote currency.",
    "value": "What the position adds to equity, in its settlement currency.",
    "open": "Open profit from the average price to the mark, settlement currency. Day, realised, "
    "fee and funding profit need fills, which a list of positions does not have.",
    "currency": "Settlement currency of value and profit.",
    "value_usd": "Value in USD at the index of now.",
    "open_usd": "Open profit in USD at the index of now: the index of the entry is not known.",
    "iv": "The vol that the leg's Greeks are taken at.",
    "days": "Calendar days to expiry on the venue's clock.",
    "chance": f"Chance to finish in the money: {CHANCE_LAW}.",
    "margin": "Initial margin of what the account holds of this instrument, standard model.",
    "share": "Its share of all initial margin of that account in that currency.",
    "age": "Age of the quote behind the mark, on the venue's clock.",
    "source": "Where vol or price of the leg come from.",
    "tags": "Account, strategy, structure.",
    "note": "Why something is missing.",
}


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


def _group_name(group: BookGroup) -> str:
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
    name = f"{'  ' * depth}{sign} {_group_name(group)} ({group.positions})"
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


def explain_position(
    root: BookGroup,
    refused: Sequence[RefusedRow],
    key: str,
    column: str,
    *,
    book_source: str,
    notes: Sequence[str] = (),
) -> Provenance:
    """Where the number under the cursor comes from, and how old it is.

    notes : what is to be said of the whole book, below its first line
    """
    sentences = []
    coin = "coin"
    group = group_of(root, key)
    if key.startswith("refused:"):
        one = refused[int(key.partition(":")[2])]
        name = one.instrument_name or DASH
        return Provenance(
            title=f"{safe_text(name, 40)}: left out of everything",
            sentences=(safe_text(one.reason, 400), f"Source: {safe_text(book_source, 80)}."),
        )
    leg = None if group is not None else _leg_of(root, key)
    if leg is not None:
        title = safe_text(leg.valued.position.instrument.name, 40)
        coin = leg.valued.position.instrument.underlying
        sentences += _leg_sentences(leg, book_source)
    else:
        title = "book" if group is None else _group_name(group)
        if group is not None:
            coin = str(group.path[0]) if group.path else "coin"
            sentences.append(
                f"Sum of {group.positions} positions"
                + (
                    f", WITHOUT {group.left_out} that could not be valued."
                    if group.left_out
                    else "."
                )
            )
        if group is not None and not group.path:
            sentences.append("Greeks are not added over underlyings; USD amounts are.")
            sentences += notes
    if column in GREEK_COLUMNS:
        unit = safe_text(long_unit(column, coin), 60)
        sentences.insert(0, f"{GREEK_COLUMNS[column].title}, {unit}: {DEFINITIONS[column]}.")
    elif column in _SAYS:
        sentences.insert(0, _SAYS[column])
    return Provenance(title=title, sentences=tuple(sentences))


def position_of(root: BookGroup, key: str) -> Position | None:
    """The position whose line has `key`; None for groups and what was left out."""
    leg = _leg_of(root, key)
    return None if leg is None else leg.valued.position


def _leg_of(root: BookGroup, key: str) -> BookLeg | None:
    """The leg whose line has `key` ("leg:" + its group's key + ":" + its number)."""
    if not key.startswith("leg:"):
        return None
    owner, _, number = key.removeprefix("leg:").rpartition(":")
    group = group_of(root, owner)
    return None if group is None else group.legs[int(number)]


def _leg_sentences(leg: BookLeg, book_source: str) -> list[str]:
    position = leg.valued.position
    said = [
        f"{quantity_text(position.quantity)} at {safe_text(position.instrument.venue, 16)}, "
        f"positions from {safe_text(book_source, 80)}."
    ]
    mark = leg.valued.mark
    if mark is not None:
        source = safe_text(mark.mark_source, 60)
        said.append(f"Mark {price_text(mark.mark)} {position.instrument.quote_currency}: {source}.")
        if mark.forward is not None:
            origin = safe_text(mark.forward_source, 60)
            said.append(f"Forward {price_text(mark.forward)} USD: {origin}.")
        said.append(f"Index {price_text(mark.index)} USD: {safe_text(mark.index_source, 60)}.")
    state = leg.state
    if state is not None:
        if state.vol is not None:
            said.append(
                f"Greeks at {percent_text(state.vol)} % vol: {safe_text(leg.mark_source, 60)}."
            )
        if state.quote_age_ns is not None:
            stale = ", STALE" if state.is_stale else ""
            said.append(
                f"Quote {duration_text(state.quote_age_ns)} old on the venue's clock{stale}."
            )
    if leg.reason:
        said.append(f"Left out of Greeks and scenarios: {safe_text(leg.reason, 300)}.")
    elif leg.valued.reason:
        said.append(f"No mark: {safe_text(leg.valued.reason, 300)}.")
    return said
