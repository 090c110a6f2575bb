"""Greeks of positions in desk units: the definitions, each in the name of its field.

Here raw partials of the kernel meet quantities, forwards and days, once. All columns are sums over
legs, so that any set of positions may be netted by adding rows; adding across underlyings makes no
sense and nobody here does it. The two deltas are columns of their own and never mixed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quantdesk import pricing
from quantdesk.market.chain import FloatArray
from quantdesk.risk.columns import DAYS_PER_YEAR, DeltaOneColumns, OptionColumns

VOL_POINT = 0.01
PERCENT = 0.01
BASIS_POINT = 1e-4


class DeskGreeks(NamedTuple):
    """Greeks of a position or of a sum of them; units in `GREEK_UNITS`.

    Dollars are model dollars: each leg on the forward F of its own expiry; value_usd alone is cash,
    at the index.

    value_coin : worth of what settles in the coin, in coin; futures are worth 0 at their mark
    value_usd : value_coin × index, and the worth of what settles in dollars
    delta_black : Σ q·Δ, Black on the forward
    delta_premium_adjusted : Σ q·(Δ − v), v the value held in coin; linear legs hold none: q·Δ
    dollar_delta : Σ q·Δ·F
    gamma_per_pct_coin, gamma_per_pct_usd : Σ q·Γ·F/100 and Σ q·Γ·F²/100
    vega_per_point : Σ q·∂V/∂σ/100
    vega_per_point_weighted : the same × √(30/d), d = days to expiry, at least 1
    theta_per_day : Σ q·∂V/∂t/365, plain
    theta_one_day_revalued : value with a day less, same forward and vol, less value now; a leg
        with less than a day left settles on the index
    theta_venue_per_day : by the venue's rule: Deribit counts no more than the days left and no more
        than the option's value; a venue without a known rule counts as plain
    vanna_per_point : change of delta_black by one vol point
    volga_per_point : change of vega_per_point by one vol point
    charm_per_day : change of delta_black by a day
    basis_delta_per_bp : USD by one basis point of the dated forwards with the index held (the
        venues' rate is 0: this stands where rho would)
    """

    value_coin: float
    value_usd: float
    delta_black: float
    delta_premium_adjusted: float
    dollar_delta: float
    gamma_per_pct_coin: float
    gamma_per_pct_usd: float
    vega_per_point: float
    vega_per_point_weighted: float
    theta_per_day: float
    theta_one_day_revalued: float
    theta_venue_per_day: float
    vanna_per_point: float
    volga_per_point: float
    charm_per_day: float
    basis_delta_per_bp: float


GREEK_FIELDS = DeskGreeks._fields
"""Names of the columns of a Greeks matrix (rows, 16), in its order."""

GREEK_UNITS: dict[str, str] = {
    "value_coin": "{coin}",
    "value_usd": "USD",
    "delta_black": "{coin}",
    "delta_premium_adjusted": "{coin}",
    "dollar_delta": "USD",
    "gamma_per_pct_coin": "{coin} per 1 %",
    "gamma_per_pct_usd": "USD per 1 %",
    "vega_per_point": "USD per vol point",
    "vega_per_point_weighted": "USD per vol point × √(30/d)",
    "theta_per_day": "USD per day",
    "theta_one_day_revalued": "USD over one day",
    "theta_venue_per_day": "USD per day by the venue's rule",
    "vanna_per_point": "{coin} per vol point",
    "volga_per_point": "USD per vol point per vol point",
    "charm_per_day": "{coin} per day",
    "basis_delta_per_bp": "USD per bp of basis",
}
"""Unit of each column; `{coin}` is the underlying."""

WIDTH = len(GREEK_FIELDS)
_AT = {name: column for column, name in enumerate(GREEK_FIELDS)}
_RAW = ("price", "delta", "gamma", "vega", "theta", "vanna", "volga", "charm")


def unit_of(field: str, coin: str) -> str:
    """The unit of `field` for the underlying `coin`: "BTC per 1 %"."""
    return GREEK_UNITS[field].format(coin=coin)


def option_greeks(
    options: OptionColumns, *, deribit: np.ndarray | None = None, threads: int | None = None
) -> FloatArray:
    """Greeks matrix (n, 16) of the options, columns in the order of `GREEK_FIELDS`.

    `deribit` (n,) marks rows of the venue whose theta rule is known; None means all.
    """
    matrix = np.empty((len(options), WIDTH), dtype=np.float64)
    if not len(options):
        return matrix
    f, q, years = options.forward, options.coins, options.years
    raw = pricing.greeks(
        options.is_call,
        f,
        options.strike,
        years,
        options.vol,
        rate=options.rate,
        which=_RAW,
        threads=threads,
    )
    price, delta = _asked(raw.price), _asked(raw.delta)
    unit_coin = np.where(options.is_inverse, price / f, 0.0)
    theta = _asked(raw.theta) / DAYS_PER_YEAR
    gamma_pct = _asked(raw.gamma) * f * PERCENT
    vega = _asked(raw.vega) * VOL_POINT
    dollar_delta = delta * f
    columns = (
        unit_coin,
        np.where(options.is_inverse, unit_coin * options.index, price),
        delta,
        delta - unit_coin,
        dollar_delta,
        gamma_pct,
        gamma_pct * f,
        vega,
        vega * options.vega_weight,
        theta,
        _one_day_later(options, threads) - price,
        _venue_theta(theta, price, options, deribit),
        _asked(raw.vanna) * VOL_POINT,
        _asked(raw.volga) * (VOL_POINT * VOL_POINT),
        _asked(raw.charm) / DAYS_PER_YEAR,
        dollar_delta * BASIS_POINT,
    )
    for number, column in enumerate(columns):
        np.multiply(column, q, out=matrix[:, number])
    return matrix


def delta_one_greeks(contracts: DeltaOneColumns) -> FloatArray:
    """Greeks matrix (n, 16) of futures, perpetuals and spot.

    A future's profit so far counts as cash, so that it is worth 0 at its mark; spot is worth the
    coin itself, which is no coin delta but a dollar one.
    """
    matrix = np.zeros((len(contracts), WIDTH), dtype=np.float64)
    coins, price = contracts.coins, contracts.price
    matrix[:, _AT["value_coin"]] = np.where(contracts.is_spot, coins, 0.0)
    matrix[:, _AT["value_usd"]] = np.where(contracts.is_spot, coins * contracts.index, 0.0)
    matrix[:, _AT["delta_black"]] = coins
    matrix[:, _AT["delta_premium_adjusted"]] = np.where(contracts.is_spot, 0.0, coins)
    matrix[:, _AT["dollar_delta"]] = coins * price
    is_dated = contracts.expiry_ns > 0
    matrix[:, _AT["basis_delta_per_bp"]] = np.where(is_dated, coins * price * BASIS_POINT, 0.0)
    return matrix


def _one_day_later(options: OptionColumns, threads: int | None) -> FloatArray:
    """Value (n,) in quote currency with a day less on the same forward, or the payoff."""
    left = options.years - 1.0 / DAYS_PER_YEAR
    is_over = left <= 0.0
    settles_on = np.where(is_over, options.index, options.forward)
    value = pricing.price(
        options.is_call,
        settles_on,
        options.strike,
        np.maximum(left, 0.0),
        options.vol,
        rate=options.rate,
        threads=threads,
    )
    return np.asarray(value, dtype=np.float64)


def _venue_theta(
    theta: FloatArray, price: FloatArray, options: OptionColumns, deribit: np.ndarray | None
) -> FloatArray:
    """−min(day theta × min(days left, 1), value), as Deribit publishes it; plain elsewhere."""
    capped = -np.minimum(-theta * np.minimum(options.days, 1.0), price)
    return capped if deribit is None else np.where(deribit, capped, theta)


def _asked(column: FloatArray | None) -> FloatArray:
    assert column is not None, "the kernel returns every column named in `which`"
    return column
