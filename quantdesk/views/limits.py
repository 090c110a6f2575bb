"""Limits as rows: scope, measure, use, room, trend, state; and a decision in words."""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.domain.times import format_instant
from quantdesk.risk.checks.portfolio_margin_use import is_on_portfolio
from quantdesk.risk.limits.decision import Decision
from quantdesk.risk.limits.findings import number_words
from quantdesk.risk.limits.limit import Limit, Measure
from quantdesk.risk.limits.use_report import LimitReport, LimitRow
from quantdesk.risk.report import RiskReport
from quantdesk.views.cells import Cell, Role
from quantdesk.views.margin import TextTable
from quantdesk.views.provenance import Provenance
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, TableColumn, TableLine, TableView, table_view

_NAME_MAX = 80
TREND_SIGNS = {"up": "▲ up", "down": "▼ down", "steady": "= steady", "": ""}
STATE_WORDS = {"ok": "ok", "soft": "SOFT", "breached": "BREACH", "unknown": "UNKNOWN"}
_ROLES = {
    "ok": Role.VALUE,
    "soft": Role.WARNING,
    "breached": Role.BREACH,
    "unknown": Role.MISSING,
}
_TITLES = (
    "#",
    "scope",
    "measure",
    "use",
    "soft",
    "hard",
    "room",
    "used",
    "trend",
    "state",
    "unit",
    "detail",
)
_ON_SCREEN = (
    "#",
    "scope",
    "measure",
    "state",
    "used",
    "trend",
    "use",
    "room",
    "hard",
    "soft",
    "unit",
    "detail",
)
"""What must be seen first where a screen is narrow comes first."""
_LEFT = ("scope", "measure", "trend", "state", "unit", "detail")


def limit_texts(row: LimitRow) -> tuple[str, ...]:
    """A limit's cells, in the order of the titles."""
    use, limit = row.use, row.use.cell.limit
    return (
        f"{use.cell.number}",
        safe_text(use.cell.label, _NAME_MAX),
        limit.measure_words,
        _number(use.value),
        _number(limit.soft),
        _number(limit.hard),
        _number(use.room),
        "" if use.share is None else f"{use.share:.1%}",
        TREND_SIGNS[row.trend],
        STATE_WORDS[use.state],
        limit.unit_words,
        safe_text(use.detail, 200),
    )


def _number(value: float | None) -> str:
    return "" if value is None else number_words(value)


def limits_text_table(report: LimitReport) -> TextTable:
    """All limits as a table of text."""
    return TextTable(
        # Without a market there is no moment.
        title=f"Limits at {format_instant(report.as_of_ns)}" if report.as_of_ns else "Limits",
        columns=_TITLES,
        numeric=tuple(title not in _LEFT for title in _TITLES),
        rows=tuple(limit_texts(row) for row in report.rows),
    )


def limits_table(report: LimitReport) -> TableView:
    """All limits as a table for the screen, in the order of the file."""
    columns = tuple(
        TableColumn(
            key=title,
            title=title,
            align=Align.LEFT if title in _LEFT else Align.RIGHT,
        )
        for title in _ON_SCREEN
    )
    lines = []
    for row in report.rows:
        role = _ROLES[row.use.state]
        texts = dict(zip(_TITLES, limit_texts(row), strict=True))
        cells = tuple(
            Cell(texts[title], role if title in {"use", "room", "used", "state"} else Role.LABEL)
            for title in _ON_SCREEN
        )
        lines.append(TableLine(key=_key(row), cells=cells))
    return table_view(columns, lines, fixed=3, empty="no limit has anything to look at")


def limits_screen(report: RiskReport) -> TableView:
    """The limits of a risk report as the screen's table; where there are none it says why."""
    if report.limits is not None:
        return limits_table(report.limits)
    reason = safe_text(report.reasons.get("limits", "no limits are loaded"), 300)
    return table_view((TableColumn(key="none", title=""),), (), fixed=0, empty=reason)


def limits_summary(report: RiskReport) -> str:
    """How many limits there are and what is over, for a header."""
    if report.limits is None:
        return "none: no trading"
    return f"{len(report.limits.rows)}, {_over_words(report.limits)}"


def explain_limit(report: RiskReport, key: str | None) -> Provenance:
    """What the limit of a line means, and how its use was made."""
    rows = () if report.limits is None else report.limits.rows
    row = next((one for one in rows if _key(one) == key), None)
    if row is None or report.limits is None:
        return Provenance(title="Move to a limit: what it means is said here", sentences=())
    limit, use = row.use.cell.limit, row.use
    sentences = [
        f"Limit {use.cell.number} of {safe_text(report.limits.source, 200)}.",
        f"In {limit.unit_words}." if limit.unit_words else "",
        safe_text(use.detail, 300),
        _rule(limit),
    ]
    title = f"{limit.measure_words} of {safe_text(use.cell.label, _NAME_MAX)}"
    return Provenance(title=title, sentences=tuple(one for one in sentences if one))


def _rule(limit: Limit) -> str:
    measure = limit.measure
    if is_on_portfolio(limit):
        return "Each open order is filled in the cells, and at the end of delta, where it hurts."
    if measure.is_net:
        return "Positions with all open orders that raise it, and with all that lower it."
    if measure.is_gross or measure is Measure.MARGIN_USE:
        return "By instrument the larger of both sides, open orders filled; then added."
    if measure in (Measure.STRESS_LOSS, Measure.VAR):
        return "Each open order is filled only in the scenarios where it loses."
    return ""


def _key(row: LimitRow) -> str:
    return f"{row.use.cell.number} {row.use.cell.label}"


def _over_words(report: LimitReport) -> str:
    states = [row.use.state for row in report.rows]
    counts = [
        f"{states.count(state)} {word}"
        for state, word in (("breached", "breached"), ("soft", "over soft"), ("unknown", "unknown"))
        if state in states
    ]
    return ", ".join(counts) or "all within"


def limits_heading(report: LimitReport) -> str:
    """Where the limits are from, and how many are breached."""
    summary = _over_words(report)
    source = safe_text(report.source, 200)
    return f"{len(report.rows)} limits of {source} (sha256 {report.digest[:12]}): {summary}"


def decision_lines(decision: Decision) -> tuple[str, ...]:
    """The decision in sentences, the verdict first."""
    head = "ALLOWED" if decision.is_allowed else "REFUSED"
    lines = [f"{head}: {safe_text(str(decision.ticket), 400)}"]
    lines += [safe_text(sentence, 600) for sentence in decision.sentences]
    lines += [f"warning: {safe_text(one.sentence, 600)}" for one in decision.warnings]
    return tuple(lines)


def breach_sentences(report: LimitReport) -> Sequence[str]:
    """One sentence a breached limit."""
    return [
        f"{row.use.cell.limit.measure_words} of {safe_text(row.use.cell.label, _NAME_MAX)} is "
        f"{_number(row.use.value)}, hard limit {_number(row.use.cell.limit.hard)} "
        f"{row.use.cell.limit.unit_words}: only reducing orders pass"
        for row in report.breaches
    ]
