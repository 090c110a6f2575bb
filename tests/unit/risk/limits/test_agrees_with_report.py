"""On a recorded market the limits' numbers are those of the risk report and of the margin law."""

from __future__ import annotations

from functools import cache

import pytest

from quantdesk.risk.historical_moves import VarVols
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.use_report import limit_gate, limit_report
from quantdesk.risk.limits.var_units import MOVES_OF
from quantdesk.risk.report import RiskReport, build_report
from quantdesk.risk.var import VarMethod
from tests.unit.risk.books import random_book, sample_market

LIMITS = """
schema = 1
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "black"
hard = 1e9
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "premium-adjusted"
hard = 1e9
[[limit]]
scope = "desk"
measure = "net_weighted_vega"
convention = "sqrt-30d-usd-per-point"
hard = 1e9
[[limit]]
scope = "desk"
measure = "net_theta"
hard = 1e9
[[limit]]
scope = "desk"
measure = "stress_loss"
hard = 1e9
[[limit]]
scope = "desk"
measure = "var"
convention = "historical"
hard = 1e9
[[limit]]
scope = "desk"
measure = "margin_use"
convention = "deribit-standard"
unit = "usd"
hard = 1e9
"""


VAR = """
schema = 1
[[limit]]
scope = "desk"
measure = "var"
convention = "{convention}"
hard = 1e9
"""


@cache
def uses_and_report() -> tuple[tuple[float, ...], RiskReport]:
    market = sample_market()
    book = random_book(market, 120)
    gate = limit_gate(parse_limits(LIMITS, "made"), book, market)
    values = []
    for row in limit_report(gate, 0).rows:
        assert row.use.value is not None, row.use.detail
        values.append(row.use.value)
    return tuple(values), build_report(book, market)


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (0, "delta_black"),
        (1, "delta_premium_adjusted"),
        (2, "vega_per_point_weighted"),
        (3, "theta_per_day"),
    ],
)
def test_net_greeks_are_the_reports(place: int, field: str) -> None:
    values, report = uses_and_report()
    greek = getattr(report.greeks.underlying("BTC").greeks, field)
    assert values[place] == pytest.approx(abs(greek), rel=1e-9)


def test_stress_loss_is_the_worst_of_the_reports_stresses() -> None:
    values, report = uses_and_report()
    assert values[4] == pytest.approx(-report.stresses.results.total_usd.min(), rel=1e-9)


@pytest.mark.parametrize(("convention", "made_by"), MOVES_OF.items())
def test_value_at_risk_is_the_reports(convention: str, made_by: tuple[VarMethod, VarVols]) -> None:
    _, report = uses_and_report()
    market = sample_market()
    text = VAR.format(convention=convention)
    gate = limit_gate(parse_limits(text, "made"), random_book(market, 120), market)
    (use,) = gate.uses(0)
    assert report.var is not None
    row = next(one for one in report.var.rows if (one.method, one.vols) == made_by)
    assert row.usd is not None
    assert use.value == pytest.approx(row.usd.var, rel=1e-9)


def test_margin_is_the_standard_models() -> None:
    values, report = uses_and_report()
    (account,) = report.margin.accounts
    initial = float(account.statement.total("BTC").initial)
    assert values[6] == pytest.approx(initial * report.index_prices["BTC"], rel=1e-6)
