"""Limits as rows: scope, measure, use, room, trend, state; and a decision in words."""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.domain.times import format_instant
from quantdesk.risk.limits.decision import Decision
from quantdesk.risk.limits.findings import number_words
from quantdesk.risk.limits.use_report import LimitReport, LimitRow
from quantdesk.views.cells import Cell, Role
from quantdesk.views.margin import TextTable
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
        title=f"Limits at {format_instant(report.as_of_ns)}",
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
        for title in _TITLES
    )
    lines = []
    for row in report.rows:
        role = _ROLES[row.use.state]
        texts = limit_texts(row)
        cells = tuple(
            Cell(text, role if title in {"use", "room", "used", "state"} else Role.LABEL)
            for title, text in zip(_TITLES, texts, strict=True)
        )
        key = f"{row.use.cell.number} {row.use.cell.label}"
        lines.append(TableLine(key=key, cells=cells))
    return table_view(columns, lines, fixed=3, empty="no limit has anything to look at")


def limits_heading(report: LimitReport) -> str:
    """Where the limits are from, and how many are breached."""
    states = [row.use.state for row in report.rows]
    counts = [
        f"{states.count(state)} {word}"
        for state, word in (("breached", "breached"), ("soft", "over soft"), ("unknown", "unknown"))
        if state in states
    ]
    summary = ", ".join(counts) or "all within"
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
