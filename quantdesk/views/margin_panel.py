"""What stands beside the margin table: totals above it, and how a leg's number was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from quantdesk.domain.account import AccountSnapshot
from quantdesk.domain.position import RefusedRow
from quantdesk.margin.book_margin import AccountMargin, BookMargin, LegMargin, MarginGap
from quantdesk.views.book_cells import BLANK, MISSING
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.margin import amount_text, margin_screen, price_text, quantity_text
from quantdesk.views.number_text import number_text
from quantdesk.views.provenance import Provenance
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, TableColumn, TableView, table_view
from quantdesk.views.time_text import date_clock_text

MODEL_WORDS = "standard model: plain sum of legs, no leg offsets another"


def margin_fields(
    margin: BookMargin, accounts: Sequence[AccountSnapshot] = ()
) -> tuple[HeaderField, ...]:
    """Initial and maintenance margin by account and currency; never added over either.

    accounts : those connected, whose equity is said beside what is asked for
    """
    equities = {
        (one.venue, one.account, balance.currency): balance.equity
        for one in accounts
        for balance in one.balances
    }
    fields = []
    for account in margin.accounts:
        for total in account.statement.totals:
            text = (
                f"IM {amount_text(total.initial, total.currency, is_requirement=True)} "
                f"MM {amount_text(total.maintenance, total.currency, is_requirement=True)}"
            )
            equity = equities.get((account.venue, account.account, total.currency))
            if equity is not None and equity > 0:
                share = number_text(100 * float(total.initial / equity), 1)
                text += f", IM is {share} % of equity {amount_text(equity, total.currency)}"
            fields.append(HeaderField(f"{_whose(account)} {safe_text(total.currency, 8)}", text))
    return tuple(fields)


VENUE_COLUMNS = (
    TableColumn(key="venue_initial", title="Venue IM", says="the venue's own initial margin"),
    TableColumn(key="initial_gap", title="IM gap", says="ours less the venue's"),
    TableColumn(key="venue_maintenance", title="Venue MM", says="the venue's own maintenance"),
    TableColumn(key="maintenance_gap", title="MM gap", says="ours less the venue's"),
)
NOTE_COLUMN = TableColumn(key="note", title="Note", align=Align.LEFT)

HEAD_ORDER = ("instrument", "quantity", "initial", "maintenance", "currency", "status")
TAIL_ORDER = ("mark", "unit", "underlying", "what")
"""Columns of the margin screen before and after the venue's own: what a narrow terminal must show
first.
"""


def margin_lines(margin: BookMargin, refused: Sequence[RefusedRow] = ()) -> TableView:
    """`views.margin.margin_screen` with requirement and status beside the quantity, and the venue's
    own figures, where an account is connected, in columns of their own.
    """
    view = margin_screen(margin, refused)
    head, tail = ([view.column_of(key) for key in order] for order in (HEAD_ORDER, TAIL_ORDER))
    gaps = {
        f"total:{_whose(account)}:{gap.venue_figure.currency}": gap
        for account in margin.accounts
        for gap in account.gaps
    }
    lines = []
    for line in view.lines:
        cells = [line.cells[place] for place in head if place is not None]
        note = BLANK
        if line.key.startswith("left-out:"):
            cells[0] = Cell(f"LEFT OUT {cells[0].text}", Role.WARNING)
            note = line.cells[-1]
        gap = gaps.get(line.key)
        if gap is not None and gap.venue_figure.is_shared:
            note = Cell("the venue's figures are the whole account's", Role.LABEL)
        if gaps:
            cells += [BLANK] * len(VENUE_COLUMNS) if gap is None else _gap_cells(gap)
        cells += [line.cells[place] for place in tail if place is not None]
        lines.append(line._replace(cells=(*cells, note)))
    # Measured anew: a column is as wide as what stands in it.
    columns = [
        *(replace(view.columns[place], width=0) for place in head if place is not None),
        *(VENUE_COLUMNS if gaps else ()),
        *(replace(view.columns[place], width=0) for place in tail if place is not None),
        NOTE_COLUMN,
    ]
    return table_view(columns, lines, empty=view.empty)


def _gap_cells(gap: MarginGap) -> list[Cell]:
    figure = gap.venue_figure
    amounts = (
        (figure.initial, Role.VENUE),
        (gap.initial_gap, Role.VALUE),
        (figure.maintenance, Role.VENUE),
        (gap.maintenance_gap, Role.VALUE),
    )
    return [
        MISSING if amount is None else Cell(amount_text(amount, figure.currency), role)
        for amount, role in amounts
    ]


def margin_words(margin: BookMargin) -> str:
    """Which model, and whether a venue's own figure stands beside it."""
    has_gap = any(account.gaps for account in margin.accounts)
    beside = "venue's own beside" if has_gap else "no account, so no venue's own beside"
    return f"{MODEL_WORDS}; {beside}"


def explain_margin(
    margin: BookMargin, refused: Sequence[RefusedRow], key: str | None
) -> Provenance:
    """How the line with `key` of `views.margin.margin_screen` was made."""
    if key is None:
        return Provenance(title="No position asks for margin", sentences=())
    for account in margin.accounts:
        whose = _whose(account)
        for leg in account.legs:
            order = leg.requirement.order_id or "position"
            if key == f"leg:{whose}:{leg.requirement.instrument_name}:{order}":
                return _explain_leg(leg)
        if key.startswith(f"total:{whose}:"):
            return _explain_total(account, key.rpartition(":")[2])
    left_out = [*(one.reason for one in refused), *(one.reason for one in margin.excluded)]
    place = key.removeprefix("left-out:")
    if place.isdigit() and int(place) < len(left_out):
        reason = safe_text(left_out[int(place)], 400)
        return Provenance(title="Left out, in no total", sentences=(reason,))
    return Provenance(title="Move to a line: how it was made is said here", sentences=())


def _explain_leg(leg: LegMargin) -> Provenance:
    requirement, mark = leg.requirement, leg.mark
    since = requirement.origin.since_ns
    dated = "" if since is None else f" (parameters since {date_clock_text(since)} UTC)"
    underlying = "" if leg.underlying is None else f", on {price_text(leg.underlying)} USD"
    return Provenance(
        title=f"{safe_text(requirement.instrument_name, 40)} "
        f"{quantity_text(requirement.quantity)}, {requirement.kind.value}: "
        f"IM {amount_text(requirement.initial, requirement.currency, is_requirement=True)} "
        f"MM {amount_text(requirement.maintenance, requirement.currency, is_requirement=True)} "
        f"{safe_text(requirement.currency, 8)}",
        sentences=(
            safe_text(requirement.explanation, 500),
            f"Rule {safe_text(str(requirement.origin), 500)}{dated}.",
            f"Mark {price_text(mark.mark)} {leg.instrument.quote_currency}, "
            f"{safe_text(mark.mark_source, 40)}{underlying}.",
        ),
    )


def _explain_total(account: AccountMargin, currency: str) -> Provenance:
    total = account.statement.total(currency)
    sentences = [
        f"{account.statement.model}: {MODEL_WORDS}.",
        f"Positions {amount_text(total.positions_initial, currency, is_requirement=True)}, open "
        f"orders {amount_text(total.open_orders, currency, is_requirement=True)} "
        f"{safe_text(currency, 8)} of initial margin.",
    ]
    for gap in account.gaps:
        figure = gap.venue_figure
        if figure.currency != currency:
            continue
        said = f"The venue's own, {date_clock_text(figure.event_ns)} UTC: "
        said += f"IM {amount_text(figure.initial, currency)}, "
        said += f"MM {amount_text(figure.maintenance, currency)}"
        if figure.is_shared:
            said += " of the whole cross-collateral account, which is not this currency's alone"
        else:
            said += f"; ours less theirs: IM {amount_text(gap.initial_gap, currency)}, "
            said += f"MM {amount_text(gap.maintenance_gap, currency)}"
        sentences.append(f"{said}.")
    if not account.gaps:
        sentences.append("The venue's own figure stands here when an account is connected.")
    return Provenance(
        title=f"{_whose(account)}: all that settles in {safe_text(currency, 8)}",
        sentences=tuple(sentences),
    )


def _whose(account: AccountMargin) -> str:
    return f"{account.venue} {safe_text(account.account)}".strip()
