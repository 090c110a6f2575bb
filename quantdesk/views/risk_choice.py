"""Which Greeks a screen shows: two deltas, coin or USD, two vegas, three thetas, each by name.

Chooses among columns that `risk` made; computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple, TypeVar

from quantdesk.risk.greeks import unit_of


class DeltaChoice(Enum):
    """Black's delta on the forward, or that less the premium held in coin."""

    BLACK = "Black"
    PREMIUM_ADJUSTED = "premium-adjusted"


class MoneyChoice(Enum):
    """In the coin of the underlying, or in USD."""

    COIN = "coin"
    USD = "USD"


class VegaChoice(Enum):
    """Plain, or × √(30/d), d = days to expiry but at least 1."""

    PLAIN = "plain"
    WEIGHTED = "weighted √(30/d)"


class ThetaChoice(Enum):
    """∂V/∂t a day, one day by full revaluation, or by the venue's rule."""

    PLAIN = "plain"
    ONE_DAY = "1-day revalued"
    VENUE = "venue's rule"


Choice = TypeVar("Choice", bound=Enum)


def following(choice: Choice) -> Choice:
    """The choice after this one, around the corner."""
    order = list(type(choice))
    return order[(order.index(choice) + 1) % len(order)]


class GreekColumn(NamedTuple):
    """A Greek as a column: field of `DeskGreeks`, title, unit without the coin's name, decimals."""

    field: str
    title: str
    unit: str
    decimals: int


GREEK_COLUMNS: dict[str, GreekColumn] = {
    column.field: column
    for column in (
        GreekColumn("delta_black", "Delta Blk", "coin", 4),
        GreekColumn("delta_premium_adjusted", "Delta p-adj", "coin", 4),
        GreekColumn("dollar_delta", "$Delta Blk", "USD", 0),
        GreekColumn("gamma_per_pct_coin", "Gamma", "coin/1%", 4),
        GreekColumn("gamma_per_pct_usd", "Gamma", "USD/1%", 0),
        GreekColumn("vega_per_point", "Vega", "USD/pt", 2),
        GreekColumn("vega_per_point_weighted", "Vega √30/d", "USD/pt", 2),
        GreekColumn("theta_per_day", "Theta", "USD/day", 2),
        GreekColumn("theta_one_day_revalued", "1d reval", "USD/day", 2),
        GreekColumn("theta_venue_per_day", "Venue theta", "USD/day", 2),
        GreekColumn("vanna_per_point", "Vanna", "coin/pt", 4),
        GreekColumn("volga_per_point", "Volga", "USD/pt²", 2),
        GreekColumn("charm_per_day", "Charm", "coin/day", 4),
        GreekColumn("basis_delta_per_bp", "Basis", "USD/bp", 2),
    )
}
"""Every Greek that a screen shows; "coin" is the line's own underlying."""

DEFINITIONS: dict[str, str] = {
    "delta_black": "Σ q·Δ, Black on the forward of each leg's expiry",
    "delta_premium_adjusted": "Σ q·(Δ − premium in coin): flattens the profit counted in coin; "
    "linear legs hold no premium in coin and count Black's",
    "dollar_delta": "Σ q·Δ·F, Black, each leg on the forward of its own expiry",
    "gamma_per_pct_coin": "Σ q·Γ·F/100: change of delta for a 1 % move, in coin of delta",
    "gamma_per_pct_usd": "Σ q·Γ·F²/100: the same in USD",
    "vega_per_point": "Σ q·∂V/∂σ/100, plain",
    "vega_per_point_weighted": "Σ q·∂V/∂σ/100 × √(30/d), d = days to expiry, at least 1",
    "theta_per_day": "Σ q·∂V/∂t/365, plain",
    "theta_one_day_revalued": "value with a day less, same forward and vol, less value now; a leg "
    "with less than a day left settles on the index",
    "theta_venue_per_day": "by the venue's rule: Deribit counts no more than the time left and no "
    "more than the option's value; a venue without a known rule counts as plain",
    "vanna_per_point": "change of Black's delta for one vol point",
    "volga_per_point": "change of vega for one vol point",
    "charm_per_day": "change of Black's delta for one day",
    "basis_delta_per_bp": "USD for one basis point of the dated forwards, index held; stands where "
    "rho would, since the venues' rate is 0",
}
"""What each Greek is, for the panel of `i`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreekChoice:
    """The conventions that a screen shows its Greeks in."""

    delta: DeltaChoice = DeltaChoice.BLACK
    money: MoneyChoice = MoneyChoice.COIN
    vega: VegaChoice = VegaChoice.PLAIN
    theta: ThetaChoice = ThetaChoice.PLAIN

    def with_next(self, name: str) -> GreekChoice:
        """The same with the next choice of `name`: delta, money, vega or theta."""
        return replace(self, **{name: following(getattr(self, name))})

    @property
    def is_usd(self) -> bool:
        """Whether amounts are in USD."""
        return self.money is MoneyChoice.USD

    @property
    def fields(self) -> tuple[str, str, str, str]:
        """Delta, gamma, vega and theta as chosen. In USD there is one delta: Σ q·Δ·F, Black."""
        if self.is_usd:
            delta, gamma = "dollar_delta", "gamma_per_pct_usd"
        else:
            is_black = self.delta is DeltaChoice.BLACK
            delta = "delta_black" if is_black else "delta_premium_adjusted"
            gamma = "gamma_per_pct_coin"
        is_plain = self.vega is VegaChoice.PLAIN
        vega = "vega_per_point" if is_plain else "vega_per_point_weighted"
        theta = {
            ThetaChoice.PLAIN: "theta_per_day",
            ThetaChoice.ONE_DAY: "theta_one_day_revalued",
            ThetaChoice.VENUE: "theta_venue_per_day",
        }[self.theta]
        return delta, gamma, vega, theta


def unit_text(field: str, coin: str) -> str:
    """The unit of a Greek with the coin's name, as a column head has room for: "BTC/1%"."""
    return GREEK_COLUMNS[field].unit.replace("coin", coin)


def long_unit(field: str, coin: str) -> str:
    """The unit in full: "BTC per 1 %"."""
    return unit_of(field, coin)
