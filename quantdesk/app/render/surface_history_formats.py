"""Kept surfaces as tables, CSV, JSON and Parquet: lists of fits, and what changed between two."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quantdesk.app.render.chain_record import to_json
from quantdesk.app.render.known_numbers import known
from quantdesk.app.render.surface_formats import SLICE_COLUMNS, aligned_rows, slice_record
from quantdesk.domain.times import expiry_code, format_instant
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_diff import ExpiryChange, SurfaceDiff
from quantdesk.storage.surface_history import FitSummary

HISTORY_SCHEMA = "quantdesk.surface-history/1"
DIFF_SCHEMA = "quantdesk.surface-diff/1"


def slices_parquet(fit: SurfaceFit) -> bytes:
    """One row a slice, the columns of the CSV; parameters as text of JSON."""
    rows = []
    for each in fit.slices:
        record = slice_record(each)
        row = {name: record[name] for name in SLICE_COLUMNS}
        row["flags"] = " ".join(each.flags)
        row |= {
            "kind": each.smile.kind,
            "knots": each.smile.knots,
            "parameters": to_json(each.parameters.tolist()).decode(),
        }
        rows.append(row)
    return _parquet(rows, {"digest": fit.digest, "as_of": format_instant(fit.as_of_ns)})


def _history_rows(found: Sequence[FitSummary]) -> list[dict[str, Any]]:
    return [
        {
            "as_of": format_instant(each.as_of_ns),
            "venue": each.venue,
            "underlying": each.underlying,
            "model": each.model,
            "grade": each.grade,
            "in_spread": known(each.in_spread),
            "in_spread_core": known(each.in_spread_core),
            "rmse": known(each.rmse),
            "rmse_core": known(each.rmse_core),
            "g_min": known(each.g_min),
            "calendar_slack": known(each.calendar_slack),
            "faults": " ".join(each.faults),
            "origin": each.origin,
            "saved": format_instant(each.saved_ns),
            "digest": each.digest,
        }
        for each in found
    ]


def history_json(found: Sequence[FitSummary]) -> bytes:
    """The fits as one JSON object and a newline."""
    return to_json({"schema": HISTORY_SCHEMA, "fits": _history_rows(found)}) + b"\n"


def history_csv(found: Sequence[FitSummary]) -> bytes:
    """One line a fit, with a header line."""
    names = tuple(_history_rows([_EMPTY])[0])
    return _csv(names, _history_rows(found))


def history_parquet(found: Sequence[FitSummary]) -> bytes:
    """One row a fit."""
    return _parquet(_history_rows(found), {"schema": HISTORY_SCHEMA})


_EMPTY = FitSummary(
    digest="",
    venue="",
    underlying="",
    origin="",
    as_of_ns=0,
    saved_ns=0,
    model="",
    smoothing=1.0,
    floor=1.0,
    margin=1.0,
    day_weights=(),
    events="[]",
    grade="",
    in_spread=0.0,
    in_spread_core=0.0,
    rmse=0.0,
    rmse_core=0.0,
    g_min=0.0,
    calendar_slack=0.0,
    faults=(),
)
"""A line of no fit: its columns head a list that may be empty."""


def history_table(found: Sequence[FitSummary]) -> bytes:
    """The fits for a terminal, oldest first."""
    rows = [("as of", "chain", "model", "grade", "inside %", "RMSE pts", "min g", "from", "digest")]
    rows += [
        (
            format_instant(each.as_of_ns)[:19] + "Z",
            f"{each.underlying} {each.venue}",
            each.model,
            each.grade,
            _figure(100 * each.in_spread, 2),
            _figure(100 * each.rmse, 3),
            _figure(each.g_min, 4),
            each.origin,
            each.digest[:12],
        )
        for each in found
    ]
    return _text(aligned_rows(rows))


HISTORY_FORMATS = {
    "table": history_table,
    "json": history_json,
    "csv": history_csv,
    "parquet": history_parquet,
}
"""Each format's writer, by the name that `--format` takes."""


def _diff_rows(diff: SurfaceDiff) -> list[dict[str, Any]]:
    rows = []
    for each in diff.changes:
        old, new = each.before, each.after
        rows.append(
            {
                "expiry": format_instant(each.expiry_ns),
                "forward_before": old.forward,
                "forward_after": new.forward,
                "forward_return": each.forward_return,
                "atm_before": old.atm,
                "atm_after": new.atm,
                "atm_change": new.atm - old.atm,
                "rr25_before": old.risk_reversal,
                "rr25_after": new.risk_reversal,
                "rr25_change": new.risk_reversal - old.risk_reversal,
                "bf25_before": old.butterfly,
                "bf25_after": new.butterfly,
                "bf25_change": new.butterfly - old.butterfly,
                **_fixed_strike_cells(each),
            }
        )
    return rows


def _fixed_strike_cells(each: ExpiryChange) -> dict[str, float | int | None]:
    furthest = each.furthest
    return {
        "strikes": len(each.strikes),
        "strike_change_mean": each.mean_change,
        "furthest_strike": None if furthest is None else furthest.strike,
        "furthest_change": None if furthest is None else furthest.change,
        "furthest_half_spreads": None if furthest is None else furthest.half_spreads,
    }


def _strike_rows(each: ExpiryChange) -> list[dict[str, float]]:
    return [
        {
            "strike": one.strike,
            "iv_before": one.before,
            "iv_after": one.after,
            "change": one.change,
            "half_spread": one.half_spread,
            "change_in_half_spreads": one.half_spreads,
        }
        for one in each.strikes
    ]


DIFF_COLUMNS = (
    "expiry",
    *(f"forward_{part}" for part in ("before", "after", "return")),
    *(
        f"{name}_{part}"
        for name in ("atm", "rr25", "bf25")
        for part in ("before", "after", "change")
    ),
    *("strikes", "strike_change_mean", "furthest_strike", "furthest_change"),
    "furthest_half_spreads",
)


def diff_json(diff: SurfaceDiff) -> bytes:
    """The change as one JSON object and a newline; vols are fractions."""
    record = {
        "schema": DIFF_SCHEMA,
        "before": _side(diff.before),
        "after": _side(diff.after),
        "changes": [
            row | {"by_strike": _strike_rows(each)}
            for row, each in zip(_diff_rows(diff), diff.changes, strict=True)
        ],
        "only_before": [format_instant(at) for at in diff.only_before],
        "only_after": [format_instant(at) for at in diff.only_after],
        "unknown": [format_instant(at) for at in diff.unknown],
    }
    return to_json(record) + b"\n"


def _side(fit: SurfaceFit) -> dict[str, Any]:
    return {
        "venue": fit.venue,
        "underlying": fit.underlying,
        "as_of": format_instant(fit.as_of_ns),
        "model": fit.options.model,
        "grade": fit.grade.value,
        "digest": fit.digest,
    }


def diff_csv(diff: SurfaceDiff) -> bytes:
    """One line an expiry that both have."""
    return _csv(DIFF_COLUMNS, _diff_rows(diff))


def diff_table(diff: SurfaceDiff) -> bytes:
    """The change for a terminal: vols in %, changes in vol points."""
    old, new = diff.before, diff.after
    head = [
        f"{name}: {fit.underlying} at {fit.venue}, {format_instant(fit.as_of_ns)}, "
        f"model {fit.options.model}, grade {fit.grade.value}"
        for name, fit in (("before", old), ("after ", new))
    ]
    rows: list[tuple[str, ...]] = [
        (
            *("expiry", "forward %", "ATM", "to", "pts", "RR25", "to", "pts", "BF25", "to", "pts"),
            *("fixed K pts", "furthest K", "pts", "½-spreads"),
        )
    ]
    for each in diff.changes:
        cells = [expiry_code(each.expiry_ns), f"{100 * each.forward_return:+.3f}"]
        for name in ("atm", "risk_reversal", "butterfly"):
            first, second = (100 * getattr(side, name) for side in (each.before, each.after))
            cells += [f"{first:.2f}", f"{second:.2f}", f"{second - first:+.2f}"]
        furthest = each.furthest
        if furthest is None or each.mean_change is None:
            cells += ["–"] * 4
        else:
            cells += [f"{100 * each.mean_change:+.2f}", f"{furthest.strike:,.0f}"]
            cells += [f"{100 * furthest.change:+.2f}", f"{furthest.half_spreads:+.1f}"]
        rows.append(tuple(cells))
    notes = [f"{expiry_code(at)}: only before." for at in diff.only_before]
    notes += [f"{expiry_code(at)}: only after." for at in diff.only_after]
    notes += [f"{expiry_code(at)}: a wing has no option of 25 delta." for at in diff.unknown]
    return _text([*head, "", *aligned_rows(rows), *notes])


DIFF_FORMATS = {"table": diff_table, "json": diff_json, "csv": diff_csv}
"""Each format's writer, by the name that `--format` takes."""


def _figure(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "–"


def _csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _parquet(rows: Sequence[Mapping[str, Any]], metadata: Mapping[str, str]) -> bytes:
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    names = tuple(rows[0]) if rows else tuple(_history_rows([_EMPTY])[0])
    columns = {name: [row[name] for row in rows] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "surface.parquet"
        write_parquet(path, columns, metadata=metadata)
        return path.read_bytes()


def _text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
