"""Historical P&L of one unit of each instrument: what VaR limits are summed from.

The moves, their filter and the revaluation are those of `risk.var`, at its default horizon and
window, vols moved with the vol index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.historical_moves import MoveHistory, VarVols, joint_moves
from quantdesk.risk.revaluation import PreparedBook
from quantdesk.risk.var import VarMethod, VarSettings, sample_moves
from quantdesk.risk.var_revaluation import moved_legs_usd

METHODS = (VarMethod.HISTORICAL, VarMethod.FILTERED)
"""In the order of the conventions of a VaR limit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VarMoves:
    """Joint moves of the coins of a desk, as recorded and filtered."""

    settings: VarSettings
    samples: tuple[MoveHistory, MoveHistory]

    def legs_usd(self, prepared: PreparedBook, method: int) -> FloatArray:
        """USD P&L (legs, m) by `METHODS[method]`; NaN for coins without a record."""
        sample = self.samples[method]
        coins = sample.coins
        shape = (len(prepared.underlyings), len(sample))
        spot, vol = np.full(shape, np.nan), np.full(shape, np.nan)
        for row, coin in enumerate(prepared.underlyings):
            if coin in coins:
                spot[row] = sample.spot[coins.index(coin)]
                vol[row] = sample.vol[coins.index(coin)]
        return moved_legs_usd(
            prepared,
            spot,
            vol,
            horizon_days=self.settings.horizon_days,
            tenor_power=self.settings.tenor_power,
        )


def recorded_var_moves(coins: Sequence[str], until_ns: int) -> VarMoves | None:
    """The packaged records of those of `coins` that have one, known before `until_ns`; None where
    none has.
    """
    settings = VarSettings()
    known = [coin for coin in sorted(set(coins)) if _history((coin,), until_ns) is not None]
    history = _history(tuple(known), until_ns) if known else None
    if history is None:
        return None
    historical, filtered = (sample_moves(history, method, settings) for method in METHODS)
    return VarMoves(settings=settings, samples=(historical, filtered))


def _history(coins: tuple[str, ...], until_ns: int) -> MoveHistory | None:
    found = joint_moves(
        coins,
        horizon_days=VarSettings().horizon_days,
        vols=VarVols.VOL_INDEX,
        until_ns=until_ns,
    )
    return None if isinstance(found, str) else found
