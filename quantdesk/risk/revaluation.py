"""Full revaluation: a prepared book under a table of scenarios, in arrays.

A prepared book is the book with equal instruments netted, options grouped by expiry, since all of
an expiry share forward, time and tenor weight; the kernel revalues a group in one call. Sums run
over legs in their order, then over groups in theirs: the bits depend neither on threads nor on
workers. Everything here is picklable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.risk.columns import DAYS_PER_YEAR, tenor_weight
from quantdesk.risk.scenario import Scenario, VolTenor, VolUnit
from quantdesk.risk.smiles import NO_SMILE, ExpirySmile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScenarioTable:
    """Scenarios as arrays: (u, m) by underlying, (m,) for what all share.

    spot, vol, basis, skew, term are NaN where a scenario knows nothing of an underlying.
    slide : how far smiles move with ln F, 0 for sticky strikes (`SmileRule.slide`)
    """

    spot: FloatArray
    vol: FloatArray
    basis: FloatArray
    skew: FloatArray
    term: FloatArray
    days: FloatArray
    stable_move: FloatArray
    is_relative: BoolArray
    is_sqrt_tenor: BoolArray
    slide: FloatArray

    def __len__(self) -> int:
        return int(self.days.size)

    def take(self, part: slice) -> ScenarioTable:
        """Only the scenarios of `part`."""
        return ScenarioTable(
            spot=self.spot[:, part],
            vol=self.vol[:, part],
            basis=self.basis[:, part],
            skew=self.skew[:, part],
            term=self.term[:, part],
            days=self.days[part],
            stable_move=self.stable_move[part],
            is_relative=self.is_relative[part],
            is_sqrt_tenor=self.is_sqrt_tenor[part],
            slide=self.slide[part],
        )

    @staticmethod
    def of(scenarios: Sequence[Scenario], underlyings: Sequence[str]) -> ScenarioTable:
        """`scenarios` for a book of `underlyings`, rows in that order."""
        moves = [[one.move_of(coin) for one in scenarios] for coin in underlyings]
        shape = (len(underlyings), len(scenarios))

        def column(name: str) -> FloatArray:
            values = [[np.nan if m is None else getattr(m, name) for m in row] for row in moves]
            return np.array(values, dtype=np.float64).reshape(shape)

        rules = [one.rule for one in scenarios]
        return ScenarioTable(
            spot=column("spot"),
            vol=column("vol"),
            basis=column("basis"),
            skew=column("skew"),
            term=column("term"),
            days=np.array([one.days for one in scenarios], dtype=np.float64),
            stable_move=np.array([one.stable_move for one in scenarios], dtype=np.float64),
            is_relative=np.array([r.unit is VolUnit.RELATIVE for r in rules], dtype=np.bool_),
            is_sqrt_tenor=np.array([r.tenor is VolTenor.SQRT_30D for r in rules], dtype=np.bool_),
            slide=np.array([r.smile.slide for r in rules], dtype=np.float64),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OptionGroup:
    """Distinct options of one expiry of one market, arrays (n,).

    first : number of the first leg in the prepared book
    value : worth of one coin's option now, coin (inverse) or quote currency
    rate : that linear options are discounted at over the time that is left; 0 of coin-settled ones
    """

    underlying: int
    first: int
    index: float
    forward: float
    years: float
    is_inverse: bool
    smile: ExpirySmile
    coins: FloatArray
    strike: FloatArray
    vol: FloatArray
    is_call: BoolArray
    value: FloatArray
    rate: float = 0.0

    def __len__(self) -> int:
        return int(self.coins.size)

    def take(self, part: slice) -> OptionGroup:
        """Only the options of `part`."""
        return replace(
            self,
            first=self.first + part.start,
            coins=self.coins[part],
            strike=self.strike[part],
            vol=self.vol[part],
            is_call=self.is_call[part],
            value=self.value[part],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeltaOneGroup:
    """Distinct futures, perpetuals or spot of one market with one sort of P&L, arrays (n,).

    years : to settlement; infinite for what never settles
    """

    underlying: int
    first: int
    index: float
    is_inverse: bool
    is_spot: bool
    coins: FloatArray
    price: FloatArray
    years: FloatArray

    def __len__(self) -> int:
        return int(self.coins.size)


Group = OptionGroup | DeltaOneGroup


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedBook:
    """A book ready to be revalued.

    underlyings : coins, sorted;  legs : (venue, instrument name) of each distinct instrument, in
    the order of the groups;  base_coin : worth of what settles in the coin by underlying (u,)
    """

    underlyings: tuple[str, ...]
    legs: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    base_coin: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupPnl:
    """P&L of one group, coin and USD: (m,) summed, or (n, m) by leg. USD is without collateral.

    coin : of coin-settled legs in coin; of dollar-settled ones their USD at the scenario's index
    """

    coin: FloatArray
    usd: FloatArray


def group_pnl(group: Group, table: ScenarioTable, *, each: bool, threads: int | None) -> GroupPnl:
    """Revalue `group` under `table`; by leg where `each`, else summed."""
    spot = table.spot[group.underlying]
    if isinstance(group, OptionGroup):
        own = _option_pnl(group, table, each=each, threads=threads)
        value = group.coins * group.value
    else:
        own = _delta_one_pnl(group, table)
        value = group.coins if group.is_spot else np.zeros(len(group))
        if not each:
            own = np.add.reduce(own, axis=0)
    # A plain number broadcasts over (m,), a column over (n, m).
    worth: FloatArray | float = value[:, None] if each else float(np.add.reduce(value))
    index = group.index * (1.0 + spot)
    in_coin = group.is_inverse or (isinstance(group, DeltaOneGroup) and group.is_spot)
    if in_coin:
        return GroupPnl(coin=own, usd=(worth + own) * index - worth * group.index)
    stable = 1.0 + table.stable_move
    usd = own * stable + worth * table.stable_move
    return GroupPnl(coin=usd / index, usd=usd)


def quoted_spot(table: ScenarioTable, underlying: int, *, in_dollar_coin: bool) -> FloatArray:
    """Relative move (m,) of prices as quoted: in dollars, or in a stablecoin that moved itself."""
    spot: FloatArray = table.spot[underlying]
    if not in_dollar_coin:
        return spot
    return np.asarray((1.0 + spot) / (1.0 + table.stable_move) - 1.0, dtype=np.float64)


def _option_pnl(
    group: OptionGroup, table: ScenarioTable, *, each: bool, threads: int | None
) -> FloatArray:
    """P&L in the settlement currency, (n, m) or (m,); one call of the scenario kernel.

    The kernel settles a leg that has no time left on the scenario's index.
    """
    spot = quoted_spot(table, group.underlying, in_dollar_coin=not group.is_inverse)
    passed = table.days / DAYS_PER_YEAR
    left = np.maximum(group.years - passed, 0.0)
    basis = np.expm1(table.basis[group.underlying] * left)
    shift = vol_shift(group, table)
    factor = np.where(table.is_relative, 1.0 + shift, 1.0)
    pnl = pricing.scenarios(
        pricing.Book(
            is_call=group.is_call,
            forward=group.forward,
            strike=group.strike,
            years=group.years,
            vol=group.vol,
            rate=group.rate,
            quantity=group.coins,
            index=group.index,
        ),
        spot_move=spot,
        basis_move=basis,
        vol_factor=np.maximum(factor, 0.0),
        vol_move=_vol_moves(group, table, np.log1p(spot) + np.log1p(basis), shift, factor),
        years_passed=passed,
        in_coin=group.is_inverse,
        each=each,
        threads=threads,
    ).pnl
    assert pnl is not None, "the kernel returns pnl where nothing else is asked for"
    return pnl


def vol_shift(group: OptionGroup, table: ScenarioTable) -> FloatArray:
    """The vol move (m,) at the group's tenor: points or share, as each scenario's rule says."""
    weight = float(tenor_weight(np.array([group.years]))[0])
    vol: FloatArray = table.vol[group.underlying]
    return vol * np.where(table.is_sqrt_tenor, weight, 1.0)


def _vol_moves(
    group: OptionGroup,
    table: ScenarioTable,
    log_move: FloatArray,
    shift: FloatArray,
    factor: FloatArray,
) -> FloatArray | pricing.ByGroup:
    """What is added to the vols: the same for all legs, or by leg where smiles follow the spot."""
    weight = float(tenor_weight(np.array([group.years]))[0])
    points: FloatArray = np.where(table.is_relative, 0.0, shift)
    points = points + table.term[group.underlying] * (weight - 1.0)
    skew = table.skew[group.underlying] * weight
    if not table.slide.any() and not np.nan_to_num(skew).any():
        return points
    log_moneyness = np.log(group.strike / group.forward)[:, None]
    followed = np.where(
        table.slide != 0.0, group.smile.shift(log_moneyness, table.slide * log_move), 0.0
    )
    return pricing.ByGroup(points + followed * factor + skew * log_moneyness)


def _delta_one_pnl(group: DeltaOneGroup, table: ScenarioTable) -> FloatArray:
    """P&L (n, m) in the settlement currency; 0 for spot, which is the coin itself."""
    if group.is_spot:
        return np.where(np.isnan(table.spot[group.underlying]), np.nan, np.zeros((len(group), 1)))
    spot = quoted_spot(table, group.underlying, in_dollar_coin=not group.is_inverse)
    passed = table.days / DAYS_PER_YEAR
    left = group.years[:, None] - passed
    is_dated = np.isfinite(left)
    basis = table.basis[group.underlying] * np.where(is_dated, left, 0.0)
    price = group.price[:, None]
    after = np.where(left > 0, price * (1.0 + spot) * np.exp(basis), group.index * (1.0 + spot))
    coins = group.coins[:, None]
    if group.is_inverse:
        return np.asarray(coins * (1.0 - price / after), dtype=np.float64)
    return np.asarray(coins * (after - price), dtype=np.float64)


def option_group(
    *,
    underlying: int,
    first: int,
    index: float,
    forward: float,
    years: float,
    is_inverse: bool,
    coins: FloatArray,
    strike: FloatArray,
    vol: FloatArray,
    is_call: BoolArray,
    smile: ExpirySmile = NO_SMILE,
    rate: float = 0.0,
) -> OptionGroup:
    """A group with its value now. Raises InvalidInput where that is no number."""
    price = np.asarray(
        pricing.price(is_call, np.full(strike.size, forward), strike, years, vol, rate=rate)
    )
    if not np.isfinite(price).all():
        raise InvalidInput("value", float("nan"), "of an option must be a number")
    return OptionGroup(
        underlying=underlying,
        first=first,
        index=index,
        forward=forward,
        years=years,
        is_inverse=is_inverse,
        smile=smile,
        coins=coins,
        strike=strike,
        vol=vol,
        is_call=is_call,
        value=price / forward if is_inverse else price,
        rate=rate,
    )


def block_totals(
    prepared: PreparedBook, groups: Sequence[Group], table: ScenarioTable, threads: int | None
) -> FloatArray:
    """Coin and USD P&L (2, u, m) of some groups, summed in their order."""
    totals = np.zeros((2, len(prepared.underlyings), len(table)), dtype=np.float64)
    for group in groups:
        pnl = group_pnl(group, table, each=False, threads=threads)
        totals[0, group.underlying] += pnl.coin
        totals[1, group.underlying] += pnl.usd
    return totals
