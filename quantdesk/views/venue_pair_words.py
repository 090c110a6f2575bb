"""Where a number of two venues side by side comes from, in sentences."""

from __future__ import annotations

from math import isnan

from quantdesk.market.cross_venue import Best, VenueValues
from quantdesk.views.chain_columns import PAIR_COLUMNS
from quantdesk.views.number_text import (
    DASH,
    exact_text,
    number_text,
    percent_text,
    precise_text,
    strike_text,
)
from quantdesk.views.provenance import Provenance
from quantdesk.views.safe_text import safe_text
from quantdesk.views.strike_grid import LineKey
from quantdesk.views.time_text import expiry_text, instant_text
from quantdesk.views.venue_pair import NO_ENTRY, VenuePairView, signed_points


def explain_pair_strike(view: VenuePairView, key: LineKey) -> Provenance:
    """What stands behind a strike of two venues: which of them list it."""
    line = view.line_of(key)
    sentences = []
    if line is not None:
        for is_call, word in ((True, "Call"), (False, "Put")):
            entry = view.entry(line, is_call)
            sentences.append(f"{word}: {_listed_words(view, entry)}.")
    title = f"{safe_text(view.underlying, 12)} {expiry_text(key.expiry_ns)} strike "
    return Provenance(title=title + strike_text(key.strike), sentences=tuple(sentences))


def _listed_words(view: VenuePairView, entry: int | None) -> str:
    if entry is None:
        return "listed by neither venue"
    seen = view.comparison
    names = [
        safe_text(snapshot.venue, 12)
        for snapshot, rows in ((view.left, seen.left_row), (view.right, seen.right_row))
        if rows[entry] != NO_ENTRY
    ]
    return "listed by both venues" if len(names) == 2 else f"listed by {names[0]} only"


def explain_pair_cell(view: VenuePairView, entry: int | None, column_key: str) -> Provenance:
    """What the cell of `entry` in column `column_key` is; None: no venue lists the option."""
    says = PAIR_COLUMNS[column_key].says
    if entry is None:
        neither = ("Neither venue lists this option at this strike.",)
        return Provenance(title=says, sentences=neither)
    seen = view.comparison
    kind = "call" if seen.is_call[entry] else "put"
    strike = strike_text(float(seen.strike[entry]))
    name = f"{safe_text(view.underlying, 12)} {expiry_text(int(seen.expiry_ns[entry]))}"
    venue, _, side = column_key.partition("_")
    sentences: tuple[str, ...]
    if venue == "left" and side:
        sentences = _price_sentences(view, seen.left, int(seen.left_row[entry]), side)
    elif venue == "right" and side:
        sentences = _price_sentences(view, seen.right, int(seen.right_row[entry]), side)
    elif column_key == "mark_gap":
        sentences = _gap_sentences(view, entry)
    elif column_key == "flags":
        sentences = (
            f"This option is {_listed_words(view, entry)}.",
            "S: a quote is stale, crossed or absent; it makes no net and is never the best.",
        )
    else:
        sentences = _edge_sentences(view, entry)
    return Provenance(title=f"{name} {strike} {kind} {says}", sentences=sentences)


def _price_sentences(
    view: VenuePairView, values: VenueValues, row: int, side: str
) -> tuple[str, ...]:
    chain = values.chain
    venue = safe_text(chain.venue, 12)
    if row == NO_ENTRY:
        return (f"{venue} does not list this option.",)
    instrument = chain.instruments[row]
    price = float(getattr(chain, side)[row])
    if isnan(price):
        return (f"{venue} shows no {side} for {safe_text(instrument.name, 40)}.",)
    forward = exact_text(float(values.forward[row]))
    value = number_text(float(getattr(values, side)[row]), 2)
    currency = safe_text(instrument.quote_currency, 8)
    if instrument.is_inverse:
        how = f"× {forward}, the forward of this quote"
    else:
        discount = values.discounts[int(chain.expiry_ns[row])]
        how = f"÷ {discount.discount:.6f}, the discount of its expiry: {discount.source}"
    fee = float(getattr(values, f"{side}_fee")[row])
    fee_text = "not known" if isnan(fee) else f"{number_text(fee, 2)} USD per coin"
    vol = percent_text(float(getattr(values, f"{side}_iv")[row]), 3)
    net = percent_text(float(getattr(values, f"net_{side}_iv")[row]), 3)
    return (
        f"{safe_text(instrument.name, 40)}: {exact_text(price)} {currency} {how} = {value} USD.",
        f"Its vol {vol} % at forward {forward}; with the taker fee ({fee_text}) {net} %.",
        "Never converted by the index: that would add the basis of the expiry to the price.",
        f"Quote of {instant_text(int(chain.event_ns[row]))} on {venue}'s clock.",
    )


def _gap_sentences(view: VenuePairView, entry: int) -> tuple[str, ...]:
    seen = view.comparison
    vols = [
        percent_text(float(values.mark_iv[row]), 3) if row != NO_ENTRY else DASH
        for values, row in (
            (seen.left, int(seen.left_row[entry])),
            (seen.right, int(seen.right_row[entry])),
        )
    ]
    return (
        f"Mark IV {vols[1]} % at {safe_text(view.right.venue, 12)} less {vols[0]} % at "
        f"{safe_text(view.left.venue, 12)}, each at its own forward and time.",
    )


def _edge_sentences(view: VenuePairView, entry: int) -> tuple[str, ...]:
    seen = view.comparison
    way = int(seen.edge_buy[entry])
    if way == Best.NONE:
        return ("No net: one venue has no usable quote, or its fee is not known.",)
    names = [safe_text(view.left.venue, 12), safe_text(view.right.venue, 12)]
    buy, sell = names if way == Best.LEFT else names[::-1]
    edge = float(seen.edge[entry])
    vols = DASH if isnan(edge) else f"{signed_points(edge).strip()} vol points"
    verdict = "More than both fees." if seen.edge_usd[entry] > 0 else "Not worth both fees."
    return (
        f"Buying at {buy}'s ask and selling at {sell}'s bid, taker fees of both taken off: "
        f"{vols}, {precise_text(float(seen.edge_usd[entry]))} USD per coin.",
        f"{verdict} Forwards and settlement currencies differ: hedge each leg at its own venue.",
    )
