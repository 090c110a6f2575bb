"""What is said of each leg beside its Greeks: days left, vol, chance to finish in the money, age.

Per position, in the book's order; nothing here is ever added up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.market.quality import stale_rows
from quantdesk.risk.columns import OptionColumns
from quantdesk.risk.valuation import ValuedBook

CHANCE_LAW = "lognormal on the forward of its expiry at the leg's own vol"
"""The law of `LegState.chance_in_the_money`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegState:
    """One valued position; None where a thing does not apply or nobody said.

    days : calendar days to expiry at the market's moment;  vol : fraction
    chance_in_the_money : to finish there, under `CHANCE_LAW`
    quote_age_ns : of the quote behind the mark, at the market's moment
    is_stale : the market's rule for old quotes, `market.quality`
    """

    days: float | None
    vol: float | None
    chance_in_the_money: float | None
    quote_age_ns: int | None
    is_stale: bool


def chance_in_the_money(options: OptionColumns) -> FloatArray:
    """Φ(±d₂), (n,): chance that each option finishes in the money; exact 0 or 1 at zero vol."""
    total = options.vol * np.sqrt(options.years)
    with np.errstate(divide="ignore", invalid="ignore"):
        d2 = np.log(options.forward / options.strike) / total - 0.5 * total
    ends_above = np.where(total > 0.0, ndtr(d2), options.forward > options.strike)
    return np.asarray(np.where(options.is_call, ends_above, 1.0 - ends_above), dtype=np.float64)


def leg_states(book: ValuedBook) -> tuple[LegState, ...]:
    """One state a position of `book`, in its order."""
    place_of = {row: place for place, row in enumerate(book.options.rows.tolist())}
    chances = chance_in_the_money(book.options).tolist()
    days, vols = book.options.days.tolist(), book.options.vol.tolist()
    stale: dict[int, BoolArray] = {
        number: stale_rows(market.chain, market.as_of_ns)
        for number, market in enumerate(book.markets)
    }
    found = []
    for row, mark in enumerate(book.marks):
        number = book.market_of[row]
        place = place_of.get(row)
        as_of_ns = book.markets[number].as_of_ns
        expiry_ns = book.positions[row].instrument.expiry_ns
        left = None if expiry_ns is None else (expiry_ns - as_of_ns) / 86_400e9
        found.append(
            LegState(
                days=left if place is None else days[place],
                vol=None if place is None else vols[place],
                chance_in_the_money=None if place is None else chances[place],
                quote_age_ns=as_of_ns - mark.event_ns if mark.event_ns else None,
                is_stale=mark.chain_row is not None and bool(stale[number][mark.chain_row]),
            )
        )
    return tuple(found)
