"""Why a portfolio margin is what it is: each leg's part, and how far away liquidation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.margin.deribit_portfolio import (
    MarginMode,
    PairBook,
    PairRisk,
    PortfolioMargin,
    adjusted_cells,
    basis_costs,
    cross_margin,
    expiry_deltas,
    portfolio_margin,
    terms_of,
)
from quantdesk.margin.portfolio_cells import delta_shocks
from quantdesk.margin.risk_vectors import RiskLegs
from quantdesk.market.chain import FloatArray
from quantdesk.pricing import price

SPOT_LOW, SPOT_HIGH = -0.95, 4.0
VOL_LOW, VOL_HIGH = -1.0, 4.0
SCAN_POINTS = 61
"""Moves that are tried towards one end, closer together near 0: the first crossing is wanted."""
BISECTIONS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPart:
    """One leg's part of the risk matrix margin, in the margin's currency.

    pair : of the parameters it is margined by
    coins : signed coins of underlying;  delta : coins, as the roll shock takes it
    binding : profit of the leg in the binding cell before dampener and offset, 0 where none binds
    leave_one_out : margin with the leg less margin without it
    euler : gradient times size; parts add up to the margin where no dampener, cap or delta
        threshold stands in between
    """

    name: str
    pair: str
    coins: float
    delta: float
    binding: float
    leave_one_out: float
    euler: float


def leg_parts(margin: PortfolioMargin) -> tuple[LegPart, ...]:
    """Each leg's part, pair by pair, in the order of the legs."""
    found: list[LegPart] = []
    for pair, unit in zip(margin.pairs, margin.prices, strict=True):
        found += _pair_parts(margin, pair, unit)
    return tuple(found)


def _pair_parts(margin: PortfolioMargin, pair: PairRisk, unit: float) -> list[LegPart]:
    book, legs = pair.book, pair.book.legs
    if not len(legs):
        return []
    vectors = np.concatenate([pair.vectors.standard, pair.vectors.extended], axis=1)
    own = pair.vectors.delta
    others = margin.cells - unit * pair.cells
    without = others + unit * adjusted_cells(pair.raw - vectors, book)
    worst = np.maximum(-without.min(axis=1), 0.0)
    costs, held = basis_costs(book), expiry_deltas(book, own)
    rolled = (np.abs(held) - np.abs(held - own)) * costs
    total = float(own.sum())
    shocks = delta_shocks(total - own, terms_of(book))
    binding = np.zeros(len(legs))
    slope = 0.0
    if margin.binding is not None:
        binding, slope = vectors[:, margin.binding], _slope(pair, margin.binding)
    euler = np.sign(held) * own * costs - slope * binding + _shock_slope(total, book) * own
    left_out = margin.worst - worst + unit * (rolled + pair.delta_shock - shocks)
    return [
        LegPart(
            name=legs.names[n],
            pair=book.parameters.pair,
            coins=float(legs.coins[n]),
            delta=float(own[n]),
            binding=float(unit * binding[n]),
            leave_one_out=float(left_out[n]),
            euler=float(unit * euler[n]),
        )
        for n in range(len(legs))
    ]


def _slope(pair: PairRisk, cell: int) -> float:
    """How a pair's cell after dampener and offset moves with it before them."""
    after = float(pair.cells[cell])
    if after < 0:
        return 1.0
    parameters = pair.book.parameters
    cap = parameters.max_offsetable_pnl / (pair.book.index if pair.book.is_inverse else 1.0)
    return parameters.pnl_offset if 0 < after < cap else 0.0


def _shock_slope(delta: float, book: PairBook) -> float:
    """How the delta shock moves with the total delta, settlement currency a coin."""
    parameters = book.parameters
    excess = abs(delta) - parameters.delta_total_liq_shock_threshold / book.index
    if excess <= 0:
        return 0.0
    is_capped = parameters.m_inc * excess >= parameters.max_delta_shock
    slope = parameters.max_delta_shock if is_capped else 2 * parameters.m_inc * excess
    return float(np.sign(delta)) * slope * (1.0 if book.is_inverse else book.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationDistance:
    """Moves at which maintenance margin meets the margin balance, vols and prices apart.

    spot_down, spot_up : relative moves of all underlyings;  vol_down, vol_up : in 1.00 of vol.
    None where no move in the range searched meets it
    is_below : the balance does not cover the maintenance margin now
    """

    spot_down: float | None
    spot_up: float | None
    vol_down: float | None
    vol_up: float | None
    is_below: bool


def liquidation_distance(
    margin: PortfolioMargin, balance: float, *, in_coins: float = 0.0
) -> LiquidationDistance:
    """How far spot and vol may move before the balance is the maintenance margin.

    Parameters
    ----------
    balance : margin balance now, in the margin's currency, options at their marks included
    in_coins : the part of it that is held in coins and moves with spot, USD; of cross mode alone

    The balance moves with the profit of the legs; the margin is computed anew at every move.
    Raises InvalidInput for a balance that is not finite.
    """
    for name, value in (("margin_balance", balance), ("in_coins", in_coins)):
        if not np.isfinite(value):
            raise InvalidInput(name, value, "must be a finite number")

    def room(spot: float, vol: float) -> float:
        books = [
            replace(pair.book, legs=pair.book.legs.moved(spot, vol), index=_index(pair, spot))
            for pair in margin.pairs
        ]
        needed = _again(margin, books).maintenance
        return balance + in_coins * spot + _profit(margin, spot, vol) - needed

    if room(0.0, 0.0) < 0:
        return LiquidationDistance(
            spot_down=0.0, spot_up=0.0, vol_down=0.0, vol_up=0.0, is_below=True
        )
    return LiquidationDistance(
        spot_down=_first_crossing(lambda x: room(x, 0.0), SPOT_LOW),
        spot_up=_first_crossing(lambda x: room(x, 0.0), SPOT_HIGH),
        vol_down=_first_crossing(lambda x: room(0.0, x), VOL_LOW),
        vol_up=_first_crossing(lambda x: room(0.0, x), VOL_HIGH),
        is_below=False,
    )


def _index(pair: PairRisk, spot: float) -> float:
    return pair.book.index * (1 + spot)


def _again(margin: PortfolioMargin, books: list[PairBook]) -> PortfolioMargin:
    """The margin of moved books; orders do not bear on maintenance."""
    bare = [replace(book, orders=None) for book in books]
    if margin.mode is MarginMode.CROSS:
        return cross_margin(bare)
    return portfolio_margin(margin.currency, bare)


def _profit(margin: PortfolioMargin, spot: float, vol: float) -> float:
    """Profit of all legs at moved prices and vols, in the margin's currency at those prices."""
    total = 0.0
    for pair in margin.pairs:
        is_coin_in_usd = margin.mode is MarginMode.CROSS and pair.book.is_inverse
        unit = _index(pair, spot) if is_coin_in_usd else 1.0
        total += unit * _legs_profit(pair.book.legs, spot, vol)
    return total


def _legs_profit(legs: RiskLegs, spot: float, vol: float) -> float:
    """Profit of all legs at moved prices and vols, settlement currency."""
    forward = legs.forward * (1 + spot)
    futures = np.where(legs.is_inverse, 1 - 1 / (1 + spot), legs.forward * spot)
    rows = np.flatnonzero(legs.is_option)
    unit: FloatArray = futures.astype(np.float64)
    if rows.size:
        columns = (legs.strike[rows], legs.years[rows])
        moved = np.maximum(legs.vol[rows] + vol, 0.0)
        after = np.asarray(price(legs.is_call[rows], forward[rows], *columns, moved))
        before = np.asarray(price(legs.is_call[rows], legs.forward[rows], *columns, legs.vol[rows]))
        in_coin = after / forward[rows] - before / legs.forward[rows]
        unit[rows] = np.where(legs.is_inverse[rows], in_coin, after - before)
    return float((legs.coins * unit).sum())


def _first_crossing(room: Callable[[float], float], end: float) -> float | None:
    """The move nearest to 0 towards `end` at which `room`, from 0 up at 0, falls below 0; None
    where none of the moves tried does.
    """
    before = 0.0
    for share in np.linspace(0.0, 1.0, SCAN_POINTS)[1:]:
        step = float(end * share * share)
        if room(step) < 0:
            low, high = before, step
            for _ in range(BISECTIONS):
                middle = 0.5 * (low + high)
                low, high = (middle, high) if room(middle) >= 0 else (low, middle)
            return high
        before = step
    return None
