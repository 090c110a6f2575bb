"""The limits of a book at one moment: a row a limit with use, room, trend and state.

The same gate that reviews tickets answers here, so that a table never says other than a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from quantdesk.domain.position import Position
from quantdesk.market.market_data import MarketData
from quantdesk.risk.checks.portfolio_margin_use import is_on_portfolio
from quantdesk.risk.limits.findings import Use
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import Filters, LimitSet, Measure
from quantdesk.risk.limits.ticket import TicketLeg
from quantdesk.risk.limits.trial import Result
from quantdesk.risk.limits.units import MarketUnits
from quantdesk.risk.limits.var_units import recorded_var_moves
from quantdesk.risk.scenario import Scenario
from quantdesk.risk.stresses import STRESSES
from quantdesk.risk.valuation import Surfaces

STEADY = 0.005
"""Share of the level that a use must move by before it has a trend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLeg:
    """A living order of an account, as the venue reported it."""

    order_id: str
    leg: TicketLeg
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """One limit on one scope. trend : "up", "down", "steady", or "" without an earlier moment."""

    use: Use
    trend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReport:
    """All limits of a book. as_of_ns : of the market;  source, digest : of the limits file"""

    as_of_ns: int
    source: str
    digest: str
    rows: tuple[LimitRow, ...]

    @property
    def breaches(self) -> tuple[LimitRow, ...]:
        """Rows over their hard level."""
        return tuple(row for row in self.rows if row.use.state == "breached")

    @property
    def unknown(self) -> tuple[LimitRow, ...]:
        """Rows with a hard level whose use is not known: they refuse what they look at."""
        hard = (row for row in self.rows if row.use.cell.limit.hard is not None)
        return tuple(row for row in hard if row.use.state == "unknown")


def limit_gate(
    limits: LimitSet | None,
    positions: Sequence[Position],
    market: MarketData,
    *,
    orders: Sequence[OpenLeg] = (),
    stresses: Sequence[Scenario] = STRESSES,
    surfaces: Surfaces | None = None,
    results: Mapping[Filters, Result] | None = None,
    reason: str = "no limits are loaded",
) -> LimitGate:
    """A gate over `positions` and living `orders` on `market`.

    results : profit, drawdown and equity by scope; `Filters()` is the desk's
    """
    moves = None
    conventions = _var_conventions(limits)
    if conventions:
        coins = [one.underlying.split("_", 1)[0] for one in market.markets]
        moves = recorded_var_moves(coins, market.as_of_ns, conventions)
    units = MarketUnits(
        market=market,
        surfaces=surfaces or {},
        stresses=stresses,
        moves=moves,
        with_portfolio=limits is not None and any(is_on_portfolio(one) for one in limits.limits),
    )
    names = [one.name for one in stresses]
    gate = LimitGate(limits, units, stress_names=names, reason=reason)
    gate.load(positions)
    for one in orders:
        gate.adopt(one.order_id, one.leg, account=one.account)
    for scope, result in (results or {}).items():
        gate.learn(scope, result)
    return gate


def _var_conventions(limits: LimitSet | None) -> Sequence[str]:
    given = () if limits is None else limits.limits
    return sorted({one.convention for one in given if one.measure is Measure.VAR})


def limit_report(gate: LimitGate, now_ns: int, *, before: LimitReport | None = None) -> LimitReport:
    """Every limit's use now; trends against the report `before`."""
    assert gate.limits is not None, "a desk without limits has no uses to report"
    earlier = {} if before is None else {row.use.cell: row.use.value for row in before.rows}
    rows = tuple(
        LimitRow(use=_told(use, gate.unseen), trend=_trend(earlier.get(use.cell), use))
        for use in gate.uses(now_ns)
    )
    return LimitReport(
        as_of_ns=now_ns, source=gate.limits.source, digest=gate.limits.digest, rows=rows
    )


def _told(use: Use, unseen: Mapping[int, str]) -> Use:
    """The use with what its limit does not look at, first."""
    reason = unseen.get(use.cell.number)
    if reason is None:
        return use
    return replace(use, detail="; ".join(one for one in (reason, use.detail) if one))


def _trend(before: float | None, use: Use) -> str:
    if before is None or use.value is None:
        return ""
    step = STEADY * (use.level or 1.0)
    moved = use.value - before
    if abs(moved) <= step:
        return "steady"
    return "up" if moved > 0 else "down"
