"""Historical P&L of one unit of each instrument: what VaR limits are summed from.

The moves, their filter and the revaluation are those of `risk.var`, at its default horizon and
window. A convention names what vols do in a move: by the coin's vol index, or, where it says so,
each option keeps its own; only then a coin without a recorded vol index has a VaR.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.historical_moves import MoveHistory, VarVols, joint_moves
from quantdesk.risk.revaluation import PreparedBook
from quantdesk.risk.var import VarMethod, VarSettings, sample_moves
from quantdesk.risk.var_revaluation import moved_legs_usd

MOVES_OF: Mapping[str, tuple[VarMethod, VarVols]] = {
    "historical": (VarMethod.HISTORICAL, VarVols.VOL_INDEX),
    "filtered": (VarMethod.FILTERED, VarVols.VOL_INDEX),
    "historical-vols-unchanged": (VarMethod.HISTORICAL, VarVols.UNCHANGED),
    "filtered-vols-unchanged": (VarMethod.FILTERED, VarVols.UNCHANGED),
}
"""The method and vols that each convention of a VaR limit is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VarMoves:
    """Joint moves of the coins of a desk. samples : by convention"""

    settings: VarSettings
    samples: Mapping[str, MoveHistory]

    def legs_usd(self, prepared: PreparedBook, convention: str) -> FloatArray:
        """USD P&L (legs, m) by a convention; NaN for coins without a record."""
        sample = self.samples[convention]
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


def recorded_var_moves(
    coins: Sequence[str], until_ns: int, conventions: Collection[str] = tuple(MOVES_OF)
) -> VarMoves | None:
    """The packaged records of those of `coins` that have what a convention needs, known before
    `until_ns`; None where none has.
    """
    settings = VarSettings()
    samples = {}
    for convention in conventions:
        method, vols = MOVES_OF[convention]
        known = [
            coin for coin in sorted(set(coins)) if _history((coin,), until_ns, vols) is not None
        ]
        history = _history(tuple(known), until_ns, vols) if known else None
        if history is not None:
            samples[convention] = sample_moves(history, method, settings)
    return VarMoves(settings=settings, samples=samples) if samples else None


def _history(coins: tuple[str, ...], until_ns: int, vols: VarVols) -> MoveHistory | None:
    found = joint_moves(
        coins, horizon_days=VarSettings().horizon_days, vols=vols, until_ns=until_ns
    )
    return None if isinstance(found, str) else found
