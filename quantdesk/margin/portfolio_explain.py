"""Why a portfolio margin is what it is: each leg's part, and how far away liquidation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.margin.deribit_portfolio import (
    PairBook,
    PairRisk,
    adjusted_cells,
    delta_shock_of,
    pair_risk,
)
from quantdesk.margin.risk_vectors import RiskLegs, roll_moves
from quantdesk.market.chain import FloatArray
from quantdesk.pricing import price

SPOT_LOW, SPOT_HIGH = -0.95, 4.0
VOL_LOW, VOL_HIGH = -1.0, 4.0
SCAN_POINTS = 121
BISECTIONS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPart:
    """One leg's part of the risk matrix margin, settlement currency.

    leave_one_out : margin with the leg less margin without it
    euler : gradient parts, which add up to the margin where no delta shock or dampener binds
    """

    name: str
    leave_one_out: float
    euler: float


def leg_parts(risk: PairRisk) -> tuple[LegPart, ...]:
    """Each leg's part, in the order of the legs."""
    legs, parameters = risk.book.legs, risk.book.parameters
    vectors = np.concatenate([risk.vectors.standard, risk.vectors.extended], axis=1)
    total = vectors.sum(axis=0)
    without = adjusted_cells(total - vectors, risk.book)
    worst = np.maximum(-without.min(axis=1), 0.0) if len(legs) else np.zeros(0)
    moves = roll_moves(legs, parameters)
    by_expiry = np.bincount(legs.expiry, weights=risk.vectors.delta) if len(legs) else np.zeros(0)
    held = by_expiry[legs.expiry]
    rolled = (np.abs(held) - np.abs(held - risk.vectors.delta)) * moves
    euler = np.sign(held) * risk.vectors.delta * moves
    if risk.binding is not None:
        euler = euler - vectors[:, risk.binding]
    delta = float(risk.vectors.delta.sum())
    shocks = [delta_shock_of(delta - float(own), risk.book) for own in risk.vectors.delta]
    return tuple(
        LegPart(
            name=legs.names[n],
            leave_one_out=float(risk.worst - worst[n] + rolled[n] + risk.delta_shock - shocks[n]),
            euler=float(euler[n]),
        )
        for n in range(len(legs))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationDistance:
    """Moves at which maintenance margin meets the margin balance, vols and prices apart.

    spot_down, spot_up : relative moves of the underlying;  vol_down, vol_up : in 1.00 of vol.
    None where no move in the range searched meets it
    is_below : the balance does not cover the maintenance margin now
    """

    spot_down: float | None
    spot_up: float | None
    vol_down: float | None
    vol_up: float | None
    is_below: bool


def liquidation_distance(book: PairBook, balance: float) -> LiquidationDistance:
    """How far spot and vol may move before `balance` (settlement currency) is the maintenance.

    The balance moves with the profit of the legs; the margin is computed anew at every price.
    Raises InvalidInput for a balance that is not finite.
    """
    if not np.isfinite(balance):
        raise InvalidInput("margin_balance", balance, "must be a finite number")

    def room(spot: float, vol: float) -> float:
        legs = book.legs.moved(spot, vol)
        moved = replace(book, legs=legs, index=book.index * (1 + spot))
        risk = pair_risk(moved)
        needed = book.parameters.mm_factor * risk.risk_matrix_margin
        return balance + _profit(book.legs, spot, vol) - needed

    return LiquidationDistance(
        spot_down=_first_crossing(lambda x: room(x, 0.0), SPOT_LOW),
        spot_up=_first_crossing(lambda x: room(x, 0.0), SPOT_HIGH),
        vol_down=_first_crossing(lambda x: room(0.0, x), VOL_LOW),
        vol_up=_first_crossing(lambda x: room(0.0, x), VOL_HIGH),
        is_below=room(0.0, 0.0) < 0,
    )


def _profit(legs: RiskLegs, spot: float, vol: float) -> float:
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
    """The move nearest to 0 towards `end` at which `room` falls to 0; None where it never does."""
    steps = np.linspace(0.0, end, SCAN_POINTS)
    before = 0.0
    if room(0.0) < 0:
        return 0.0
    for step in steps[1:]:
        if room(float(step)) < 0:
            low, high = before, float(step)
            for _ in range(BISECTIONS):
                middle = 0.5 * (low + high)
                low, high = (middle, high) if room(middle) >= 0 else (low, middle)
            return high
        before = float(step)
    return None
