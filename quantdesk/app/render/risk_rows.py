"""Risk as flat rows for CSV and Parquet: one thing a row, every field of every kind a column.

`kind` tells rows apart; a field that says nothing of its row is None.
"""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from quantdesk.app.render.limits_record import limit_row_record
from quantdesk.app.render.margin_record import flat_rows as margin_flat_rows
from quantdesk.app.render.pnl_explain_record import explain_flat_rows
from quantdesk.app.render.portfolio_rows import book_rows
from quantdesk.app.render.risk_record import (
    GROUPINGS,
    excluded_records,
    net_record,
    position_records,
    source_record,
)
from quantdesk.app.render.var_record import backtest_flat_rows, var_flat_rows
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.times import format_instant
from quantdesk.market.chain import FloatArray
from quantdesk.risk.exposure import Exposures, Grouping
from quantdesk.risk.greeks import GREEK_FIELDS
from quantdesk.risk.report import NamedResults, RiskReport
from quantdesk.risk.scenarios import ScenarioCube, ScenarioResults

FIELDS = (
    "kind",
    "label",
    "row",
    "venue",
    "account",
    "instrument_name",
    "instrument_kind",
    "underlying",
    "expiry",
    "strike",
    "strike_low",
    "strike_high",
    "option_type",
    "strategy",
    "structure",
    "quantity",
    "positions",
    "left_out",
    "coins",
    "index_price",
    "forward",
    "forward_source",
    "days_left",
    "iv",
    "iv_source",
    "venue_mark",
    *GREEK_FIELDS,
    "venue_delta",
    "venue_gamma",
    "venue_vega",
    "venue_theta",
    "venue_note",
    "scenario",
    "spot",
    "vol",
    "days",
    "basis",
    "stable_move",
    "vol_rule",
    "pnl_coin",
    "pnl_usd",
    "pnl_usd_with_collateral",
    "taylor_usd",
    "drivers",
    "currency",
    "initial",
    "maintenance",
    "leave_one_out",
    "euler",
    "status",
    "source",
    "as_of",
    "age_s",
    "left_out_of",
    "reason",
    "method",
    "confidence",
    "observations",
    "var_usd",
    "es_usd",
    "var_usd_with_collateral",
    "es_usd_with_collateral",
    "var_coin",
    "es_coin",
    "var_coin_with_collateral",
    "es_coin_with_collateral",
    "component_var_usd",
    "component_es_usd",
    "es_less_usd",
    "es_alone_usd",
    "window",
    "exceptions",
    "expected",
    "kupiec_p",
    "independence_p",
    "conditional_p",
    "is_rejected",
    "step",
    "line",
    "amount",
    "measure",
    "convention",
    "unit",
    "soft",
    "hard",
    "use",
    "room",
    "share",
    "state",
)
"""Columns of the flat formats. `kind` is position, by_underlying and the other groupings, matrix,
stress, historical, own, margin_portfolio_total, margin_portfolio_leg, margin_portfolio_distance,
margin_portfolio_venue, margin_portfolio_excluded,
margin_leg, margin_total, margin_venue, margin_excluded, excluded, source,
var, var_leg, var_backtest, pnl_explain, limit; what a kind has no use for is empty."""

Row = dict[str, Any]
"""A row: what is not in it is empty."""


def report_rows(report: RiskReport, refused: Sequence[RefusedRow] = ()) -> list[Row]:
    """The whole report."""
    moment = format_instant(report.as_of_ns) if report.as_of_ns else None
    rows = [
        one | {"kind": "position", "instrument_kind": one["kind"]}
        for one in position_records(report.exposures)
    ]
    for kind, grouping in GROUPINGS.items():
        rows += [{"kind": kind} | net_record(net) for net in report.exposures.net(grouping)]
    rows += cube_rows(report.cube)
    rows += named_rows(report.stresses, "stress")
    rows += named_rows(report.historical, "historical")
    if report.own is not None:
        rows += named_rows(report.own, "own")
    rows += [one | {"kind": f"margin_{one['kind']}"} for one in margin_flat_rows(report.margin)]
    if report.portfolio is not None:
        rows += [one | {"kind": f"margin_{one['kind']}"} for one in book_rows(report.portfolio)]
    if report.var is not None:
        rows += [*var_flat_rows(report.var), *backtest_flat_rows(report.var_backtests)]
    if report.pnl_explain is not None:
        rows += explain_flat_rows(report.pnl_explain)
    if report.limits is not None:
        rows += [_limit_row(limit_row_record(row)) for row in report.limits.rows]
    rows += [{"kind": "excluded"} | one for one in excluded_records(report, refused)]
    for source in report.sources:
        record = source_record(source)
        rows.append({"kind": "source"} | record | {"label": record["what"]})
    return [{"as_of": moment} | row for row in rows]


def _limit_row(record: Row) -> Row:
    return {"kind": "limit", "label": record["scope"], "reason": record["detail"] or None} | {
        name: value for name, value in record.items() if name in FIELDS
    }


def ladder_rows(exposures: Exposures, grouping: Grouping, kind: str) -> list[Row]:
    """Net Greeks by one grouping."""
    return [{"kind": kind} | net_record(net) for net in exposures.net(grouping)]


def cube_rows(cube: ScenarioCube) -> list[Row]:
    """One row a cell and underlying of a matrix."""
    return _result_rows(cube.results, None, "matrix")


def named_rows(named: NamedResults, kind: str) -> list[Row]:
    """One row a scenario and underlying."""
    return _result_rows(named.results, named.taylor_usd, kind)


def _result_rows(results: ScenarioResults, taylor: FloatArray | None, kind: str) -> list[Row]:
    rows = []
    for number, scenario in enumerate(results.scenarios):
        drivers = results.drivers[number] if results.drivers else ()
        for place, coin in enumerate(results.underlyings):
            move = scenario.move_of(coin)
            rows.append(
                {
                    "kind": kind,
                    "scenario": scenario.name,
                    "underlying": coin,
                    "spot": None if move is None else move.spot,
                    "vol": None if move is None else move.vol,
                    "basis": None if move is None else move.basis,
                    "days": scenario.days,
                    "stable_move": scenario.stable_move,
                    "vol_rule": str(scenario.rule),
                    "pnl_coin": float(results.pnl_coin[place, number]),
                    "pnl_usd": float(results.pnl_usd[place, number]),
                    "pnl_usd_with_collateral": float(
                        results.pnl_usd_with_collateral[place, number]
                    ),
                    "taylor_usd": None if taylor is None else float(taylor[place, number]),
                    "drivers": "; ".join(
                        f"{one.venue}:{one.instrument_name} {one.pnl_usd:.2f}" for one in drivers
                    ),
                    "source": scenario.source or None,
                    "reason": None if move is not None else f"no move of {coin} was recorded",
                }
            )
    return rows


def rows_csv(rows: Sequence[Row]) -> bytes:
    """Comma-separated with a header line; an empty cell is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for row in rows:
        writer.writerow([_csv_cell(row.get(name)) for name in FIELDS])
    return out.getvalue().encode()


def _csv_cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else value


def rows_parquet(rows: Sequence[Row], *, schema: str, header: str) -> bytes:
    """The rows with typed columns; exact amounts become floats. `header` is kept as metadata."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    columns = {name: [_parquet_cell(name, row.get(name)) for row in rows] for name in FIELDS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "risk.parquet"
        write_parquet(path, columns, metadata={schema: header})
        return path.read_bytes()


def _parquet_cell(name: str, value: Any) -> float | int | str | None:
    if name == "quantity" and isinstance(value, str):
        # A refused row's quantity is whatever was written there: no number to compute with.
        return None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    assert value is None or isinstance(value, float | int | str)
    return value
