"""Value at risk and its backtest as records and flat rows: schema `quantdesk.var/1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantdesk.domain.times import format_instant
from quantdesk.risk.var import DEFAULT_METHOD, DELTA_GAMMA_LABEL, VarReport, VarRow, VarSample
from quantdesk.risk.var_backtest import Backtest
from quantdesk.risk.var_components import LegRisk
from quantdesk.risk.var_exceptions import SIGNIFICANCE, LikelihoodRatio
from quantdesk.risk.var_quantiles import ES_RULE, OBSERVATIONS_MIN, QUANTILE_RULE, Figure

SCHEMA = "quantdesk.var/1"

UNITS = {
    "usd": "USD, a loss is positive; coin value at the moved index less coin value now",
    "coin": "coin of the scope, a loss is positive; dollar-settled legs at the moved index",
    "with_collateral": "with the cash handed in: in USD that of coins, in coin that of dollars",
}

RULES = {
    "revaluation": "full, with one horizon of time passed; index and forwards by one factor",
    "vol_index": "each vol × exp(Δln of the coin's vol index × (30/d)^tenor_power), d days, min. 1",
    "unchanged": "each option keeps its vol",
    "filtered": "each move scaled by EWMA vol now over EWMA vol of its day, index and vol index",
    "historical": "moves as recorded",
    "horizon": "non-overlapping windows of the horizon; nothing is scaled by the root of time",
    "quantile": QUANTILE_RULE,
    "expected_shortfall": ES_RULE,
    "component_es": "−Σ weights of the total's own ES × the leg's results; they add up to it",
    "component_var": "the leg's result in the move that is the total's quantile; they add up to it",
    "es_less": "ES of the total less its ES without the leg; es_alone: of the leg by itself",
    "availability": f"not available under {OBSERVATIONS_MIN} observations",
}

LEG_FIELDS = (
    "venue",
    "instrument_name",
    "component_var",
    "component_es",
    "es_less",
    "es_alone",
)

FIGURES = ("usd", "usd_with_collateral", "coin", "coin_with_collateral")


def var_record(report: VarReport, backtests: Sequence[Backtest] = ()) -> dict[str, Any]:
    """Everything said of a book's value at risk; `backtest` is empty where none was asked for."""
    settings = report.settings
    return {
        "confidence": settings.confidence,
        "horizon_days": settings.horizon_days,
        "window": settings.window,
        "decay": settings.decay,
        "tenor_power": settings.tenor_power,
        "default": {"method": DEFAULT_METHOD[0].value, "vols": DEFAULT_METHOD[1].value},
        "units": UNITS,
        "rules": RULES,
        "left_out": report.left_out,
        "headline": _headline(report),
        "rows": [row_record(row) for row in report.rows],
        "legs": [leg_risk_record(leg) for leg in report.legs],
        "backtest": [backtest_record(one) for one in backtests],
        "notes": list(report.notes),
    }


def _headline(report: VarReport) -> dict[str, Any] | None:
    """The figure of the total that is to be used, which is also the one of `legs`."""
    head = report.headline
    if head is None:
        return None
    return {
        "scope": head.scope,
        "method": head.method.value,
        "vols": head.vols.value,
        "is_default": (head.method, head.vols) == DEFAULT_METHOD,
        "usd": _figure(head.usd),
        "usd_with_collateral": _figure(head.usd_with_collateral),
    }


def leg_risk_record(leg: LegRisk) -> dict[str, Any]:
    """One leg's part, USD without collateral."""
    return {name: getattr(leg, name) for name in LEG_FIELDS}


def row_record(row: VarRow) -> dict[str, Any]:
    """Figures of one scope and method; null with a reason where they are not available."""
    record: dict[str, Any] = {
        "scope": row.scope,
        "method": row.method.value,
        "vols": row.vols.value,
        "is_default": (row.method, row.vols) == DEFAULT_METHOD,
    }
    record |= {name: _figure(getattr(row, name)) for name in FIGURES}
    return record | {
        "comparison": {"label": DELTA_GAMMA_LABEL, "usd": _figure(row.delta_gamma_usd)},
        "sample": _sample(row.sample),
        "collateral_sample": _sample(row.collateral_sample),
        "reason": row.reason or None,
        "collateral_reason": row.collateral_reason or None,
        "coin_reason": _coin_reason(row) or None,
    }


def _sample(sample: VarSample | None) -> dict[str, Any] | None:
    if sample is None:
        return None
    return {
        "observations": sample.observations,
        "from": format_instant(sample.first_ns),
        "to": format_instant(sample.last_ns),
        "sources": list(sample.sources),
    }


def backtest_record(one: Backtest) -> dict[str, Any]:
    """Exceptions of one method and what the tests say of them."""
    record: dict[str, Any] = {
        "method": one.method.value,
        "vols": one.vols.value,
        "confidence": one.confidence,
        "window": one.window,
        "what": "today's book on every recorded day, USD without collateral, data before each day",
        "sources": list(one.sources),
        "reason": one.reason or None,
    }
    tests = one.tests
    if tests is None:
        return record | {"days": None, "exceptions": None}
    return record | {
        "from": format_instant(int(one.end_ns[0])),
        "to": format_instant(int(one.end_ns[-1])),
        "days": tests.days,
        "exceptions": tests.exceptions,
        "expected": tests.expected,
        "exception_days": [format_instant(ns) for ns in one.end_ns[one.exceptions].tolist()],
        "kupiec": _ratio(tests.uc),
        "christoffersen_independence": _ratio(tests.ind),
        "christoffersen_conditional": _ratio(tests.cc),
        "transitions": {name: getattr(tests.transitions, name) for name in _TRANSITIONS},
        "basel_zone": None if tests.zone is None else tests.zone.value,
        "significance": SIGNIFICANCE,
        "is_rejected": tests.is_rejected,
        "rejected_by": list(tests.rejected_by),
    }


_TRANSITIONS = ("n00", "n01", "n10", "n11")


def var_flat_rows(report: VarReport) -> list[dict[str, Any]]:
    """One flat row a scope and method, then one a leg."""
    rows: list[dict[str, Any]] = []
    for row in report.rows:
        flat: dict[str, Any] = {
            "kind": "var",
            "label": row.scope,
            "method": row.method.value,
            "vol_rule": row.vols.value,
            "confidence": report.settings.confidence,
            "days": report.settings.horizon_days,
            "observations": None if row.sample is None else row.sample.observations,
            "reason": row.reason or row.collateral_reason or _coin_reason(row) or None,
            "source": None if row.sample is None else "; ".join(row.sample.sources),
        }
        for name in FIGURES:
            found: Figure | None = getattr(row, name)
            flat[f"var_{name}"] = None if found is None else found.var
            flat[f"es_{name}"] = None if found is None else found.es
        rows.append(flat)
    rows += [
        {
            "kind": "var_leg",
            "label": head.scope,
            "venue": leg.venue,
            "instrument_name": leg.instrument_name,
            "method": head.method.value,
            "vol_rule": head.vols.value,
            "confidence": report.settings.confidence,
            "days": report.settings.horizon_days,
            "component_var_usd": leg.component_var,
            "component_es_usd": leg.component_es,
            "es_less_usd": leg.es_less,
            "es_alone_usd": leg.es_alone,
        }
        for head in (report.headline,)
        if head is not None
        for leg in report.legs
    ]
    return rows


def backtest_flat_rows(backtests: Sequence[Backtest]) -> list[dict[str, Any]]:
    """One flat row a backtest."""
    rows = []
    for one in backtests:
        tests = one.tests
        row: dict[str, Any] = {
            "kind": "var_backtest",
            "method": one.method.value,
            "vol_rule": one.vols.value,
            "confidence": one.confidence,
            "window": one.window,
            "reason": one.reason or None,
        }
        if tests is not None:
            row |= {
                "observations": tests.days,
                "exceptions": tests.exceptions,
                "expected": tests.expected,
                "kupiec_p": tests.uc.p_value,
                "independence_p": tests.ind.p_value,
                "conditional_p": tests.cc.p_value,
                "is_rejected": tests.is_rejected,
            }
        rows.append(row)
    return rows


def _coin_reason(row: VarRow) -> str:
    """Why a row with figures in USD has none in coin."""
    return "coins are not added up" if row.usd is not None and row.coin is None else ""


def _figure(found: Figure | None) -> dict[str, float] | None:
    return None if found is None else {"var": found.var, "es": found.es}


def _ratio(found: LikelihoodRatio) -> dict[str, Any]:
    return {
        "statistic": found.statistic,
        "p_value": found.p_value,
        "is_rejected": found.is_rejected,
    }
