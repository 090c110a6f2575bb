"""Value at risk as rows of text: every method beside the default, samples, backtests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from quantdesk.domain.times import format_instant
from quantdesk.risk.var import (
    DEFAULT_METHOD,
    DELTA_GAMMA_LABEL,
    TOTAL,
    VarReport,
    VarRow,
    VarSample,
)
from quantdesk.risk.var_backtest import Backtest
from quantdesk.risk.var_exceptions import SIGNIFICANCE, ExceptionTests, LikelihoodRatio
from quantdesk.risk.var_quantiles import ES_RULE, QUANTILE_RULE, Figure
from quantdesk.views.margin import TextTable
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.safe_text import safe_text

NOT_AVAILABLE = "not available"
REASON_LENGTH_MAX = 160
LEGS_SHOWN_MAX = 30
"""Legs with the largest parts; JSON and CSV have all."""

COMPONENTS = ("component_es", "component_var")
WITH_COLLATERAL = ("VaR with collateral", "ES with collateral")


def var_tables(report: VarReport) -> tuple[TextTable, ...]:
    """Figures in USD, in coin, each leg's part, and the samples they are drawn from."""
    return (_usd_table(report), _coin_table(report), _leg_table(report), _sample_table(report))


def _shown(report: VarReport) -> list[VarRow]:
    """The rows, without those of a coin that is all there is: the total says the same."""
    totals = [row for row in report.rows if row.scope == TOTAL]
    return [
        row for row in report.rows if row.scope == TOTAL or replace(row, scope=TOTAL) not in totals
    ]


def _leg_table(report: VarReport) -> TextTable:
    """Parts of the headline figure, the largest first, with their sum."""
    legs = sorted(report.legs, key=lambda leg: -leg.component_es)
    rows = [
        (
            safe_text(leg.venue),
            safe_text(leg.instrument_name),
            number_text(leg.component_es, 2),
            number_text(leg.component_var, 2),
            number_text(leg.es_less, 2),
            number_text(leg.es_alone, 2),
        )
        for leg in legs[:LEGS_SHOWN_MAX]
    ]
    if len(legs) > LEGS_SHOWN_MAX:
        rest = legs[LEGS_SHOWN_MAX:]
        es, var = (math.fsum(getattr(leg, name) for leg in rest) for name in COMPONENTS)
        label = f"{len(rest)} more"
        rows.append((DASH, label, number_text(es, 2), number_text(var, 2), DASH, DASH))
    if legs:
        es, var = (math.fsum(getattr(leg, name) for leg in legs) for name in COMPONENTS)
        rows.append((DASH, TOTAL, number_text(es, 2), number_text(var, 2), DASH, DASH))
    head = report.headline
    method = "" if head is None else f", {head.method.value}, vols {head.vols.value}"
    return TextTable(
        title=f"Part of each leg in the total, USD without collateral{method}",
        columns=(
            "Venue",
            "Instrument",
            "Component ES",
            "Component VaR",
            "ES less without it",
            "ES alone",
        ),
        numeric=(False, False, True, True, True, True),
        rows=tuple(rows),
    )


def _usd_table(report: VarReport) -> TextTable:
    settings = report.settings
    title = (
        f"Value at risk and expected shortfall, {100 * settings.confidence:g} %, "
        f"{settings.horizon_days:g} d, USD (a loss is positive)"
    )
    return TextTable(
        title=title,
        columns=(
            "Scope",
            "Method",
            "Vols",
            "VaR",
            "ES",
            *WITH_COLLATERAL,
            "Delta-gamma VaR (comparison)",
        ),
        numeric=(False, False, False, True, True, True, True, True),
        rows=tuple(
            (
                *_method(row, report),
                *_pair(row.usd, 2),
                *_pair(row.usd_with_collateral, 2),
                _text(row.delta_gamma_usd, "var", 2),
            )
            for row in _shown(report)
        ),
    )


def _coin_table(report: VarReport) -> TextTable:
    return TextTable(
        title="Value at risk and expected shortfall in coin",
        columns=(
            "Scope",
            "Method",
            "Vols",
            "VaR",
            "ES",
            *WITH_COLLATERAL,
        ),
        numeric=(False, False, False, True, True, True, True),
        rows=tuple(
            (*_method(row, report), *_pair(row.coin, 6), *_pair(row.coin_with_collateral, 6))
            for row in report.rows
            if row.scope != TOTAL
        ),
    )


def _sample_table(report: VarReport) -> TextTable:
    rows = []
    for row in _shown(report):
        method = _method(row, report)
        reason = safe_text(row.reason or row.collateral_reason, REASON_LENGTH_MAX)
        rows.append((*method, *_sample_cells(row.sample), reason))
        if row.collateral_sample not in (None, row.sample):
            scope = f"{method[0]}, with collateral"
            rows.append((scope, *method[1:], *_sample_cells(row.collateral_sample), ""))
    return TextTable(
        title="Samples",
        columns=("Scope", "Method", "Vols", "Observations", "Span", "Records", "Reason"),
        numeric=(False, False, False, True, False, False, False),
        rows=tuple(rows),
    )


def _sample_cells(sample: VarSample | None) -> tuple[str, str, str]:
    if sample is None:
        return DASH, DASH, ""
    span = f"{_day(sample.first_ns)} to {_day(sample.last_ns)}"
    return str(sample.observations), span, ", ".join(sample.sources)


def backtest_table(backtests: Sequence[Backtest]) -> TextTable:
    """Exceptions of today's book on the record, and whether the method is rejected."""
    rows = []
    for one in backtests:
        tests = one.tests
        method = (one.method.value, one.vols.value)
        if tests is None:
            blank = (str(one.window), *(DASH,) * 7)
            rows.append((*method, *blank, safe_text(one.reason, REASON_LENGTH_MAX)))
            continue
        rows.append(
            (
                *method,
                str(one.window),
                f"{_day(int(one.end_ns[0]))} to {_day(int(one.end_ns[-1]))}",
                str(tests.days),
                str(tests.exceptions),
                number_text(tests.expected, 1),
                _ratio(tests.uc),
                _ratio(tests.ind),
                _ratio(tests.cc),
                _verdict(tests),
            )
        )
    return TextTable(
        title="Backtest: today's book on every recorded day, data before each day only",
        columns=(
            "Method",
            "Vols",
            "Window",
            "Span",
            "Days",
            "Exceptions",
            "Expected",
            "Kupiec p",
            "Independence p",
            "Both p",
            "Verdict",
        ),
        numeric=(False, False, True, False, True, True, True, True, True, True, False),
        rows=tuple(rows),
    )


def _verdict(tests: ExceptionTests) -> str:
    if not tests.is_rejected:
        return f"not rejected at {SIGNIFICANCE:.0%}"
    return f"REJECTED at {SIGNIFICANCE:.0%}: {', '.join(tests.rejected_by)}"


def backtest_notes(backtests: Sequence[Backtest]) -> tuple[str, ...]:
    """How to read the verdicts."""
    if not any(one.tests is not None for one in backtests):
        return ()
    return (
        f"Backtest: each test rejects {SIGNIFICANCE:.0%} of books by chance where the method is "
        "right; a single pair of exceptions on days that follow each other is enough for "
        "independence.",
    )


def var_notes(report: VarReport) -> tuple[str, ...]:
    """What a reader of the figures must know."""
    settings = report.settings
    method, vols = (one.value for one in DEFAULT_METHOD)
    found = (
        f"VaR: {QUANTILE_RULE}. ES: {ES_RULE}. Default: {method}, vols by {vols}, "
        f"the latest {settings.window} windows at most, λ = {settings.decay:g}; * marks what the "
        "summary takes.",
        "Full revaluation with one horizon of time passed, no scaling by √h; a vol moves by the "
        f"vol index's log-change × (30/d)^{settings.tenor_power:g}.",
        f"Delta-gamma: {DELTA_GAMMA_LABEL.split(': ', 1)[1]}.",
        "Coin cash has no profit in its own coin; dollars and other coins have one in it.",
    )
    left_out = (f"VaR misses {report.left_out} positions left out.",) if report.left_out else ()
    return (*found, *left_out, *report.notes)


def _method(row: VarRow, report: VarReport) -> tuple[str, str, str]:
    """Scope, method and vols; the headline's method is marked."""
    head = report.headline
    used = DEFAULT_METHOD if head is None else (head.method, head.vols)
    mark = " *" if (row.method, row.vols) == used else ""
    return safe_text(row.scope, 16), f"{row.method.value}{mark}", row.vols.value


def _pair(found: Figure | None, decimals: int) -> tuple[str, str]:
    return _text(found, "var", decimals), _text(found, "es", decimals)


def _text(found: Figure | None, which: str, decimals: int) -> str:
    return NOT_AVAILABLE if found is None else number_text(getattr(found, which), decimals)


def _ratio(found: LikelihoodRatio) -> str:
    return number_text(found.p_value, 3)


def _day(instant_ns: int) -> str:
    return format_instant(instant_ns)[:10]
