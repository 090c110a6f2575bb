"""Parameters of Deribit's portfolio margin, as dated data with their status. Knows no formula.

Captured from `model_params` of the venue's own simulation replies. What no capture settles is a
parameter of its own with a choice, so that a reply with options can settle it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import OutOfDomain

EXTENDED_MOVES = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
"""Price moves of the extended table, vol up in each."""

VOL_SCENARIOS = ("down", "same", "up")
"""Order of the three vol scenarios within one price."""


class RollDelta(Enum):
    """Which delta the roll shock takes of a coin-settled option; not established."""

    BLACK = "black"
    PREMIUM_ADJUSTED = "premium-adjusted"


class RollScaling(Enum):
    """How the annualised move grows with the time to an expiry; not established."""

    LINEAR = "linear in years"
    SQUARE_ROOT = "square root of years"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioParameters:
    """Parameters of one currency pair; names are the venue's.

    price_range, volatility_range_up, volatility_range_down : relative
    short_term_vega_power, long_term_vega_power : exponents of (30/d) below and from 30 days
    min_volatility_for_shock_up : fraction
    m_inc : growth of the delta shock for a coin of excess delta
    delta_total_liq_shock_threshold, extended_dampener, max_offsetable_pnl : USD
    annualised_move_risk, min_annualised_move : relative moves of the basis
    pnl_offset : share of a gain that may set off losses elsewhere
    vega_days_floor : days below which (30/d) stops growing; 0 is no floor
    origins : by field, for those that are not verified
    """

    pair: str
    price_range: float
    volatility_range_up: float
    volatility_range_down: float
    extended_dampener: float
    pnl_offset: float
    max_offsetable_pnl: float
    m_inc: float
    annualised_move_risk: float
    min_annualised_move: float
    short_term_vega_power: float = 0.30
    long_term_vega_power: float = 0.13
    min_volatility_for_shock_up: float = 0.50
    extended_table_factor: float = 1.0
    max_delta_shock: float = 0.1
    delta_total_liq_shock_threshold: float = 20_000_000.0
    mm_factor: float = 0.8
    buckets_count: int = 4
    vega_days_floor: float = 0.0
    roll_delta: RollDelta = RollDelta.BLACK
    roll_scaling: RollScaling = RollScaling.LINEAR
    origins: Mapping[str, RuleOrigin]

    def price_moves(self) -> tuple[float, ...]:
        """2·buckets + 1 moves, evenly spaced from −range to +range."""
        step = self.price_range / self.buckets_count
        return tuple(step * n for n in range(-self.buckets_count, self.buckets_count + 1))


def _origin(status: RuleStatus, source: str, note: str = "") -> RuleOrigin:
    return RuleOrigin(status=status, source=source, note=note)


_BTC_SOURCE = "model_params of the simulation reply in the venue's documentation, June 2024"
_ETH_SOURCE = "model_params of a simulation reply captured on 2026-02-15"

_UNSETTLED = {
    "options": _origin(
        RuleStatus.UNCERTAIN,
        "Advanced risk scenarios, docs.oreome.com; two public codes use the same vol shock",
        "no captured simulation reply with options has been matched: the option part is unproved",
    ),
    "extended_dampener": _origin(
        RuleStatus.UNCERTAIN,
        "one third-party code",
        "consistent with both captures, whose small books all become 0",
    ),
    "max_offsetable_pnl": _origin(
        RuleStatus.UNCERTAIN, "model_params", "taken as the USD cap of what a gain may set off"
    ),
    "roll_delta": _origin(
        RuleStatus.UNCERTAIN,
        "both captures hold futures alone",
        "which delta of an option the roll shock takes is not established",
    ),
    "roll_scaling": _origin(
        RuleStatus.UNCERTAIN,
        "in both captures the floor binds",
        "how annualised_move_risk grows with time is not established",
    ),
    "m_inc": _origin(
        RuleStatus.UNCERTAIN,
        "model_params",
        "taken as growth a coin of delta above the threshold, as in the 2022 futures margin",
    ),
    "correlation_contingency": _origin(
        RuleStatus.UNCERTAIN, "both captures", "0 there; its formula is not established"
    ),
    "open_orders": _origin(
        RuleStatus.UNCERTAIN,
        "desk rule",
        "each order is filled in the scenarios where it hurts; the venue's netting is not known",
    ),
    "vega_days_floor": _origin(
        RuleStatus.UNCERTAIN, "Paradex's published clone floors at one day", "none for Deribit"
    ),
}


def _with_capture(source: str, *, status: RuleStatus) -> dict[str, RuleOrigin]:
    return {"parameters": _origin(status, source), **_UNSETTLED}


BTC_USD = PortfolioParameters(
    pair="btc_usd",
    price_range=0.16,
    volatility_range_up=0.50,
    volatility_range_down=0.25,
    extended_dampener=100_000.0,
    pnl_offset=0.0,
    max_offsetable_pnl=0.0,
    m_inc=0.00005,
    annualised_move_risk=0.075,
    min_annualised_move=0.01,
    origins=_with_capture(_BTC_SOURCE, status=RuleStatus.VERIFIED),
)

ETH_USD = PortfolioParameters(
    pair="eth_usd",
    price_range=0.18,
    volatility_range_up=0.40,
    volatility_range_down=0.25,
    extended_dampener=200_000.0,
    pnl_offset=0.6,
    max_offsetable_pnl=20_000_000.0,
    m_inc=0.000004,
    annualised_move_risk=0.05,
    min_annualised_move=0.005,
    origins=_with_capture(_ETH_SOURCE, status=RuleStatus.VERIFIED),
)

_BY_UNDERLYING = {"BTC": BTC_USD, "ETH": ETH_USD}


def portfolio_parameters(underlying: str) -> PortfolioParameters:
    """The captured parameters of a coin. Raises OutOfDomain where none were captured."""
    found = _BY_UNDERLYING.get(underlying)
    if found is None:
        known = ", ".join(_BY_UNDERLYING)
        raise OutOfDomain(f"portfolio margin of {underlying}: parameters are known for {known}")
    return found
