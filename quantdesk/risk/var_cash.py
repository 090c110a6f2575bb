"""What the cash of a book earns in recorded moves: value at risk with collateral adds it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.historical_moves import MoveHistory


def cash_profits(
    moves: MoveHistory,
    coins: Mapping[str, float],
    dollars: float,
    index_prices: Mapping[str, float],
) -> tuple[FloatArray, FloatArray]:
    """Profit in each move (m,) in USD, and (m,) counted in the first coin of `moves`, of which all
    other cash is worth less where it is dearer.

    coins : cash by coin; one that `moves` does not have counts nothing
    dollars : all other cash;  index_prices : USD per coin
    """
    simple = np.expm1(moves.spot)
    factor = 1.0 + simple
    price = index_prices[moves.coins[0]]
    in_usd = np.zeros(len(moves))
    in_coin = dollars / price * (1.0 / factor[0] - 1.0)
    for number, name in enumerate(moves.coins):
        if name in coins:
            worth = coins[name] * index_prices[name]
            in_usd += worth * simple[number]
            in_coin += worth / price * (factor[number] / factor[0] - 1.0)
    return in_usd, in_coin
