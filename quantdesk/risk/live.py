"""Net Greeks of a book on each tick of its underlying, without valuing the book anew.

Between full valuations a tick moves index and forwards of the coin by one factor and nothing else:
vols and time are those of the valuation, which the desk's clock repeats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray
from quantdesk.risk.columns import DeltaOneColumns, OptionColumns
from quantdesk.risk.greeks import DeskGreeks, delta_one_greeks, option_greeks
from quantdesk.risk.valuation import ValuedBook


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """What is held of one coin."""

    index_price: float
    options: OptionColumns
    contracts: DeltaOneColumns
    is_deribit: BoolArray


class LiveGreeks:
    """A valued book that answers ticks."""

    def __init__(self, book: ValuedBook) -> None:
        venues = np.array([market.venue == "deribit" for market in book.markets], dtype=np.bool_)
        self._parts: dict[str, _Part] = {}
        for coin in book.underlyings:
            numbers = [number for number, own in enumerate(book.coins) if own == coin]
            options = book.options.take(np.flatnonzero(np.isin(book.options.market, numbers)))
            contracts = book.delta_ones.take(
                np.flatnonzero(np.isin(book.delta_ones.market, numbers))
            )
            index_price = book.markets[numbers[0]].index_price
            assert index_price is not None, "a book is not valued without an index"
            self._parts[coin] = _Part(
                index_price=index_price,
                options=options,
                contracts=contracts,
                is_deribit=venues[options.market],
            )

    def at(self, coin: str, index_price: float) -> DeskGreeks:
        """Net Greeks of `coin` with its index at `index_price`, USD per coin.

        A coin with markets at several venues: the index is that of the first in the book, and all
        move by the same factor. Raises InvalidInput for a coin that is not held or no price.
        """
        part = self._parts.get(coin)
        if part is None:
            held = ", ".join(self._parts) or "none"
            raise InvalidInput("underlying", coin, f"must be held: {held}")
        if not (math.isfinite(index_price) and index_price > 0):
            raise InvalidInput("index_price", index_price, "must be above 0")
        factor = index_price / part.index_price
        options, contracts = part.options, part.contracts
        sums = option_greeks(
            replace(options, forward=options.forward * factor, index=options.index * factor),
            deribit=part.is_deribit,
            threads=1,
        ).sum(axis=0)
        if len(contracts):
            # An inverse contract's dollars are fixed: it is fewer coins at a higher price.
            coins = np.where(contracts.is_inverse, contracts.coins / factor, contracts.coins)
            moved = replace(
                contracts,
                coins=coins,
                price=contracts.price * factor,
                index=contracts.index * factor,
            )
            sums = sums + delta_one_greeks(moved).sum(axis=0)
        return DeskGreeks(*sums.tolist())
