"""How steady a fit is: one quote moved by a tick, and quotes that are wrong.

A trial changes quotes of a recorded chain and fits again from nothing, as a stranger would. Prices
are those of coin-settled options. Draws are seeded: the same chain gives the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import TickScheme
from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.market.fitting import INSIDE_TOLERANCE, FitOptions, kernel_quotes
from quantdesk.market.surface_quotes import ExpiryQuotes, SurfaceQuotes, trusted
from quantdesk.pricing.smile import slice_jets
from quantdesk.pricing.surface import fit_slices

COIN_TICKS = TickScheme(tick=Decimal("0.0001"), steps=((Decimal("0.005"), Decimal("0.0005")),))
"""Deribit's price grid of coin-settled BTC and ETH options."""

NEIGHBOURS = 2
"""Strikes on each side of a moved quote whose theos may move with it."""

FAR_SHARE = 0.1
"""Share of its own half-spread that any other theo may move by."""

OUTLIER_SHARE = 0.05
OUTLIER_HALF_SPREADS = (3.0, 4.0, 6.0, 10.0)

TICK_MOVES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1))
"""Ticks that bid and ask are moved by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickMove:
    """One quote moved by a tick: new vols of `row` of the expiry at `place`."""

    place: int
    row: int
    bid_iv: float
    ask_iv: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TickTrial:
    """What one tick did to other theos, the largest move in their own half-spreads.

    own : beyond two strikes on each side of the same expiry
    across : in other expiries, beyond the strikes between those neighbours
    beside : in other expiries, at these strikes
    """

    move: TickMove
    own: float
    across: float
    beside: float

    @property
    def far(self) -> float:
        """Beyond the two neighbouring strikes on each side, whatever the expiry."""
        return max(self.own, self.across)


def tick_moves(quotes: SurfaceQuotes, ticks: TickScheme = COIN_TICKS) -> list[TickMove]:
    """Every quote's bid, ask, and both, a tick up and down, where a two-sided quote is left."""
    return [
        move
        for place, expiry in enumerate(_fitted(quotes))
        for row in np.flatnonzero(expiry.is_scored).tolist()
        for move in _moves_of(expiry, place, row, ticks)
    ]


def tick_trials(
    quotes: SurfaceQuotes, moves: Sequence[TickMove], options: FitOptions | None = None
) -> list[TickTrial]:
    """What each of `moves`, alone, does to the theos of the whole chain."""
    options = options or FitOptions()
    expiries = _fitted(quotes)
    before = _theos(expiries, options)
    trials = []
    for move in moves:
        expiry = expiries[move.place]
        bid, ask = expiry.bid_iv.copy(), expiry.ask_iv.copy()
        bid[move.row], ask[move.row] = move.bid_iv, move.ask_iv
        moved = [*expiries]
        moved[move.place] = replace(expiry, bid_iv=bid, ask_iv=ask)
        after = _theos(trusted(moved), options)
        trials.append(_trial(move, expiries, before, after))
    return trials


def sampled_moves(moves: Sequence[TickMove], count: int, seed: int) -> list[TickMove]:
    """`count` of `moves`, drawn without return, or all where there are not more."""
    if count >= len(moves):
        return list(moves)
    drawn = np.random.default_rng(seed).choice(len(moves), count, replace=False)
    return [moves[place] for place in sorted(drawn.tolist())]


def outlier_cost(
    quotes: SurfaceQuotes, half_spreads: float, seed: int, options: FitOptions | None = None
) -> float:
    """Share inside bid and ask that 5 % of wrong quotes cost the others, a fraction.

    Each wrong quote is shifted by so many of its half-spreads, up or down; NaN without a quote.
    """
    options = options or FitOptions()
    expiries = _fitted(quotes)
    count = sum(int(each.is_scored.sum()) for each in expiries)
    if not count:
        return math.nan
    random = np.random.default_rng(seed)
    wrong = np.zeros(count, dtype=np.bool_)
    wrong[random.choice(count, max(1, round(OUTLIER_SHARE * count)), replace=False)] = True
    shifts = half_spreads * random.choice([-1.0, 1.0], count) * wrong
    dirty, masks, start = [], [], 0
    for each in expiries:
        rows = np.flatnonzero(each.is_scored)
        part = slice(start, start + rows.size)
        start += rows.size
        shift = np.zeros(each.bid_iv.size)
        shift[rows] = shifts[part] * (each.ask_iv - each.bid_iv)[rows] / 2
        shift = np.where(each.bid_iv + shift > 0, shift, 0.0)
        dirty.append(replace(each, bid_iv=each.bid_iv + shift, ask_iv=each.ask_iv + shift))
        untouched = each.is_scored.copy()
        untouched[rows[wrong[part]]] = False
        masks.append(untouched)
    clean = _inside(expiries, _theos(expiries, options), masks)
    return clean - _inside(expiries, _theos(trusted(dirty), options), masks)


def _fitted(quotes: SurfaceQuotes) -> list[ExpiryQuotes]:
    return [each for each in quotes.expiries if not each.refusal]


def _moves_of(expiry: ExpiryQuotes, place: int, row: int, ticks: TickScheme) -> Iterator[TickMove]:
    is_call, strike = bool(expiry.is_call[row]), float(expiry.strike[row])
    forward = strike / math.exp(float(expiry.log_moneyness[row]))
    vols = float(expiry.bid_iv[row]), float(expiry.ask_iv[row])
    prices = [
        float(pricing.price(is_call, forward, strike, expiry.years, vol)) / forward for vol in vols
    ]
    steps = [float(ticks.tick_at(Decimal(repr(round(price, 8))))) for price in prices]
    for ups in TICK_MOVES:
        moved = [p + up * step for p, up, step in zip(prices, ups, steps, strict=True)]
        if moved[0] < steps[0] / 2 or moved[1] - moved[0] < steps[0] / 2:
            continue
        found = [
            vol if not up else _vol(price * forward, is_call, forward, strike, expiry.years)
            for vol, up, price in zip(vols, ups, moved, strict=True)
        ]
        if 0 < found[0] < found[1]:
            yield TickMove(place=place, row=row, bid_iv=found[0], ask_iv=found[1])


def _vol(price: float, is_call: bool, forward: float, strike: float, years: float) -> float:
    return float(pricing.implied_vol(price, is_call, forward, strike, years).vol)


def _theos(expiries: Sequence[ExpiryQuotes], options: FitOptions) -> list[FloatArray]:
    """Vols of the fit at every row, by expiry; NaN where there is no slice."""
    found = fit_slices(
        [kernel_quotes(each) for each in expiries],
        model=options.model,
        smoothing=options.smoothing,
        floor=options.floor,
        margin=options.margin,
    )
    return [
        np.full(each.strike.size, np.nan)
        if fitted.smile is None
        else np.sqrt(slice_jets(fitted.smile, each.log_moneyness).w / each.years)
        for each, fitted in zip(expiries, found, strict=True)
    ]


def _trial(
    move: TickMove,
    expiries: Sequence[ExpiryQuotes],
    before: Sequence[FloatArray],
    after: Sequence[FloatArray],
) -> TickTrial:
    strikes = expiries[move.place].strike[expiries[move.place].is_scored]
    at = int(np.searchsorted(strikes, expiries[move.place].strike[move.row]))
    low = strikes[max(0, at - NEIGHBOURS)]
    high = strikes[min(strikes.size - 1, at + NEIGHBOURS)]
    own = across = beside = 0.0
    for place, each in enumerate(expiries):
        with np.errstate(invalid="ignore"):
            share = np.abs(after[place] - before[place]) / ((each.ask_iv - each.bid_iv) / 2)
        # A slice that is lost has moved every theo of it.
        share = np.where(np.isnan(share), np.inf, share)[each.is_scored]
        near = (each.strike[each.is_scored] >= low) & (each.strike[each.is_scored] <= high)
        far = float(share[~near].max(initial=0.0))
        if place == move.place:
            own = far
        else:
            across = max(across, far)
            beside = max(beside, float(share[near].max(initial=0.0)))
    return TickTrial(move=move, own=own, across=across, beside=beside)


def _inside(
    expiries: Sequence[ExpiryQuotes], theos: Sequence[FloatArray], masks: Sequence[BoolArray]
) -> float:
    inside = total = 0
    for each, theo, rows in zip(expiries, theos, masks, strict=True):
        with np.errstate(invalid="ignore"):
            hit = (theo >= each.bid_iv - INSIDE_TOLERANCE) & (
                theo <= each.ask_iv + INSIDE_TOLERANCE
            )
        inside += int((hit & rows).sum())
        total += int(rows.sum())
    return inside / total if total else math.nan
