"""Parameters of Deribit's portfolio margin, as dated data with their status. Knows no formula.

Captured from `model_params` of the venue's own simulation replies. What no capture settles is a
parameter of its own with a choice, so that a reply with options can settle it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from quantdesk.domain.times import parse_instant
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import OutOfDomain

EXTENDED_MOVES = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
"""Price moves of the extended table, vol up in each."""

HANDED_IN = "handed in"
"""Source of a parameter that somebody gave in place of the captured one."""

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
    haircut : share of positive equity in the coin that does not count in cross mode
    correlation_set, equity_side_impact : read and stated, in no formula that is known
    origins : by field; "parameters" is that of every field without one of its own, and names of
        rules ("options", "open_orders") stand beside those of fields
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
    haircut: float = 0.0
    correlation_set: bool = False
    equity_side_impact: str = "both"
    vol_scenarios_count: int = 3
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


_BTC_ORIGIN = RuleOrigin(
    status=RuleStatus.VERIFIED,
    source="model_params of the simulation reply in the venue's documentation",
    since_ns=parse_instant("2024-06-17"),
)
_ETH_ORIGIN = RuleOrigin(
    status=RuleStatus.VERIFIED,
    source="model_params of a captured simulation reply",
    since_ns=parse_instant("2026-02-15"),
)

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
        RuleStatus.UNCERTAIN,
        "model_params; both captures",
        "of currencies whose correlation_set is true, which none is there: 0; formula not known",
    ),
    "open_orders": _origin(
        RuleStatus.UNCERTAIN,
        "desk rule",
        "each order is filled in the scenarios where it hurts; the venue's netting is not known",
    ),
    "vega_days_floor": _origin(
        RuleStatus.UNCERTAIN, "Paradex's published clone floors at one day", "none for Deribit"
    ),
    "extended_table_factor": _origin(
        RuleStatus.UNCERTAIN,
        "model_params; both captures, futures alone",
        "weight factor·range/|move| is inferred: futures confirm it, no option does",
    ),
    "haircut": _origin(
        RuleStatus.UNCERTAIN,
        "model_params",
        "0 in both captures; taken off positive equity in the coin, in cross mode alone",
    ),
    "correlation_set": _origin(
        RuleStatus.UNCERTAIN,
        "model_params; both captures",
        "whether correlation_contingency is of the currency; true of none",
    ),
    "equity_side_impact": _origin(
        RuleStatus.UNCERTAIN,
        "model_params; both captures",
        "what it does to equity is not known: in no formula here",
    ),
    "cross_conversion": _origin(
        RuleStatus.UNCERTAIN,
        "desk rule",
        "in cross mode coin cells are taken to USD at the index of now; no cross reply is captured",
    ),
    "delta_decay": _origin(
        RuleStatus.UNCERTAIN,
        "SUP/Delta-decay",
        "in the last half hour the venue prices what expires with a fading delta: not modelled",
    ),
}

_LINEAR_NOTE = (
    "no capture holds contracts settled in a dollar coin: the pair's ranges are those of the "
    "coin's own pair, its offsets and moves those of usd in the same reply"
)


def _with_capture(captured: RuleOrigin) -> dict[str, RuleOrigin]:
    return {"parameters": captured, **_UNSETTLED}


def _linear(captured: PortfolioParameters, usd: PortfolioParameters) -> PortfolioParameters:
    """The pair of the same coin that settles in a dollar coin, with what `usd` says of money."""
    origin = captured.origins["parameters"]
    uncertain = replace(origin, status=RuleStatus.UNCERTAIN, note=_LINEAR_NOTE)
    return replace(usd, pair=f"{captured.pair}c", origins=_with_capture(uncertain))


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
    origins=_with_capture(_BTC_ORIGIN),
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
    origins=_with_capture(_ETH_ORIGIN),
)

BTC_USDC = _linear(
    BTC_USD,
    replace(
        BTC_USD,
        extended_dampener=25_000.0,
        annualised_move_risk=0.1,
        min_annualised_move=0.01,
        equity_side_impact="none",
    ),
)

ETH_USDC = _linear(
    ETH_USD,
    replace(
        ETH_USD,
        extended_dampener=25_000.0,
        pnl_offset=0.4,
        max_offsetable_pnl=1_000_000.0,
        annualised_move_risk=0.1,
        min_annualised_move=0.01,
        equity_side_impact="none",
    ),
)

_BY_CONTRACT = {
    ("BTC", True): BTC_USD,
    ("ETH", True): ETH_USD,
    ("BTC", False): BTC_USDC,
    ("ETH", False): ETH_USDC,
}


def portfolio_parameters(underlying: str, *, is_inverse: bool = True) -> PortfolioParameters:
    """The captured parameters of a coin's contracts: settled in the coin, or in a dollar coin.

    Raises OutOfDomain where none were captured.
    """
    found = _BY_CONTRACT.get((underlying, is_inverse))
    if found is None:
        known = ", ".join(dict.fromkeys(coin for coin, _ in _BY_CONTRACT))
        raise OutOfDomain(f"portfolio margin of {underlying}: parameters are known for {known}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedParameter:
    """One parameter or rule as it is told: value ("" for a rule), unit, and how sure it is."""

    name: str
    value: str
    unit: str
    origin: RuleOrigin


_UNITS = {
    "price_range": "relative",
    "volatility_range_up": "relative",
    "volatility_range_down": "relative",
    "short_term_vega_power": "exponent",
    "long_term_vega_power": "exponent",
    "min_volatility_for_shock_up": "vol, fraction",
    "extended_table_factor": "factor",
    "extended_dampener": "USD",
    "pnl_offset": "share",
    "max_offsetable_pnl": "USD",
    "m_inc": "share a coin",
    "max_delta_shock": "share",
    "delta_total_liq_shock_threshold": "USD",
    "annualised_move_risk": "relative, a year",
    "min_annualised_move": "relative",
    "mm_factor": "factor",
    "buckets_count": "count",
    "haircut": "share",
    "correlation_set": "flag",
    "equity_side_impact": "word",
    "vol_scenarios_count": "count",
    "vega_days_floor": "days",
    "roll_delta": "choice",
    "roll_scaling": "choice",
}
"""Every parameter in the order in which it is told; names are the venue's or the desk's."""

_FIXED = ("buckets_count", "vol_scenarios_count", "correlation_set", "equity_side_impact")


def known_pairs() -> tuple[str, ...]:
    """Pairs whose parameters were captured or are derived from a capture."""
    return tuple(one.pair for one in _BY_CONTRACT.values())


def changeable_parameters() -> tuple[str, ...]:
    """Names of the parameters that may be handed in; the number of cells is the law's, and what is
    in no formula changes nothing.
    """
    return tuple(name for name in _UNITS if name not in _FIXED)


def _value_words(value: Enum | bool | str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value.value) if isinstance(value, Enum) else f"{value:.12g}"


def stated_parameters(parameters: PortfolioParameters) -> tuple[StatedParameter, ...]:
    """Every parameter with its status, then the rules that no capture settles."""
    captured = parameters.origins["parameters"]
    stated = []
    for name, unit in _UNITS.items():
        value = getattr(parameters, name)
        stated.append(
            StatedParameter(
                name=name,
                value=_value_words(value),
                unit=unit,
                origin=parameters.origins.get(name, captured),
            )
        )
    stated += [
        StatedParameter(name=name, value="", unit="rule", origin=origin)
        for name, origin in parameters.origins.items()
        if name not in _UNITS and name != "parameters"
    ]
    return tuple(stated)
