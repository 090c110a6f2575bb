"""Where a number of the positions table comes from, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.domain.position import RefusedRow
from quantdesk.risk.book_tree import BookGroup, BookLeg
from quantdesk.risk.leg_state import CHANCE_LAW
from quantdesk.views.book_positions import group_name, group_of, leg_of
from quantdesk.views.margin import price_text, quantity_text
from quantdesk.views.number_text import DASH, percent_text
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import (
    DEFINITIONS,
    GREEK_COLUMNS,
    long_unit,
)
from quantdesk.views.safe_text import safe_text
from quantdesk.views.time_text import duration_text

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
    leg = None if group is not None else leg_of(root, key)
    if leg is not None:
        title = safe_text(leg.valued.position.instrument.name, 40)
        coin = leg.valued.position.instrument.underlying
        sentences += _leg_sentences(leg, book_source)
    else:
        title = "book" if group is None else group_name(group)
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
