"""Limits in a book's reading for the screens: the file read anew each time, whole or not at all."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path

from quantdesk.errors import QuantDeskError
from quantdesk.risk.limits.cells import expiry_of
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import Filters, Measure
from quantdesk.risk.limits.trial import Result
from quantdesk.risk.limits.use_report import LimitReport, limit_report
from quantdesk.risk.pnl_explain_changes import LegChange
from quantdesk.risk.pnl_explain_totals import PnlExplain
from quantdesk.risk.report import RiskReport, desk_results, with_limits
from quantdesk.risk.scenario import Scenario
from quantdesk.runtime.books import OpenBook
from quantdesk.runtime.limit_books import gate_over
from quantdesk.runtime.limits_file import required_limits
from quantdesk.runtime.pnl_day import DayExplain


def report_with_limits(
    report: RiskReport,
    opened: OpenBook,
    path: Path | None,
    *,
    own_scenarios: tuple[Scenario, ...] = (),
    before: LimitReport | None = None,
    day: DayExplain | None = None,
) -> RiskReport:
    """`report` with the use of the limits in `path`; or with the reason why there are none.

    before : an earlier reading, for the trends. A file that can not be read costs the limits only
    day : P&L since the day's opening, for limits on the day's loss
    """
    if path is None:
        return report
    try:
        limits = required_limits(path)
        made = gate_over(opened, limits, own_scenarios=own_scenarios, results=desk_results(report))
    except QuantDeskError as error:
        return replace(report, reasons={**report.reasons, "limits": str(error)})
    if day is not None and day.explained is not None:
        tell_day(made.gate, day.explained)
    uses = limit_report(made.gate, opened.market.as_of_ns, before=before)
    return with_limits(report, uses)


def tell_day(gate: LimitGate, explained: PnlExplain) -> None:
    """The day's P&L of every scope that a limit on its loss looks at.

    A scope with a holding that is in no number has none, nor one that paid in a currency without a
    price: its loss could be larger.
    """
    for check in gate.checks:
        for cell in check.cells:
            if cell.limit.measure is not Measure.DAY_LOSS:
                continue
            if any(_is_of(one.change, cell.names) for one in explained.excluded):
                continue
            usd = math.fsum(
                leg.actual * leg.index_after + leg.translation_usd
                for leg in explained.legs
                if _is_of(leg.change, cell.names)
            )
            if math.isfinite(usd):
                gate.learn(cell.names, Result(day_pnl_usd=usd))


def _is_of(change: LegChange, names: Filters) -> bool:
    """Whether a holding is of the scope that `names` says."""
    instrument = change.instrument
    own = Filters(
        account=change.key.account,
        venue=instrument.venue,
        strategy=change.key.strategy,
        underlying=instrument.underlying,
        expiry=expiry_of(instrument),
    )
    return all(getattr(names, one.name) in ("", getattr(own, one.name)) for one in fields(Filters))
