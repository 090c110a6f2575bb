"""Who trades with whom: price-time priority, and what happens where an order meets its own side.

Works on books alone. What a match means in money is `clearing`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from quantdesk.domain.instrument import Side
from quantdesk.simulator.exchange.book import OrderBook
from quantdesk.simulator.exchange.orders import LiveOrder, SelfTrade


@dataclass(frozen=True, slots=True)
class Match:
    """`taker` and `maker` trade `lots` at the maker's price; both are reduced already."""

    maker: LiveOrder
    lots: int


@dataclass(frozen=True, slots=True)
class SelfMeeting:
    """The taker would trade with `maker`, one of its own side. The receiver must end the maker, or
    the taker and stop.
    """

    maker: LiveOrder


@dataclass(frozen=True, slots=True)
class Reach:
    """What an order would trade at once: how many lots, and the worst price (None for none)."""

    lots: int
    worst_units: int | None


def is_within(side: Side, limit_units: int, maker_units: int) -> bool:
    """True where an order of `side` with that limit may trade at the maker's price."""
    return maker_units <= limit_units if side is Side.BUY else maker_units >= limit_units


def meets_itself_first(book: OrderBook, side: Side, limit_units: int, group: str) -> bool:
    """True where the first order that it would trade with is of its own group."""
    first = book.opposite(side).first()
    return (
        first is not None
        and first.account.group == group
        and is_within(side, limit_units, first.units)
    )


def reach(
    book: OrderBook, side: Side, limit_units: int, lots: int, *, group: str, mode: SelfTrade
) -> Reach:
    """What an order of `lots` would trade at once under its self-trade mode. Changes nothing."""
    taken, worst = 0, None
    for maker in book.opposite(side).orders():
        if taken >= lots or not is_within(side, limit_units, maker.units):
            break
        if maker.account.group == group and mode is not SelfTrade.ALLOW:
            if mode is SelfTrade.CANCEL_MAKER:
                continue
            break
        taken += min(maker.lots_left, lots - taken)
        worst = maker.units
    return Reach(taken, worst)


def sweep(
    book: OrderBook, taker: LiveOrder, limit_units: int, mode: SelfTrade
) -> Iterator[Match | SelfMeeting]:
    """Matches of `taker`, one at a time, until it is filled or nothing is within its limit.

    The book is asked again for each match, so the receiver may take orders out in between.
    """
    opposite = book.opposite(taker.side)
    while taker.lots_left:
        maker = opposite.first()
        if maker is None or not is_within(taker.side, limit_units, maker.units):
            return
        if mode is not SelfTrade.ALLOW and maker.account.group == taker.account.group:
            yield SelfMeeting(maker)
            continue
        lots = min(taker.lots_left, maker.lots_left)
        opposite.reduce(maker, lots)
        taker.lots_left -= lots
        yield Match(maker, lots)
