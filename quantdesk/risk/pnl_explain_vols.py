"""A change of vols taken apart: level, skew, curvature, term, and what is the strike's own.

Per expiry the change d of the fitted smile is read at x = −1, 0 and 1 standard deviations of the
new forward, after the spot rule has had its say. With the shapes of `market.surface_shocks`:

    level  d(0) at 30 days, the same for every expiry
    skew   S·s(x), s(x) = −x/√(1 + x²/4),  S from (d(1) − d(−1))/2
    curvature  C·c(x), c(x) = x²/(1 + |x|),  C from (d(1) + d(−1))/2 − d(0)
    term   d(0) of the expiry less level
    strike what is left of the option's own change

x is cut at ±3. Where either moment has no surface of the expiry, all of it is the strike's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import FloatArray, IntArray
from quantdesk.market.market_data import UnderlyingMarket, VolSurface
from quantdesk.market.quoted_vols import quoted_vols
from quantdesk.market.surface_shocks import TERM_YEARS
from quantdesk.risk.pnl_explain_legs import OptionMoves
from quantdesk.risk.scenario import SmileRule
from quantdesk.risk.smiles import expiry_smile
from quantdesk.risk.valuation import Surfaces

PARTS = ("level", "skew", "curvature", "term", "strike")
REACH = 3.0
"""Standard deviations beyond which skew and curvature go on unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VolParts:
    """Vol after the spot rule (n,), and the parts (n, 5) by PARTS that lead to the close's vol.

    is_shaped : (n,) rows that a surface at both moments speaks of
    """

    ruled: FloatArray
    parts: FloatArray
    is_shaped: np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """Change of one expiry's smile: at the money, and the sizes of skew and curvature."""

    years: float
    width: float
    at_money: float
    skew: float
    curvature: float


def skew_shape(x: FloatArray) -> FloatArray:
    """−x/√(1 + x²/4): puts up, calls down."""
    return np.asarray(-x / np.sqrt(1.0 + x * x / 4.0), dtype=np.float64)


def curvature_shape(x: FloatArray) -> FloatArray:
    """x²/(1 + |x|): both wings up."""
    return np.asarray(x * x / (1.0 + np.abs(x)), dtype=np.float64)


def vol_parts(legs: OptionMoves, rule: SmileRule, *, before: Surfaces, after: Surfaces) -> VolParts:
    """The vol change of each leg by PARTS; surfaces of both moments by (venue, underlying)."""
    ruled = _ruled_vols(legs, rule, before)
    parts = np.zeros((len(legs), len(PARTS)))
    parts[:, -1] = legs.vol_after - ruled
    is_shaped = np.zeros(len(legs), dtype=np.bool_)
    for number, (first, last) in enumerate(
        zip(legs.markets_before, legs.markets_after, strict=True)
    ):
        key = (first.venue, first.underlying)
        old, new = before.get(key, first.surface), after.get(key, last.surface)
        if old is None or new is None:
            continue
        changes = _changes(first, last, old, new, rule)
        if not changes:
            continue
        level = _at_30_days(changes)
        for expiry_ns, change in changes.items():
            rows = np.flatnonzero((legs.market == number) & (legs.expiry_ns == expiry_ns))
            if rows.size:
                parts[rows] = _parts_of(legs, rows, change, level, ruled)
                is_shaped[rows] = True
    return VolParts(ruled=ruled, parts=parts, is_shaped=is_shaped)


def _parts_of(
    legs: OptionMoves, rows: IntArray, change: _Change, level: float, ruled: FloatArray
) -> FloatArray:
    moved = _moved_forward(legs)[rows]
    x = np.clip(np.log(legs.strike[rows] / moved) / change.width, -REACH, REACH)
    found = np.zeros((rows.size, len(PARTS)))
    found[:, 0] = level
    found[:, 1] = change.skew * skew_shape(x)
    found[:, 2] = change.curvature * curvature_shape(x)
    found[:, 3] = change.at_money - level
    whole = legs.vol_after[rows] - ruled[rows]
    found[:, 4] = whole - np.add.reduce(found[:, :4], axis=1)
    return found


def _moved_forward(legs: OptionMoves) -> FloatArray:
    """Opening forwards moved with the index alone."""
    return np.asarray(legs.forward_before * legs.index_after / legs.index_before)


def _ruled_vols(legs: OptionMoves, rule: SmileRule, before: Surfaces) -> FloatArray:
    """Vols after the index has moved and nothing else: the opening's, slid by the rule."""
    vols = legs.vol_before.copy()
    if not rule.slide:
        return vols
    for number, market in enumerate(legs.markets_before):
        own = quoted_vols(market)[0]
        surface = before.get((market.venue, market.underlying), market.surface)
        in_market = legs.market == number
        for expiry_ns in np.unique(legs.expiry_ns[in_market]).tolist():
            rows = np.flatnonzero(in_market & (legs.expiry_ns == expiry_ns))
            smile = expiry_smile(
                market,
                expiry_ns,
                forward=float(legs.forward_before[rows[0]]),
                years=float(legs.years_before[rows[0]]),
                vols=own,
                surface=surface,
            )
            move = np.log(legs.index_after[rows] / legs.index_before[rows])
            moneyness = np.log(legs.strike[rows] / legs.forward_before[rows])
            vols[rows] += smile.shift(moneyness, rule.slide * move)
    return np.maximum(vols, 0.0)


def _changes(
    first: UnderlyingMarket,
    last: UnderlyingMarket,
    old: VolSurface,
    new: VolSurface,
    rule: SmileRule,
) -> dict[int, _Change]:
    """Change of each expiry's smile that both surfaces know, at the moved forward."""
    found: dict[int, _Change] = {}
    if first.index_price is None or last.index_price is None:
        return found
    move = last.index_price / first.index_price
    for expiry_ns in sorted(first.forwards.keys() & last.forwards.keys()):
        price = first.forwards[expiry_ns].price
        years = (expiry_ns - last.as_of_ns) / (365 * 86_400e9)
        if price is None or years <= 0:
            continue
        change = _change(old, new, expiry_ns, price, move, years, rule.slide)
        if change is not None:
            found[expiry_ns] = change
    return found


def _change(  # noqa: PLR0917 -- one expiry's own numbers
    old: VolSurface,
    new: VolSurface,
    expiry_ns: int,
    forward: float,
    move: float,
    years: float,
    slide: float,
) -> _Change | None:
    at = np.array([expiry_ns])
    moved = forward * move
    slid = move**slide
    centre = float(old.implied_vol(at, np.array([moved / slid]))[0])
    if not centre > 0:
        return None
    width = centre * years**0.5
    strikes = moved * np.exp(np.array([-1.0, 0.0, 1.0]) * width)
    three = np.full(3, expiry_ns, dtype=np.int64)
    change = new.implied_vol(three, strikes) - old.implied_vol(three, strikes / slid)
    if not np.isfinite(change).all():
        return None
    low, middle, high = change.tolist()
    one = np.ones(1)
    return _Change(
        years=years,
        width=width,
        at_money=middle,
        skew=(high - low) / 2.0 / float(skew_shape(one)[0]),
        curvature=((high + low) / 2.0 - middle) / float(curvature_shape(one)[0]),
    )


def _at_30_days(changes: dict[int, _Change]) -> float:
    """The change at the money of 30 days, linear in √T between expiries, flat outside."""
    ordered = sorted(changes.values(), key=lambda one: one.years)
    roots = np.sqrt([one.years for one in ordered])
    values = np.array([one.at_money for one in ordered])
    return float(np.interp(TERM_YEARS**0.5, roots, values))
