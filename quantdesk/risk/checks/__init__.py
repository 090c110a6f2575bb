"""Every pre-trade check, a file each, in the order they are asked.

First what needs no sum: may it be traded at all, on a fresh quote, at a sane price and size; then
what the book would become; then what has happened to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.risk.checks.allow_list import AllowList
from quantdesk.risk.checks.check import Check
from quantdesk.risk.checks.day_loss import DayLoss
from quantdesk.risk.checks.gross_exposure import GrossExposure
from quantdesk.risk.checks.margin_use import StandardMarginUse
from quantdesk.risk.checks.net_exposure import NetExposure
from quantdesk.risk.checks.open_orders import OpenOrders
from quantdesk.risk.checks.order_rate import OrderRate
from quantdesk.risk.checks.order_size import OrderSize
from quantdesk.risk.checks.order_value import OrderValue
from quantdesk.risk.checks.portfolio_margin_use import PortfolioMarginUse
from quantdesk.risk.checks.price_band import PriceBand
from quantdesk.risk.checks.staleness import Staleness
from quantdesk.risk.checks.stress_loss import StressLoss
from quantdesk.risk.checks.var_loss import (
    FilteredUnchangedVolsVarLoss,
    FilteredVarLoss,
    UnchangedVolsVarLoss,
    VarLoss,
)
from quantdesk.risk.checks.vol_band import VolBand
from quantdesk.risk.limits.limit import LimitSet

CHECKS: tuple[type[Check], ...] = (
    AllowList,
    Staleness,
    PriceBand,
    VolBand,
    OrderSize,
    OrderValue,
    OrderRate,
    OpenOrders,
    NetExposure,
    GrossExposure,
    StandardMarginUse,
    PortfolioMarginUse,
    StressLoss,
    VarLoss,
    FilteredVarLoss,
    UnchangedVolsVarLoss,
    FilteredUnchangedVolsVarLoss,
    DayLoss,
)
"""In the order they are asked."""


def make_checks(limits: LimitSet, stress_names: Sequence[str]) -> tuple[Check, ...]:
    """The checks that have a limit. Raises InvalidInput for a stress that there is none of."""
    numbered = list(enumerate(limits.limits, start=1))
    made = []
    for kind in CHECKS:
        own = [one for one in numbered if one[1].measure in kind.measures]
        if not own:
            continue
        made.append(StressLoss(own, stress_names) if kind is StressLoss else kind(own))
    return tuple(check for check in made if check.has_limits)
