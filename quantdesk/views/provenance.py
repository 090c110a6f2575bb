"""Where a number on the chain comes from: what it is, its unit, source, venue time, age, inputs.

Sentences for people. What the desk computed is told apart from what the venue says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quantdesk.market.valuation import (
    IV_NO_QUOTE,
    IV_RECORDED,
    IV_TICK_NOISE,
    GreeksSource,
    IvStatus,
)
from quantdesk.snapshot import ChainSnapshot, ExpirySummary
from quantdesk.views.chain import (
    CROSSED_FLAG,
    FLAG_WORDS,
    ONE_SIDED_FLAG,
    STALE_FLAG,
    ChainView,
)
from quantdesk.views.chain_columns import COLUMNS, PRICE_KEYS, THEO_KEYS
from quantdesk.views.chain_header import surface_words
from quantdesk.views.number_text import (
    DASH,
    exact_text,
    number_text,
    percent_text,
    precise_text,
    strike_text,
)
from quantdesk.views.safe_text import safe_text
from quantdesk.views.strike_grid import LineKey
from quantdesk.views.time_text import duration_text, expiry_text, instant_text
from quantdesk.views.units import Units, price_in

_STATUS_WORDS: dict[int, str] = {
    int(IvStatus.OK): "ok",
    int(IvStatus.BELOW_INTRINSIC): "none: the price is below intrinsic value",
    int(IvStatus.ABOVE_BOUND): "none: the price is above the most an option can be worth",
    int(IvStatus.NO_INFORMATION): "none: the price is intrinsic value and says nothing about vol",
    int(IvStatus.EXPIRED): "none: the option has expired",
    int(IvStatus.BAD_INPUT): "none: an input is missing or not a number",
    int(IvStatus.NOT_CONVERGED): "none: the solver did not converge",
    IV_NO_QUOTE: "none: there is no price to invert",
    IV_RECORDED: "taken as recorded, not computed here",
    IV_TICK_NOISE: "none: half a tick of the mark would move it by more than a vol point",
}

_SOURCE_WORDS: dict[int, str] = {
    int(GreeksSource.NONE): "no vol is known for this option, so it has no Greeks",
    int(GreeksSource.MARK): "vol is the desk's own, from the option's mark",
    int(GreeksSource.TWIN): "vol is the desk's own, from the other side of the same strike",
    int(GreeksSource.VENUE_IV): "vol is the venue's mark IV, as no price gave one",
    int(GreeksSource.MID): "vol is the desk's own, from the middle of bid and ask IV",
}

_GREEK_UNITS = {
    "delta": "coins per coin, Black on the forward",
    "delta_premium_adjusted": "coins per coin, Black delta minus the mark in coin",
    "gamma": "delta per USD of forward",
    "vega": "USD per vol point, for one coin",
    "theta": "USD per calendar day, for one coin, plain derivative by time / 365",
}

_VENUE_UNITS = {
    "venue_mark_iv": "fraction of one, shown in %",
    "venue_delta": "coins per coin, by the venue's rule",
    "venue_theta": "USD per day by the venue's own rule, which differs from the desk's",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What one cell is: `title` names instrument and quantity, sentences are in reading order."""

    title: str
    sentences: tuple[str, ...]


def explain_strike(view: ChainView, key: LineKey) -> Provenance:
    """What stands behind a strike: the forward of its expiry, its ATM vol, how both were found."""
    snapshot = view.snapshot
    title = f"{safe_text(snapshot.underlying, 12)} {expiry_text(key.expiry_ns)} strike "
    expiry = next((e for e in snapshot.expiries if e.expiry_ns == key.expiry_ns), None)
    if expiry is None:
        return Provenance(
            title=title + strike_text(key.strike), sentences=("This expiry is no longer listed.",)
        )
    sentences = [
        f"Expiry {instant_text(key.expiry_ns)}, {precise_text(expiry.years)} years away (ACT/365).",
        *_forward_sentences(expiry),
        _atm_sentence(expiry),
    ]
    if expiry.forward.price:
        share = key.strike / expiry.forward.price - 1.0
        sentences.append(f"The strike is {percent_text(share)} % from the forward.")
    return Provenance(title=title + strike_text(key.strike), sentences=tuple(sentences))


def explain_cell(view: ChainView, row: int | None, column_key: str) -> Provenance:
    """What the cell of chain row `row` in column `column_key` is; None: the side is not listed."""
    says = COLUMNS[column_key].says
    if row is None:
        return Provenance(
            title=says, sentences=("The venue does not list this option at this strike.",)
        )
    chain = view.snapshot.chain
    name = safe_text(chain.instruments[row].name, 48)
    if column_key == "flags":
        sentences = _flag_sentences(view, row)
    elif column_key == "age":
        sentences = ["Time since the venue stamped this option's last quote, on the venue's clock."]
    elif column_key in PRICE_KEYS and view.units is Units.IV and column_key != "last":
        sentences = _iv_sentences(view, row, column_key)
    elif column_key in PRICE_KEYS:
        sentences = _price_sentences(view, row, column_key)
    elif column_key in {"bid_iv", "mark_iv", "ask_iv"}:
        sentences = _iv_sentences(view, row, column_key.removesuffix("_iv"))
    elif column_key in THEO_KEYS:
        sentences = _theo_sentences(view, row)
    elif column_key in _GREEK_UNITS:
        sentences = _greek_sentences(view, row, column_key)
    elif column_key in _VENUE_UNITS:
        value = exact_text(float(getattr(chain, column_key)[row]))
        sentences = [
            f"{value}: {_VENUE_UNITS[column_key]}.",
            f"As {_venue(view.snapshot)} published it; the desk does not change it.",
        ]
    else:
        value = exact_text(float(getattr(chain, column_key)[row]))
        sentences = [
            f"{value} in the instrument's amount unit.",
            f"As {_venue(view.snapshot)} published it.",
        ]
    sentences += _made_sentences(view, column_key)
    sentences.append(_time_sentence(view, row))
    return Provenance(title=f"{name} {says}", sentences=tuple(sentences))


def _made_sentences(view: ChainView, key: str) -> list[str]:
    """Of a number that a simulator made by rule where the others are recorded: that rule."""
    rule = view.snapshot.made_by_rule.get(_SOURCES_OF.get(key, key))
    return [] if rule is None else [f"Not recorded, made by rule: {safe_text(rule, 300)}."]


_SOURCES_OF = {"bid_iv": "bid", "ask_iv": "ask", "mark_iv": "mark"}
"""The column whose number a desk's vol comes from."""


def _venue(snapshot: ChainSnapshot) -> str:
    return f"{safe_text(snapshot.venue, 16)} ({snapshot.environment.value})"


def _price_sentences(view: ChainView, row: int, key: str) -> list[str]:
    snapshot, chain = view.snapshot, view.snapshot.chain
    instrument = chain.instruments[row]
    currency = safe_text(instrument.quote_currency, 8)
    price = float(getattr(chain, key)[row])
    if exact_text(price) == DASH:
        return [f"{_venue(snapshot)} gives no {COLUMNS[key].says} for this option."]
    sentences = [f"{exact_text(price)} {currency}, as {_venue(snapshot)} published it."]
    if key == "mark":
        sentences.append("The mark is the venue's model price, not a quote.")
    if key == "last":
        sentences.append("A last trade may be old; its own time is not known.")
    if view.units in {Units.USD_CASH, Units.USD_MODEL} and instrument.is_inverse:
        index = float("nan") if snapshot.index_price is None else snapshot.index_price
        forward = float(snapshot.values.forward[row])
        shown = price_in(view.units, price, True, index, forward)
        if view.units is Units.USD_CASH:
            source = safe_text(snapshot.index_source, 24)
            factor = f"index {exact_text(index)} ({source})"
        else:
            factor = f"forward {exact_text(forward)} of this row"
        sentences.append(f"Shown as {number_text(shown, 2)} USD: price × {factor}.")
    if price > 0 and key in {"bid", "ask"}:
        size = exact_text(float(getattr(chain, f"{key}_size")[row]))
        sentences.append(f"Size at this price: {size}.")
    return sentences


def _theo_sentences(view: ChainView, row: int) -> list[str]:
    """Theo and both edges of an option, and the surface they come from."""
    snapshot, edge = view.snapshot, view.edge
    if edge is None or snapshot.surface is None:
        reason = "" if snapshot.surface is None else f" {snapshot.surface.problem}"
        return [f"The desk holds no surface of this chain.{reason}"]
    expiry_ns = int(snapshot.chain.expiry_ns[row])
    expiry = next((e for e in snapshot.expiries if e.expiry_ns == expiry_ns), None)
    words = surface_words(snapshot.surface, expiry, view.now_ns)
    iv = percent_text(float(edge.theo_iv[row]), 4)
    if iv == DASH:
        return [f"No theo for this option: surface {words}."]
    currency = safe_text(snapshot.chain.instruments[row].quote_currency, 8)
    whose = "your own vols" if snapshot.surface.own is not None else "the desk's surface"
    sentences = [
        f"Theo {precise_text(float(edge.theo[row]))} {currency} at {iv} %, by {whose} ({words}).",
        "Read at the quote's own forward and time: an edge is no move of the underlying.",
    ]
    for name, vols, ticks in (
        ("Selling to the bid", edge.sell_edge_vol, edge.sell_edge_ticks),
        ("Buying from the ask", edge.buy_edge_vol, edge.buy_edge_ticks),
    ):
        points = number_text(float(vols[row]) * 100.0, 3)
        steps = number_text(float(ticks[row]), 2)
        gains = "has no price" if points == steps == DASH else f"{points} vol points, {steps} ticks"
        sentences.append(f"{name}: {gains}.")
    return sentences


def _iv_sentences(view: ChainView, row: int, side: str) -> list[str]:
    values, chain = view.snapshot.values, view.snapshot.chain
    iv = float(getattr(values, f"{side}_iv")[row])
    status = int(getattr(values, f"{side}_iv_status")[row])
    words = _STATUS_WORDS.get(status, f"unknown status {status}")
    price = exact_text(float(getattr(chain, side)[row]))
    currency = safe_text(chain.instruments[row].quote_currency, 8)
    if status == IV_RECORDED:
        return [
            f"{percent_text(iv, 4)} %, {words}: the file holds vols and no prices.",
            _forward_words(view, row),
        ]
    sentences = [
        f"{percent_text(iv, 4)} %, computed by the desk with Black-76 from the {side} "
        f"{price} {currency}; status {words}.",
        *_inputs(view, row),
    ]
    if side == "mark":
        venue_iv = float(chain.venue_mark_iv[row])
        if exact_text(venue_iv) != DASH and exact_text(iv) != DASH:
            gap = number_text((iv - venue_iv) * 100, 3)
            sentences.append(
                f"The venue says {percent_text(venue_iv)} %; ours minus theirs {gap} vol points."
            )
    return sentences


def _greek_sentences(view: ChainView, row: int, key: str) -> list[str]:
    values = view.snapshot.values
    value = precise_text(float(getattr(values, key)[row]))
    source = int(values.greeks_source[row])
    sentences = [
        f"{value} {_GREEK_UNITS[key]}.",
        f"Computed by the desk with Black-76 at {percent_text(float(values.greeks_iv[row]), 4)} %: "
        f"{_SOURCE_WORDS.get(source, f'unknown source {source}')}.",
    ]
    if key == "delta_premium_adjusted":
        mark = exact_text(float(view.snapshot.chain.mark[row]))
        sentences.append(f"Premium taken off: mark {mark} in coin.")
    if source in {GreeksSource.TWIN, GreeksSource.VENUE_IV}:
        status = int(values.mark_iv_status[row])
        sentences.append(f"The option's own mark IV: {_STATUS_WORDS.get(status, DASH)}.")
    venue = {"delta": "venue_delta", "theta": "venue_theta", "gamma": "venue_gamma"}.get(key)
    if venue is not None:
        theirs = exact_text(float(getattr(view.snapshot.chain, venue)[row]))
        sentences.append(f"The venue says {theirs}, by its own rule.")
    sentences += _inputs(view, row)
    return sentences


def _inputs(view: ChainView, row: int) -> list[str]:
    chain, values = view.snapshot.chain, view.snapshot.values
    strike = strike_text(float(chain.strike[row]))
    years = precise_text(float(values.years[row]))
    return [
        _forward_words(view, row),
        f"Strike {strike}, {years} years (ACT/365) from the quote's own time to "
        f"{instant_text(int(chain.expiry_ns[row]))}, rate 0.",
    ]


def _forward_words(view: ChainView, row: int) -> str:
    chain = view.snapshot.chain
    own = exact_text(float(chain.forward[row]))
    if own != DASH:
        name = safe_text(chain.forward_index[row], 32)
        source = f"the venue's {name}" if name else "the venue's"
        return f"Forward {own} USD, this quote's own ({source})."
    used = exact_text(float(view.snapshot.values.forward[row]))
    if used == DASH:
        return "No forward is known for this quote."
    expiry_ns = int(chain.expiry_ns[row])
    expiry = next((e for e in view.snapshot.expiries if e.expiry_ns == expiry_ns), None)
    source = "" if expiry is None else f" ({safe_text(expiry.forward.source, 40)})"
    return f"Forward {used} USD of the expiry{source}, as the quote carries none."


def _forward_sentences(expiry: ExpirySummary) -> list[str]:
    forward = expiry.forward
    if forward.price is None:
        return ["No forward is known for this expiry."]
    sentences = [f"Forward {exact_text(forward.price)} USD ({safe_text(forward.source, 40)})."]
    if forward.parity_price is not None:
        gap = number_text((forward.price / forward.parity_price - 1.0) * 10_000, 1)
        sentences.append(
            f"Put-call parity on {forward.parity_pairs} pairs gives "
            f"{number_text(forward.parity_price, 2)} USD; ours is {gap} bp from it."
        )
    if forward.parity_bid is not None and forward.parity_ask is not None:
        words = (
            f"The pairs bound it by {number_text(forward.parity_bid, 2)} and "
            f"{number_text(forward.parity_ask, 2)} USD"
        )
        if forward.bounded_price != forward.price:
            words += f"; the surface stands on {exact_text(forward.bounded_price)} USD"
        sentences.append(f"{words}.")
    return sentences


def _atm_sentence(expiry: ExpirySummary) -> str:
    if expiry.atm_iv is None:
        return f"No ATM vol: {safe_text(expiry.atm_iv_source, 60)}."
    return f"ATM vol {percent_text(expiry.atm_iv, 3)} % ({safe_text(expiry.atm_iv_source, 60)})."


def _flag_sentences(view: ChainView, row: int) -> list[str]:
    flags = view.flags(row)
    if not flags:
        return ["Quoted on both sides, not crossed, not stale."]
    reasons = {
        STALE_FLAG: "no quote came for longer than the desk trusts one",
        CROSSED_FLAG: "the bid is above the ask",
        ONE_SIDED_FLAG: "only a bid or only an ask is there",
    }
    return [f"{flag}: {FLAG_WORDS[flag]}, {reasons[flag]}." for flag in flags]


def _time_sentence(view: ChainView, row: int) -> str:
    chain = view.snapshot.chain
    event_ns, recv_ns = int(chain.event_ns[row]), int(chain.recv_ns[row])
    if event_ns == 0:
        return "This option has not been quoted since the desk started."
    received = "" if recv_ns == 0 else f" Received {instant_text(recv_ns)} on the desk's clock."
    return (
        f"Quote of {instant_text(event_ns)} on the venue's clock, "
        f"{duration_text(view.now_ns - event_ns)} old.{received}"
    )


def sentences_text(provenance: Provenance) -> str:
    """Title and sentences as lines of text."""
    return "\n".join(_lines(provenance))


def _lines(provenance: Provenance) -> Sequence[str]:
    return (provenance.title, *provenance.sentences)
