"""A second-order Taylor view of a scenario, beside full revaluation and never instead of it."""

from __future__ import annotations

import numpy as np

from quantdesk import pricing
from quantdesk.market.chain import FloatArray
from quantdesk.risk.columns import DAYS_PER_YEAR
from quantdesk.risk.revaluation import (
    OptionGroup,
    PreparedBook,
    ScenarioTable,
    group_pnl,
    quoted_spot,
    vol_shift,
)

LABEL = "second-order Taylor, for comparison only"
_RAW = ("delta", "gamma", "vega", "theta", "vanna", "volga")


def taylor_usd(prepared: PreparedBook, table: ScenarioTable) -> FloatArray:
    """USD P&L (u, m) without collateral, by delta, gamma, vega, vanna, volga and theta of now.

    V(F + dF, σ + dσ, T − dt) ≈ V + Δ dF + ½ Γ dF² + ν dσ + vanna dF dσ + ½ volga dσ² + Θ dt, with
    the value in coin taken at the moved forward. Sticky-delta smiles are not expanded: their vols
    move as with sticky strike. What has no curvature is revalued as it is.
    """
    totals = np.zeros((len(prepared.underlyings), len(table)), dtype=np.float64)
    for group in prepared.groups:
        if isinstance(group, OptionGroup):
            totals[group.underlying] += _option_usd(group, table)
        else:
            totals[group.underlying] += group_pnl(group, table, each=False, threads=1).usd
    return totals


def _option_usd(group: OptionGroup, table: ScenarioTable) -> FloatArray:
    spot = quoted_spot(table, group.underlying, in_dollar_coin=not group.is_inverse)
    passed = np.minimum(table.days / DAYS_PER_YEAR, group.years)
    basis = table.basis[group.underlying] * (group.years - passed)
    forward_move = group.forward * ((1.0 + spot) * np.exp(basis) - 1.0)
    shift = vol_shift(group, table)
    raw = pricing.greeks(
        group.is_call,
        group.forward,
        group.strike,
        group.years,
        group.vol,
        rate=group.rate,
        which=_RAW,
    )
    vol_move = np.where(table.is_relative, group.vol[:, None] * shift, shift)
    change = np.zeros((len(group), len(table)), dtype=np.float64)
    for partial, step in (
        (raw.delta, forward_move),
        (raw.gamma, 0.5 * forward_move**2),
        (raw.vega, vol_move),
        (raw.vanna, forward_move * vol_move),
        (raw.volga, 0.5 * vol_move**2),
        (raw.theta, passed),
    ):
        assert partial is not None, "the kernel returns every column named in `which`"
        change += partial[:, None] * step
    value = group.value * group.forward if group.is_inverse else group.value
    after = value[:, None] + change
    if group.is_inverse:
        index = group.index * (1.0 + table.spot[group.underlying])
        usd = after / (group.forward + forward_move) * index - (group.value * group.index)[:, None]
    else:
        usd = after * (1.0 + table.stable_move) - value[:, None]
    return np.asarray(np.add.reduce(usd * group.coins[:, None], axis=0), dtype=np.float64)
