"""Risk vectors of Deribit's portfolio margin: the profit of each leg in each price and vol cell.

    vol shock   k = (30/d)^p,  p short below 30 days, long from there
                up = max(IV·(1 + up·k), min vol for shock up),  down = max(IV·(1 − down·k), 0)
    inverse     coin P&L at the shocked price F' = F·(1 + s):  N·(B(F')/F' − B(F)/F), futures
                N·(1 − 1/(1 + s))
    linear      USD P&L, N·(B(F') − B(F)), futures N·F·s
    extended    weight·USD P&L, weight = factor·range/|move|, converted at the price at the edge of
                the standard range

Source: Deribit support, "Portfolio Margin" and "Advanced risk scenarios". Options are revalued on
the shocked forward of their own expiry. All legs of one call are of one underlying.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from quantdesk import pricing
from quantdesk.margin.portfolio_parameters import (
    EXTENDED_MOVES,
    VOL_SCENARIOS,
    PortfolioParameters,
    RollDelta,
    RollScaling,
)
from quantdesk.market.chain import BoolArray, FloatArray, IntArray

VEGA_DAYS = 30.0
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskLegs:
    """Legs of one underlying in one settlement currency, arrays (n,).

    names : instrument names
    is_option, is_call, is_inverse : bool
    coins : signed coins of underlying; of inverse futures USD notional over the mark
    forward : USD per coin, the option's own; of futures their mark
    strike, years, vol : of options; 0 for futures
    expiry : instant of the leg's expiry, or any number that is its own; a perpetual has its own
    expiry_years : years to that expiry; 0 for a perpetual
    """

    names: tuple[str, ...]
    is_option: BoolArray
    is_call: BoolArray
    is_inverse: BoolArray
    coins: FloatArray
    forward: FloatArray
    strike: FloatArray
    years: FloatArray
    vol: FloatArray
    expiry: IntArray
    expiry_years: FloatArray

    def __len__(self) -> int:
        return len(self.names)

    def moved(self, spot: float, vol: float = 0.0) -> RiskLegs:
        """The same legs after a relative move of all forwards and vol points added to all vols.

        Inverse futures keep their USD notional, so that their coins change with the price.
        """
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        is_usd_sized = self.is_inverse & ~self.is_option
        columns["coins"] = np.where(is_usd_sized, self.coins / (1 + spot), self.coins)
        columns["forward"] = self.forward * (1 + spot)
        columns["vol"] = np.where(self.is_option, np.maximum(self.vol + vol, 0.0), self.vol)
        return RiskLegs(**columns)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskVectors:
    """Profit of each leg, settlement currency, in each cell.

    standard : (n, prices × 3), price-major, vols in the order of `VOL_SCENARIOS`
    extended : (n, 8), in the order of `EXTENDED_MOVES`, weighted, before the dampener
    delta : (n,) coins, by the parameters' `roll_delta` for options
    """

    standard: FloatArray
    extended: FloatArray
    delta: FloatArray


def cell_names(parameters: PortfolioParameters) -> tuple[str, ...]:
    """What each cell is, standard first, then extended: "spot -16 %, vol up"."""
    standard = [
        f"spot {move:+.2%}, vol {vol}" for move in parameters.price_moves() for vol in VOL_SCENARIOS
    ]
    extended = [f"extended, spot {move:+.0%}, vol up" for move in EXTENDED_MOVES]
    return (*standard, *extended)


def shocked_vols(vol: FloatArray, years: FloatArray, parameters: PortfolioParameters) -> FloatArray:
    """Vols (n, 3) down, same and up."""
    days = np.maximum(years * DAYS_PER_YEAR, max(parameters.vega_days_floor, 1e-6))
    power = np.where(
        days < VEGA_DAYS, parameters.short_term_vega_power, parameters.long_term_vega_power
    )
    k = (VEGA_DAYS / days) ** power
    up = np.maximum(
        vol * (1 + parameters.volatility_range_up * k), parameters.min_volatility_for_shock_up
    )
    down = np.maximum(vol * (1 - parameters.volatility_range_down * k), 0.0)
    return np.stack([down, vol, up], axis=1)


def risk_vectors(legs: RiskLegs, parameters: PortfolioParameters) -> RiskVectors:
    """The vectors of every leg; options in one call of the kernel."""
    prices = np.array(parameters.price_moves())
    moves = np.concatenate([np.repeat(prices, 3), EXTENDED_MOVES])
    vols = np.concatenate([np.tile([0, 1, 2], prices.size), np.full(len(EXTENDED_MOVES), 2)])
    pnl = _pnl(legs, moves, vols, parameters)
    standard, extended = pnl[:, : 3 * prices.size], pnl[:, 3 * prices.size :]
    return RiskVectors(
        standard=standard,
        extended=_extended(legs, extended, parameters),
        delta=_roll_delta(legs, parameters),
    )


def _pnl(
    legs: RiskLegs, moves: FloatArray, vols: IntArray, parameters: PortfolioParameters
) -> FloatArray:
    """Profit (n, m) at each move and vol scenario: coin for inverse legs, USD for linear ones."""
    with np.errstate(divide="ignore", invalid="ignore"):
        futures = np.where(
            legs.is_inverse[:, None], 1 - 1 / (1 + moves), legs.forward[:, None] * moves
        )
    unit = futures
    rows = np.flatnonzero(legs.is_option)
    if rows.size:
        forward = legs.forward[rows, None] * (1 + moves)
        shocked = shocked_vols(legs.vol[rows], legs.years[rows], parameters)[:, vols]
        columns = (legs.is_call[rows, None], legs.strike[rows, None], legs.years[rows, None])
        is_call, strike, years = columns
        after = np.asarray(pricing.price(is_call, forward, strike, years, shocked))
        before = np.asarray(
            pricing.price(
                is_call[:, 0], legs.forward[rows], strike[:, 0], years[:, 0], legs.vol[rows]
            )
        )
        in_coin = after / forward - (before / legs.forward[rows])[:, None]
        in_usd = after - before[:, None]
        unit[rows] = np.where(legs.is_inverse[rows, None], in_coin, in_usd)
    return legs.coins[:, None] * unit


def _extended(legs: RiskLegs, pnl: FloatArray, parameters: PortfolioParameters) -> FloatArray:
    """Weighted USD profit, of inverse legs converted at the edge of the standard range."""
    moves = np.array(EXTENDED_MOVES)
    weight = parameters.extended_table_factor * parameters.price_range / np.abs(moves)
    edge = 1 + np.sign(moves) * parameters.price_range
    # Coin times the shocked price is USD; over the price at the edge it is coin again.
    back = np.where(legs.is_inverse[:, None], (1 + moves) / edge, 1.0)
    weighted: FloatArray = pnl * weight * back
    return weighted


def _roll_delta(legs: RiskLegs, parameters: PortfolioParameters) -> FloatArray:
    delta = np.ones(len(legs))
    rows = np.flatnonzero(legs.is_option)
    if rows.size:
        raw = pricing.greeks(
            legs.is_call[rows],
            legs.forward[rows],
            legs.strike[rows],
            legs.years[rows],
            legs.vol[rows],
            which=("price", "delta"),
        )
        assert raw.delta is not None  # asked for by name, as is the price
        assert raw.price is not None
        found = raw.delta
        if parameters.roll_delta is RollDelta.PREMIUM_ADJUSTED:
            found = found - np.where(legs.is_inverse[rows], raw.price / legs.forward[rows], 0.0)
        delta[rows] = found
    return legs.coins * delta


def joined(first: RiskLegs, second: RiskLegs) -> RiskLegs:
    """The legs of both, in this order."""
    columns = {
        field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
        for field in fields(first)
        if field.name != "names"
    }
    return RiskLegs(names=(*first.names, *second.names), **columns)


def roll_moves(legs: RiskLegs, parameters: PortfolioParameters) -> FloatArray:
    """Relative move of the basis (n,) that the roll shock takes for each leg's expiry."""
    years = np.maximum(legs.expiry_years, 0.0)
    grown = years if parameters.roll_scaling is RollScaling.LINEAR else np.sqrt(years)
    return np.maximum(parameters.annualised_move_risk * grown, parameters.min_annualised_move)
