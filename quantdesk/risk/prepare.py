"""From a valued book to a prepared one: equal instruments netted, options grouped by expiry."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import VolSurface
from quantdesk.market.quoted_vols import quoted_vols
from quantdesk.risk.revaluation import DeltaOneGroup, Group, PreparedBook, option_group
from quantdesk.risk.smiles import NO_SMILE, ExpirySmile, expiry_smile
from quantdesk.risk.valuation import ValuedBook


def prepare(
    book: ValuedBook, *, surfaces: Mapping[tuple[str, str], VolSurface] | None = None
) -> PreparedBook:
    """`book` ready to be revalued; `surfaces` as in `value_positions`."""
    underlyings = book.underlyings
    number_of = {coin: number for number, coin in enumerate(underlyings)}
    # A market may have been looked at without a position of it being marked.
    market_number = [number_of.get(coin, -1) for coin in book.coins]
    working = _Working(book, market_number, surfaces or {})
    working.add_options()
    working.add_delta_ones()
    base = np.zeros(len(underlyings), dtype=np.float64)
    for group in working.groups:
        if isinstance(group, DeltaOneGroup):
            worth = group.coins if group.is_spot else np.zeros(0)
        else:
            worth = group.coins * group.value if group.is_inverse else np.zeros(0)
        base[group.underlying] += float(np.add.reduce(worth))
    return PreparedBook(
        underlyings=underlyings,
        legs=tuple(working.legs),
        groups=tuple(working.groups),
        base_coin=base,
    )


class _Working:
    """A prepared book while it is made."""

    def __init__(
        self,
        book: ValuedBook,
        market_number: list[int],
        surfaces: Mapping[tuple[str, str], VolSurface],
    ) -> None:
        self.book, self.market_number, self.surfaces = book, market_number, surfaces
        self.legs: list[tuple[str, str]] = []
        self.groups: list[Group] = []
        self.vols: dict[int, FloatArray] = {}

    def add_options(self) -> None:
        options = self.book.options
        names = [self.book.positions[row].instrument.name for row in options.rows.tolist()]
        keys = list(
            zip(
                options.market.tolist(),
                options.expiry_ns.tolist(),
                options.is_inverse.tolist(),
                options.strike.tolist(),
                options.is_call.tolist(),
                names,
                strict=True,
            )
        )
        order = sorted(range(len(keys)), key=keys.__getitem__)
        for _, same_expiry in groupby(order, key=lambda i: keys[i][:3]):
            legs = [list(same) for _, same in groupby(same_expiry, key=keys.__getitem__)]
            heads = np.array([same[0] for same in legs], dtype=np.intp)
            coins = options.coins
            first = options.take(heads)
            market = int(first.market[0])
            self.groups.append(
                option_group(
                    underlying=self.market_number[market],
                    first=len(self.legs),
                    index=float(first.index[0]),
                    forward=float(first.forward[0]),
                    years=float(first.years[0]),
                    rate=float(first.rate[0]),
                    is_inverse=bool(first.is_inverse[0]),
                    coins=np.array([float(np.add.reduce(coins[same])) for same in legs]),
                    strike=first.strike,
                    vol=first.vol,
                    is_call=first.is_call,
                    smile=self._smile(market, int(first.expiry_ns[0]), first.forward, first.years),
                )
            )
            self._name_legs([int(options.rows[same[0]]) for same in legs])

    def add_delta_ones(self) -> None:
        contracts = self.book.delta_ones
        names = [self.book.positions[row].instrument.name for row in contracts.rows.tolist()]
        keys = list(
            zip(
                contracts.market.tolist(),
                contracts.is_inverse.tolist(),
                contracts.is_spot.tolist(),
                names,
                strict=True,
            )
        )
        order = sorted(range(len(keys)), key=keys.__getitem__)
        for _, same_sort in groupby(order, key=lambda i: keys[i][:3]):
            legs = [list(same) for _, same in groupby(same_sort, key=keys.__getitem__)]
            heads = np.array([same[0] for same in legs], dtype=np.intp)
            is_dated = contracts.expiry_ns[heads] > 0
            self.groups.append(
                DeltaOneGroup(
                    underlying=self.market_number[int(contracts.market[heads[0]])],
                    first=len(self.legs),
                    index=float(contracts.index[heads[0]]),
                    is_inverse=bool(contracts.is_inverse[heads[0]]),
                    is_spot=bool(contracts.is_spot[heads[0]]),
                    coins=np.array([float(np.add.reduce(contracts.coins[same])) for same in legs]),
                    price=contracts.price[heads],
                    years=np.where(is_dated, contracts.years[heads], np.inf),
                )
            )
            self._name_legs([int(contracts.rows[same[0]]) for same in legs])

    def _name_legs(self, rows: list[int]) -> None:
        for row in rows:
            instrument = self.book.positions[row].instrument
            self.legs.append((instrument.venue, instrument.name))

    def _smile(
        self, market: int, expiry_ns: int, forward: FloatArray, years: FloatArray
    ) -> ExpirySmile:
        if not forward.size:
            return NO_SMILE
        quoted = self.book.markets[market]
        if market not in self.vols:
            self.vols[market] = quoted_vols(quoted)[0]
        return expiry_smile(
            quoted,
            expiry_ns,
            forward=float(forward[0]),
            years=float(years[0]),
            vols=self.vols[market],
            surface=self.surfaces.get((quoted.venue, quoted.underlying)),
        )
