"""A book on one snapshot, read through portfolio, risk and margin: what the book screens show.

One call makes all of it, so that the screens agree with each other; it is made for a worker thread
and touches nothing but its arguments. Wiring only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from quantdesk.domain.ports import Clock
from quantdesk.errors import QuantDeskError
from quantdesk.margin import BookMargin
from quantdesk.margin.portfolio_statement import PortfolioStatement, cash_of_one_account
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.portfolio.valued_positions import ValuedPosition, value_positions
from quantdesk.risk.limits.use_report import LimitReport
from quantdesk.risk.report import RiskReport, build_report
from quantdesk.risk.scenario import Scenario, SmileRule, VolRule
from quantdesk.risk.scenarios import ScenarioAxes, ScenarioCube, run_scenarios
from quantdesk.runtime.books import OpenBook, account_cash
from quantdesk.runtime.limit_reading import report_with_limits
from quantdesk.runtime.pnl_day import DayExplain, explain_day
from quantdesk.runtime.pnl_openings import Openings
from quantdesk.runtime.screen_books import ScreenBook
from quantdesk.snapshot import DeskSnapshot

SPOT_MOVES = (-0.5, -0.3, -0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
VOL_POINTS = (-0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3)
VOL_SHARES = (-0.5, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.5)
DRIVERS_KEPT = 64
"""Legs a cell names at most: a screen shows a few, of the chosen underlying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookWishes:
    """What a user chose that has to be computed: days that pass, basis move, rule of vol moves.

    days : at least 0;  basis : added to the annual rate of dated forwards
    with_liquidation : distances to liquidation too, which cost more than all the rest
    with_explain : P&L since the day's opening too, vols moving by `explain_rule`
    """

    days: float = 0.0
    basis: float = 0.0
    rule: VolRule = field(default_factory=VolRule)
    with_liquidation: bool = False
    with_explain: bool = False
    explain_rule: SmileRule = SmileRule.STICKY_STRIKE

    def axes(self) -> ScenarioAxes:
        """Spot × vol at the wished days and basis."""
        is_points = self.rule.unit.value == "points"
        return ScenarioAxes(
            spot=SPOT_MOVES,
            vol=VOL_POINTS if is_points else VOL_SHARES,
            days=(self.days,),
            basis=(self.basis,),
            rule=self.rule,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BookReading:
    """A book as of snapshot `seq`. `cost_ns` is how long it took to compute."""

    label: str
    seq: int
    wishes: BookWishes
    opened: OpenBook
    valued: tuple[ValuedPosition, ...]
    report: RiskReport
    margin: BookMargin
    portfolio: PortfolioStatement
    made_ns: int
    cost_ns: int
    day: DayExplain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedReading:
    """A book that could not be read on a snapshot, and why."""

    label: str
    reason: str


def read_book(
    book: ScreenBook,
    snapshot: DeskSnapshot,
    wishes: BookWishes,
    *,
    own_scenarios: tuple[Scenario, ...] = (),
    limits_file: Path | None = None,
    limits_before: LimitReport | None = None,
    openings: Openings | None = None,
    clock: Clock,
) -> BookReading | FailedReading:
    """`book` on `snapshot`; a failure of the desk's own kind is an answer, not an exception."""
    started_ns = clock.now_ns()
    try:
        opened = book.open(snapshot)
        portfolio = opened.portfolio_margin(
            cash=cash_of_one_account(opened.positions, book.collateral),
            with_liquidation=wishes.with_liquidation,
        )
        report = build_report(
            opened.positions,
            opened.market,
            # A coin whose chain has not come yet has no price: it is named, the rest goes on.
            account_cash={
                **account_cash(opened.accounts, opened.positions),
                **book.collateral,
            },
            axes=ScenarioAxes(spot=(0.0,), vol=(0.0,)),
            own_scenarios=own_scenarios,
            venue_margins=opened.figures,
            portfolio=portfolio,
            book_source=opened.name,
            with_var=False,
        )
        day = None
        if wishes.with_explain and openings is not None:
            rule = wishes.explain_rule
            day = explain_day(book, opened, snapshot, openings, rule=rule, clock=clock)
        report = report_with_limits(
            report, opened, limits_file, own_scenarios=own_scenarios, before=limits_before, day=day
        )
        return BookReading(
            label=book.label,
            seq=snapshot.seq,
            wishes=wishes,
            opened=opened,
            valued=value_positions(opened.positions, LegMarks(opened.market)),
            report=replace(report, cube=_cube(report, wishes.axes())),
            margin=opened.margin(),
            portfolio=portfolio,
            day=day,
            made_ns=started_ns,
            cost_ns=max(clock.now_ns() - started_ns, 0),
        )
    except QuantDeskError as error:
        return FailedReading(label=book.label, reason=str(error))


def _cube(report: RiskReport, axes: ScenarioAxes) -> ScenarioCube:
    """The matrix with more drivers a cell than a report names."""
    results = run_scenarios(
        report.prepared,
        axes.scenarios(),
        index_prices=report.index_prices,
        collateral=report.collateral,
        drivers=DRIVERS_KEPT,
    )
    return ScenarioCube(axes=axes, results=results)
