"""A prepared book under recorded moves: full revaluation with one horizon of time passed.

Index and all forwards of a coin move by one factor. An option's vol moves by the vol index's
log-change × (30/d)^p, d its days to expiry, at least 1. Nothing is scaled by the root of time.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.risk.columns import DAYS_PER_YEAR, VEGA_DAYS_MIN, VEGA_REFERENCE_DAYS
from quantdesk.risk.revaluation import Group, OptionGroup, PreparedBook, ScenarioTable, group_pnl
from quantdesk.risk.scenario import Scenario, VolRule, VolUnit
from quantdesk.risk.taylor import taylor_usd

TENOR_POWER = 0.33
"""How an option's vol follows the 30-day vol index by tenor: regression of the daily log-changes of
at-the-money vols at 2 to 270 days on those at 30 days, 118 pairs of recorded Deribit chains of
2021-06 and 2022-01 to 2022-03, weights (30/d)^0.33; single tenors lie between 1.9 (2 to 4 days) and
0.45 (270 days)."""


def moved_table(
    spot: FloatArray, vol: FloatArray, *, horizon_days: float
) -> tuple[ScenarioTable, FloatArray]:
    """Scenarios of log-moves (u, m) with vols still, and the vol index's log-moves."""
    if spot.shape != vol.shape or spot.ndim != 2:
        raise InvalidInput("moves", (spot.shape, vol.shape), "must have one shape (u, m)")
    still = Scenario(name="recorded move", days=horizon_days, rule=VolRule(unit=VolUnit.RELATIVE))
    one = ScenarioTable.of([still], [""] * spot.shape[0])
    count = spot.shape[1]
    wide = {part.name: np.repeat(getattr(one, part.name), count, axis=-1) for part in fields(one)}
    table = replace(ScenarioTable(**wide), spot=np.expm1(spot))
    return table, vol


def moved_pnl(
    prepared: PreparedBook,
    spot: FloatArray,
    vol: FloatArray,
    *,
    horizon_days: float,
    tenor_power: float = TENOR_POWER,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """P&L in coin and in USD, each (u, m), of log-moves (u, m); without collateral.

    USD is coin value at the moved index less coin value at the index now.
    """
    table, vol = moved_table(spot, vol, horizon_days=horizon_days)
    coin = np.zeros(spot.shape)
    usd = np.zeros(spot.shape)
    for group in prepared.groups:
        pnl = group_pnl(group, _of(group, table, vol, tenor_power), each=False, threads=threads)
        coin[group.underlying] += pnl.coin
        usd[group.underlying] += pnl.usd
    return coin, usd


def moved_legs_usd(
    prepared: PreparedBook,
    spot: FloatArray,
    vol: FloatArray,
    *,
    horizon_days: float,
    tenor_power: float = TENOR_POWER,
) -> FloatArray:
    """USD P&L (legs, m) as in `moved_pnl`, one row a leg of the book."""
    table, vol = moved_table(spot, vol, horizon_days=horizon_days)
    parts = [
        group_pnl(group, _of(group, table, vol, tenor_power), each=True, threads=1).usd
        for group in prepared.groups
    ]
    return np.concatenate(parts) if parts else np.zeros((0, len(table)))


def expanded_usd(
    prepared: PreparedBook,
    spot: FloatArray,
    vol: FloatArray,
    *,
    horizon_days: float,
    tenor_power: float = TENOR_POWER,
) -> FloatArray:
    """USD P&L (u, m) of the second-order expansion, for comparison only."""
    table, vol = moved_table(spot, vol, horizon_days=horizon_days)
    usd = np.zeros(spot.shape)
    for group in prepared.groups:
        alone = replace(prepared, groups=(group,))
        usd += taylor_usd(alone, _of(group, table, vol, tenor_power))
    return usd


def _of(group: Group, table: ScenarioTable, vol: FloatArray, power: float) -> ScenarioTable:
    """`table` with the relative vol moves of one group's tenor."""
    if not isinstance(group, OptionGroup):
        return table
    days = max(group.years * DAYS_PER_YEAR, VEGA_DAYS_MIN)
    weight = (VEGA_REFERENCE_DAYS / days) ** power
    return replace(table, vol=np.expm1(weight * vol))
