"""What stands above a chain: underlying, forward and how it was found, time left, ATM vol."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np

from quantdesk.snapshot import ChainSnapshot, ChainSurface, ExpirySummary
from quantdesk.views.number_text import DASH, number_text, percent_text, strike_text
from quantdesk.views.number_text import tick_decimals as decimals_of
from quantdesk.views.safe_text import safe_text
from quantdesk.views.time_text import (
    days_left_text,
    duration_text,
    expiry_text,
    time_left_text,
)
from quantdesk.views.units import Units, units_sentence


class HeaderField(NamedTuple):
    """A labelled value; fields come in order of importance. Every text is safe for a screen."""

    label: str
    text: str


class ExpiryTab(NamedTuple):
    """One listed expiry for a row of tabs: "3JUL26" and "5.9d"."""

    expiry_ns: int
    label: str
    days: str


def expiry_tabs(snapshot: ChainSnapshot, now_ns: int) -> tuple[ExpiryTab, ...]:
    """All listed expiries in order, with the days left at `now_ns` of the venue's clock."""
    return tuple(
        ExpiryTab(e.expiry_ns, expiry_text(e.expiry_ns), days_left_text(e.expiry_ns, now_ns))
        for e in snapshot.expiries
    )


def chain_title(snapshot: ChainSnapshot) -> str:
    """Underlying, venue and environment in words: "BTC deribit SIMULATED"."""
    names = f"{safe_text(snapshot.underlying, 12)} {safe_text(snapshot.venue, 12)}"
    return f"{names} {snapshot.environment.value.upper()}"


def header_fields(
    snapshot: ChainSnapshot, expiry: ExpirySummary | None, *, units: Units, now_ns: int
) -> tuple[HeaderField, ...]:
    """Header of one expiry, or of a whole chain where `expiry` is None."""
    index = number_text(snapshot.index_price, 2)
    # The unit of the prices comes first: on a narrow screen it must not be what is left out.
    fields = [
        HeaderField("", chain_title(snapshot)),
        HeaderField("prices", units_sentence(units, *_currencies(snapshot))),
    ]
    if expiry is not None:
        fields += _expiry_fields(snapshot, expiry, now_ns)
    fields.append(HeaderField("index", index if index == DASH else f"{index} USD"))
    if snapshot.surface is not None:
        fields.append(HeaderField("surface", surface_words(snapshot.surface, expiry, now_ns)))
    if expiry is not None:
        fields += [_straddle_field(snapshot, expiry), _move_field(expiry)]
        fields += _ratio_fields(snapshot, expiry)
        fields.append(_parity_field(expiry))
    return tuple(fields)


def surface_words(surface: ChainSurface, expiry: ExpirySummary | None, now_ns: int) -> str:
    """Model, grade and age of the surface that theos come from; or why there is none."""
    fit = surface.fit
    if fit is None:
        return f"none: {safe_text(surface.problem, 60)}"
    each = None if expiry is None else fit.slice_at(expiry.expiry_ns)
    if expiry is not None and each is None:
        reason = dict(fit.refused).get(expiry.expiry_ns, "not fitted")
        return f"none for this expiry: {safe_text(reason, 60)}"
    grade = fit.grade if each is None else each.grade
    age = duration_text(max(now_ns - fit.as_of_ns, 0))
    words = f"{fit.options.model} grade {grade.value}, {age} old"
    if surface.own is not None:
        words += ", own vols"
    return f"{words}; last attempt failed" if surface.problem else words


def _currencies(snapshot: ChainSnapshot) -> tuple[str, str]:
    """The coin, and the currency prices are quoted in: the coin itself on an inverse venue."""
    first = next(iter(snapshot.chain.instruments), None)
    quote = snapshot.underlying if first is None else first.quote_currency
    return snapshot.underlying, quote


def _expiry_fields(
    snapshot: ChainSnapshot, expiry: ExpirySummary, now_ns: int
) -> list[HeaderField]:
    forward = number_text(expiry.forward.price, 2)
    source = safe_text(expiry.forward.source, 40)
    fields = [
        HeaderField("forward", forward if forward == DASH else f"{forward} USD ({source})"),
        HeaderField(
            "left",
            f"{time_left_text(expiry.expiry_ns, now_ns)} to {expiry_text(expiry.expiry_ns)}",
        ),
    ]
    atm = percent_text(expiry.atm_iv)
    fields.append(HeaderField("ATM IV", atm if atm == DASH else f"{atm} %"))
    return fields


def _straddle_field(snapshot: ChainSnapshot, expiry: ExpirySummary) -> HeaderField:
    """The ATM straddle at mid; the label says at which strike."""
    found = _atm_pair(snapshot, expiry)
    if found is None:
        return HeaderField("straddle", DASH)
    call, put = found
    chain = snapshot.chain
    mids = [(float(chain.bid[row]) + float(chain.ask[row])) / 2 for row in (call, put)]
    basis = "mid"
    if not all(isfinite(mid) for mid in mids):
        mids, basis = [float(chain.mark[row]) for row in (call, put)], "mark"
    total = sum(mids)
    instrument = chain.instruments[call]
    currency = safe_text(instrument.quote_currency, 6)
    text = number_text(total, decimals_of(instrument.ticks))
    strike = strike_text(float(chain.strike[call]))
    if text == DASH:
        return HeaderField("straddle", DASH)
    return HeaderField("straddle", f"{text} {currency} ({basis}, {strike})")


def _atm_pair(snapshot: ChainSnapshot, expiry: ExpirySummary) -> tuple[int, int] | None:
    """Call and put row of the strike nearest the forward; None without a forward or a pair."""
    forward = expiry.forward.price
    first, stop = expiry.rows
    if forward is None or first == stop:
        return None
    chain = snapshot.chain
    distance = np.abs(chain.strike[first:stop] - forward)
    nearest = chain.strike[first + int(np.argmin(distance))]
    rows = first + np.flatnonzero(chain.strike[first:stop] == nearest)
    calls, puts = rows[chain.is_call[rows]], rows[~chain.is_call[rows]]
    if calls.size == 0 or puts.size == 0:
        return None
    call = int(calls[0])
    matching = puts[chain.is_inverse[puts] == chain.is_inverse[call]]
    return None if matching.size == 0 else (call, int(matching[0]))


def _move_field(expiry: ExpirySummary) -> HeaderField:
    """One standard deviation to expiry at the ATM vol: F·σ·√T."""
    forward, atm_iv = expiry.forward.price, expiry.atm_iv
    if forward is None or atm_iv is None or expiry.years <= 0:
        return HeaderField("1 sd move", DASH)
    share = atm_iv * sqrt(expiry.years)
    move = number_text(forward * share, 0)
    return HeaderField("1 sd move", f"±{move} USD (±{percent_text(share)} %)")


def _ratio_fields(snapshot: ChainSnapshot, expiry: ExpirySummary) -> list[HeaderField]:
    part = slice(*expiry.rows)
    is_call = snapshot.chain.is_call[part]
    texts = []
    for name, column in (
        ("OI", snapshot.chain.open_interest[part]),
        ("volume", snapshot.chain.volume[part]),
    ):
        with np.errstate(over="ignore", invalid="ignore"):
            puts, calls = float(np.nansum(column[~is_call])), float(np.nansum(column[is_call]))
        ratio = puts / calls if calls > 0 else None
        texts.append(f"{number_text(ratio, 2)} {name}")
    quoted = int(np.count_nonzero(snapshot.chain.event_ns[part]))
    shown = expiry.rows[1] - expiry.rows[0]
    if expiry.listed is None:
        return [
            HeaderField("put/call", ", ".join(texts)),
            HeaderField("quoted", f"{quoted} of {shown}"),
        ]
    # A window's ratio is not the expiry's, and must not be read as it.
    return [
        HeaderField("put/call of these strikes", ", ".join(texts)),
        HeaderField("quoted", f"{quoted} of {shown} shown ({expiry.listed} listed)"),
    ]


def _parity_field(expiry: ExpirySummary) -> HeaderField:
    text = number_text(expiry.forward.parity_price, 2)
    pairs = expiry.forward.parity_pairs
    return HeaderField("parity forward", DASH if text == DASH else f"{text} USD ({pairs} pairs)")
