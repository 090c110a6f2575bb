"""Two records of one instrument at one moment: what both say is kept, what they contest is not.

There is no telling which of them is right, so that neither is believed silently.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from quantdesk.domain.events import FutureUpdate, QuoteUpdate, VenueGreeks

IDENTICAL = "identical record repeated within one moment"
CONTESTED = "record of one moment that contradicts another of the same instrument"
OVERTAKEN = "older record of the same instrument"

SIDES = {
    "bid": ("bid", "bid_size", "venue_bid_iv"),
    "ask": ("ask", "ask_size", "venue_ask_iv"),
}
"""What goes together with each side: with one of them contested, none of them is quoted."""

DOUBT = "duplicate: records of one moment disagree on "
"""Beginning of the doubt on such a quote; the contested sides follow."""

Record = TypeVar("Record", QuoteUpdate, FutureUpdate)


def agreed_quote(first: QuoteUpdate, second: QuoteUpdate) -> tuple[QuoteUpdate, str]:
    """What two quotes of one option agree on, and a reason by which the spare record is counted.

    The later one stands where their instants differ. A side on which they disagree is absent, and
    the quote's `doubt` says so.
    """
    if first.event_ns != second.event_ns:
        return max(first, second, key=lambda quote: quote.event_ns), OVERTAKEN
    if replace(first, doubt="") == second:
        return first, IDENTICAL
    quote = _agreed(first, second)
    quote = replace(quote, venue_greeks=_agreed_greeks(first.venue_greeks, second.venue_greeks))
    sides = [
        side
        for side, names in SIDES.items()
        if any(getattr(first, name) != getattr(second, name) for name in names)
        or side in first.doubt.removeprefix(DOUBT).split(" and ")
    ]
    if sides:
        absent: dict[str, Any] = {name: None for side in sides for name in SIDES[side]}
        quote = replace(quote, doubt=DOUBT + " and ".join(sides), **absent)
    return quote, CONTESTED


def agreed_future(first: FutureUpdate, second: FutureUpdate) -> tuple[FutureUpdate, str]:
    """The same for a future: contested prices are absent."""
    if first.event_ns != second.event_ns:
        return max(first, second, key=lambda future: future.event_ns), OVERTAKEN
    if first == second:
        return first, IDENTICAL
    return _agreed(first, second), CONTESTED


def _agreed(first: Record, second: Record) -> Record:
    """`first` without the figures that `second` has otherwise; figures may all be absent."""
    contested: dict[str, Any] = {
        field.name: None
        for field in fields(first)
        if field.default is None and getattr(first, field.name) != getattr(second, field.name)
    }
    return replace(first, **contested)


def _agreed_greeks(first: VenueGreeks, second: VenueGreeks) -> VenueGreeks:
    return VenueGreeks(
        **{
            field.name: getattr(first, field.name)
            for field in fields(first)
            if getattr(first, field.name) == getattr(second, field.name)
        }
    )
