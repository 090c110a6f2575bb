"""Limits in a book's reading for the screens: the file read anew each time, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quantdesk.errors import QuantDeskError
from quantdesk.risk.limits.use_report import LimitReport, limit_report
from quantdesk.risk.report import RiskReport, desk_results, with_limits
from quantdesk.risk.scenario import Scenario
from quantdesk.runtime.books import OpenBook
from quantdesk.runtime.limit_books import gate_over, market_now_ns
from quantdesk.runtime.limits_file import required_limits


def report_with_limits(
    report: RiskReport,
    opened: OpenBook,
    path: Path | None,
    *,
    own_scenarios: tuple[Scenario, ...] = (),
    before: LimitReport | None = None,
) -> RiskReport:
    """`report` with the use of the limits in `path`; or with the reason why there are none.

    before : an earlier reading, for the trends. A file that can not be read costs the limits only
    """
    if path is None:
        return report
    try:
        limits = required_limits(path)
        made = gate_over(opened, limits, own_scenarios=own_scenarios, results=desk_results(report))
    except QuantDeskError as error:
        reason = f"{error}; no trading, cancels stay allowed"
        return replace(report, reasons={**report.reasons, "limits": reason})
    now_ns = market_now_ns(opened.market)
    return with_limits(report, limit_report(made.gate, now_ns, before=before))
