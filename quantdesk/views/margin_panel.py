"""What stands beside the margin table: totals above it, and how a leg's number was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from quantdesk.domain.position import RefusedRow
from quantdesk.margin.book_margin import AccountMargin, BookMargin, LegMargin
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.margin import amount_text, margin_screen, price_text, quantity_text
from quantdesk.views.provenance import Provenance
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import TableView, table_view
from quantdesk.views.time_text import date_clock_text

MODEL_WORDS = "standard model: plain sum of legs, no leg offsets another"


def margin_fields(margin: BookMargin) -> tuple[HeaderField, ...]:
    """Initial and maintenance margin by account and currency; never added over either."""
    return tuple(
        HeaderField(
            f"{_whose(account)} {safe_text(total.currency, 8)}",
            f"IM {amount_text(total.initial, total.currency, is_requirement=True)} "
            f"MM {amount_text(total.maintenance, total.currency, is_requirement=True)}",
        )
        for account in margin.accounts
        for total in account.statement.totals
    )


SCREEN_ORDER = (
    "instrument",
    "quantity",
    "initial",
    "maintenance",
    "currency",
    "status",
    "venue",
    "mark",
    "unit",
    "underlying",
    "what",
)
"""Columns of the margin screen, what a narrow terminal must show first."""


def margin_lines(margin: BookMargin, refused: Sequence[RefusedRow] = ()) -> TableView:
    """`views.margin.margin_screen` with requirement and status beside the quantity."""
    view = margin_screen(margin, refused)
    order = [view.column_of(key) for key in SCREEN_ORDER]
    places = [place for place in order if place is not None]
    places += [place for place in range(len(view.columns)) if place not in places]
    lines = []
    for line in view.lines:
        cells = tuple(line.cells[place] for place in places)
        if line.key.startswith("left-out:"):
            cells = (Cell(f"LEFT OUT {cells[0].text}", Role.WARNING), *cells[1:])
        lines.append(line._replace(cells=cells))
    # Measured anew: a column is as wide as what stands in it.
    columns = [replace(view.columns[place], width=0) for place in places]
    return table_view(columns, lines, empty=view.empty)


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
