"""What is read off a surface as a table, JSON, CSV, Parquet and Markdown: `quantdesk.surface-at/1`.

Numbers for machines are fractions and whole; those for people are vol points and per cent.
"""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantdesk.app.render.chain_record import to_json
from quantdesk.app.render.known_numbers import known
from quantdesk.app.render.surface_formats import aligned_rows
from quantdesk.app.render.text_tables import document_markdown
from quantdesk.domain.times import expiry_code, format_instant
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_density import VolIndex
from quantdesk.market.surface_greeks import RollDown, Stickiness, SurfaceGreeks
from quantdesk.market.surface_reading import DateReading, PointKind, PointReading, Wings
from quantdesk.views.margin import TextTable

SCHEMA = "quantdesk.surface-at/1"

UNITS = {
    "iv, atm, wings, forward_vol, variance_swap": "fraction per sqrt(year), ACT/365",
    "years": "ACT/365; clock_years on the variance clock",
    "price": "USD, undiscounted, one coin",
    "delta": "coin per coin, Black on the forward, with the vol moving as the kind says",
    "gamma": "of that delta, per USD",
    "vega_per_point": "USD per vol point",
    "theta_per_day": "USD per calendar day, down the variance clock",
    "roll_down": "one calendar day down the surface as it stands, forward and strike held: iv as "
    "fraction, price in USD, beyond_theta the part of the price that theta_per_day does not hold",
    "moments": "of ln(S/F) under the forward's own measure; kurtosis is excess",
}

KINDS = {
    Stickiness.STRIKE: "sticky_strike",
    Stickiness.DELTA: "sticky_delta",
    Stickiness.SURFACE: "surface",
}
"""Names of the three kinds of Greeks: what stays when the forward moves."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceReading:
    """Everything that `quantdesk surface at` prints."""

    fit: SurfaceFit
    dates: tuple[DateReading, ...]
    index: VolIndex


def reading_json(reading: SurfaceReading) -> bytes:
    """One JSON object and a newline."""
    fit, index = reading.fit, reading.index
    record = {
        "schema": SCHEMA,
        "venue": fit.venue,
        "underlying": fit.underlying,
        "as_of": format_instant(fit.as_of_ns),
        "model": fit.options.model,
        "grade": fit.grade.value,
        "digest": fit.digest,
        "units": UNITS,
        "index": {"days": index.days, "points": index.points, "words": index.words},
        "dates": [_date_record(each) for each in reading.dates],
    }
    return to_json(record) + b"\n"


def _date_record(date: DateReading) -> dict[str, Any]:
    swap = date.variance_swap
    return _date_figures(date) | {
        "origin": date.origin,
        "wings": [_wings_record(each) for each in date.wings],
        "variance_swap": {"total_variance": swap.total_variance, "vol": swap.vol},
        "points": [_point_record(each) for each in date.points],
    }


def _date_figures(date: DateReading) -> dict[str, Any]:
    moments = date.moments
    return {
        "expiry": format_instant(date.expiry_ns),
        "years": date.years,
        "clock_years": date.clock_years,
        "forward": date.forward,
        "atm": date.atm,
        "forward_vol": date.forward_vol,
        "moments": {
            "mass": moments.mass,
            "forward": moments.forward,
            "mean": moments.mean,
            "deviation": moments.deviation,
            "skewness": known(moments.skewness),
            "kurtosis": known(moments.kurtosis),
        },
    }


def _wings_record(wings: Wings) -> dict[str, Any]:
    return {
        "delta": wings.delta,
        "put": wings.put,
        "call": wings.call,
        "risk_reversal": wings.risk_reversal,
        "butterfly": wings.butterfly,
    }


def _point_record(each: PointReading) -> dict[str, Any]:
    record: dict[str, Any] = {
        "asked": {"by": each.asked.kind.value, "value": each.asked.value},
        "option_type": "call" if each.is_call else "put",
        "problem": each.problem or None,
    }
    if each.point is not None:
        any_kind = each.greeks[Stickiness.STRIKE]
        record |= {
            "strike": each.point.strike,
            "log_moneyness": each.point.k,
            "iv": each.point.vol,
            "total_variance": each.point.total_variance,
            "skew": float(any_kind.skew[0]),
            "price": float(any_kind.price[0]),
            "vega_per_point": float(any_kind.vega_per_point[0]),
            "theta_per_day": float(any_kind.theta_per_day[0]),
            "black_delta": float(any_kind.black_delta[0]),
            "roll_down": None if each.roll is None else _roll_record(each.roll),
        }
        record |= {name: _kind_record(each.greeks[kind]) for kind, name in KINDS.items()}
    return record


def _roll_record(roll: RollDown) -> dict[str, float | None]:
    return {
        "iv_per_day": known(float(roll.vol_change[0])),
        "price_per_day": float(roll.price_change[0]),
        "beyond_theta_per_day": float(roll.beyond_theta[0]),
    }


def _kind_record(greeks: SurfaceGreeks) -> dict[str, float]:
    return {"delta": float(greeks.delta[0]), "gamma": float(greeks.gamma[0])}


def _flat_rows(reading: SurfaceReading) -> list[dict[str, Any]]:
    """A row a point: its date's figures, then its own; absent ones are None."""
    rows = []
    for date in reading.dates:
        figures = _date_figures(date)
        moments: Mapping[str, Any] = figures.pop("moments")
        figures |= {f"density_{name}": value for name, value in moments.items()}
        figures |= {"variance_swap": date.variance_swap.vol, "origin": date.origin}
        for wings in date.wings:
            figures |= {
                f"rr_{wings.delta:g}": wings.risk_reversal,
                f"bf_{wings.delta:g}": wings.butterfly,
            }
        rows += [figures | _flat_point(each) for each in date.points]
    return rows


POINT_COLUMNS = (
    *("option_type", "strike", "log_moneyness", "iv", "total_variance", "skew", "price"),
    *("vega_per_point", "theta_per_day", "black_delta"),
)


ROLL_COLUMNS = ("iv_per_day", "price_per_day", "beyond_theta_per_day")


def _flat_point(each: PointReading) -> dict[str, Any]:
    record = _point_record(each)
    row: dict[str, Any] = {"asked_by": each.asked.kind.value, "asked": each.asked.value}
    row |= {name: record.get(name) for name in POINT_COLUMNS}
    roll = record.get("roll_down") or {}
    row |= {f"roll_{name}": roll.get(name) for name in ROLL_COLUMNS}
    for name in KINDS.values():
        kind = record.get(name, {})
        row |= {f"delta_{name}": kind.get("delta"), f"gamma_{name}": kind.get("gamma")}
    return row | {"problem": each.problem}


def reading_csv(reading: SurfaceReading) -> bytes:
    """A line a point, with a header line."""
    rows = _flat_rows(reading)
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def reading_parquet(reading: SurfaceReading) -> bytes:
    """A row a point, the columns of the CSV."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = _flat_rows(reading)
    columns = {name.replace(".", "_"): [row[name] for row in rows] for name in rows[0]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "surface.parquet"
        write_parquet(path, columns, metadata={"schema": SCHEMA, "digest": reading.fit.digest})
        return path.read_bytes()


def reading_text(reading: SurfaceReading) -> bytes:
    """For a terminal: dates, then points, then what to know."""
    tables = _tables(reading)
    lines = [_heading(reading)]
    for table in tables:
        lines += ["", *aligned_rows([table.columns, *table.rows])]
    return ("\n".join([*lines, "", *_notes(reading)]) + "\n").encode()


def reading_markdown(reading: SurfaceReading) -> bytes:
    """The same as Markdown."""
    return document_markdown(_heading(reading), "", _tables(reading), _notes(reading))


READING_FORMATS = {
    "table": reading_text,
    "json": reading_json,
    "csv": reading_csv,
    "parquet": reading_parquet,
    "md": reading_markdown,
}
"""Each format's writer, by the name that `--format` takes."""


def _heading(reading: SurfaceReading) -> str:
    fit = reading.fit
    return (
        f"{fit.underlying} at {fit.venue}, {format_instant(fit.as_of_ns)}, model "
        f"{fit.options.model}, grade {fit.grade.value}"
    )


def _tables(reading: SurfaceReading) -> tuple[TextTable, ...]:
    return _dates_table(reading.dates), _points_table(reading.dates)


def _dates_table(dates: Sequence[DateReading]) -> TextTable:
    wings = [f"{name}{100 * each.delta:g}" for each in dates[0].wings for name in ("RR", "BF")]
    columns = (
        *("date", "days", "forward", "ATM %", "fwd vol %", *wings, "var swap %"),
        *("σ of ln %", "skewness", "ex. kurtosis"),
    )
    rows = []
    for date in dates:
        cells = [expiry_code(date.expiry_ns), f"{365 * date.years:.2f}", f"{date.forward:,.2f}"]
        cells += [f"{100 * date.atm:.2f}", f"{100 * date.forward_vol:.2f}"]
        for each in date.wings:
            cells += [_points(each.risk_reversal), _points(each.butterfly)]
        cells += [
            f"{100 * date.variance_swap.vol:.2f}",
            f"{100 * date.moments.deviation:.2f}",
            f"{date.moments.skewness:+.3f}",
            f"{date.moments.kurtosis:+.3f}",
        ]
        rows.append(tuple(cells))
    return _table("Dates", columns, rows)


def _points_table(dates: Sequence[DateReading]) -> TextTable:
    columns = (
        *("date", "asked", "option", "k", "IV %", "w", "price USD", "Δ strike", "Δ delta"),
        *("Δ surface", "Γ strike", "Γ delta", "Γ surface", "vega/pt", "theta/d"),
        *("roll pts/d", "roll USD/d"),
    )
    rows = []
    for date in dates:
        for each in date.points:
            head = (expiry_code(date.expiry_ns), _asked(each))
            if each.point is None:
                rows.append((*head, *["–"] * (len(columns) - 2)))
                continue
            greeks = [each.greeks[kind] for kind in KINDS]
            rows.append(
                (
                    *head,
                    f"{each.point.strike:,.0f} {'C' if each.is_call else 'P'}",
                    f"{each.point.k:+.4f}",
                    f"{100 * each.point.vol:.2f}",
                    f"{each.point.total_variance:.6f}",
                    f"{float(greeks[0].price[0]):,.2f}",
                    *(f"{float(one.delta[0]):+.4f}" for one in greeks),
                    *(f"{float(one.gamma[0]):.3e}" for one in greeks),
                    f"{float(greeks[0].vega_per_point[0]):,.2f}",
                    f"{float(greeks[0].theta_per_day[0]):,.2f}",
                    *_roll_cells(each.roll),
                )
            )
    return _table("Points", columns, rows)


def _roll_cells(roll: RollDown | None) -> tuple[str, str]:
    """Change of IV and of price by a day down the surface; a dash where no day is left."""
    if roll is None:
        return "–", "–"
    iv = float(roll.vol_change[0])
    words = f"{100 * iv:+.3f}" if math.isfinite(iv) else "–"
    return words, f"{float(roll.price_change[0]):,.2f}"


def _notes(reading: SurfaceReading) -> list[str]:
    notes = [f"{reading.index.words[0].upper()}{reading.index.words[1:]}: "
             f"{reading.index.points:.2f} vol points."]  # fmt: skip
    notes.append(
        "Roll: one day down the surface as it stands, strike and forward held; USD with decay."
    )
    notes += [
        f"{expiry_code(date.expiry_ns)}: {date.origin}."
        for date in reading.dates
        if date.origin != "a listed expiry"
    ]
    notes += [
        f"{expiry_code(date.expiry_ns)}: {each.problem}."
        for date in reading.dates
        for each in date.points
        if each.problem
    ]
    return notes


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> TextTable:
    numeric = (False, *[True] * (len(columns) - 1))
    return TextTable(title=title, columns=columns, numeric=numeric, rows=tuple(rows))


def _asked(each: PointReading) -> str:
    value = each.asked.value
    if each.asked.kind is PointKind.STRIKE:
        return f"K {value:,.0f}"
    if each.asked.kind is PointKind.DELTA:
        return f"{abs(100 * value):g}d {'call' if value > 0 else 'put'}"
    return "ATM" if value == 0 else f"k {value:+g}"


def _points(vol: float | None) -> str:
    return "–" if vol is None else f"{100 * vol:+.2f}"
